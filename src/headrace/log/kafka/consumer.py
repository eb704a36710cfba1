"""Reading as a member of a group of Kafka's.

Where to read on is decided here, not by the library: at the committed offset, else at the start, or at the end if `from_latest`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import confluent_kafka

from headrace.errors import IllegalStateException, RetriableException
from headrace.log.kafka.answers import Refusals
from headrace.log.kafka.assignment import Assignment
from headrace.log.kafka.defaults import is_cooperative
from headrace.log.kafka.errors import translating
from headrace.log.kafka.places import beginnings, commit_all, library_at
from headrace.log.kafka.subscription import TopicChoice
from headrace.log.kafka.topics import Topics
from headrace.log.spi import FETCH_MAX_BYTES, Consumer, EncodedBatch, RebalanceListener
from headrace.spi.context import TopicPartition

_STEP_S: Final = 0.25
"""A waiting poll looks this often whether it was woken: the library has no call for that."""
_LOOK_S: Final = 1.0


class KafkaConsumer(Consumer):
    """See `Consumer`. It joins the group at the first `poll`; which takes a few polls."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        topics: Topics,
        *,
        from_latest: bool = False,
        timeout_s: float = 40.0,
        fetch_max_bytes: int = FETCH_MAX_BYTES,
    ) -> None:
        self._topics = topics
        self._from_latest = from_latest
        self._read_committed = settings["isolation.level"] == "read_committed"
        self._timeout_s = timeout_s
        self._choice: TopicChoice | None = None
        self._woken = threading.Event()
        self._closed = False
        self._refusals = Refusals()
        with translating("open a consumer"):
            self._consumer = confluent_kafka.Consumer({**settings, "error_cb": self._refusals})
        cooperative = is_cooperative(settings)
        self._assignment = Assignment(
            self._consumer, self._beginnings, self._exists, cooperative=cooperative, fetch_max_bytes=fetch_max_bytes
        )

    def subscribe(
        self, topics: Sequence[str] | None, pattern: str | None, listener: RebalanceListener | None = None
    ) -> None:
        choice = TopicChoice(self._topics, topics, pattern, _LOOK_S)
        if self._choice is not None:
            self._consumer.unsubscribe()
        self._choice = choice
        if listener is not None:
            self._assignment.listener = listener

    def poll(self, max_records: int, timeout_s: float) -> list[EncodedBatch]:
        self._check()
        deadline = time.monotonic() + timeout_s
        while True:
            self._follow_topics()
            if self._woken.is_set():
                self._woken.clear()
                return []
            left = max(deadline - time.monotonic(), 0.0)
            with translating("read"):
                batches = self._assignment.poll(max_records, min(left, _STEP_S))
            if not batches:
                # Not with something in hand, which would be gone.
                self._refusals.check("read")
            if batches or left <= 0:
                return batches

    def assignment(self) -> set[TopicPartition]:
        return self._assignment.partitions()

    def position(self, partition: TopicPartition) -> int:
        return self._assignment.position(partition)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._assignment.seek(partition, offset)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        self._assignment.pause(partitions)

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        self._assignment.resume(partitions)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._check()
        if not offsets:
            return
        for partition in offsets:
            if partition not in self._assignment:
                raise RetriableException(
                    f"Partition {partition.topic}-{partition.partition} is not this member's.", code="REBALANCED"
                )
        commit_all(self._consumer, offsets)

    def committed(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        wanted = [library_at(partition) for partition in partitions]
        with translating("read the group's offsets"):
            found = self._consumer.committed(wanted, self._timeout_s)
        return {TopicPartition(at.topic, at.partition): at.offset for at in found if at.offset >= 0}

    def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """As `Consumer.end_offsets`; of a reader of what is committed: up to the first transaction that is undecided."""
        return self._topics.end_offsets(partitions, committed=self._read_committed)

    def wakeup(self) -> None:
        self._woken.set()

    def close(self) -> None:
        if self._closed:
            return
        try:
            with translating("leave the group"):
                self._consumer.close()
        finally:
            self._closed = True

    def abandon(self) -> None:
        """The log is being closed: leave the group without calling back."""
        self._assignment.quiet()
        self.close()

    # ---- group

    def _follow_topics(self) -> None:
        if self._choice is None:
            raise IllegalStateException("The consumer has no subscription.", code="NOT_SUBSCRIBED")
        found = self._choice.look()
        if found is None:
            return
        with translating("subscribe"):
            if found:
                own = self._assignment
                self._consumer.subscribe(
                    list(found), on_assign=own.on_assign, on_revoke=own.on_revoke, on_lost=own.on_lost
                )
            else:
                self._consumer.unsubscribe()

    def _beginnings(self, new: list[TopicPartition]) -> dict[TopicPartition, int]:
        return beginnings(self._consumer, self._topics, new, self.committed(new), self._from_end())

    def _exists(self, topic: str) -> bool:
        return self._choice is None or self._choice.exists(topic)

    def _from_end(self) -> Collection[str] | None:
        first = None if self._choice is None else self._choice.first
        return first or frozenset() if self._from_latest else None

    def _check(self) -> None:
        if self._closed:
            raise IllegalStateException("The consumer is closed.", code="CONSUMER_CLOSED")
