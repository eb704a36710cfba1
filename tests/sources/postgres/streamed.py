"""Messages of streamed transactions without a server, and what reads them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import pairwise

from tests.sources.postgres import offline

from headrace.sources.postgres.stream.assembly import AssembledConnection


class Given:
    """A connection that has these chunks to read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.left = list(chunks)
        self.back: list[bytes] = []

    def read_chunk(self, max_bytes: int = 0, timeout_s: float = 0) -> bytes:
        return self.left.pop(0) if self.left else b""

    def read(self, max_bytes: int = 0, timeout_s: float = 0) -> list[bytes]:
        raise NotImplementedError

    def give_back(self, rest: bytes) -> None:
        self.back.append(rest)


def payloads(chunks: Iterable[bytes]) -> list[bytes]:
    """What comes of these bytes of a connection."""
    connection = AssembledConnection(Given(chunks))
    found: list[bytes] = []
    try:
        while more := connection.read(timeout_s=60):
            found += more
    finally:
        connection.close()
    return found


def start(xid: int) -> bytes:
    return offline.xlog(0, b"S" + struct.pack(">IB", xid, 1))


STOP = offline.xlog(0, b"E")


def inner(lsn: int, part: int, message: bytes) -> bytes:
    """A message in a block; `part`: the (sub)transaction it is of."""
    return offline.xlog(lsn, message[:1] + struct.pack(">I", part) + message[1:])


def block(xid: int, *messages: tuple[int, bytes]) -> list[bytes]:
    """A streamed block of messages, each with the (sub)transaction it is of."""
    return [start(xid), *(inner(lsn, part, message) for lsn, (part, message) in enumerate(messages, 100)), STOP]


def commit(xid: int, lsn: int) -> bytes:
    return offline.xlog(lsn, b"c" + struct.pack(">IBQQq", xid, 0, lsn, lsn + 8, 5))


def abort(xid: int, part: int, *, where: bool = False) -> bytes:
    """`where`: with position and time, as servers tell it for streaming=parallel."""
    return offline.xlog(0, b"A" + struct.pack(">II", xid, part) + (struct.pack(">Qq", 7, 8) if where else b""))


def cut(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The bytes in chunks that end at these places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in cuts), len(data)]
    return [data[one:other] for one, other in pairwise(edges) if one != other]
