"""Splits a replication connection's bytes: what goes on as it came, and what is of transactions that are not committed yet.

`BlockSplitter` is the readable twin of the Rust core's `StreamBlocks`. Source: PostgreSQL manual, "Logical Replication Message Formats",
protocol versions 2 (streaming) and 4 (parallel).
"""

from __future__ import annotations

import struct
from typing import Any, Final, Protocol

from headrace.native import core, pgoutput
from headrace.native.pgoutput import MESSAGE_AT
from headrace.systems.postgres.framing import COPY_DATA, Framer

START, STOP, COMMIT, ABORT = 0x53, 0x45, 0x63, 0x41
PLAIN, BLOCK, END, FOREIGN, MALFORMED = "plain", "block", "end", "foreign", "malformed"
Piece = tuple[str, int, bytes]
"""Kind, the transaction of a block (else 0), bytes. Plain: whole CopyData messages as they came. Block: runs (see `RUN`) that it adds to
what was streamed of its transaction. End: the payload of a stream's commit or abort. Foreign: the bytes from a message on that is no
CopyData. Malformed: a payload that is not of the protocol; nothing comes behind it."""
RUN: Final = struct.Struct(">IQQB")
"""Before each run, which is messages of one (sub)transaction, as CopyData, without its number: the (sub)transaction, the length, the first
position that is not 0, whether there is anything but relations, types and origins."""
_XID: Final = struct.Struct(">I")
_START: Final = struct.Struct(">Q")
_BARE: Final = frozenset({pgoutput.ORIGIN})
"""Messages that say no transaction, even in a block."""
_TELLING: Final = frozenset({pgoutput.RELATION, pgoutput.TYPE, pgoutput.ORIGIN})
"""Messages that are no change."""


class Splitter(Protocol):
    """Takes a connection's bytes, cut anywhere."""

    def split(self, chunk: bytes) -> list[Piece]: ...


def splitter() -> Splitter:
    """The Rust core's, where it is there."""
    if core is None:
        return BlockSplitter()
    found: Any = core.StreamBlocks()
    made: Splitter = found
    return made


class BlockSplitter:
    """The twin."""

    def __init__(self) -> None:
        self._framer = Framer()
        self._open: int | None = None
        self._pieces: list[tuple[str, int, bytearray]] = []
        self._run: tuple[int, int] | None = None

    def split(self, chunk: bytes) -> list[Piece]:
        payloads: list[bytes] = []
        rest = self._framer.feed_copy(chunk, payloads)
        if self._framer.head not in (None, COPY_DATA):
            rest = self._framer.take()
        self._pieces, self._run = [], None
        try:
            for payload in payloads:
                self._message(payload)
            if rest:
                self._pieces.append((FOREIGN, 0, bytearray(rest)))
        except struct.error:
            self._pieces.append((MALFORMED, 0, bytearray(payload)))
        return [(kind, xid, bytes(data)) for kind, xid, data in self._pieces]

    def _message(self, payload: bytes) -> None:
        kind = None if payload[:1] != b"w" else payload[MESSAGE_AT] if len(payload) > MESSAGE_AT else -1
        if kind == START:
            (self._open,) = _XID.unpack_from(payload, MESSAGE_AT + 1)
            self._run = None
            self._pieces.append((BLOCK, self._open, bytearray()))
        elif kind == STOP:
            self._open = self._run = None
        elif kind is not None and self._open is not None:
            self._streamed(kind, payload, self._open)
        elif kind in (COMMIT, ABORT):
            self._pieces.append((END, 0, bytearray(payload)))
        else:
            self._run = None
            if not self._pieces or self._pieces[-1][0] != PLAIN:
                self._pieces.append((PLAIN, 0, bytearray()))
            self._pieces[-1][2].extend(framed(payload))

    def _streamed(self, kind: int, payload: bytes, xid: int) -> None:
        part, rest = xid, MESSAGE_AT + 1
        if kind not in _BARE:
            (part,) = _XID.unpack_from(payload, rest)
            rest += 4
        if not self._pieces or self._pieces[-1][:2] != (BLOCK, xid):
            self._pieces.append((BLOCK, xid, bytearray()))
            self._run = None
        data = self._pieces[-1][2]
        if self._run is None or self._run[1] != part:
            self._run = len(data), part
            data += RUN.pack(part, 0, 0, 0)
        data += framed(payload[: MESSAGE_AT + 1] + payload[rest:])
        at = self._run[0]
        _, _, first, changes = RUN.unpack_from(data, at)
        first = first or _START.unpack_from(payload, 1)[0]
        RUN.pack_into(data, at, part, len(data) - at - RUN.size, first, changes or kind not in _TELLING)


def framed(payload: bytes) -> bytes:
    """The payload as a CopyData message."""
    return b"d" + _XID.pack(len(payload) + 4) + payload
