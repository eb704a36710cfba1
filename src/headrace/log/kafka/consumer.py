"""Reading as a member of a group of Kafka's.

Partitions are handed over one by one (cooperative), unless the settings name an assignor that takes all first. Where to read on is
decided here, not by the library: at the committed offset, else at the start, or at the end if `from_latest`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from headrace.errors import IllegalStateException, RetriableException
from headrace.log.kafka.errors import error_of, translated, translating
from headrace.log.kafka.packing import batches_of, records_of
from headrace.log.kafka.places import library_at, own_at, start_offsets
from headrace.log.kafka.subscription import TopicChoice
from headrace.log.kafka.topics import Topics
from headrace.log.spi import Consumer, EncodedBatch, RebalanceListener
from headrace.spi.context import TopicPartition

_STEP_S: Final = 0.25
"""A waiting poll looks this often whether it was woken: the library has no call for that."""
_LOOK_S: Final = 1.0


class KafkaConsumer(Consumer):
    """See `Consumer`. It joins the group at the first `poll`; which takes a few polls.

    `cooperative`: the protocol of the settings' assignors."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        topics: Topics,
        *,
        from_latest: bool = False,
        cooperative: bool = True,
        read_committed: bool = True,
        timeout_s: float = 40.0,
    ) -> None:
        self._topics = topics
        self._from_latest = from_latest
        self._cooperative = cooperative
        self._read_committed = read_committed
        self._timeout_s = timeout_s
        self._choice: TopicChoice | None = None
        self._listener = RebalanceListener(_ignore, _ignore, _ignore)
        self._positions: dict[TopicPartition, int] = {}
        self._starting: dict[TopicPartition, int] = {}
        self._woken = threading.Event()
        self._closed = False
        with translating("open a consumer"):
            self._consumer = confluent_kafka.Consumer(dict(settings))

    def subscribe(
        self, topics: Sequence[str] | None, pattern: str | None, listener: RebalanceListener | None = None
    ) -> None:
        choice = TopicChoice(self._topics, topics, pattern, _LOOK_S)
        if self._choice is not None:
            self._consumer.unsubscribe()
        self._choice = choice
        if listener is not None:
            self._listener = listener

    def poll(self, max_records: int, timeout_s: float) -> list[EncodedBatch]:
        if self._closed:
            raise IllegalStateException("The consumer is closed.", code="CONSUMER_CLOSED")
        deadline = time.monotonic() + timeout_s
        while True:
            self._follow_topics()
            if self._woken.is_set():
                self._woken.clear()
                return []
            left = max(deadline - time.monotonic(), 0.0)
            with translating("read"):
                # The first alone: a call for many waits until there are as many, or the time is up.
                found = self._consumer.consume(1, min(left, _STEP_S))
                if found and max_records > 1:
                    found += self._consumer.consume(max_records - 1, 0)
            batches = batches_of(records_of(found, self._positions))
            if batches or left <= 0:
                return batches

    def assignment(self) -> set[TopicPartition]:
        return set(self._positions)

    def position(self, partition: TopicPartition) -> int:
        self._require(partition)
        return self._positions[partition]

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._require(partition)
        self._positions[partition] = offset
        if partition in self._starting:
            self._starting[partition] = offset
            return
        try:
            self._consumer.seek(library_at(partition, offset))
        except KafkaException as error:
            if error_of(error).code() != KafkaError._STATE:
                raise translated(error_of(error), f"seek in {partition.topic}-{partition.partition}") from error
            # It has not begun to read there yet.
            self._consumer.incremental_unassign([library_at(partition)])
            self._consumer.incremental_assign([library_at(partition, offset)])

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        self._consumer.pause([library_at(partition) for partition in self._required(partitions)])

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        self._consumer.resume([library_at(partition) for partition in self._required(partitions)])

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        if self._closed:
            raise IllegalStateException("The consumer is closed.", code="CONSUMER_CLOSED")
        if not offsets:
            return
        for partition in offsets:
            if partition not in self._positions:
                raise RetriableException(
                    f"Partition {partition.topic}-{partition.partition} is not this member's.", code="REBALANCED"
                )
        with translating("commit offsets"):
            done = self._consumer.commit(
                offsets=[library_at(partition, offset) for partition, offset in offsets.items()], asynchronous=False
            )
        for at in done:
            if at.error is not None:
                raise translated(at.error, f"commit the offset of {at.topic}-{at.partition}")

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
        self._listener = RebalanceListener(_ignore, _ignore, _ignore)
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
                self._consumer.subscribe(
                    list(found), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
                )
            else:
                self._consumer.unsubscribe()

    def _on_assign(self, _: Any, partitions: list[Any]) -> None:
        new = [own_at(at) for at in partitions]
        self._starting = self._starts(new)
        self._positions |= self._starting
        try:
            if new:
                # It may seek, and that is then where reading begins.
                self._listener.assigned(new)
        finally:
            starting, self._starting = self._starting, {}
            assign = self._consumer.incremental_assign if self._cooperative else self._consumer.assign
            assign([library_at(partition, offset) for partition, offset in starting.items()])

    def _on_revoke(self, _: Any, partitions: list[Any]) -> None:
        """Given back; or lost, where the topic is gone."""
        gone = self._held(partitions)
        choice = self._choice
        lost = [] if choice is None else [each for each in gone if not choice.exists(each.topic)]
        self._drop([each for each in gone if each not in lost], lost)

    def _on_lost(self, _: Any, partitions: list[Any]) -> None:
        self._drop([], self._held(partitions))

    def _held(self, partitions: list[Any]) -> list[TopicPartition]:
        return [partition for partition in map(own_at, partitions) if partition in self._positions]

    def _drop(self, revoked: list[TopicPartition], lost: list[TopicPartition]) -> None:
        gone = [*lost, *revoked]
        try:
            if lost:
                self._listener.lost(lost)
            if revoked:
                self._listener.revoked(revoked)
        finally:
            for partition in gone:
                self._positions.pop(partition, None)
            if self._cooperative:
                self._consumer.incremental_unassign([library_at(partition) for partition in gone])
            else:
                self._consumer.unassign()

    def _starts(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Where to begin in each. What has no committed offset and is not read from its start gets one, or the next owner would start
        at a later end and skip what came in between."""
        starts = self.committed(partitions)
        missing = [each for each in partitions if each not in starts]
        if missing:
            first = (self._choice.first if self._choice is not None else None) or frozenset()
            found = start_offsets(self._topics, missing, first if self._from_latest else frozenset())
            if self._from_latest:
                with translating("commit offsets"):
                    self._consumer.commit(offsets=[library_at(*each) for each in found.items()], asynchronous=False)
            starts |= found
        return starts

    def _require(self, partition: TopicPartition) -> None:
        if partition not in self._positions:
            raise IllegalStateException(
                f"Partition {partition.topic}-{partition.partition} is not assigned to this consumer.",
                code="NOT_ASSIGNED",
            )

    def _required(self, partitions: Iterable[TopicPartition]) -> list[TopicPartition]:
        wanted = list(partitions)
        for partition in wanted:
            self._require(partition)
        return wanted


def _ignore(partitions: Sequence[TopicPartition]) -> None:
    """No listener."""
