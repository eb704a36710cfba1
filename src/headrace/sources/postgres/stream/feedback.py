"""Tells the server how far we are, in a thread of its own: a slow consumer must not cost the connection.

A server that waits to send listens for us, so this is enough also while nothing is read. The thread needs the interpreter for a moment: native
code has to let go of it when it takes longer than a third of wal_sender_timeout.
"""

from __future__ import annotations

import logging
import threading
from typing import NamedTuple

from headrace.errors import ConnectException, HeadraceError
from headrace.foundation.failpoints import failpoint
from headrace.systems.postgres import ReplicationConnection, int_to_lsn

logger = logging.getLogger(__name__)


class FlushPolicy(NamedTuple):
    """lsn.flush.timeout.ms, in seconds, and lsn.flush.timeout.action: fail, warn or ignore."""

    timeout_s: float = 30.0
    action: str = "fail"


class Feedback:
    """Keeps one replication connection alive. `flushed` only grows; 0 confirms nothing."""

    def __init__(
        self, connection: ReplicationConnection, interval_s: float, flushed: int, policy: FlushPolicy | None = None
    ) -> None:
        self._policy = policy or FlushPolicy()
        self._failure: HeadraceError | None = None
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
        """Everything up to `lsn` is durable with us: the slot may forget it. Raises what the connection raises.

        When the server does not take the message in time, `FlushPolicy` decides; it is told with the next one."""
        with self._lock:
            if lsn <= self.flushed:
                return
            self.flushed = lsn
        try:
            self.send(timeout_s=self._policy.timeout_s)
        except HeadraceError as error:
            if error.code != "PG_TIMEOUT":
                raise
            self._too_late(lsn)
        failpoint("source.after_feedback")

    def _too_late(self, lsn: int) -> None:
        text = f"The server did not take the position {int_to_lsn(lsn)} within {self._policy.timeout_s:g} s."
        if self._policy.action == "fail":
            self._failure = ConnectException(
                text,
                code="PG_FLUSH_TIMEOUT",
                field="lsn.flush.timeout.ms",
                remedy="See what keeps the server from reading, or set lsn.flush.timeout.action to warn.",
            )
        else:
            logger.log(logging.WARNING if self._policy.action == "warn" else logging.DEBUG, text)

    def received(self, lsn: int, reply: bool) -> None:
        """The stream has reached `lsn`; `reply`: the server wants to hear from us at once. ConnectException PG_FLUSH_TIMEOUT when a
        confirmation came too late and that is to end the task."""
        if self._failure is not None:
            raise self._failure
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

    def send(self, *, ask: bool = False, timeout_s: float = 30.0) -> None:
        """Send the present position; `ask`: have the server tell its own at once."""
        with self._lock:
            flushed = self.flushed
            self._connection.send_status(max(self.written, flushed), flushed, flushed, ask, timeout_s)

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
