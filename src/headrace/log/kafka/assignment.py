"""The partitions that a consumer's group gives it: where it is in each, and how they come and go.

Partitions are handed over one by one (cooperative), unless the settings name an assignor that takes all first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from headrace.errors import ConnectException, IllegalStateException
from headrace.log.kafka.held import Held
from headrace.log.kafka.places import library_at, own_at, read_from
from headrace.log.spi import EncodedBatch, RebalanceListener
from headrace.spi.context import TopicPartition

Begin = Callable[[list[TopicPartition]], dict[TopicPartition, int]]
"""Where to begin in partitions that are new; may fail where the cluster does not answer."""


class Assignment:
    """Of one consumer. Not thread-safe. `consumer`: the library's; `exists`: whether a topic does, as far as is known."""

    def __init__(
        self, consumer: Any, begin: Begin, exists: Callable[[str], bool], *, cooperative: bool, fetch_max_bytes: int
    ) -> None:
        self._consumer = consumer
        self._begin = begin
        self._exists = exists
        self._cooperative = cooperative
        self._fetched = Held(fetch_max_bytes)
        self._positions: dict[TopicPartition, int] = {}
        """Of what comes from the library."""
        self._starting: dict[TopicPartition, int] = {}
        """Places of those that the library has not been told of: the listener may still choose others."""
        self._late: dict[TopicPartition, None] = {}
        """Those that are assigned while it is not known where to begin."""
        self.listener = RebalanceListener(_ignore, _ignore, _ignore)

    def __contains__(self, partition: TopicPartition) -> bool:
        return partition in self._positions

    def partitions(self) -> set[TopicPartition]:
        return set(self._positions)

    def quiet(self) -> None:
        """Call nobody back from now on."""
        self.listener = RebalanceListener(_ignore, _ignore, _ignore)

    def position(self, partition: TopicPartition) -> int:
        self._require(partition)
        first = self._fetched.first(partition)
        return self._positions[partition] if first is None else first

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._require(partition)
        self._fetched.drop(partition)
        self._positions[partition] = offset
        if partition in self._starting:
            self._starting[partition] = offset
        else:
            read_from(self._consumer, partition, offset)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        wanted = self._required(partitions)
        self._fetched.paused.update(wanted)
        self._consumer.pause([library_at(partition) for partition in wanted])

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        wanted = self._required(partitions)
        self._fetched.paused.difference_update(wanted)
        self._consumer.resume([library_at(partition) for partition in wanted])

    def poll(self, max_records: int, timeout_s: float) -> list[EncodedBatch]:
        """See `Held.poll`; the library calls back here. After an error what is not given out is read again."""
        try:
            if self._late:
                self._begin_late()
            return self._fetched.poll(self._consumer, self._positions, max_records, timeout_s)
        except BaseException:
            self.go_back()
            raise

    def go_back(self) -> None:
        """Read on from what was given out: what the library had given with an error, or while a callback failed, is gone."""
        for partition in self._positions.keys() - self._starting.keys():
            try:
                self.seek(partition, self.position(partition))
            except Exception as error:
                raise ConnectException(
                    f"Records of {partition.topic}-{partition.partition} cannot be read again after an error.",
                    code="LOG_READ_BROKEN",
                    remedy="Start the task anew: it reads on where its group has committed.",
                ) from error

    # ---- called by the library

    def on_assign(self, _: Any, partitions: list[Any]) -> None:
        new = [own_at(at) for at in partitions]
        assign = self._consumer.incremental_assign if self._cooperative else self._consumer.assign
        try:
            starts = self._begin(new)
        except BaseException:
            # The group must have its answer; nothing of them is given out until it is known where to begin.
            self._late |= dict.fromkeys(new)
            assign(partitions)
            self._consumer.pause(partitions)
            raise
        self._start(starts, lambda places: assign([library_at(*each) for each in places.items()]))

    def on_revoke(self, _: Any, partitions: list[Any]) -> None:
        """Given back; or lost, where the topic is gone."""
        gone = self._held(partitions)
        lost = [each for each in gone if not self._exists(each.topic)]
        self._drop(partitions, [each for each in gone if each not in lost], lost)

    def on_lost(self, _: Any, partitions: list[Any]) -> None:
        self._drop(partitions, [], self._held(partitions))

    def _begin_late(self) -> None:
        starts = self._begin(list(self._late))
        self._late.clear()
        self._start(starts, self._read_late)

    def _read_late(self, places: dict[TopicPartition, int]) -> None:
        for partition, offset in places.items():
            read_from(self._consumer, partition, offset)
        self._consumer.resume([library_at(each) for each in places if each not in self._fetched.paused])

    def _start(self, starts: dict[TopicPartition, int], read: Callable[[dict[TopicPartition, int]], None]) -> None:
        self._starting = starts
        self._positions |= starts
        try:
            if starts:
                # It may seek, and that is then where reading begins.
                self.listener.assigned(list(starts))
        finally:
            places, self._starting = self._starting, {}
            read(places)

    def _held(self, partitions: list[Any]) -> list[TopicPartition]:
        return [partition for partition in map(own_at, partitions) if partition in self._positions]

    def _drop(self, named: list[Any], revoked: list[TopicPartition], lost: list[TopicPartition]) -> None:
        try:
            if lost:
                self.listener.lost(lost)
            if revoked:
                self.listener.revoked(revoked)
        finally:
            for partition in map(own_at, named):
                self._late.pop(partition, None)
                self._positions.pop(partition, None)
                self._fetched.drop(partition)
                self._fetched.paused.discard(partition)
            if self._cooperative:
                self._consumer.incremental_unassign(named)
            else:
                self._consumer.unassign()

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
