"""Encoded batches from the log → sink records: converters by batch, headers once per distinct tuple.

When a converter refuses a batch, its records are converted one by one under errors.tolerance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.data import Header, SchemaAndValue, SinkRecord
from headrace.data.batch import Block
from headrace.data.record import TIMESTAMP_CREATE
from headrace.log.spi import EncodedBatch, HeaderBytes
from headrace.native import core
from headrace.runtime.block_runs import blocks_of
from headrace.runtime.converter_set import Converters, NamedConverter
from headrace.runtime.tolerance import FAILED, RawRecord, Stage, Tolerance
from headrace.spi.columns import Column, Repeated


def raw_record(batch: EncodedBatch, index: int) -> RawRecord:
    """One record of a batch that was read, as it lies in the log."""
    assert batch.offsets is not None
    return RawRecord(
        batch.topic,
        batch.partition,
        batch.offsets[index],
        batch.timestamps[index],
        batch.keys[index],
        batch.values[index],
        batch.headers[index],
    )


class RecordDecoder:
    """One per sink task. Not thread-safe."""

    def __init__(self, converters: Converters, tolerance: Tolerance) -> None:
        self._key, self._value, self._header = converters
        self._tolerance = tolerance
        self._header_cache: dict[tuple[str, HeaderBytes], tuple[Header, ...]] = {}

    def decode(self, batch: EncodedBatch) -> list[SinkRecord]:
        """The batch's records, without those dropped by errors.tolerance. Raises as `Tolerance.run`."""
        topic, partition, offsets = batch.topic, batch.partition, batch.offsets
        assert offsets is not None
        keys, failed = self._column(Stage.KEY_CONVERTER, self._key, batch, batch.keys, None)
        before = keys if failed else None
        values, failed = self._column(Stage.VALUE_CONVERTER, self._value, batch, batch.values, before)
        headers = self._headers(batch, values if failed else None)
        new = SinkRecord.__new__
        records: list[SinkRecord] = []
        append = records.append
        for key, value, timestamp, header_items, offset in zip(
            keys, values, batch.timestamps, headers, offsets, strict=True
        ):
            if header_items is FAILED:
                continue
            # As SinkRecord's constructor does, without its two calls: this runs once per record.
            record = new(SinkRecord)
            record.topic = record.original_topic = topic
            record.partition = record.original_partition = partition
            record.key_schema, record.key = key
            record.value_schema, record.value = value
            record.timestamp = timestamp
            record._headers = header_items
            record.offset = record.original_offset = offset
            record.timestamp_type = TIMESTAMP_CREATE
            append(record)
        return records

    def decode_blocks(self, batch: EncodedBatch, start: int) -> list[Block] | None:
        """The batch's records as blocks, their ordinals from `start` on; None when they have to be decoded one by one. Nothing is
        reported or tried again here, so it may be done ahead, on another thread, while no other method runs."""
        if core is None or len(batch) == 0:
            return None
        # What is raised here shows itself again, or not, when the records go one by one.
        try:
            runs = _header_runs(batch.headers)
            if runs is None:
                return None
            keys = self._key.converter.decode_column(batch.topic, batch.keys)
            values = None if keys is None else self._value.converter.decode_column(batch.topic, batch.values)
            if keys is None or values is None:
                return None
            if sum(run.length for run in keys) != len(batch) or sum(run.length for run in values) != len(batch):
                return None
            headers = [(stop, self._decode_headers(batch.topic, encoded)) for stop, encoded in runs]
            return blocks_of(batch, start, keys, values, headers)
        except Exception:
            return None

    def _column(
        self, stage: Stage, named: NamedConverter, batch: EncodedBatch, column: Column, before: Sequence[Any] | None
    ) -> tuple[Sequence[Any], bool]:
        """One SchemaAndValue per record, FAILED where it was dropped now or `before`; and whether there is such a record."""
        decode = named.converter.to_connect_data
        if before is None:
            try:
                results = named.converter.decode_batch(batch.topic, column)
                if len(results) == len(column):
                    return results, False
            except Exception:
                # Nothing was taken from it: the record at fault shows itself below.
                pass
        outcome: list[SchemaAndValue | Any] = []
        for i, datum in enumerate(column):
            if before is not None and before[i] is FAILED:
                outcome.append(FAILED)
                continue
            outcome.append(
                self._tolerance.run(
                    stage,
                    named.class_name,
                    lambda i=i: raw_record(batch, i),  # type: ignore[misc]
                    lambda datum=datum: decode(batch.topic, datum),  # type: ignore[misc]
                )
            )
        return outcome, FAILED in outcome

    def _headers(self, batch: EncodedBatch, before: Sequence[Any] | None) -> Sequence[Any]:
        """One tuple of headers per record, FAILED where it was dropped now or `before`."""
        if before is None and not any(batch.headers):
            return [()] * len(batch)
        cache = self._header_cache
        if len(cache) > 10_000:
            cache.clear()
        outcome: list[Any] = []
        last: HeaderBytes = ()
        last_result: Any = ()
        for i, encoded in enumerate(batch.headers):
            if before is not None and before[i] is FAILED:
                outcome.append(FAILED)
                continue
            if encoded is not last:
                result: Any = () if not encoded else cache.get((batch.topic, encoded))
                if result is None:
                    result = self._tolerance.run(
                        Stage.HEADER_CONVERTER,
                        self._header.class_name,
                        lambda i=i: raw_record(batch, i),  # type: ignore[misc]
                        lambda encoded=encoded: self._decode_headers(batch.topic, encoded),  # type: ignore[misc]
                    )
                    if result is FAILED:
                        outcome.append(FAILED)
                        continue
                    cache[(batch.topic, encoded)] = result
                last, last_result = encoded, result
            outcome.append(last_result)
        return outcome

    def _decode_headers(self, topic: str, encoded: HeaderBytes) -> tuple[Header, ...]:
        decode = self._header.converter.to_connect_header
        return tuple(Header(name, *decode(topic, name, data)) for name, data in encoded)


_MOST_RUNS = 64


def _header_runs(headers: Sequence[HeaderBytes]) -> list[tuple[int, HeaderBytes]] | None:
    """(end, headers) of each run of records with the same headers; None when they differ too often for blocks to pay."""
    runs: list[tuple[int, HeaderBytes]] = []
    last = headers[0]
    if isinstance(headers, Repeated):
        return [(len(headers), last)]
    for i, encoded in enumerate(headers):
        if encoded is not last and encoded != last:
            runs.append((i, last))
            last = encoded
            if len(runs) > _MOST_RUNS:
                return None
    return [*runs, (len(headers), last)]
