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
from headrace.log.embedded.batch_sections import SectionReader, put_column, put_headers, put_numbers
from headrace.log.embedded.compression import Seamed, compressed, expanded
from headrace.log.spi import EncodedBatch
from headrace.native import core
from headrace.spi.columns import Buffer
from headrace.spi.packed_numbers import integers, little_endian

_MAGIC: Final = b"HR"
_PLAIN: Final = 1
_COMPRESSED: Final = 2
_HEAD: Final = struct.Struct("<2sBBI")
_U32: Final = struct.Struct("<I")
_GAPS: Final = 1  # flag: offsets are not consecutive


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
        put_numbers(parts, batch.timestamps)
        offsets = batch.offsets
        if offsets is not None and count and offsets[-1] - offsets[0] != count - 1:
            flags |= _GAPS
            first = offsets[0]
            parts.append(little_endian(array("Q", [offset - first for offset in offsets])))
        put_column(parts, batch.keys.packed())
        values = batch.values.packed()
        put_column(parts, values)
        seamed = None if values.seams is None else Seamed(len(parts) - 1, values.lengths, values.seams)
        put_headers(parts, batch.headers)
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
        reader = SectionReader(body)
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
