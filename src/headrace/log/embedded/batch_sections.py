"""The sections of a batch on disk, how each is written and read again: numbers, columns, headers. See `batch_codec`.

`put_...` add parts to be written one behind the other; buffers of packed columns are not copied.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from typing import Final

from headrace.log.spi import HeaderBytes
from headrace.spi.columns import Buffer, Column, PackedColumn, Repeated
from headrace.spi.packed_numbers import data_size, integers, little_endian, pack_indexes, unpack_indexes

_U32: Final = struct.Struct("<I")
_I32: Final = struct.Struct("<i")
_I64: Final = struct.Struct("<q")

# How an array of indexes or timestamps is kept.
_CONSTANT: Final = 0
_ARRAY: Final = 1
# Column flags.
_HAS_NULLS: Final = 1
_HAS_PREFIXES: Final = 2


def put_numbers(parts: list[Buffer], numbers: Sequence[int]) -> None:
    """One number if all are the same, else an array. OverflowError for what has no 64 bits."""
    if numbers and numbers.count(numbers[0]) == len(numbers):
        parts += (b"\x00", _I64.pack(numbers[0]))
    else:
        parts += (b"\x01", little_endian(array("q", numbers)))


def put_column(parts: list[Buffer], column: PackedColumn) -> None:
    """Flags, prefixes where there are such, lengths, data. ValueError or IndexError if these do not fit each other."""
    index, count = column.prefix_index, len(column)
    if not count or (isinstance(index, bytes) and not any(index)):
        index = None
    parts.append(bytes(((_HAS_NULLS if column.has_null else 0) | (_HAS_PREFIXES if index else 0),)))
    if index:
        _put_prefixes(parts, column.prefixes, index, count)
    if len(column.lengths) & 3 or data_size(column.lengths, 0, count) != len(column.buffer):
        raise ValueError("the lengths of a packed column do not add up to its buffer")
    parts += (column.lengths, column.buffer)


def _put_prefixes(parts: list[Buffer], prefixes: list[bytes], index: int | bytes, count: int) -> None:
    """The prefixes in use; a table that a converter let grow is not written whole again and again."""
    indexes: Sequence[int] = (index,) if isinstance(index, int) else unpack_indexes(index, count)
    used = set(indexes)
    if min(used) < 0 or (isinstance(index, bytes) and len(indexes) != count):
        raise IndexError("a prefix index is negative, or there are not as many as records")
    kept = sorted(used - {0})
    place = {0: 0} | {old: new for new, old in enumerate(kept, 1)}
    parts.append(_U32.pack(len(kept)))
    for old in kept:
        parts += (_U32.pack(len(prefixes[old])), prefixes[old])
    if len(used) > 1 and kept[-1] == len(kept) and len(index) == count:  # type: ignore[arg-type]  # two are used: no int
        parts += (b"\x01", index)  # type: ignore[arg-type]
    else:
        _put_indexes(parts, [place[old] for old in indexes], len(used), len(kept))


def _put_indexes(parts: list[Buffer], indexes: Sequence[int], distinct: int, highest: int) -> None:
    """Indexes into a small table: one number if all are the same, else the narrowest array that holds them."""
    if distinct == 1:
        parts += (b"\x00", _U32.pack(indexes[0]))
    else:
        packed = pack_indexes(indexes, highest)
        parts += (bytes((len(packed) // len(indexes),)), packed)


def put_headers(parts: list[Buffer], headers: Sequence[HeaderBytes]) -> None:
    """A table of the headers that differ, and which each record has."""
    ids = [id(headers[0])] if isinstance(headers, Repeated) and headers else list(map(id, headers))
    distinct = dict(zip(ids, headers, strict=False))
    table: dict[HeaderBytes, int] = {}
    by_id = {ident: table.setdefault(item, len(table)) for ident, item in distinct.items()}
    parts.append(_U32.pack(len(table)))
    for item in table:
        parts.append(_U32.pack(len(item)))
        for key, value in item:
            name = key.encode()
            parts += (_U32.pack(len(name)), name, _I32.pack(-1 if value is None else len(value)))
            if value is not None:
                parts.append(value)
    if len(table) > 1:
        _put_indexes(parts, [by_id[ident] for ident in ids], len(table), len(table) - 1)


class SectionReader:
    """Walks over a blob; every step checks that it stays inside."""

    __slots__ = ("at", "blob", "end")

    def __init__(self, blob: memoryview) -> None:
        self.blob = blob
        self.at = 0
        self.end = len(blob)

    def _skip(self, size: int) -> int:
        start = self.at
        if size < 0 or start + size > self.end:
            raise EOFError("it ends too early")
        self.at = start + size
        return start

    def u8(self) -> int:
        return self.blob[self._skip(1)]

    def u32(self) -> int:
        value: int = _U32.unpack_from(self.blob, self._skip(4))[0]
        return value

    def take(self, size: int) -> bytes:
        start = self._skip(size)
        return bytes(self.blob[start : self.at])

    def numbers(self, count: int) -> Sequence[int]:
        form = self.u8()
        if form == _CONSTANT:
            return Repeated(_I64.unpack(self.take(8))[0], count)
        if form != _ARRAY:
            raise ValueError(f"unknown array form {form}")
        return list(integers(self.take(8 * count), "q"))

    def indexes(self, count: int, size: int) -> int | bytes:
        """As `PackedColumn.prefix_index`."""
        width = self.u8()
        if width == _CONSTANT:
            same = self.u32()
            if count and same >= size:
                raise ValueError("an index is out of its table")
            return same
        if width not in (1, 2, 4):
            raise ValueError(f"unknown width {width} of indexes")
        packed = self.take(width * count)
        if max(unpack_indexes(packed, count), default=-1) >= size:
            raise ValueError("an index is out of its table")
        return packed

    def column(self, count: int) -> Column:
        flags = self.u8()
        prefixes: list[bytes] | None = None
        index: int | bytes | None = None
        if flags & _HAS_PREFIXES:
            prefixes = [b"", *(self.take(self.u32()) for _ in range(self.u32()))]
            index = self.indexes(count, len(prefixes)) or None
        lengths = self.take(4 * count)
        start = self._skip(data_size(lengths, 0, count))
        return PackedColumn(self.blob[start : self.at], lengths, prefixes, index)

    def headers(self, count: int) -> Sequence[HeaderBytes]:
        size = self.u32()
        table: list[HeaderBytes] = [tuple(self._header() for _ in range(self.u32())) for _ in range(size)]
        if size == 0:
            if count:
                raise ValueError("a header table is missing")
            return []
        if size == 1:
            return Repeated(table[0], count)
        index = self.indexes(count, size)
        if isinstance(index, int):
            return Repeated(table[index], count)
        return [table[i] for i in unpack_indexes(index, count)]

    def _header(self) -> tuple[str, bytes | None]:
        name = self.take(self.u32()).decode()
        length: int = _I32.unpack(self.take(4))[0]
        return name, None if length < 0 else self.take(length)
