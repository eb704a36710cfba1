"""CopySession: a session that reads rows by COPY, in large chunks.

psycopg hands out a row at a time; over our own wire the rows of a chunk come as one list, at about twice the rate, or as the bytes
they came in, for a splitter of the caller's. Source: PostgreSQL manual, "COPY Operations".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from headrace.systems.postgres import messages
from headrace.systems.postgres.errors import ConnectionLostError, ServerError
from headrace.systems.postgres.framing import Frame, FrameError
from headrace.systems.postgres.opening import mapped_errors, open_wire
from headrace.systems.postgres.target import TEXT_FORMAT, PgTarget

T = TypeVar("T")

_COPY_DATA, _READY, _ERROR = ord("d"), ord("Z"), ord("E")
_PASSED = frozenset(b"HcCNS")


class CopySession:
    """Open and logged in, with the settings that make text the same everywhere. One thread at a time uses it. Raises the product's errors
    (see `errors.map_error`); after one the session is of no more use."""

    def __init__(self, target: PgTarget, *, command_timeout_s: float = 60.0) -> None:
        self._timeout = command_timeout_s
        self._failure: ServerError | None = None
        parameters = {
            "application_name": target.application_name,
            "client_encoding": "UTF8",
            **TEXT_FORMAT,
        }
        self._wire, self._target = open_wire(target, parameters)
        self.copying = False
        """True from `start` until all rows have been read."""

    def execute(self, statements: Sequence[str]) -> None:
        """Run statements that give no rows of interest, one after the other."""
        for statement in statements:
            self._mapped(lambda statement=statement: self._wire.query(statement, self._timeout))  # type: ignore[misc]

    def start(self, copy: str) -> None:
        """Send a `COPY … TO STDOUT`; its rows come from `read`, or from `receive`."""
        self._mapped(lambda: self._wire.send(messages.query(copy)))
        self.copying = True

    def read(self, max_bytes: int, timeout_s: float = 0.0) -> list[bytes]:
        """The rows that have arrived, each as its line of COPY's text format; none when nothing did within `timeout_s`."""
        return self._mapped(lambda: self._read(max_bytes, timeout_s))

    def _read(self, max_bytes: int, timeout_s: float) -> list[bytes]:
        chunk = self._wire.receive(max_bytes, timeout_s)
        rows: list[bytes] = []
        if chunk:
            try:
                rest = self._wire.framer.feed_copy(chunk, rows)
                others = self._wire.framer.feed(rest) if rest else ()
            except FrameError as error:
                raise ConnectionLostError(str(error)) from error
            for frame in others:
                self._take(frame, rows)
        return rows

    def receive(self, max_bytes: int, timeout_s: float) -> bytes:
        """What has arrived, as it came; empty when nothing did within `timeout_s`. What is no row is to be told to `message`."""
        return self._mapped(lambda: self._wire.receive(max_bytes, timeout_s))

    def message(self, type: int, body: bytes) -> None:
        """Take note of a message that is no row. What `read` raises."""
        self._mapped(lambda: self._take(Frame(type, body), []))

    def _take(self, frame: Frame, rows: list[bytes]) -> None:
        if frame.type == _COPY_DATA:
            rows.append(frame.body)
        elif frame.type == _ERROR:
            self._failure = ServerError(messages.error_fields(frame.body))
            if self._failure.fields.get("V") in ("FATAL", "PANIC"):
                raise self._failure
        elif frame.type == _READY:
            self.copying = False
            if self._failure is not None:
                raise self._failure
        elif frame.type not in _PASSED:
            raise ConnectionLostError(f"unexpected message {chr(frame.type)!r} in a copy")

    def interrupt(self) -> None:
        """End the connection at once, from another thread: whoever waits for it has a lost connection."""
        self._wire.shut_down()

    def close(self) -> None:
        """End the session and with it its transaction; a running copy is broken off."""
        self._wire.close()

    def _mapped(self, action: Callable[[], T]) -> T:
        with mapped_errors(self._target):
            return action()
