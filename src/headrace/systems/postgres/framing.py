"""Splits the server's byte stream into messages; no I/O, so any cut of the stream gives the same frames.

A message is a type byte, a 4-byte length that counts itself, and the body. Source: PostgreSQL manual, "Message Formats".
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

_LENGTH: Final = Struct("!I").unpack_from
MAX_MESSAGE_BYTES: Final = 1 << 30
COPY_DATA: Final = ord("d")


class Frame(NamedTuple):
    """One message: the ASCII code of its type and its body."""

    type: int
    body: bytes


class FrameError(Exception):
    """The bytes are not messages of the protocol."""


class Framer:
    """Collects chunks and gives out whole messages, in order."""

    __slots__ = ("_pos", "_rest")

    def __init__(self, rest: bytes = b"") -> None:
        self._rest = rest
        self._pos = 0

    @property
    def pending(self) -> bool:
        """True while bytes are kept: messages not asked for yet, or part of one."""
        return self._pos < len(self._rest)

    def add(self, chunk: bytes) -> None:
        """Keep `chunk` for `next`."""
        self._rest, self._pos = (self.take() + chunk if self.pending else chunk), 0

    def next(self) -> Frame | None:
        """The next whole message, None when there is none. FrameError for an impossible length."""
        data, pos = self._rest, self._pos
        if pos + 5 > len(data):
            return None
        end = pos + 1 + _checked(_LENGTH(data, pos + 1)[0])
        if end > len(data):
            return None
        self._pos = end
        return Frame(data[pos], data[pos + 5 : end])

    @property
    def head(self) -> int | None:
        """The type of the message that comes next, None when nothing of it is here."""
        return self._rest[self._pos] if self.pending else None

    def check(self) -> None:
        """FrameError when the message that comes next is of impossible length."""
        if self._pos + 5 <= len(self._rest):
            _checked(_LENGTH(self._rest, self._pos + 1)[0])

    def take(self) -> bytes:
        """Give up what is kept: all that came behind the last message, as it came."""
        rest = self._rest[self._pos :]
        self._rest, self._pos = b"", 0
        return rest

    def feed(self, chunk: bytes) -> list[Frame]:
        """The messages completed by `chunk`. FrameError for an impossible length."""
        self.add(chunk)
        frames: list[Frame] = []
        while (frame := self.next()) is not None:
            frames.append(frame)
        return frames

    def feed_copy(self, chunk: bytes, payloads: list[bytes]) -> bytes:
        """Append the body of every CopyData to `payloads`; stop at the first message that is none, or of impossible length, and answer
        the bytes from it on, which are not kept; else none.

        The fast form for a running copy: no object per message but the body itself.
        """
        data = self.take() + chunk if self.pending else chunk
        add, length = payloads.append, _LENGTH
        pos, size = 0, len(data)
        while pos + 5 <= size:
            if data[pos] != 100:
                self._rest, self._pos = b"", 0
                return data[pos:]
            count = length(data, pos + 1)[0]
            if not 4 <= count < MAX_MESSAGE_BYTES:
                self._rest, self._pos = b"", 0
                return data[pos:]
            end = pos + 1 + count
            if end > size:
                break
            add(data[pos + 5 : end])
            pos = end
        self._rest, self._pos = data[pos:], 0
        return b""


def _checked(length: int) -> int:
    if not 4 <= length < MAX_MESSAGE_BYTES:
        raise FrameError(f"impossible message length {length}")
    return length
