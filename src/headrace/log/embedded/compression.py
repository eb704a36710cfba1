"""Blobs of the log as blocks of LZ4, each of 64 KiB and on its own. Pure.

    per block: length u32, little-endian, its highest bit set where the bytes are kept as they are · that many bytes

JSON takes a fifth to a ninth of its size so, and the disk and the kernel's cache have that much less to do; compressing costs about
what writing the rest would. Without the Rust core nothing is compressed, while everything can be read. Source: "LZ4 Block Format Description"
of the LZ4 project.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from headrace.native import core
from headrace.spi.columns import Buffer

BLOCK: Final = 64 << 10
"""Bytes of a block, but for the last."""
_U32: Final = struct.Struct("<I")
_PLAIN: Final = 1 << 31
_MOST_TIMES: Final = 256
"""More than LZ4 can put into one byte: a size beyond is no size of these blocks."""
_LEAST_BYTES: Final = 1024
"""Less gains nothing worth a look."""


class Seamed(NamedTuple):
    """Which of the parts is the buffer of a packed column that has seams; its lengths and seams."""

    part: int
    lengths: bytes
    seams: bytes


def compressed(parts: Sequence[Buffer], seamed: Seamed | None = None) -> Buffer | None:
    """The blocks of the parts, one behind the other; None where they would not be smaller by an eighth."""
    size = sum(map(len, parts))
    if core is None or size < _LEAST_BYTES:
        return None
    limit = size - size // 8
    made: Buffer | None
    try:
        made = core.lz4_compress(parts, limit, seamed)
    except TypeError:  # a buffer that may change
        made = core.lz4_compress([b"".join(parts)], limit)
    return made


def expanded(blocks: memoryview, size: int) -> Buffer:
    """The `size` bytes that were compressed. ValueError for blocks that are not exactly that."""
    if size > len(blocks) * _MOST_TIMES:
        raise ValueError(f"{len(blocks)} bytes are no {size}")
    if core is None:
        return _expanded(blocks, size)
    try:
        made: Buffer = core.lz4_decompress(blocks, size)
    except core.DeclinedError as error:
        raise ValueError(f"compressed data: {error}") from error
    return made


def _expanded(blocks: memoryview, size: int) -> bytes:
    out, at = bytearray(), 0
    while len(out) < size:
        if at + 4 > len(blocks):
            raise ValueError("compressed data: a block is cut")
        length = _U32.unpack_from(blocks, at)[0]
        start, at = at + 4, at + 4 + (length & ~_PLAIN)
        data, end = bytes(blocks[start:at]), min(len(out) + BLOCK, size)
        if at > len(blocks):
            raise ValueError("compressed data: a block is cut")
        if length & _PLAIN:
            out += data
        else:
            _expand_block(data, out, end)
        if len(out) != end:
            raise ValueError("compressed data: a block of another length")
    if at != len(blocks):
        raise ValueError("compressed data: bytes behind the last block")
    return bytes(out)


def _expand_block(data: bytes, out: bytearray, end: int) -> None:
    """Sequences of literals and a copy of what came before in this block; the last has literals only."""
    begin, at = len(out), 0
    try:
        while True:
            token = data[at]
            count, at = _length(data, at + 1, token >> 4)
            if at + count > len(data):
                raise ValueError("compressed data: literals are cut")
            out += data[at : at + count]
            at += count
            if at == len(data):
                return
            distance = data[at] | data[at + 1] << 8
            count, at = _length(data, at + 2, token & 15)
            count += 4
            if not 0 < distance <= len(out) - begin or len(out) + count > end:
                raise ValueError("compressed data: a copy of what is not there")
            source = bytes(out[len(out) - distance : len(out) - distance + count])
            out += (source * -(-count // len(source)))[:count]
    except IndexError:
        raise ValueError("compressed data: a sequence is cut") from None


def _length(data: bytes, at: int, count: int) -> tuple[int, int]:
    """A length that begins with four bits, and where to go on."""
    if count == 15:
        more = 255
        while more == 255:
            more = data[at]
            count += more
            at += 1
    return count, at
