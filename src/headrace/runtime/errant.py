"""The errant record reporter: how a sink hands over single records it cannot write (KIP-610).

Letters are collected and written together, at the latest before offsets are committed. A sink that waits for its future
gets the letters written then and there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from headrace.data import SinkRecord
from headrace.errors import ConnectException
from headrace.runtime.tolerance import Failure, RawRecord, Stage, Tolerance


class _Report(Future[None]):
    """Done once its letter is durable; waiting for it writes the letters that wait."""

    def __init__(self, flush: Callable[[], None]) -> None:
        super().__init__()
        self._flush = flush

    def result(self, timeout: float | None = None) -> None:
        if not self.done():
            self._flush()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        if not self.done():
            self._flush()
        return super().exception(timeout)


class Reporter:
    """The `ErrantRecordReporter` of a sink task.

    `raw_of`: the record as it lies in the log. `write`: makes all letters collected durable. `task_class`: for the context
    headers. Reports may come from threads of the sink; the lock is shared with whoever else collects letters."""

    def __init__(
        self,
        tolerance: Tolerance,
        raw_of: Callable[[SinkRecord], RawRecord],
        write: Callable[[], None],
        task_class: str,
        lock: threading.RLock,
    ) -> None:
        self._tolerance = tolerance
        self._raw_of = raw_of
        self._write = write
        self._task_class = task_class
        self._lock = lock
        self._open: list[_Report] = []

    def report(self, record: SinkRecord, error: BaseException) -> Future[None]:
        """See `ErrantRecordReporter.report`."""
        if not isinstance(error, Exception):
            raise ConnectException(
                f"Only an exception can be reported for a record, not {type(error).__name__}.", code="ERRANT_REPORT"
            ) from error
        with self._lock:
            self._tolerance.give_up(Failure(Stage.TASK_PUT, self._task_class, error, self._raw_of(record)))
            future = _Report(self.flush)
            self._open.append(future)
        return future

    def flush(self) -> None:
        """Make the reports durable and their futures done. Raises, with the futures left open, when that fails."""
        with self._lock:
            if not self._open:
                return
            self._write()
            done, self._open = self._open, []
        for future in done:
            future.set_result(None)
