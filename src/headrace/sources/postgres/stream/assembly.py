"""Puts transactions together that the server streams before they are committed (`streaming` in slot.stream.params).

Their changes come in blocks, between those of other transactions, and may be taken back, of single subtransactions or of all. So they wait on
disk until the commit comes; then they go on as if the server had sent them whole, with a BEGIN before them. Whoever decodes knows nothing
of it. Left off, which is the default, the server does the same on its own disk.

Source: PostgreSQL manual, "Logical Replication Message Formats", protocol versions 2 (streaming) and 4 (parallel).
"""

from __future__ import annotations

import contextlib
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Final, Protocol

from headrace.errors import ConnectException, RetriableException
from headrace.native import pgoutput
from headrace.native.pgoutput import MESSAGE_AT, XLOG_DATA

START, STOP, COMMIT, ABORT = 0x53, 0x45, 0x63, 0x41
_XID: Final = struct.Struct(">I")
_START: Final = struct.Struct(">Q")
_ABORT: Final = struct.Struct(">II")
_COMMIT: Final = struct.Struct(">IBQQq")
_ENTRY: Final = struct.Struct(">II")
_BARE: Final = frozenset({pgoutput.ORIGIN})
"""Messages that say no transaction, even in a block."""
_OFF: Final = ("", "off", "false", "0", "no")


def protocol(options: Mapping[str, str]) -> str:
    """The protocol version that the options of a stream need."""
    wanted = options.get("streaming", "").lower()
    return "1" if wanted in _OFF else "4" if wanted == "parallel" else "2"


class Connection(Protocol):
    """What a stream is read from."""

    def read(self, max_bytes: int = ..., timeout_s: float = ...) -> list[bytes]: ...
    def read_chunk(self, max_bytes: int = ..., timeout_s: float = ...) -> bytes: ...
    def give_back(self, rest: bytes) -> None: ...


def assembled(connection: Connection, options: Mapping[str, str]) -> Connection:
    """The connection, or what puts its transactions together where the options of the stream ask for it."""
    return connection if protocol(options) == "1" else AssembledConnection(connection)


class Assembly:
    """Payloads in, payloads of whole transactions out."""

    def __init__(self) -> None:
        self._waiting: dict[int, _Spool] = {}
        self._open: _Spool | None = None

    def payloads(self, given: Sequence[bytes]) -> Iterator[bytes]:
        """What comes of these, in order; to be read to the end before the next are given."""
        for payload in given:
            if payload[0] != XLOG_DATA:
                yield payload
                continue
            kind = payload[MESSAGE_AT]
            if kind == START:
                (xid,) = _XID.unpack_from(payload, MESSAGE_AT + 1)
                self._open = self._waiting.get(xid)
                if self._open is None:
                    self._open = self._waiting[xid] = _Spool(xid)
            elif kind == STOP:
                self._open = None
            elif self._open is not None:
                self._open.add(payload)
            elif kind == COMMIT:
                yield from self._committed(payload)
            elif kind == ABORT:
                self._aborted(payload)
            else:
                yield payload

    def _committed(self, payload: bytes) -> Iterator[bytes]:
        xid, flags, commit_lsn, end_lsn, clock = _COMMIT.unpack_from(payload, MESSAGE_AT + 1)
        spool = self._waiting.pop(xid, None)
        if spool is None:
            raise ConnectException(
                f"The server commits transaction {xid}, of which it has streamed nothing.",
                code="PG_PROTOCOL",
                remedy="Report it with the server's version; without streaming in slot.stream.params the server sends whole transactions.",
            )
        with spool:
            messages = spool.messages()
            # A server tells BEGIN at the position of the first change. Relations, which go before it, have none.
            ahead: list[bytes] = []
            for message in messages:
                ahead.append(message)
                if _START.unpack_from(message, 1)[0]:
                    break
            head = (ahead[-1] if ahead else payload)[:MESSAGE_AT]
            yield head + b"B" + struct.pack(">QqI", commit_lsn, clock, xid)
            yield from ahead
            yield from messages
        yield payload[:MESSAGE_AT] + b"C" + struct.pack(">BQQq", flags, commit_lsn, end_lsn, clock)

    def _aborted(self, payload: bytes) -> None:
        xid, part = _ABORT.unpack_from(payload, MESSAGE_AT + 1)
        spool = self._waiting.get(xid)
        if spool is None:
            return
        if part == xid:
            del self._waiting[xid]
            spool.close()
        else:
            spool.dropped.add(part)

    def close(self) -> None:
        for spool in self._waiting.values():
            spool.close()
        self._waiting.clear()


class _Spool:
    """The messages of one transaction that is not committed yet, on disk. `dropped`: its subtransactions that were rolled back."""

    def __init__(self, xid: int) -> None:
        self._xid = xid
        self.dropped: set[int] = set()
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile(prefix="headrace-")  # noqa: SIM115
        except OSError as error:
            raise _no_room(error) from error

    def add(self, payload: bytes) -> None:
        """Keep a message of a block, without the transaction it says it is of. RetriableException PG_SPOOL when the disk does not take it."""
        part, rest = self._xid, MESSAGE_AT + 1
        if payload[MESSAGE_AT] not in _BARE:
            (part,) = _XID.unpack_from(payload, rest)
            rest += 4
        message = payload[: MESSAGE_AT + 1] + payload[rest:]
        try:
            self._file.write(_ENTRY.pack(part, len(message)))
            self._file.write(message)
        except OSError as error:
            raise _no_room(error) from error

    def messages(self) -> Iterator[bytes]:
        try:
            self._file.seek(0)
            while entry := self._file.read(_ENTRY.size):
                part, length = _ENTRY.unpack(entry)
                message = self._file.read(length)
                if part not in self.dropped:
                    yield message
        except OSError as error:
            raise _no_room(error) from error

    def close(self) -> None:
        # What is still to be written is not wanted any more, and may not find room.
        with contextlib.suppress(OSError):
            self._file.close()

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _no_room(error: OSError) -> RetriableException:
    return RetriableException(
        f"A transaction that is not committed yet cannot be kept in {tempfile.gettempdir()}: {error}",
        code="PG_SPOOL",
        field="slot.stream.params",
        remedy="Make room there, or point TMPDIR elsewhere; without streaming in slot.stream.params the server keeps it on its own disk.",
    )


class AssembledConnection:
    """A connection whose streamed transactions come whole. Reads as a ReplicationConnection does."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._assembly = Assembly()
        self._payloads: Iterator[bytes] = iter(())

    def read(self, max_bytes: int = 1 << 20, timeout_s: float = 1.0) -> list[bytes]:
        found = self._next(max_bytes)
        if not found:
            self._payloads = self._assembly.payloads(self._connection.read(max_bytes, timeout_s))
            found = self._next(max_bytes)
        return found

    def _next(self, max_bytes: int) -> list[bytes]:
        """Payloads of about so many bytes: a large transaction is never in memory as a whole."""
        found: list[bytes] = []
        size = 0
        for payload in self._payloads:
            found.append(payload)
            size += len(payload)
            if size >= max_bytes:
                break
        return found

    def read_chunk(self, max_bytes: int = 1 << 20, timeout_s: float = 1.0) -> bytes:
        return b"".join(b"d" + _XID.pack(len(payload) + 4) + payload for payload in self.read(max_bytes, timeout_s))

    def give_back(self, rest: bytes) -> None:
        """Never to be called: all that `read_chunk` gives is of the stream."""
        raise AssertionError("what was put together is of the stream")

    def close(self) -> None:
        self._assembly.close()
