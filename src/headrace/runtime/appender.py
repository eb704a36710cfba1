"""The ordered appender: writes encoded batches to the log, in order, while the task reads and converts the next.

One append is one commit of records and source offsets; the ledger says which offsets. A RetriableException (disk full, log busy)
is tried again with the same encoded batch until it succeeds or the task ends: nothing is lost, nothing transformed twice.
Small units are appended on the caller's thread when nothing waits; larger ones on a helper thread, a bounded number in flight. What waits
while the log is at work goes into the next append together: a commit waits for the disk, however much is in it.
"""

from __future__ import annotations

import contextvars
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from headrace.data import SourceRecord
from headrace.errors import DataException, NotFoundException, RetriableException
from headrace.foundation.backoff import Backoff
from headrace.foundation.failpoints import failpoint
from headrace.log.offset_codec import offset_key, offset_value
from headrace.log.spi import EncodedBatch, Producer, SourceOffsetEntry
from headrace.runtime.ledger import AckLedger, Ticket
from headrace.runtime.measures import RETRY, StageClock
from headrace.runtime.salvage import Salvage
from headrace.runtime.task_metrics import SourceMetrics
from headrace.runtime.tolerance import TaskStopping

logger = logging.getLogger(__name__)

IN_FLIGHT = 2
"""So many units are in flight in any case …"""
MOST_UNITS = 16
MOST_BYTES = 24 << 20
"""… and more up to these bounds."""
TOGETHER_BYTES = MOST_BYTES // 2
"""An append takes no more than this, or one unit: the rest comes meanwhile."""
INLINE_RECORDS = 200
SWITCH_INTERVAL_S = 0.0005
_RETRY = Backoff(0.1, 5.0)


class SourcePosition(NamedTuple):
    """A source partition and where to go on in it: copies, for a task may change its maps; `encoded` is the offset's bytes."""

    partition: Mapping[str, Any]
    offset: Mapping[str, Any] | None
    encoded: bytes | None


Position = Ticket[bytes, SourcePosition]
"""A run of records in the ledger; the key is the encoded source partition."""


class AppendUnit:
    """What one poll gave: batches, the tickets of its records, and the records themselves if the task wants them back."""

    __slots__ = ("batches", "count", "records", "size", "tickets")

    def __init__(
        self, batches: Sequence[EncodedBatch], tickets: Sequence[Position], count: int, records: Sequence[SourceRecord]
    ) -> None:
        self.batches = batches
        self.tickets = tickets
        self.count = count
        self.records = records
        try:
            self.size = sum(batch.keys.size + batch.values.size for batch in batches)
        except TypeError:
            # Data of a wrong form: the log says so.
            self.size = 0


class Settled(NamedTuple):
    """What became durable: positions by source partition, records for `commit_record`, how many records were written."""

    positions: list[SourcePosition]
    records: list[SourceRecord]
    written: int


class OrderedAppender:
    """See the module's docstring. All methods are for the task's thread; `halt` may be set from any.

    `halt`: the task is to stop: no more waiting. `recreate`: called with the topics of a unit when one of them is missing.
    `salvage`: for records that the log refuses for good; None = they fail the task."""

    def __init__(
        self,
        producer: Producer,
        connector: str,
        metrics: SourceMetrics,
        halt: threading.Event,
        recreate: Callable[[Sequence[str]], None],
        salvage: Salvage | None = None,
    ) -> None:
        self._producer = producer
        self._connector = connector
        self._metrics = metrics
        self._halt = halt
        self._recreate = recreate
        self._salvage = salvage
        self.ledger: AckLedger[bytes, SourcePosition] = AckLedger()
        self.stages = StageClock()
        metrics.extra_stages.append(self.stages)
        metrics.queue_fill = self._fill
        metrics.active_now = lambda: self.ledger.active_records
        self._lock = threading.Condition()
        self._queue: deque[AppendUnit] = deque()
        self._queued_bytes = 0
        self._settled: list[tuple[AppendUnit, dict[bytes, Position]]] = []
        self._keys: dict[tuple[tuple[str, Any], ...], bytes] = {}
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._closing = False

    def ticket(self, partition: Mapping[str, Any], offset: Mapping[str, Any] | None, count: int) -> Position:
        """Enter `count` consecutive records of a source partition into the ledger. DataException for an invalid offset map."""
        items = tuple(partition.items())
        key = self._keys.get(items)
        if key is None:
            if len(self._keys) > 10_000:
                self._keys.clear()
            key = self._keys[items] = offset_key(self._connector, partition)
        position = SourcePosition(dict(partition), None if offset is None else dict(offset), offset_value(offset))
        with self._lock:
            return self.ledger.submit(key, position, count)

    def drop(self, unit: AppendUnit) -> None:
        """No record of the unit is left: its positions become committable with the next append or flush."""
        with self._lock:
            self.ledger.ack(unit.tickets)
            if unit.records:
                self._settled.append((unit, {}))

    def has_committable(self) -> bool:
        """Whether positions wait that no append has taken along."""
        with self._lock:
            return bool(self.ledger.committable())

    @property
    def in_flight(self) -> bool:
        """Whether the helper thread has something to append."""
        return bool(self._queue)

    def submit(self, unit: AppendUnit) -> None:
        """Append the unit now or soon; waits while too many are in flight. Raises what an append failed with."""
        self.check()
        if not self._queue and unit.count <= INLINE_RECORDS:
            self._append_here(unit)
            return
        if self._thread is None:
            # By default a thread that comes back from the disk waits 5 ms for the interpreter, longer than the append itself.
            sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL_S))
            run = contextvars.copy_context().run
            self._thread = threading.Thread(target=run, args=(self._work,), name="headrace-append", daemon=True)
            self._thread.start()
        with self._lock:
            while self._full(unit.size) and self._failure is None:
                self._lock.wait()
            self.check()
            self._queue.append(unit)
            self._queued_bytes += unit.size
            self._lock.notify_all()

    def _full(self, more: int) -> bool:
        waiting = len(self._queue)
        return waiting >= IN_FLIGHT and (waiting >= MOST_UNITS or self._queued_bytes + more > MOST_BYTES)

    def _fill(self) -> float:
        """Of what may be in flight."""
        waiting = len(self._queue)
        return min(1.0, max(waiting / MOST_UNITS, self._queued_bytes / MOST_BYTES)) if waiting else 0.0

    def drain(self) -> None:
        """Wait until nothing is in flight. Raises what an append failed with."""
        with self._lock:
            while self._queue and self._failure is None:
                self._lock.wait()
        self.check()

    def flush(self) -> None:
        """Drain, then store positions that wait without records. Raises what it failed with."""
        self.drain()
        if self.has_committable():
            self._append_here(AppendUnit((), (), 0, ()))

    def settle(self) -> Settled | None:
        """What became durable since the last call, None if nothing did. Does not raise."""
        if not self._settled:
            return None
        with self._lock:
            done, self._settled = self._settled, []
        latest: dict[bytes, Position] = {}
        records: list[SourceRecord] = []
        written = 0
        for unit, moved in done:
            latest.update(moved)
            records.extend(unit.records)
            written += sum(len(batch) for batch in unit.batches)
        return Settled([ticket.offset for ticket in latest.values()], records, written)

    def close(self) -> None:
        """End the helper thread; what is still in its queue is not appended."""
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._producer.close()

    @property
    def failed(self) -> bool:
        """Whether an append failed for good; everything behind it is not appended."""
        return self._failure is not None

    def check(self) -> None:
        """Raise what an append failed with, if one did."""
        if self._failure is not None:
            raise self._failure

    def _append_here(self, unit: AppendUnit) -> None:
        try:
            self._append([unit])
        except BaseException as error:
            self._failure = error
            raise

    def _work(self) -> None:
        while True:
            with self._lock:
                while not self._queue and not self._closing:
                    self._lock.wait()
                if self._closing:
                    return
                units = self._next()
            try:
                self._append(units)
            except BaseException as error:
                with self._lock:
                    self._failure = error
                    self._lock.notify_all()
                return
            with self._lock:
                for unit in units:
                    self._queue.popleft()
                    self._queued_bytes -= unit.size
                self._lock.notify_all()

    def _next(self) -> list[AppendUnit]:
        """What is appended together next, at least one unit."""
        units: list[AppendUnit] = []
        size = 0
        for unit in self._queue:
            size += unit.size
            if units and size > TOGETHER_BYTES:
                break
            units.append(unit)
        return units

    def _append(self, units: Sequence[AppendUnit]) -> None:
        tickets = [ticket for unit in units for ticket in unit.tickets]
        batches = [batch for unit in units for batch in unit.batches]
        with self._lock:
            moved = self.ledger.committable(tickets)
        entries = [SourceOffsetEntry(key, ticket.offset.encoded) for key, ticket in moved.items()]
        left = self.stages.enter("append")
        try:
            self._append_until_done(batches, entries)
        except DataException:
            if len(units) > 1:
                # Nothing of it was written: those before the one at fault are, when each goes alone.
                for unit in units:
                    self._append([unit])
                return
            if self._salvage is None:
                raise
            letters = self._salvage.append_what_can_be(lambda part: self._append_until_done(part, ()), batches)
            self._append_until_done(letters, entries)
            self._salvage.written()
        finally:
            self.stages.enter(left)
        failpoint("source.after_append")
        with self._lock:
            self.ledger.ack(tickets)
            self.ledger.confirm(moved)
            self._settled += [(unit, {}) for unit in units[:-1]]
            self._settled.append((units[-1], moved))

    def _append_until_done(self, batches: Sequence[EncodedBatch], entries: Sequence[SourceOffsetEntry]) -> None:
        attempt = 0
        recreated = False
        while True:
            try:
                self._producer.append(batches, entries)
                break
            except NotFoundException:
                # The topic was deleted while the task ran: create it again as configured, but only once.
                if recreated or not batches:
                    raise
                recreated = True
                self._recreate([batch.topic for batch in batches])
            except RetriableException as error:
                self._metrics.append_retries += 1
                if not self._metrics.append_blocked:
                    self._metrics.append_blocked = True
                    logger.warning("The log takes no records now; trying again until it does: %s", error)
                self.stages.enter(RETRY)
                if self._halt.wait(_RETRY.delay(attempt)):
                    raise TaskStopping from error
                self.stages.enter("append")
                attempt += 1
        if self._metrics.append_blocked:
            self._metrics.append_blocked = False
            logger.info("The log takes records again.")
