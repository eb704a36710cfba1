"""Splits the server's byte stream into messages; no I/O, so any cut of the stream gives the same frames.

A message is a type byte, a 4-byte length that counts itself, and the body. Source: PostgreSQL manual, "Message Formats".
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

_LENGTH: Final = Struct("!I").unpack_from
MAX_MESSAGE_BYTES: Final = 1 << 30


class Frame(NamedTuple):
    """One message: the ASCII code of its type and its body."""

    type: int
    body: bytes


class FrameError(Exception):
    """The bytes are not messages of the protocol."""


class Framer:
    """Collects chunks and gives out whole messages, in order."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    @property
    def pending(self) -> bool:
        """True while part of a message is kept for the next chunk."""
        return bool(self._rest)

    def feed(self, chunk: bytes) -> list[Frame]:
        """The messages completed by `chunk`. FrameError for an impossible length."""
        data = self._rest + chunk if self._rest else chunk
        frames: list[Frame] = []
        pos, size = 0, len(data)
        while pos + 5 <= size:
            end = pos + 1 + _checked(_LENGTH(data, pos + 1)[0])
            if end > size:
                break
            frames.append(Frame(data[pos], data[pos + 5 : end]))
            pos = end
        self._rest = data[pos:]
        return frames

    def feed_copy(self, chunk: bytes, payloads: list[bytes]) -> list[Frame]:
        """Append the body of every CopyData to `payloads`; stop at the first other message and answer it and all after it.

        The fast form for a running copy: no object per message but the body itself.
        """
        data = self._rest + chunk if self._rest else chunk
        add, length = payloads.append, _LENGTH
        pos, size = 0, len(data)
        while pos + 5 <= size:
            if data[pos] != 100:
                self._rest = b""
                return self.feed(data[pos:])
            count = length(data, pos + 1)[0]
            if not 4 <= count < MAX_MESSAGE_BYTES:
                _checked(count)
            end = pos + 1 + count
            if end > size:
                break
            add(data[pos + 5 : end])
            pos = end
        self._rest = data[pos:]
        return []


def _checked(length: int) -> int:
    if not 4 <= length < MAX_MESSAGE_BYTES:
        raise FrameError(f"impossible message length {length}")
    return length
