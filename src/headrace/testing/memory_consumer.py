"""Group members of the log in memory; see memory_log.py."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from headrace.errors import IllegalStateException, RetriableException
from headrace.log.poll_room import PollRoom
from headrace.log.spi import Consumer, EncodedBatch, RebalanceListener
from headrace.spi.context import TopicPartition

if TYPE_CHECKING:
    from headrace.testing.memory_log import MemoryLog
    from headrace.testing.memory_partition import MemoryPartition


class MemoryGroup:
    """Members, owners and committed offsets of one consumer group."""

    def __init__(self) -> None:
        self.members: list[MemoryConsumer] = []
        self.owner: dict[TopicPartition, MemoryConsumer] = {}
        self.offsets: dict[TopicPartition, int] = {}

    def forget(self, partition: TopicPartition) -> None:
        """The partition is gone."""
        self.owner.pop(partition, None)
        self.offsets.pop(partition, None)

    def target(self, member: MemoryConsumer, partitions: Iterable[TopicPartition]) -> set[TopicPartition]:
        """What should belong to `member`: round robin over those who read the topic, in order of joining."""
        chosen: set[TopicPartition] = set()
        for index, partition in enumerate(sorted(partitions)):
            readers = [m for m in self.members if m.reads(partition.topic)]
            if readers and readers[index % len(readers)] is member:
                chosen.add(partition)
        return chosen


class MemoryConsumer(Consumer):
    """A group member of a `MemoryLog`."""

    def __init__(self, log: MemoryLog, group: str, from_latest: bool, fetch_max_bytes: int) -> None:
        self._log = log
        self._group_name = group
        self._from_latest = from_latest
        self._fetch_max_bytes = fetch_max_bytes
        self._topics: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self._listener: RebalanceListener | None = None
        self._positions: dict[TopicPartition, int] = {}
        """In the order of their turns: who gave something comes last the next time."""
        self._held: dict[TopicPartition, MemoryPartition] = {}
        """What is read, to tell a partition from one made anew under its name."""
        self._old: set[TopicPartition] = set()
        """What was there when this member joined: only of these is the end where `from_latest` begins."""
        self._paused: set[TopicPartition] = set()
        self._woken = False
        self.evicted = False
        """Set by tests: the next poll finds that the group gave all partitions away."""

    def reads(self, topic: str) -> bool:
        return topic in self._topics or (self._pattern is not None and self._pattern.fullmatch(topic) is not None)

    def subscribe(
        self, topics: Sequence[str] | None, pattern: str | None, listener: RebalanceListener | None = None
    ) -> None:
        with self._log.changed:
            self._topics = frozenset(topics or ())
            self._pattern = re.compile(pattern) if pattern else None
            self._listener = listener
            group = self._log.group(self._group_name)
            if self not in group.members:
                group.members.append(self)
                self._old = set(self._log.data)
            self._log.changed.notify_all()

    def _rebalance(self) -> None:
        log = self._log
        group = log.group(self._group_name)
        if self.evicted:
            self.evicted = False
            self._lose(group, sorted(self._positions))
        with log.changed:
            gone = sorted(p for p, held in self._held.items() if log.data.get(p) is not held)
        self._lose(group, gone)
        with log.changed:
            target = group.target(self, log.data)
            revoked = sorted(self._positions.keys() - target)
        if revoked:
            if self._listener is not None:
                self._listener.revoked(revoked)
            self._give_up(group, revoked)
        with log.changed:
            target = group.target(self, log.data)
            gained = sorted(p for p in target - self._positions.keys() if p not in group.owner)
            for partition in gained:
                group.owner[partition] = self
                held = self._held[partition] = log.data[partition]
                if self._from_latest and partition in self._old:
                    # Kept, or the next owner would start at a later end and skip what came in between.
                    group.offsets.setdefault(partition, held.next)
                self._positions[partition] = group.offsets.get(partition, held.begin)
        if gained and self._listener is not None:
            self._listener.assigned(gained)

    def _lose(self, group: MemoryGroup, partitions: Sequence[TopicPartition]) -> None:
        if partitions and self._listener is not None:
            self._listener.lost(partitions)
        self._old.difference_update(partitions)
        self._give_up(group, partitions)

    def _give_up(self, group: MemoryGroup, partitions: Iterable[TopicPartition]) -> None:
        with self._log.changed:
            for partition in partitions:
                self._positions.pop(partition, None)
                self._held.pop(partition, None)
                self._paused.discard(partition)
                if group.owner.get(partition) is self:
                    del group.owner[partition]
            self._log.changed.notify_all()

    def poll(self, max_records: int, timeout_s: float) -> list[EncodedBatch]:
        deadline = time.monotonic() + timeout_s
        while True:
            self._rebalance()
            with self._log.changed:
                batches = self._fetch(max_records)
                left = deadline - time.monotonic()
                if batches or self._woken or left <= 0:
                    self._woken = False
                    return batches
                # Membership changes are announced too; the short limit only guards against a forgotten one.
                self._log.changed.wait(min(left, 0.5))

    def _fetch(self, max_records: int) -> list[EncodedBatch]:
        batches: list[EncodedBatch] = []
        room = PollRoom(max_records, self._fetch_max_bytes)
        for partition, position in list(self._positions.items()):
            if not room:
                break
            if partition in self._paused:
                continue
            held = self._held[partition]
            if not held.begin <= position <= held.next:
                position = held.next if self._from_latest and position > held.next else held.begin
            found = held.read(position, room.records)
            if found is None:
                self._positions[partition] = held.next
                continue
            batch = room.take(found)
            if batch is not None:
                assert batch.offsets is not None
                del self._positions[partition]
                self._positions[partition] = batch.offsets[-1] + 1
                batches.append(batch)
        return batches

    def assignment(self) -> set[TopicPartition]:
        return set(self._positions)

    def _assigned(self, partition: TopicPartition) -> None:
        if partition not in self._positions:
            raise IllegalStateException(f"{partition} is not assigned.", code="PARTITION_NOT_ASSIGNED")

    def position(self, partition: TopicPartition) -> int:
        self._assigned(partition)
        return self._positions[partition]

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._assigned(partition)
        self._positions[partition] = offset

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            self._assigned(partition)
            self._paused.add(partition)

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        self._paused.difference_update(partitions)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        with self._log.changed:
            self._log.raise_fault("commit")
            group = self._log.group(self._group_name)
            if any(group.owner.get(partition) is not self for partition in offsets):
                raise RetriableException("The group has moved on.", code="REBALANCED")
            group.offsets.update(offsets)

    def committed(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        stored = self._log.group_offsets(self._group_name)
        return {partition: stored[partition] for partition in partitions if partition in stored}

    def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return self._log.end_offsets(partitions)

    def wakeup(self) -> None:
        with self._log.changed:
            self._woken = True
            self._log.changed.notify_all()

    def close(self) -> None:
        group = self._log.group(self._group_name)
        owned = sorted(self._positions)
        if owned and self._listener is not None:
            self._listener.revoked(owned)
        self._give_up(group, owned)
        with self._log.changed:
            if self in group.members:
                group.members.remove(self)
            self._log.changed.notify_all()
