"""Reading as a member of a group."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from headrace.errors import ConfigException, IllegalStateException
from headrace.log.embedded import groups
from headrace.log.embedded.fetcher import extent
from headrace.log.embedded.membership import Membership
from headrace.log.embedded.readings import Readings
from headrace.log.embedded.wake import TOPICS_CHANNEL, Waiter, group_channel, partition_channel
from headrace.log.spi import Consumer, EncodedBatch, RebalanceListener
from headrace.spi.context import TopicPartition

if TYPE_CHECKING:
    from headrace.log.embedded.log import EmbeddedLog

_LOOK_AGAIN_S = 1.0
"""A waiting consumer looks for itself this often, in case a wake-up was lost and to see who has died."""


class EmbeddedConsumer(Consumer):
    """See `Consumer`. It joins the group at the first `poll`."""

    def __init__(
        self,
        log: EmbeddedLog,
        group: str,
        client_id: str,
        from_latest: bool,
        session_timeout_ms: int,
        fetch_max_bytes: int,
    ) -> None:
        self._log = log
        self._group = group
        self._from_latest = from_latest
        self._readings = Readings(group, from_latest, fetch_max_bytes)
        self._membership = Membership(log, group, client_id, session_timeout_ms)
        self._subscription: groups.Subscription | None = None
        self._listener = RebalanceListener(_ignore, _ignore, _ignore)
        self._woken = threading.Event()
        self._closed = False
        self._waiter = Waiter(log.wakes, os.urandom(16).hex())
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
            batches = self._readings.fetch(self._log.database, max_records, version)
            left = deadline - time.monotonic()
            if batches or left <= 0:
                return batches
            self._waiter.wait(min(left, _LOOK_AGAIN_S))

    def assignment(self) -> set[TopicPartition]:
        return set(self._readings)

    def position(self, partition: TopicPartition) -> int:
        return self._readings.get(partition).position

    def seek(self, partition: TopicPartition, offset: int) -> None:
        reading = self._readings.get(partition)
        reading.buffer.clear()
        reading.position = offset
        self._readings.look_again()

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            self._readings.get(partition).paused = True

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            self._readings.get(partition).paused = False
        self._readings.look_again()

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

    def abandon(self) -> None:
        """The log is being closed: let go of the waiting place; the others find the member dead."""
        if not self._closed and not self._log.database.forked:
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
        lost = [partition for partition, part_id in self._readings.parts().items() if part_id not in duties.owned]
        if lost:
            self._drop(lost, self._listener.lost)
        revoked = [partition for partition, part_id in self._readings.parts().items() if part_id in duties.revoke]
        if duties.revoke:
            try:
                self._drop(revoked, self._listener.revoked)
            finally:
                self._membership.release(list(duties.revoke))
        held = set(self._readings.parts().values())
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
                self._readings.start(partition, part_id, position)
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
            self._readings.stop(partitions)
            self._listen()

    def _leave(self) -> None:
        try:
            self._drop(list(self._readings), self._listener.revoked)
        finally:
            self._membership.leave()

    def _listen(self) -> None:
        parts = {partition_channel(part_id) for part_id in self._readings.parts().values()}
        self._waiter.listen({TOPICS_CHANNEL, group_channel(self._group), *parts})

    def _check(self) -> None:
        if self._closed:
            raise IllegalStateException("The consumer is closed.", code="CONSUMER_CLOSED")


def _ignore(partitions: Sequence[TopicPartition]) -> None:
    """No listener."""
