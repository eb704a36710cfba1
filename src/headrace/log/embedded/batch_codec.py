"""How a batch lies on disk: columns one after the other, so that encoding and decoding work on whole arrays.

    "HR" | version u8 | flags u8 | crc32 u32, started with the flags, of all that follows | count u32 | sections
    sections: timestamps · offset deltas (only if there are gaps) · keys · values · headers

Version 2 is the same, compressed: what follows the checksum is the size u32 of count and sections, and they as `compression` has them.

All numbers are little-endian. Common prefixes and shared headers are stored once and come back shared. A blob that was
cut or changed gives DataException (LOG_CORRUPT), never other records. Pure: no clock, no files.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from headrace.errors import DataException
from headrace.log.embedded.compression import Seamed, compressed, expanded
from headrace.log.spi import EncodedBatch, HeaderBytes
from headrace.native import core
from headrace.spi.columns import Buffer, Column, PackedColumn, Repeated
from headrace.spi.packed_numbers import data_size, integers, little_endian, pack_indexes, unpack_indexes

_MAGIC: Final = b"HR"
_PLAIN: Final = 1
_COMPRESSED: Final = 2
_HEAD: Final = struct.Struct("<2sBBI")
_U32: Final = struct.Struct("<I")
_I32: Final = struct.Struct("<i")
_I64: Final = struct.Struct("<q")
_GAPS: Final = 1  # flag: offsets are not consecutive

# How an array of indexes or timestamps is kept.
_CONSTANT: Final = 0
_ARRAY: Final = 1
# Column flags.
_HAS_NULLS: Final = 1
_HAS_PREFIXES: Final = 2


def packed(batch: EncodedBatch) -> EncodedBatch:
    """The batch with packed columns. DataException (BATCH_INVALID) if their lengths differ or a datum has a wrong form."""
    count = len(batch.timestamps)
    if not (len(batch.keys) == len(batch.values) == len(batch.headers) == count):
        raise DataException(
            f"The columns of a batch for {batch.topic}-{batch.partition} have different lengths: {count} timestamps, "
            f"{len(batch.keys)} keys, {len(batch.values)} values, {len(batch.headers)} headers.",
            code="BATCH_INVALID",
        )
    with _wrong_form(batch):
        keys, values = batch.keys.packed(), batch.values.packed()
    return EncodedBatch(batch.topic, batch.partition, batch.timestamps, keys, values, batch.headers, batch.offsets)


def encode_parts(batch: EncodedBatch) -> list[Buffer]:
    """The blob of a batch as parts to be written one behind the other; buffers of packed columns are not copied.

    Offsets are stored relative to the first one, and only where they have gaps. DataException (BATCH_INVALID) if the columns
    have different lengths or a record has a wrong form."""
    return encode_packed(packed(batch))


def encode_packed(batch: EncodedBatch, *, compress: bool = False) -> list[Buffer]:
    """The same for what `packed` gave. `compress`: where that makes it smaller."""
    count = len(batch.timestamps)
    flags = 0
    parts: list[Buffer] = [b"", _U32.pack(count)]
    with _wrong_form(batch):
        _put_numbers(parts, batch.timestamps)
        offsets = batch.offsets
        if offsets is not None and count and offsets[-1] - offsets[0] != count - 1:
            flags |= _GAPS
            first = offsets[0]
            parts.append(little_endian(array("Q", [offset - first for offset in offsets])))
        _put_column(parts, batch.keys.packed())
        values = batch.values.packed()
        _put_column(parts, values)
        seamed = None if values.seams is None else Seamed(len(parts) - 1, values.lengths, values.seams)
        _put_headers(parts, batch.headers)
    version = _PLAIN
    if compress and (blocks := compressed(parts, seamed)) is not None:
        version = _COMPRESSED
        parts = [b"", _U32.pack(sum(map(len, parts))), blocks]
    parts[0] = _HEAD.pack(_MAGIC, version, flags, _checksum(parts, flags))
    return parts


def encode_batch(batch: EncodedBatch) -> bytes:
    """The blob in one piece; see `encode_parts`."""
    return b"".join(encode_parts(batch))


def decode_batch(topic: str, partition: int, first_offset: int, blob: bytes) -> EncodedBatch:
    """The batch of a blob whose first record has `first_offset`. DataException (LOG_CORRUPT) if it is damaged."""
    try:
        magic, version, flags, crc = _HEAD.unpack_from(blob)
        if magic != _MAGIC or version not in (_PLAIN, _COMPRESSED):
            raise ValueError(f"unknown format {magic!r} version {version}")
        body = memoryview(blob)[_HEAD.size :]
        if _checksum([body], flags) != crc:
            raise ValueError("the checksum does not match")
        if version == _COMPRESSED:
            body = memoryview(expanded(body[_U32.size :], _U32.unpack_from(body)[0]))
        reader = _Reader(body)
        count = reader.u32()
        timestamps = reader.numbers(count)
        if flags & _GAPS:
            offsets: Sequence[int] = [first_offset + delta for delta in integers(reader.take(8 * count), "Q")]
        else:
            offsets = range(first_offset, first_offset + count)
        keys = reader.column(count)
        values = reader.column(count)
        headers = reader.headers(count)
        if reader.at != len(body):
            raise ValueError(f"{len(body) - reader.at} bytes too many")
    except (struct.error, ValueError, IndexError, UnicodeDecodeError, EOFError) as error:
        raise DataException(
            f"The log holds a damaged batch of {topic}-{partition} at offset {first_offset}: {error}.",
            code="LOG_CORRUPT",
            remedy="Check the disk; restore the log from a copy, or delete the topic and take a new snapshot.",
        ) from error
    return EncodedBatch(topic, partition, timestamps, keys, values, headers, offsets)


def _checksum(parts: list[Buffer], start: int) -> int:
    if core is not None:
        try:
            return core.crc32(parts, start)  # type: ignore[no-any-return]
        except TypeError:
            pass  # a buffer that may change: read under the interpreter's lock
    for part in parts:
        start = zlib.crc32(part, start)
    return start


@contextmanager
def _wrong_form(batch: EncodedBatch) -> Iterator[None]:
    try:
        yield
    except (TypeError, OverflowError, LookupError, ValueError, AttributeError, struct.error) as error:
        raise DataException(
            f"A record for {batch.topic}-{batch.partition} has a wrong form: {error}.", code="BATCH_INVALID"
        ) from error


def _put_numbers(parts: list[Buffer], numbers: Sequence[int]) -> None:
    if numbers and numbers.count(numbers[0]) == len(numbers):
        parts += (b"\x00", _I64.pack(numbers[0]))
    else:
        parts += (b"\x01", little_endian(array("q", numbers)))


def _put_column(parts: list[Buffer], column: PackedColumn) -> None:
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


def _put_headers(parts: list[Buffer], headers: Sequence[HeaderBytes]) -> None:
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


class _Reader:
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
