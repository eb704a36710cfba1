"""The lanes of a task: which partition is whose, and writing through several at the same time."""

from __future__ import annotations

import contextvars
import logging
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from headrace.data import SinkRecord
from headrace.data.batch import SinkBatch
from headrace.errors import HeadraceError, RetryClass
from headrace.sinks.postgres.block_batch import shared_out
from headrace.sinks.postgres.lane import Lane, Portion
from headrace.sinks.postgres.settings import SinkSettings
from headrace.sinks.postgres.turns import TableTurns
from headrace.spi.context import SinkTaskContext, TopicPartition
from headrace.systems.postgres import DatabaseError, map_error

_log = logging.getLogger(__name__)
Work = list[tuple[Lane, deque[Portion]]]


class Lanes:
    """All methods are for the task's thread, and none returns while another thread works.

    A partition gets the lane that has the fewest, and keeps it as long as it is the task's."""

    def __init__(self, settings: SinkSettings, context: SinkTaskContext) -> None:
        turns = TableTurns()
        self._settings = settings
        self._all = [Lane(number, settings, context, turns) for number in range(settings.connections)]
        self._owners: dict[TopicPartition, int] = {}
        self._executor: ThreadPoolExecutor | None = None

    def open(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The stored positions of these partitions, as far as there are any. A target that is away is waited for in `write`: records
        below are skipped there too."""
        found: dict[TopicPartition, int] = {}
        shares: dict[int, list[TopicPartition]] = {}
        for partition in sorted(partitions):
            shares.setdefault(self._owner(partition), []).append(partition)
        for number, share in shares.items():
            self._all[number].session.expect(share)
        try:
            for number, share in shares.items():
                found |= self._all[number].session.open(share)
        except HeadraceError as error:
            # Each further connection would wait for the same target, as long again.
            self.disconnect()
            if not _comes_again(error):
                raise
            _log.warning("positions are read later: %s", error)
        return found

    def close(self, partitions: Collection[TopicPartition]) -> None:
        """They are no longer the task's. A connection that has none left is closed, but for the last one."""
        for partition in partitions:
            number = self._owners.pop(partition, None)
            if number is not None:
                self._all[number].session.close([partition])
        used = {0, *self._owners.values()}
        for number, lane in enumerate(self._all):
            if number not in used:
                lane.session.disconnect()

    def stored(self, partition: TopicPartition) -> int | None:
        """The stored position, None when there is none or it is not known."""
        number = self._owners.get(partition)
        return None if number is None else self._all[number].session.stored.get(partition)

    @property
    def written(self) -> int:
        """Records so far."""
        return sum(lane.written for lane in self._all)

    def disconnect(self) -> None:
        for lane in self._all:
            lane.session.disconnect()

    def stop(self) -> None:
        self.disconnect()
        if self._executor is not None:
            self._executor.shutdown()

    def _owner(self, partition: TopicPartition) -> int:
        number = self._owners.get(partition)
        if number is None:
            counts = [0] * len(self._all)
            for other in self._owners.values():
                counts[other] += 1
            number = self._owners[partition] = counts.index(min(counts))
        return number

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(self, records: Sequence[SinkRecord]) -> None:
        """Write all records, each partition's in order. Raises when that is not done, one lane's error where there are several; then
        each lane has either written what it was given, or all up to where it failed.

        What may be wrong with a record is found out only when all other lanes have come to their end: it may have waited for
        another partition's record."""
        work: Work = [(lane, lane.portions(share)) for lane, share in self._shares(records)]
        if len(work) > 1:
            self._side_by_side([(lane, left) for lane, left in work if left])
        for lane, left in work:
            lane.finish(left)

    def _shares(self, records: Sequence[SinkRecord]) -> list[tuple[Lane, Sequence[SinkRecord]]]:
        if len(self._all) == 1:
            return [(self._all[0], records)]
        shares: Mapping[int, Sequence[SinkRecord]]
        if isinstance(records, SinkBatch):
            shares = shared_out(records, self._owner)
        else:
            found: dict[int, list[SinkRecord]] = {}
            for record in records:
                owner = self._owner(TopicPartition(record.original_topic, record.original_partition))
                found.setdefault(owner, []).append(record)
            shares = found
        return [(self._all[number], share) for number, share in shares.items()]

    def _side_by_side(self, work: Work) -> None:
        if len(work) < 2:
            return
        if self._executor is None:
            self._executor = ThreadPoolExecutor(len(self._all) - 1, thread_name_prefix="headrace-write")
        others = [
            self._executor.submit(contextvars.copy_context().run, self._advance, lane, left) for lane, left in work[1:]
        ]
        try:
            errors = [self._advance(*work[0])]
        finally:
            # Whatever happens here: nobody may write on when this has returned.
            rest = [other.exception() or other.result() for other in others]
        raised = [error for error in (*errors, *rest) if error is not None]
        if raised:
            # One that ends the task is not kept back behind one that is tried again.
            first = next((error for error in raised if not _comes_again(error)), raised[0])
            for other in raised:
                if other is not first:
                    _log.warning("another connection of this task failed too: %s", other)
            raise first

    def _advance(self, lane: Lane, left: deque[Portion]) -> BaseException | None:
        """The error that the lane's work ended with."""
        try:
            lane.advance(left)
        except DatabaseError as error:
            return map_error(error, self._settings.target)
        except Exception as error:
            return error
        return None


def _comes_again(error: BaseException) -> bool:
    return isinstance(error, HeadraceError) and error.retry_class is RetryClass.RETRY
