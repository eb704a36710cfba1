"""Source records → encoded batches per topic partition: converters by batch, headers once per shared tuple, partitioner.

When a converter refuses a batch, its records are converted one by one under errors.tolerance, so that only the one at fault is
retried, dropped or made the task's failure. The order of records within a topic partition is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from headrace.data import Header, Schema, SourceRecord
from headrace.data.batch import Block, Loose, RecordBatch
from headrace.data.columns import gathered
from headrace.log.spi import EncodedBatch, HeaderBytes
from headrace.runtime.converter_set import Converters, NamedConverter
from headrace.runtime.encoded_piece import EncodedPiece, in_order
from headrace.runtime.placement import Placement
from headrace.runtime.tolerance import FAILED, Origin, Stage, Tolerance
from headrace.spi.columns import Column, Repeated
from headrace.spi.converter import Converter

if TYPE_CHECKING:
    from headrace.native import _core as native


OriginOfRecord = Callable[[SourceRecord, int], Origin]
"""Transformed record and its ordinal (in a batch of blocks) → the record as the source task gave it."""


class RecordEncoder:
    """One per source task. Not thread-safe. `partitions`: how many a topic has; called before its records are converted."""

    def __init__(
        self,
        converters: Converters,
        partitions: Callable[[str], int],
        tolerance: Tolerance,
        time_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._key, self._value, self._header = converters
        self._partitions = partitions
        self._tolerance = tolerance
        self._time_ms = time_ms
        self._placement = Placement()

    def encode(self, records: Sequence[SourceRecord], origin_of: OriginOfRecord) -> list[EncodedBatch]:
        """The batches to append, those without record left out. Raises as `Tolerance.run`."""
        by_topic: dict[str, list[SourceRecord]] = {}
        for record in records:
            topic = record.topic
            if topic in by_topic:
                by_topic[topic].append(record)
            else:
                by_topic[topic] = [record]
        batches: list[EncodedBatch] = []
        for topic, chosen in by_topic.items():
            # First, because it may have to wait for the log, and nothing that was reported must be reported again.
            count = self._partitions(topic)
            self._placement.place(
                topic, count, self._encode_records(topic, chosen, range(len(chosen)), origin_of), batches
            )
        return batches

    def encode_parts(self, batch: RecordBatch[SourceRecord], origin_of: OriginOfRecord) -> list[EncodedBatch]:
        """The same for a batch that has blocks: a topic's parts in the order of their ordinals."""
        by_topic: dict[str, list[Block | Loose[SourceRecord]]] = {}
        for part in batch.parts:
            if isinstance(part, Block):
                by_topic.setdefault(part.topic, []).append(part)
                continue
            for topic, loose in _split_topics(part).items():
                by_topic.setdefault(topic, []).append(loose)
        batches: list[EncodedBatch] = []
        for topic, parts in by_topic.items():
            count = self._partitions(topic)
            pieces: list[EncodedPiece] = []
            for part in parts:
                piece = self._encode_block(topic, part) if isinstance(part, Block) else None
                if piece is None:
                    loose = batch.loosened(part)
                    piece = self._encode_records(topic, loose.records, loose.ordinals, origin_of)
                pieces.append(piece)
            for piece in in_order(pieces):
                self._placement.place(topic, count, piece, batches)
        return batches

    def _encode_block(self, topic: str, block: Block) -> EncodedPiece | None:
        """The block as encoded columns; None when its records have to be encoded one by one."""
        count = len(block)
        # What a converter raises here shows itself again, or not, when its records go one by one.
        try:
            keys = _encode_column(self._key.converter, topic, block.key_schema, block.key, count)
            if keys is None:
                return None
            values = _encode_column(self._value.converter, topic, block.value_schema, block.value, count)
            if values is None:
                return None
            headers = self._encode_block_headers(topic, block)
        except Exception:
            return None
        now = self._time_ms()
        stamps: Sequence[int] = Repeated(now, count)
        if block.timestamps is not None:
            stamps = [now if stamp is None else stamp for stamp in block.stamps()]
        wanted = Repeated(block.partition, count)
        return EncodedPiece(block.ordinals, wanted, stamps, keys, values, headers)

    def _encode_records(
        self, topic: str, records: list[SourceRecord], ordinals: Sequence[int], origin_of: OriginOfRecord
    ) -> EncodedPiece:
        headers, kept = self._headers(topic, records, ordinals, origin_of)
        if kept is not None:
            records, ordinals = [records[i] for i in kept], [ordinals[i] for i in kept]
        schemas = [record.key_schema for record in records]
        values = [record.key for record in records]
        keys, kept = self._column(Stage.KEY_CONVERTER, self._key, topic, schemas, values, records, ordinals, origin_of)
        if kept is not None:
            records, ordinals = [records[i] for i in kept], [ordinals[i] for i in kept]
            headers = [headers[i] for i in kept]
        schemas = [record.value_schema for record in records]
        values = [record.value for record in records]
        data, kept = self._column(
            Stage.VALUE_CONVERTER, self._value, topic, schemas, values, records, ordinals, origin_of
        )
        if kept is not None:
            records, ordinals = [records[i] for i in kept], [ordinals[i] for i in kept]
            headers = [headers[i] for i in kept]
            keys = keys.take(kept)
        stamps = [record.timestamp for record in records]
        timestamps: list[int]
        if None in stamps:
            now = self._time_ms()
            timestamps = [now if stamp is None else stamp for stamp in stamps]
        else:
            timestamps = stamps  # type: ignore[assignment]
        return EncodedPiece(ordinals, [record.partition for record in records], timestamps, keys, data, headers)

    def _column(
        self,
        stage: Stage,
        named: NamedConverter,
        topic: str,
        schemas: Sequence[Schema | None],
        values: Sequence[object],
        records: Sequence[SourceRecord],
        ordinals: Sequence[int],
        origin_of: OriginOfRecord,
    ) -> tuple[Column, list[int] | None]:
        """The encoded column and the positions it kept, None = all."""
        converter = named.converter
        try:
            column = _encode_as_column(converter, topic, schemas, values)
            if column is None:
                column = converter.encode_batch(topic, schemas, values)
            if len(column) == len(values):
                return column, None
        except Exception:
            # Nothing was taken from it: the record at fault shows itself below.
            pass
        encode = converter.from_connect_data
        data: list[bytes | None] = []
        kept: list[int] = []
        for i, (schema, value) in enumerate(zip(schemas, values, strict=True)):
            datum = self._tolerance.run(
                stage,
                named.class_name,
                lambda i=i: origin_of(records[i], ordinals[i]),  # type: ignore[misc]
                lambda schema=schema, value=value: encode(topic, schema, value),  # type: ignore[misc]
            )
            if datum is not FAILED:
                data.append(datum)
                kept.append(i)
        return Column(data), None if len(kept) == len(records) else kept

    def _headers(
        self, topic: str, records: Sequence[SourceRecord], ordinals: Sequence[int], origin_of: OriginOfRecord
    ) -> tuple[list[HeaderBytes], list[int] | None]:
        """The encoded headers and the positions kept, None = all. Each tuple of headers is encoded once per batch."""
        items = [record.header_items for record in records]
        if not any(items):
            empty: HeaderBytes = ()
            return [empty] * len(items), None
        cache: dict[int, HeaderBytes] = {}
        result: list[HeaderBytes] = []
        kept: list[int] = []
        for i, headers in enumerate(items):
            encoded = cache.get(id(headers))
            if encoded is None:
                outcome = self._tolerance.run(
                    Stage.HEADER_CONVERTER,
                    self._header.class_name,
                    lambda i=i: origin_of(records[i], ordinals[i]),  # type: ignore[misc]
                    lambda headers=headers: self._encode_headers(topic, headers),  # type: ignore[misc]
                )
                if outcome is FAILED:
                    continue
                encoded = cache[id(headers)] = outcome
            result.append(encoded)
            kept.append(i)
        return result, None if len(kept) == len(items) else kept

    def _encode_block_headers(self, topic: str, block: Block) -> Sequence[HeaderBytes]:
        shared = self._encode_headers(topic, block.headers) if block.headers else ()
        if not block.row_headers:
            return Repeated(shared, len(block))
        encode = self._header.converter.from_connect_header
        columns = []
        for header in block.row_headers:
            name, schema = header.name, header.schema
            columns.append([(name, encode(topic, name, schema, value)) for value in header.values()])
        return [(*shared, *own) for own in zip(*columns, strict=True)]

    def _encode_headers(self, topic: str, headers: tuple[Header, ...]) -> HeaderBytes:
        encode = self._header.converter.from_connect_header
        return tuple((name, encode(topic, name, schema, value)) for name, schema, value in headers)


def _encode_column(
    converter: Converter, topic: str, schema: Schema | None, values: native.Column | None, count: int
) -> Column | None:
    if values is None or schema is None:
        # A converter may have bytes even for no value.
        return converter.encode_batch(topic, [schema] * count, [None] * count)
    column = converter.encode_column(topic, schema, values)
    return column if column is not None and len(column) == count else None


def _encode_as_column(
    converter: Converter, topic: str, schemas: Sequence[Schema | None], values: Sequence[object]
) -> Column | None:
    """Values by way of a native column, which is faster than one by one; None where that is not certain to be the same."""
    if type(converter).encode_column is Converter.encode_column:
        return None
    found = gathered(schemas, values)
    return None if found is None else _encode_column(converter, topic, *found, len(values))


def _split_topics(part: Loose[SourceRecord]) -> dict[str, Loose[SourceRecord]]:
    found: dict[str, tuple[list[SourceRecord], list[int]]] = {}
    for record, ordinal in zip(part.records, part.ordinals, strict=True):
        records, ordinals = found.setdefault(record.topic, ([], []))
        records.append(record)
        ordinals.append(ordinal)
    return {topic: Loose(records, ordinals) for topic, (records, ordinals) in found.items()}
