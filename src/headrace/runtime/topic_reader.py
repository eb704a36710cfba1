"""The `TopicReader` given to source tasks: one partition of the worker's log, its position kept as that of a consumer group."""

from __future__ import annotations

from headrace.log.spi import Log
from headrace.spi.context import TopicPartition

_MOST = 500


class LogTopicReader:
    """See `TopicReader`."""

    def __init__(self, log: Log, topic: str, group: str) -> None:
        self._log = log
        self._partition = TopicPartition(topic, 0)
        self._group = group
        self._next: int | None = None
        self._committed: int | None = None

    def read(self) -> list[tuple[bytes | None, bytes | None]]:
        if self._partition.topic not in self._log.topics():
            return []
        if self._next is None:
            self._next = self._log.group_offsets(self._group).get(self._partition, 0)
            self._committed = self._next
        self._next = max(self._next, self._log.begin_offsets([self._partition]).get(self._partition, 0))
        batch = self._log.read(self._partition, self._next, _MOST)
        if batch is None or not len(batch):
            return []
        assert batch.offsets is not None
        self._next = batch.offsets[-1] + 1
        return list(zip(batch.keys, batch.values, strict=True))

    def commit(self) -> None:
        if self._next is not None and self._next != self._committed:
            self._log.alter_group_offsets(self._group, {self._partition: self._next})
            self._committed = self._next

    def close(self) -> None:
        """Nothing is held."""
