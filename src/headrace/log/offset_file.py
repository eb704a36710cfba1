"""Reads the file in which Kafka's connect-standalone keeps source offsets (`offset.storage.file.filename`). Pure.

It is one serialized java.util.HashMap from byte arrays to byte arrays; nothing else is accepted. The bytes are those of
Connect's offsets topic, see `offset_codec`. Source: FileOffsetBackingStore; Java Object Serialization Specification, chapter 6.
"""

from __future__ import annotations

import struct
from typing import Final

from headrace.errors import ConfigException

_HEADER: Final = b"\xac\xed\x00\x05"
_MAP: Final = b"sr\x00\x11java.util.HashMap\x05\x07\xda\xc1\xc3\x16`\xd1\x03\x00\x02F\x00\nloadFactorI\x00\tthresholdxp"
_ARRAY: Final = b"ur\x00\x02[B\xac\xf3\x17\xf8\x06\x08T\xe0\x02\x00\x00xp"
_ARRAY_AGAIN: Final = b"uq"
_NULL: Final = b"p"
_BLOCK: Final = b"w\x08"
_END: Final = b"x"


def read_offset_file(data: bytes) -> dict[bytes, bytes | None]:
    """Key bytes to value bytes, None for an offset that was reset. ConfigException OFFSET_FILE_INVALID when it is no such file."""
    try:
        return _Reader(data).map()
    except (ValueError, struct.error) as error:
        raise ConfigException(
            f"The file of source offsets cannot be read: {error}.",
            code="OFFSET_FILE_INVALID",
            field="offset.storage.file.filename",
            remedy="Name the file that connect-standalone wrote, or another path to start without its offsets.",
        ) from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pos = 0

    def map(self) -> dict[bytes, bytes | None]:
        if not self._is(_HEADER) or not self._is(_MAP):
            raise ValueError("it holds no java.util.HashMap")
        self._take(8)
        if not self._is(_BLOCK):
            raise ValueError("the map has no size")
        _, size = struct.unpack(">ii", self._take(8))
        found: dict[bytes, bytes | None] = {}
        for _ in range(size):
            key = self._array()
            if key is None:
                raise ValueError("a key is null")
            found[key] = self._array()
        if not self._is(_END) or self._pos != len(self._data):
            raise ValueError("there is more behind the map")
        return found

    def _array(self) -> bytes | None:
        if self._is(_NULL):
            return None
        if self._is(_ARRAY_AGAIN):
            self._take(4)
        elif not self._is(_ARRAY):
            raise ValueError(f"there is no byte array at {self._pos}")
        [length] = struct.unpack(">i", self._take(4))
        return self._take(length)

    def _is(self, expected: bytes) -> bool:
        found = self._data.startswith(expected, self._pos)
        if found:
            self._pos += len(expected)
        return found

    def _take(self, length: int) -> bytes:
        end = self._pos + length
        if length < 0 or end > len(self._data):
            raise ValueError(f"it ends at {len(self._data)}, within a value")
        taken = self._data[self._pos : end]
        self._pos = end
        return taken
