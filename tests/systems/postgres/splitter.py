"""A splitter of the raw stream, as native code is one."""

from __future__ import annotations

import struct


class Splitter:
    """What a native splitter does: keeps the unfinished message, stops at one that is no CopyData or is impossible."""

    def __init__(self) -> None:
        self.rest = b""

    def split(self, chunk: bytes, out: list[bytes]) -> bytes:
        data, pos = self.rest + chunk, 0
        while pos < len(data):
            if data[pos] != ord("d"):
                self.rest = b""
                return data[pos:]
            if pos + 5 > len(data):
                break
            (length,) = struct.unpack_from("!I", data, pos + 1)
            if not 4 <= length < 1 << 30:
                self.rest = b""
                return data[pos:]
            if pos + 1 + length > len(data):
                break
            out.append(data[pos + 5 : pos + 1 + length])
            pos += 1 + length
        self.rest = data[pos:]
        return b""
