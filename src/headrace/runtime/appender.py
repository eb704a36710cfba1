"""The ordered appender: writes encoded batches to the log, in order, while the task reads and converts the next.

One append is one commit of records and source offsets; the ledger says which offsets. A RetriableException (disk full, log busy)
is tried again with the same encoded batch until it succeeds or the task ends: nothing is lost, nothing transformed twice.
Small units are appended on the caller's thread when nothing waits; larger ones on a helper thread, a bounded number in flight. What waits
while the log is at work goes into the next append together: a commit waits for the disk, however much is in it; what can be done for it
without the log is done meanwhile (see `preparer`).
"""

from __future__ import annotations

import contextvars
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from headrace.errors import DataException
from headrace.foundation.failpoints import failpoint
from headrace.log.offset_codec import offset_key, offset_value
from headrace.log.spi import Producer, SourceOffsetEntry
from headrace.runtime.append_units import AppendUnit, Position, Settled, SourcePosition, settled
from headrace.runtime.lasting_append import LastingAppend
from headrace.runtime.ledger import AckLedger
from headrace.runtime.measures import StageClock
from headrace.runtime.preparer import Preparer, Stage, Unit
from headrace.runtime.salvage import Salvage
from headrace.runtime.task_metrics import SourceMetrics

IN_FLIGHT = 2
"""So many units are in flight in any case …"""
MOST_UNITS = 16
MOST_BYTES = 24 << 20
"""… and more up to these bounds."""
TOGETHER_BYTES = MOST_BYTES // 2
"""An append takes no more than this, or one unit: the rest comes meanwhile."""
INLINE_RECORDS = 200
SWITCH_INTERVAL_S = 0.0005


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
        self._salvage = salvage
        self.ledger: AckLedger[bytes, SourcePosition] = AckLedger()
        self.stages = StageClock()
        self._append_lasting = LastingAppend(producer, metrics, self.stages, halt, recreate)
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
        self._preparer = Preparer(producer, cast(deque[Unit], self._queue), self._lock)

    def ticket(self, partition: Mapping[str, Any], offset: Mapping[str, Any] | None, count: int) -> Position:
        """Enter `count` consecutive records of a source partition into the ledger. DataException for an invalid offset map."""
        items = tuple(partition.items())
        key = self._keys.get(items)
        if key is None:
            if len(self._keys) > 10_000:
                self._keys.clear()
            key = self._keys[items] = offset_key(self._connector, partition)
        # By `items`, for an offset that is only made when it is read.
        own = None if offset is None else dict(offset.items())
        position = SourcePosition(dict(partition), own, offset_value(own))
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
        self._preparer.enter(unit)
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
        return settled(done)

    def close(self) -> None:
        """End the helper thread; what is still in its queue is not appended."""
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._preparer.close()
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
                while not self._closing and not (self._queue and self._queue[0].stage is not Stage.PREPARING):
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
        """What is appended together next: the first unit, and those behind it that are ready."""
        units: list[AppendUnit] = []
        size = 0
        for unit in self._queue:
            size += unit.size
            if units and (size > TOGETHER_BYTES or unit.stage is not Stage.READY):
                break
            units.append(unit)
        for unit in units:
            unit.stage = Stage.APPENDING
        # From here on the units behind are the preparer's.
        self._lock.notify_all()
        return units

    def _append(self, units: Sequence[AppendUnit]) -> None:
        tickets = [ticket for unit in units for ticket in unit.tickets]
        batches = [batch for unit in units for batch in unit.batches]
        with self._lock:
            moved = self.ledger.committable(tickets)
        entries = [SourceOffsetEntry(key, ticket.offset.encoded) for key, ticket in moved.items()]
        left = self.stages.enter("append")
        try:
            self._append_lasting(batches, entries)
        except DataException:
            if len(units) > 1:
                # Nothing of it was written: those before the one at fault are, when each goes alone.
                for unit in units:
                    self._append([unit])
                return
            if self._salvage is None:
                raise
            letters = self._salvage.append_what_can_be(lambda part: self._append_lasting(part, ()), batches)
            self._append_lasting(letters, entries)
            self._salvage.written()
        finally:
            self.stages.enter(left)
        failpoint("source.after_append")
        with self._lock:
            self.ledger.ack(tickets)
            self.ledger.confirm(moved)
            self._settled += [(unit, {}) for unit in units[:-1]]
            self._settled.append((units[-1], moved))
