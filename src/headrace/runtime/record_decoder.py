"""Encoded batches from the log → sink records: converters by batch, headers once per distinct tuple.

When a converter refuses a batch, its records are converted one by one under errors.tolerance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.data import Header, SchemaAndValue, SinkRecord
from headrace.data.record import TIMESTAMP_CREATE
from headrace.log.spi import EncodedBatch, HeaderBytes
from headrace.runtime.record_encoder import Converters, NamedConverter
from headrace.runtime.tolerance import FAILED, RawRecord, Stage, Tolerance
from headrace.spi.converter import Column


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
