"""Reading as a member of a group."""

from __future__ import annotations

import logging
import re
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.errors import ConfigException, IllegalStateException
from headrace.log.embedded import groups
from headrace.log.embedded.batch_slices import join
from headrace.log.embedded.fetcher import Buffer, extent, read_batches
from headrace.log.embedded.membership import Membership
from headrace.log.embedded.wake import TOPICS_CHANNEL, Waiter, group_channel, partition_channel
from headrace.log.spi import Consumer, EncodedBatch, RebalanceListener
from headrace.spi.context import TopicPartition

if TYPE_CHECKING:
    from headrace.log.embedded.log import EmbeddedLog

_logger = logging.getLogger(__name__)
_LOOK_AGAIN_S = 1.0
"""A waiting consumer looks for itself this often, in case a wake-up was lost and to see who has died."""


@dataclass(slots=True)
class _Reading:
    """A partition this consumer owns. `position`: the next offset that `poll` gives."""

    part_id: int
    position: int
    paused: bool = False
    buffer: Buffer = field(default_factory=Buffer)


class EmbeddedConsumer(Consumer):
    """See `Consumer`. It joins the group at the first `poll`."""

    def __init__(
        self, log: EmbeddedLog, group: str, client_id: str, from_latest: bool, session_timeout_ms: int
    ) -> None:
        self._log = log
        self._group = group
        self._from_latest = from_latest
        self._membership = Membership(log, group, client_id, session_timeout_ms)
        self._subscription: groups.Subscription | None = None
        self._listener = RebalanceListener(_ignore, _ignore, _ignore)
        self._readings: dict[TopicPartition, _Reading] = {}
        self._order: list[TopicPartition] = []
        self._empty_at: int | None = None
        self._woken = threading.Event()
        self._closed = False
        self._waiter = Waiter(log.wakes, uuid.uuid4().hex)
        self._listen()

    def subscribe(
        self, topics: Sequence[str] | None, pattern: str | None, listener: RebalanceListener | None = None
    ) -> None:
        if (topics is None) == (pattern is None):
            raise ConfigException("Give either topic names or a pattern.", code="SUBSCRIPTION_INVALID", field="topics")
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ConfigException(
                    f"{pattern!r} is no regular expression: {error}.", code="SUBSCRIPTION_INVALID", field="topics.regex"
                ) from error
        if self._membership.id is not None:
            self._leave()
        self._subscription = groups.Subscription(None if topics is None else tuple(topics), pattern)
        if listener is not None:
            self._listener = listener

    def poll(self, max_records: int, timeout_s: float) -> list[EncodedBatch]:
        self._check()
        deadline = time.monotonic() + timeout_s
        while True:
            self._waiter.drain()
            if self._woken.is_set():
                self._woken.clear()
                return []
            version = self._log.database.data_version()
            self._look_after_group()
            batches = self._fetch(max_records, version)
            left = deadline - time.monotonic()
            if batches or left <= 0:
                return batches
            self._waiter.wait(min(left, _LOOK_AGAIN_S))

    def assignment(self) -> set[TopicPartition]:
        return set(self._readings)

    def position(self, partition: TopicPartition) -> int:
        return self._reading(partition).position

    def seek(self, partition: TopicPartition, offset: int) -> None:
        reading = self._reading(partition)
        reading.buffer.clear()
        reading.position = offset
        self._empty_at = None

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            self._reading(partition).paused = True

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            self._reading(partition).paused = False
        self._empty_at = None

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._check()
        if not offsets:
            return
        with self._log.writing() as (connection, catalog):
            rows = [(partition, catalog.part_id(partition), offset) for partition, offset in offsets.items()]
            groups.commit(connection, self._group, self._membership.id, rows)

    def committed(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        with self._log.reading() as (connection, catalog):
            stored = groups.positions(connection, self._group)
            known = catalog.known(partitions)
        return {partition: stored[part_id] for partition, part_id in known.items() if part_id in stored}

    def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return self._log.end_offsets(partitions)

    def wakeup(self) -> None:
        self._woken.set()
        self._waiter.ring()

    def close(self) -> None:
        if self._closed or self._log.database.forked:
            return
        try:
            self._leave()
        finally:
            self._closed = True
            self._waiter.close()

    # ---- group

    def _look_after_group(self) -> None:
        """Join if needed; call back for what was lost, must be given or was won."""
        if self._subscription is None:
            raise IllegalStateException("The consumer has no subscription.", code="NOT_SUBSCRIBED")
        if self._membership.id is None:
            self._membership.join(self._subscription)
        duties = self._membership.duties()
        while duties is not None:
            if not duties.member:
                self._drop(list(self._readings), self._listener.lost)
                self._membership.forget()
                self._membership.join(self._subscription)
            else:
                self._fulfil(duties)
            duties = self._membership.duties()

    def _fulfil(self, duties: groups.Duties) -> None:
        lost = [p for p, reading in self._readings.items() if reading.part_id not in duties.owned]
        if lost:
            self._drop(lost, self._listener.lost)
        revoked = [p for p, reading in self._readings.items() if reading.part_id in duties.revoke]
        if duties.revoke:
            try:
                self._drop(revoked, self._listener.revoked)
            finally:
                self._membership.release(list(duties.revoke))
        held = {reading.part_id for reading in self._readings.values()}
        if duties.gain or duties.owned - duties.revoke - held:
            taken = self._membership.take()
            self._start({*taken, *(duties.owned - duties.revoke - held)})

    def _start(self, part_ids: set[int]) -> None:
        """Read on where the group has committed, else at the start or end."""
        with self._log.reading() as (connection, catalog):
            stored = groups.positions(connection, self._group)
            found = [
                (TopicPartition(topic.name, number), part_id, extent(connection, part_id))
                for topic in catalog.topics().values()
                for number, part_id in enumerate(topic.parts)
                if part_id in part_ids
            ]
        new: list[TopicPartition] = []
        latest: dict[int, int | None] = {}
        for partition, part_id, bounds in found:
            if bounds is not None:
                position = stored.get(part_id, bounds.begin)
                if part_id not in stored and self._from_latest and part_id <= (self._membership.horizon or 0):
                    position = latest[part_id] = bounds.next
                self._readings[partition] = _Reading(part_id, position)
                new.append(partition)
        if latest:
            # Kept, or the next owner would start at a later end and skip what came in between.
            with self._log.writing() as (connection, _):
                groups.write_positions(connection, self._group, latest)
        self._listen()
        if new:
            self._listener.assigned(new)

    def _drop(self, partitions: list[TopicPartition], callback: Callable[[Sequence[TopicPartition]], None]) -> None:
        try:
            if partitions:
                callback(partitions)
        finally:
            for partition in partitions:
                del self._readings[partition]
            self._listen()

    def _leave(self) -> None:
        try:
            self._drop(list(self._readings), self._listener.revoked)
        finally:
            self._membership.leave()

    def _listen(self) -> None:
        self._order = list(self._readings)
        self._empty_at = None
        parts = {partition_channel(reading.part_id) for reading in self._readings.values()}
        self._waiter.listen({TOPICS_CHANNEL, group_channel(self._group), *parts})

    # ---- records

    def _fetch(self, max_records: int, version: int) -> list[EncodedBatch]:
        """Up to `max_records` records, one batch a partition, another partition first each time."""
        if version == self._empty_at or not self._order:
            return []
        result: list[EncodedBatch] = []
        left = max_records
        with self._log.database.read() as connection:
            for partition in self._order:
                reading = self._readings[partition]
                if reading.paused:
                    continue
                if not reading.buffer:
                    batches = read_batches(connection, reading.part_id, partition, reading.position, left)
                    self._check_position(connection, partition, reading, batches)
                    reading.buffer.fill(batches)
                taken = reading.buffer.take(left)
                if taken:
                    batch = join(taken)
                    assert batch.offsets is not None
                    reading.position = batch.offsets[-1] + 1
                    left -= len(batch)
                    result.append(batch)
                    if left <= 0:
                        break
        self._order.append(self._order.pop(0))
        if not result:
            self._empty_at = version
        return result

    def _check_position(
        self, connection: sqlite3.Connection, partition: TopicPartition, reading: _Reading, batches: list[EncodedBatch]
    ) -> None:
        """A position outside of what is kept is moved, and said; where compaction left nothing it moves on to the end."""
        bounds = extent(connection, reading.part_id)
        if bounds is None:
            return
        if reading.position > bounds.next:
            target = bounds.next if self._from_latest else bounds.begin
            _logger.warning(
                "Group %s: offset %d of %s-%d is past the log's end %d; reading on from %d.",
                self._group, reading.position, *partition, bounds.next, target,
            )  # fmt: skip
            reading.position = target
            batches += read_batches(connection, reading.part_id, partition, target, 1)
        elif reading.position < bounds.begin:
            _logger.warning(
                "Group %s: records of %s-%d from offset %d to %d were removed by retention before they were read.",
                self._group, *partition, reading.position, bounds.begin - 1,
            )  # fmt: skip
            reading.position = bounds.begin
        elif not batches:
            reading.position = bounds.next

    def _reading(self, partition: TopicPartition) -> _Reading:
        reading = self._readings.get(partition)
        if reading is None:
            raise IllegalStateException(
                f"Partition {partition.topic}-{partition.partition} is not assigned to this consumer.",
                code="NOT_ASSIGNED",
            )
        return reading

    def _check(self) -> None:
        if self._closed:
            raise IllegalStateException("The consumer is closed.", code="CONSUMER_CLOSED")


def _ignore(partitions: Sequence[TopicPartition]) -> None:
    """No listener."""
