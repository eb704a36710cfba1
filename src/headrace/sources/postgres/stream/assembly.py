"""Puts transactions together that the server streams before they are committed (`streaming` in slot.stream.params).

Their changes come in blocks, between those of other transactions, and may be taken back, of single subtransactions or of all. So they wait on
disk until the commit comes; then they go on as if the server had sent them whole, with a BEGIN before them. Whoever decodes knows nothing
of it. Left off, which is the default, the server does the same on its own disk.

Source: PostgreSQL manual, "Logical Replication Message Formats", protocol versions 2 (streaming) and 4 (parallel).
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from headrace.errors import ConnectException
from headrace.native.pgoutput import MESSAGE_AT
from headrace.sources.postgres.stream.blocks import BLOCK, COMMIT, FOREIGN, MALFORMED, PLAIN, framed, splitter
from headrace.sources.postgres.stream.spool import Spool
from headrace.systems.postgres.framing import Framer

_ABORT: Final = struct.Struct(">II")
_COMMIT: Final = struct.Struct(">IBQQq")
_START: Final = struct.Struct(">QQ")
_OFF: Final = ("", "off", "false", "0", "no")
_REMEDY: Final = (
    "Report it with the server's version; without streaming in slot.stream.params the server sends whole transactions."
)


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
    """Pieces of a connection's bytes in (see `blocks.Piece`), CopyData messages of whole transactions out, cut anywhere.

    A transaction of which nothing is left is left out, as servers from 15 on leave out what they send whole. ConnectException PG_PROTOCOL
    for what is not of the protocol; RetriableException PG_SPOOL where there is no room to wait."""

    def __init__(self) -> None:
        self._waiting: dict[int, Spool] = {}

    def chunks(self, kind: str, xid: int, data: bytes) -> Iterator[bytes]:
        """What comes of a piece that is not foreign, in order; to be read to the end before the next is given."""
        if kind == PLAIN:
            yield data
        elif kind == BLOCK:
            spool = self._waiting.get(xid)
            if spool is None:
                spool = self._waiting[xid] = Spool()
            spool.add(data)
        elif kind == MALFORMED:
            raise _malformed(data)
        else:
            try:
                yield from self._ended(data)
            except struct.error:
                raise _malformed(data) from None

    def _ended(self, payload: bytes) -> Iterator[bytes]:
        if payload[MESSAGE_AT] == COMMIT:
            yield from self._committed(payload)
        else:
            self._aborted(payload)

    def _committed(self, payload: bytes) -> Iterator[bytes]:
        xid, flags, commit_lsn, end_lsn, clock = _COMMIT.unpack_from(payload, MESSAGE_AT + 1)
        spool = self._waiting.pop(xid, None)
        if spool is None:
            raise ConnectException(
                f"The server commits transaction {xid}, of which it has streamed nothing.",
                code="PG_PROTOCOL",
                remedy=_REMEDY,
            )
        try:
            first, changes = spool.kept()
            if not changes:
                # What the server says of tables is not said again.
                yield from spool.messages()
                return
            # A server tells BEGIN at the position of the first change.
            at = payload[:1] + _START.pack(first, first) + payload[17:MESSAGE_AT] if first else payload[:MESSAGE_AT]
            yield framed(at + b"B" + struct.pack(">QqI", commit_lsn, clock, xid))
            yield from spool.messages()
            yield framed(payload[:MESSAGE_AT] + b"C" + struct.pack(">BQQq", flags, commit_lsn, end_lsn, clock))
        finally:
            spool.close()

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


def _malformed(payload: bytes) -> ConnectException:
    return ConnectException(
        f"The server has sent what is not of the protocol for streamed transactions: {payload[:64].hex()}",
        code="PG_PROTOCOL",
        remedy=_REMEDY,
    )


class AssembledConnection:
    """A connection whose streamed transactions come whole. Reads as a ReplicationConnection does."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._splitter = splitter()
        self._assembly = Assembly()
        self._framer = Framer()
        self._chunks: Iterator[bytes] = iter(())

    def read(self, max_bytes: int = 1 << 20, timeout_s: float = 1.0) -> list[bytes]:
        found: list[bytes] = []
        deadline = time.monotonic() + timeout_s
        while not found:
            chunk = self.read_chunk(max_bytes, max(0.0, deadline - time.monotonic()))
            if not chunk:
                break
            self._framer.feed_copy(chunk, found)
        return found

    def read_chunk(self, max_bytes: int = 1 << 20, timeout_s: float = 1.0) -> bytes:
        """See `ReplicationConnection.read_chunk`. All of it is of the stream."""
        deadline = time.monotonic() + timeout_s
        late = False
        while not (chunk := self._next(max_bytes)) and not late:
            given = self._connection.read_chunk(max_bytes, max(0.0, deadline - time.monotonic()))
            if not given:
                break
            self._chunks = self._whole(given)
            # Blocks alone may come for long: whoever reads has other things to do, too.
            late = time.monotonic() >= deadline
        return chunk

    def _next(self, max_bytes: int) -> bytes:
        """About so many bytes: a transaction's last change is to go on with its commit, but all of a large one is not to."""
        found: list[bytes] = []
        size = 0
        while size < max_bytes and (chunk := next(self._chunks, b"")):
            found.append(chunk)
            size += len(chunk)
        return found[0] if len(found) == 1 else b"".join(found)

    def _whole(self, given: bytes) -> Iterator[bytes]:
        for kind, xid, data in self._splitter.split(given):
            if kind == FOREIGN:
                self._connection.give_back(data)
            else:
                yield from self._assembly.chunks(kind, xid, data)

    def give_back(self, rest: bytes) -> None:
        """Never to be called: all that `read_chunk` gives is of the stream."""
        raise AssertionError("what was put together is of the stream")

    def close(self) -> None:
        # A generator that is left amid a transaction closes what it reads.
        self._chunks = iter(())
        self._assembly.close()
