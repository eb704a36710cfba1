"""A sink task's way in: what was polled becomes records for `put`; what cannot, becomes dead letters, written before `put`."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Sequence

from headrace.data import SinkRecord
from headrace.log.spi import EncodedBatch, Log
from headrace.runtime.chain import TransformChain
from headrace.runtime.dead_letters import sink_record_document
from headrace.runtime.measures import StageClock, now_ms
from headrace.runtime.record_decoder import RecordDecoder, raw_record
from headrace.runtime.tolerance import RawRecord
from headrace.spi.context import TopicPartition


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

    def take(self, batches: Sequence[EncodedBatch]) -> list[SinkRecord]:
        """The records to put, in order. Raises as `Tolerance.run`, and when dead letters cannot be written."""
        self._reading = batches
        self._stages.enter("convert")
        records: list[SinkRecord] = []
        with self.lock:
            for batch in batches:
                records += self._decoder.decode(batch)
            if len(self._chain) and records:
                self._stages.enter("transform")
                results = self._chain.apply(records, lambda i: self.raw_of(records[i]))
                records = [record for record in results if record is not None]
        self.write_letters()
        return records

    def write_letters(self) -> None:
        """Make all letters durable."""
        with self.lock:
            self._write_letters()

    def raw_of(self, record: SinkRecord) -> RawRecord:
        """The record as it lies in the log: from the batch at hand, else read again; from what is left of it if it is gone."""
        partition = TopicPartition(record.original_topic, record.original_partition)
        offset = record.original_offset
        batches = [b for b in self._reading if (b.topic, b.partition) == partition]
        if not any(b.offsets and b.offsets[0] <= offset <= b.offsets[-1] for b in batches):
            found = self._log.read(partition, offset, 1)
            batches = [found] if found is not None else []
        for batch in batches:
            assert batch.offsets is not None
            index = bisect.bisect_left(batch.offsets, offset)
            if index < len(batch) and batch.offsets[index] == offset:
                return raw_record(batch, index)
        key, value = sink_record_document(record)
        return RawRecord(*partition, offset, record.timestamp or now_ms(), key, value, ())
