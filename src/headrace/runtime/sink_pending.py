"""The batch a sink task was given and has not yet taken."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.data import SinkRecord
from headrace.data.batch import SinkBatch
from headrace.foundation.backoff import Backoff
from headrace.log.spi import EncodedBatch
from headrace.spi.context import TopicPartition

_RETRY = Backoff(0.1, 10.0)


class PendingBatch:
    """`ends`: per partition of the batch the offset behind it, dropped records included. Empty when nothing waits."""

    def __init__(self) -> None:
        self.records: Sequence[SinkRecord] = []
        self.ends: dict[TopicPartition, int] = {}
        self.failures = 0
        """How often in a row `put` has refused."""
        self.retry_at = 0.0
        """Monotonic time of the next `put`."""

    def __bool__(self) -> bool:
        return bool(self.ends)

    def fill(self, batches: Sequence[EncodedBatch], records: Sequence[SinkRecord]) -> None:
        """What was polled and what became of it."""
        self.records = records
        self.ends = {TopicPartition(b.topic, b.partition): b.offsets[-1] + 1 for b in batches if b.offsets}

    def clear(self) -> None:
        self.records = []
        self.ends = {}

    def drop(self, partitions: set[TopicPartition]) -> None:
        """Take these partitions' records out: they were given up, or are read again."""
        if not partitions.isdisjoint(self.ends):
            if isinstance(self.records, SinkBatch):
                self.records = self.records.without(partitions)
            else:
                self.records = [
                    r for r in self.records if TopicPartition(r.original_topic, r.original_partition) not in partitions
                ]
            self.ends = {partition: end for partition, end in self.ends.items() if partition not in partitions}

    def refused(self, now: float, timeout_ms: int | None) -> None:
        """`put` raised RetriableException; `timeout_ms`: the wait the task asked for."""
        self.retry_at = now + (_RETRY.delay(self.failures) if timeout_ms is None else timeout_ms / 1000)
        self.failures += 1
