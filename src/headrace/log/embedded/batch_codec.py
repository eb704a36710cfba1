"""How a batch lies on disk: columns one after the other, so that encoding and decoding work on whole arrays.

    "HR" | version u8 | flags u8 | crc32 u32, started with the flags, of all that follows | count u32 | sections
    sections: timestamps · offset deltas (only if there are gaps) · keys · values · headers

All numbers are little-endian. Common prefixes and shared headers are stored once and come back shared. A blob that was
cut or changed gives DataException (LOG_CORRUPT), never other records. Pure: no clock, no files.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

from headrace.errors import DataException
from headrace.log.spi import EncodedBatch, HeaderBytes
from headrace.spi.converter import Column

_MAGIC: Final = b"HR"
_VERSION: Final = 1
_HEAD: Final = struct.Struct("<2sBBI")
_U32: Final = struct.Struct("<I")
_I32: Final = struct.Struct("<i")
_I64: Final = struct.Struct("<q")
_GAPS: Final = 1  # flag: offsets are not consecutive
_SWAP: Final = sys.byteorder == "big"

# How an array of indexes or timestamps is kept.
_CONSTANT: Final = 0
_ARRAY: Final = 1
# Column flags.
_HAS_NULLS: Final = 1
_HAS_PREFIXES: Final = 2


def encode_batch(batch: EncodedBatch) -> bytes:
    """The blob of a batch. Offsets are stored relative to the first one, and only where they have gaps.

    DataException (BATCH_INVALID) if the columns have different lengths or a record has a wrong form."""
    count = len(batch.timestamps)
    if not (len(batch.keys) == len(batch.values) == len(batch.headers) == count):
        raise DataException(
            f"The columns of a batch for {batch.topic}-{batch.partition} have different lengths: {count} timestamps, "
            f"{len(batch.keys)} keys, {len(batch.values)} values, {len(batch.headers)} headers.",
            code="BATCH_INVALID",
        )
    flags = 0
    parts: list[bytes] = [_U32.pack(count)]
    try:
        _put_numbers(parts, batch.timestamps, "q")
        offsets = batch.offsets
        if offsets is not None and count and offsets[-1] - offsets[0] != count - 1:
            flags |= _GAPS
            first = offsets[0]
            parts.append(_bytes_of(array("Q", [offset - first for offset in offsets])))
        _put_column(parts, batch.keys)
        _put_column(parts, batch.values)
        _put_headers(parts, batch.headers)
        body = b"".join(parts)
    except (TypeError, OverflowError, IndexError, AttributeError, UnicodeEncodeError, struct.error) as error:
        raise DataException(
            f"A record for {batch.topic}-{batch.partition} has a wrong form: {error}.", code="BATCH_INVALID"
        ) from error
    return _HEAD.pack(_MAGIC, _VERSION, flags, zlib.crc32(body, flags)) + body


def decode_batch(topic: str, partition: int, first_offset: int, blob: bytes) -> EncodedBatch:
    """The batch of a blob whose first record has `first_offset`. DataException (LOG_CORRUPT) if it is damaged."""
    try:
        magic, version, flags, crc = _HEAD.unpack_from(blob)
        if magic != _MAGIC or version != _VERSION:
            raise ValueError(f"unknown format {magic!r} version {version}")
        if zlib.crc32(memoryview(blob)[_HEAD.size :], flags) != crc:
            raise ValueError("the checksum does not match")
        reader = _Reader(blob, _HEAD.size)
        count = reader.u32()
        timestamps = reader.numbers("q", count)
        if flags & _GAPS:
            offsets: Sequence[int] = [first_offset + delta for delta in reader.array("Q", count)]
        else:
            offsets = range(first_offset, first_offset + count)
        keys = reader.column(count)
        values = reader.column(count)
        headers = reader.headers(count)
        if reader.at != len(blob):
            raise ValueError(f"{len(blob) - reader.at} bytes too many")
    except (struct.error, ValueError, IndexError, UnicodeDecodeError, EOFError) as error:
        raise DataException(
            f"The log holds a damaged batch of {topic}-{partition} at offset {first_offset}: {error}.",
            code="LOG_CORRUPT",
            remedy="Check the disk; restore the log from a copy, or delete the topic and take a new snapshot.",
        ) from error
    return EncodedBatch(topic, partition, timestamps, keys, values, headers, offsets)


def _bytes_of(numbers: array[int]) -> bytes:
    if _SWAP:
        numbers.byteswap()
    return numbers.tobytes()


def _put_numbers(parts: list[bytes], numbers: list[int], kind: str) -> None:
    if numbers and numbers.count(numbers[0]) == len(numbers):
        parts += (b"\x00", _I64.pack(numbers[0]))
    else:
        parts += (b"\x01", _bytes_of(array(kind, numbers)))


def _put_indexes(parts: list[bytes], indexes: list[int], used: set[int]) -> None:
    """Indexes into a small table: one number if all are the same, else the narrowest array that holds them."""
    if len(used) == 1:
        parts += (b"\x00", _U32.pack(indexes[0]))
    else:
        highest = max(used, default=0)
        width, kind = (1, "B") if highest < 256 else (2, "H") if highest < 65536 else (4, "I")
        parts += (bytes((width,)), _bytes_of(array(kind, indexes)))


def _put_column(parts: list[bytes], column: Column) -> None:
    data = column.data
    flags = 0
    try:
        lengths = list(map(len, data))  # type: ignore[arg-type]  # a None among them is what the except is for
    except TypeError:
        flags |= _HAS_NULLS
        lengths = [-1 if datum is None else len(datum) for datum in data]
    prefix_of = column.prefix_of
    used = set(prefix_of) if prefix_of is not None else set()
    if prefix_of is not None and used - {0}:
        flags |= _HAS_PREFIXES
    parts.append(bytes((flags,)))
    if flags & _HAS_PREFIXES:
        assert prefix_of is not None
        if len(prefix_of) != len(data):
            raise IndexError(f"{len(prefix_of)} prefix indexes for {len(data)} data")
        _put_prefixes(parts, column.prefixes, prefix_of, used)
    parts.append(_bytes_of(array("i", lengths)))
    parts += data if not flags & _HAS_NULLS else [datum for datum in data if datum is not None]  # type: ignore[arg-type]


def _put_prefixes(parts: list[bytes], prefixes: list[bytes], prefix_of: list[int], used: set[int]) -> None:
    """The prefixes in use; a table that a converter let grow is not written whole again and again."""
    if min(used) < 0:
        raise IndexError("negative prefix index")
    kept = sorted(used - {0})
    if kept[-1] != len(kept):
        place = {old: new for new, old in enumerate(kept, 1)}
        place[0] = 0
        prefix_of = [place[index] for index in prefix_of]
        used = set(place.values()) if 0 in used else set(range(1, len(kept) + 1))
    parts.append(_U32.pack(len(kept)))
    for old in kept:
        parts += (_U32.pack(len(prefixes[old])), prefixes[old])
    _put_indexes(parts, prefix_of, used)


def _put_headers(parts: list[bytes], headers: list[HeaderBytes]) -> None:
    ids = list(map(id, headers))
    distinct = dict(zip(ids, headers, strict=True))
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
        _put_indexes(parts, [by_id[ident] for ident in ids], set(range(len(table))))


class _Reader:
    """Walks over a blob; every step checks that it stays inside."""

    __slots__ = ("at", "blob", "end")

    def __init__(self, blob: bytes, at: int) -> None:
        self.blob = blob
        self.at = at
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
        return self.blob[start : self.at]

    def array(self, kind: str, count: int) -> array[int]:
        numbers: array[int] = array(kind)
        numbers.frombytes(self.take(count * numbers.itemsize))
        if _SWAP:
            numbers.byteswap()
        return numbers

    def numbers(self, kind: str, count: int) -> list[int]:
        form = self.u8()
        if form == _CONSTANT:
            return [_I64.unpack(self.take(8))[0]] * count
        if form != _ARRAY:
            raise ValueError(f"unknown array form {form}")
        return self.array(kind, count).tolist()

    def indexes(self, count: int, size: int) -> list[int]:
        width = self.u8()
        if width == _CONSTANT:
            result = [self.u32()] * count
        else:
            result = self.array({1: "B", 2: "H", 4: "I"}[width], count).tolist()
        if result and max(result) >= size:
            raise ValueError("an index is out of its table")
        return result

    def column(self, count: int) -> Column:
        flags = self.u8()
        prefixes: list[bytes] | None = None
        prefix_of: list[int] | None = None
        if flags & _HAS_PREFIXES:
            prefixes = [b"", *(self.take(self.u32()) for _ in range(self.u32()))]
            prefix_of = self.indexes(count, len(prefixes))
        lengths = self.array("i", count).tolist()
        sizes = [max(length, 0) for length in lengths] if flags & _HAS_NULLS else lengths
        ends = list(accumulate(sizes, initial=self.at))
        blob = self.blob
        self._skip(ends[-1] - self.at)
        data: list[bytes | None]
        if flags & _HAS_NULLS:
            data = [
                None if length < 0 else blob[end - length : end] for length, end in zip(lengths, ends[1:], strict=True)
            ]
        else:
            data = [blob[start:end] for start, end in pairwise(ends)]
        return Column(data, prefixes, prefix_of)

    def headers(self, count: int) -> list[HeaderBytes]:
        size = self.u32()
        table: list[HeaderBytes] = [tuple(self._header() for _ in range(self.u32())) for _ in range(size)]
        if size == 0:
            if count:
                raise ValueError("a header table is missing")
            return []
        if size == 1:
            return [table[0]] * count
        return [table[index] for index in self.indexes(count, size)]

    def _header(self) -> tuple[str, bytes | None]:
        name = self.take(self.u32()).decode()
        length: int = _I32.unpack(self.take(4))[0]
        return name, None if length < 0 else self.take(length)
