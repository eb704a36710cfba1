"""A sink task's way in: what was polled becomes records for `put`; what cannot, becomes dead letters, written before `put`."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from headrace.data import SinkRecord
from headrace.data.batch import Block, Loose, SinkBatch, SinkPlaces
from headrace.log.spi import EncodedBatch, Log
from headrace.runtime.chain import TransformChain
from headrace.runtime.dead_letters import sink_record_document
from headrace.runtime.measures import StageClock, now_ms
from headrace.runtime.record_decoder import RecordDecoder, raw_record
from headrace.runtime.tolerance import RawRecord
from headrace.spi.context import TopicPartition


class DecodedAhead(NamedTuple):
    """`blocks`: per log batch; None where its records have to be decoded one by one."""

    places: SinkPlaces
    blocks: list[list[Block] | None]


class SinkIntake:
    """Not thread-safe but for what is done under `lock`, which guards the letters: a sink may report from its own threads.

    `write_letters`: makes the letters collected durable."""

    def __init__(
        self,
        log: Log,
        decoder: RecordDecoder,
        chain: TransformChain[SinkRecord],
        write_letters: Callable[[], None],
        stages: StageClock,
    ) -> None:
        self._log = log
        self._decoder = decoder
        self._chain = chain
        self._write_letters = write_letters
        self._stages = stages
        self._reading: Sequence[EncodedBatch] = ()
        self.lock = threading.RLock()

    def decode_ahead(self, batches: Sequence[EncodedBatch]) -> DecodedAhead:
        """The part of `take` that may be done early and on another thread, as long as `take` is not called meanwhile."""
        places = SinkPlaces()
        blocks: list[list[Block] | None] = []
        for batch in batches:
            assert batch.offsets is not None
            start = places.add(batch.topic, batch.partition, batch.offsets)
            blocks.append(self._decoder.decode_blocks(batch, start))
        return DecodedAhead(places, blocks)

    def take(self, batches: Sequence[EncodedBatch], ahead: DecodedAhead | None = None) -> Sequence[SinkRecord]:
        """The records to put, in order. Raises as `Tolerance.run`, and when dead letters cannot be written.

        `ahead`: what `decode_ahead` gave for these very batches."""
        self._reading = batches
        self._stages.enter("convert")
        with self.lock:
            if ahead is None:
                ahead = self.decode_ahead(batches)
            records = self._take_parts(batches, ahead) if any(ahead.blocks) else self._take_records(batches)
        self.write_letters()
        return records

    def _take_records(self, batches: Sequence[EncodedBatch]) -> list[SinkRecord]:
        records: list[SinkRecord] = []
        for batch in batches:
            records += self._decoder.decode(batch)
        if len(self._chain) and records:
            self._stages.enter("transform")
            results = self._chain.apply(records, lambda i: self.raw_of(records[i]))
            records = [record for record in results if record is not None]
        return records

    def _take_parts(self, batches: Sequence[EncodedBatch], ahead: DecodedAhead) -> Sequence[SinkRecord]:
        parts: list[Block | Loose[SinkRecord]] = []
        for (start, _, _, offsets), blocks, batch in zip(ahead.places.runs(), ahead.blocks, batches, strict=True):
            if blocks is not None:
                parts += blocks
                continue
            records = self._decoder.decode(batch)
            # Offsets may have gaps, and records may have been dropped.
            place = {offset: start + row for row, offset in enumerate(offsets)}
            parts.append(Loose(records, [place[record.original_offset] for record in records]))
        whole = SinkBatch(parts, ahead.places)
        if len(self._chain) and whole.parts:
            self._stages.enter("transform")
            whole = self._chain.apply_parts(whole, lambda ordinal: self._raw_at(ahead.places, ordinal))
        return whole

    def _raw_at(self, places: SinkPlaces, ordinal: int) -> RawRecord:
        topic, partition, offset = places.at(ordinal)
        found = self._raw(TopicPartition(topic, partition), offset)
        assert found is not None
        return found

    def write_letters(self) -> None:
        """Make all letters durable."""
        with self.lock:
            self._write_letters()

    def raw_of(self, record: SinkRecord) -> RawRecord:
        """The record as it lies in the log: from the batch at hand, else read again; from what is left of it if it is gone."""
        partition = TopicPartition(record.original_topic, record.original_partition)
        found = self._raw(partition, record.original_offset)
        if found is not None:
            return found
        key, value = sink_record_document(record)
        return RawRecord(*partition, record.original_offset, record.timestamp or now_ms(), key, value, ())

    def _raw(self, partition: TopicPartition, offset: int) -> RawRecord | None:
        batches = [b for b in self._reading if (b.topic, b.partition) == partition]
        if not any(b.offsets and b.offsets[0] <= offset <= b.offsets[-1] for b in batches):
            found = self._log.read(partition, offset, 1)
            batches = [found] if found is not None else []
        for batch in batches:
            assert batch.offsets is not None
            index = bisect.bisect_left(batch.offsets, offset)
            if index < len(batch) and batch.offsets[index] == offset:
                return raw_record(batch, index)
        return None
