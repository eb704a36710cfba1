"""ReplicationConnection: a logical replication session over our own protocol code.

The drivers hand out one message at a time and wake for every packet; here CopyData is taken in large chunks and
split by a tight loop. All errors are the product's own (see `errors.map_error`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, TypeVar

from headrace.systems.postgres import messages
from headrace.systems.postgres.errors import ConnectionLostError, ServerError
from headrace.systems.postgres.framing import COPY_DATA, FrameError, Framer
from headrace.systems.postgres.lsn import int_to_lsn, lsn_to_int
from headrace.systems.postgres.names import quote_identifier
from headrace.systems.postgres.opening import mapped_errors, open_wire
from headrace.systems.postgres.pacing import Pacer
from headrace.systems.postgres.target import TEXT_FORMAT, PgTarget

T = TypeVar("T")
_PG_EPOCH_US: Final = 946_684_800_000_000


class SlotCreated(NamedTuple):
    """A new slot: where decoding can begin and the snapshot that shows the database at that very point."""

    name: str
    consistent_lsn: int
    snapshot_name: str | None
    """Valid until the next command on this connection; None unless it was to be exported."""


class ReplicationConnection:
    """A session in `replication=database` mode. One thread reads; `send_status` may be called from any."""

    def __init__(self, target: PgTarget, *, command_timeout_s: float = 300.0) -> None:
        """Connect and log in. `command_timeout_s` bounds single commands (creating a slot waits for running transactions)."""
        self._timeout = command_timeout_s
        parameters = {
            "replication": "database",
            "application_name": target.application_name,
            "client_encoding": "UTF8",
            **TEXT_FORMAT,
        }
        self._wire, self.target = open_wire(target, parameters)
        self._pacer = Pacer(time.monotonic())
        self._framer = Framer()
        self._held = b""
        """Received and not handed out, from a whole message on."""

    @property
    def server_version(self) -> int:
        """As server_version_num, for example 150018 or 180006."""
        major, _, minor = self._wire.parameters.get("server_version", "0").split(" ")[0].partition(".")
        digits = "".join(char for char in major if char.isdigit())
        return int(digits or 0) * 10000 + (int(minor) if minor.isdigit() else 0)

    @property
    def backend_pid(self) -> int:
        """The server's process of this session."""
        return self._wire.backend_pid

    def query(self, sql: str) -> list[tuple[str | None, ...]]:
        """The rows of a simple query or replication command, values as text."""
        return self._mapped(lambda: self._wire.query(sql, self._timeout))

    def create_slot(
        self,
        name: str,
        *,
        temporary: bool = False,
        failover: bool = False,
        snapshot: Literal["export", "nothing"] = "nothing",
        plugin: str = "pgoutput",
    ) -> SlotCreated:
        """Create a logical slot. `failover` (servers from 17) lets standbys keep it; older servers ignore the wish.

        PG_EXISTS when the name is taken, PG_WAL_LEVEL, PG_NO_REPLICATION_ROLE, PG_LIMIT when all slots are used."""
        words = f"CREATE_REPLICATION_SLOT {quote_identifier(name)} {'TEMPORARY ' if temporary else ''}LOGICAL {quote_identifier(plugin)}"
        if self.server_version >= 150000:
            options = [f"SNAPSHOT '{snapshot}'"]
            if failover and self.server_version >= 170000:
                options.append("FAILOVER true")
            words += f" ({', '.join(options)})"
        else:
            words += " EXPORT_SNAPSHOT" if snapshot == "export" else " NOEXPORT_SNAPSHOT"
        row = self.query(words)[0]
        return SlotCreated(row[0] or name, lsn_to_int(row[1] or "0/0"), row[2])

    def drop_slot(self, name: str, *, wait: bool = False) -> None:
        """Drop a slot; `wait` until its reader has gone, else PG_SLOT_IN_USE."""
        self.query(f"DROP_REPLICATION_SLOT {quote_identifier(name)}{' WAIT' if wait else ''}")

    def start_replication(self, slot: str, start_lsn: int, options: Mapping[str, str]) -> None:
        """Begin streaming behind `start_lsn` (the server never starts before the slot's confirmed position)."""
        given = ", ".join(f"{quote_identifier(key)} {_literal(value)}" for key, value in options.items())
        words = f"START_REPLICATION SLOT {quote_identifier(slot)} LOGICAL {int_to_lsn(start_lsn)}"
        self._mapped(lambda: self._start(f"{words} ({given})" if given else words))

    def _start(self, sql: str) -> None:
        deadline = time.monotonic() + self._timeout
        self._wire.send(messages.query(sql))
        try:
            while (frame := self._wire.next_frame(deadline)).type != 87:
                if frame.type == 90:
                    raise ConnectionLostError("the server did not start streaming")
        except ServerError as error:
            if error.fields.get("V") not in ("FATAL", "PANIC"):
                while self._wire.next_frame(deadline).type != 90:
                    pass
            raise
        self._held = self._wire.framer.take()
        self._framer = Framer()
        self._pacer = Pacer(time.monotonic())

    def read_chunk(self, max_bytes: int = 1 << 20, timeout_s: float = 1.0) -> bytes:
        """Bytes of the stream as they came, for a splitter that keeps unfinished messages; empty after `timeout_s`.

        They are CopyData messages, cut anywhere. At a message that is none, or is impossible, the splitter stops and hands the bytes
        from there on to `give_back`. Takes at most about `max_bytes` from the socket. While the stream is busy it waits a few
        milliseconds so that a large chunk gathers. Raises the error that ends the stream once all that came before it was handed
        out. A stream is read by this or by `read`, not by both."""
        return self._mapped(lambda: self._chunk(max_bytes, timeout_s))

    def give_back(self, rest: bytes) -> None:
        """Hand back the end of what `read_chunk` gave, beginning with a whole or cut message that is no CopyData: the next read acts on
        it and gives what follows it."""
        self._held = rest + self._held

    def read(self, max_bytes: int = 1 << 20, timeout_s: float = 1.0) -> list[bytes]:
        """The CopyData payloads that have arrived (`w` XLogData and `k` keepalives), in order; empty after `timeout_s`. See
        `read_chunk`."""
        return self._mapped(lambda: self._read(max_bytes, timeout_s))

    def _read(self, max_bytes: int, timeout_s: float) -> list[bytes]:
        payloads: list[bytes] = []
        deadline = time.monotonic() + timeout_s
        while not payloads:
            chunk = self._chunk(max_bytes, max(0.0, deadline - time.monotonic()))
            if not chunk:
                break
            self._held = self._framer.feed_copy(chunk, payloads)
        return payloads

    def _chunk(self, max_bytes: int, timeout_s: float) -> bytes:
        pacer = self._pacer
        deadline = time.monotonic() + timeout_s
        while self._held:
            chunk = self._pass_others()
            if chunk:
                return chunk
            if self._held:
                more = self._wire.receive(max_bytes, max(0.0, deadline - time.monotonic()))
                if not more:
                    return b""
                self._held += more
        delay = pacer.delay(time.monotonic())
        if delay > 0:
            time.sleep(min(delay, timeout_s))
        chunk = self._wire.receive(max_bytes, max(0.0, deadline - time.monotonic()))
        if chunk:
            pacer.received(len(chunk), time.monotonic(), self._wire.more)
        return chunk

    def _pass_others(self) -> bytes:
        """Act on the messages at the head of what is held that are no CopyData: notices go by, all else ends the stream. The bytes
        from the first CopyData on are given and no longer held; none where there is no whole message."""
        framer = Framer(self._held)
        try:
            while framer.head != COPY_DATA:
                frame = framer.next()
                if frame is None:
                    self._held = framer.take()
                    return b""
                if frame.type == 69:
                    raise ServerError(messages.error_fields(frame.body))
                if frame.type not in (78, 83):
                    # CopyDone or a command's end: the server stops the stream, with an error behind it or none.
                    while (later := framer.next()) is not None:
                        if later.type == 69:
                            raise ServerError(messages.error_fields(later.body))
                    raise ConnectionLostError("the server ended the stream")
            framer.check()
        except FrameError as error:
            raise ConnectionLostError(str(error)) from error
        self._held = b""
        return framer.take()

    def send_status(
        self, written: int, flushed: int, applied: int, reply: bool = False, timeout_s: float = 30.0
    ) -> None:
        """Tell the server how far we are; `flushed` is what the slot may forget. `reply` asks for a keepalive at once. PG_TIMEOUT when
        the server does not take it."""
        clock_us = time.time_ns() // 1000 - _PG_EPOCH_US
        status = messages.standby_status(written, flushed, applied, clock_us, reply)
        self._mapped(lambda: self._wire.send(status, timeout_s))

    @property
    def busy(self) -> bool:
        """True while the stream brings data fast enough to be read lazily."""
        return self._pacer.busy

    def fileno(self) -> int:
        """The socket, for select."""
        return self._wire.fileno()

    def close(self) -> None:
        """End the session; a temporary slot goes with it."""
        self._wire.close()

    def __enter__(self) -> ReplicationConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _mapped(self, action: Callable[[], T]) -> T:
        with mapped_errors(self.target):
            return action()


def _literal(text: str) -> str:
    """The replication grammar knows plain literals only: no escapes but the doubled quote."""
    return "'" + text.replace("'", "''") + "'"
