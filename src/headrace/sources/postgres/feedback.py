"""Tells the server how far we are, in a thread of its own: a slow consumer must not cost the connection."""

from __future__ import annotations

import logging
import threading

from headrace.errors import HeadraceError
from headrace.foundation.failpoints import failpoint
from headrace.systems.postgres import ReplicationConnection

logger = logging.getLogger(__name__)


class Feedback:
    """Keeps one replication connection alive. `flushed` only grows; 0 confirms nothing."""

    def __init__(self, connection: ReplicationConnection, interval_s: float, flushed: int) -> None:
        self._connection = connection
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.flushed = flushed
        self.written = flushed
        self._asked_at = 0
        self._pressed_at = 0
        self._thread = threading.Thread(target=self._run, name="headrace-slot-feedback", daemon=True)
        self._thread.start()

    def confirm(self, lsn: int) -> None:
        """Everything up to `lsn` is durable with us: the slot may forget it. Raises what the connection raises."""
        with self._lock:
            if lsn <= self.flushed:
                return
            self.flushed = lsn
        self.send()
        failpoint("source.after_feedback")

    def received(self, lsn: int, reply: bool) -> None:
        """The stream has reached `lsn`; `reply`: the server wants to hear from us at once."""
        self.written = max(self.written, lsn)
        if reply:
            if self._asked_at == self.written:
                self._pressed_at = self.written
            self._asked_at = self.written
            self.send()

    @property
    def pressed(self) -> bool:
        """The server asks again where it has had an answer: to know that all was received is not enough, it waits for the
        confirmation, as a server does that is shutting down. One that nothing was ever confirmed to does not."""
        return self._pressed_at == self.written and 0 < self.flushed < self.written

    def send(self, *, ask: bool = False) -> None:
        """Send the present position; `ask`: have the server tell its own at once."""
        with self._lock:
            flushed = self.flushed
            self._connection.send_status(max(self.written, flushed), flushed, flushed, ask)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        while not self._stopped.wait(self._interval_s):
            try:
                self.send()
            except HeadraceError as error:
                # The reading thread meets the same broken connection and deals with it.
                logger.debug("Status not sent: %s", error)
                return
