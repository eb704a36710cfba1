"""Java's `hashCode` and Debezium's Murmur hash of values, so that a row keeps the partition it had.

Source: the Java class library's hashCode contracts; io.debezium.util.MurmurHash3 (x64, 64 bit variant, upper half, seed 9001).
"""

from __future__ import annotations

import datetime as dt
import struct
from decimal import Decimal
from typing import Any, Final

from headrace.data import Schema, Type
from headrace.data.logical import date_to_days, datetime_to_millis, time_to_millis
from headrace.errors import DataException

_MASK32: Final = 0xFFFFFFFF
_MASK: Final = 0xFFFFFFFFFFFFFFFF
_DAY_MS: Final = 86_400_000


def _signed(value: int) -> int:
    value &= _MASK32
    return value - (1 << 32) if value & 0x80000000 else value


def _of_long(value: int) -> int:
    return _signed(value ^ ((value & _MASK) >> 32))


def java_hash(value: Any, schema: Schema | None) -> int:
    """What `hashCode` of the Java object for this value gives. DataException for a struct, whose hash differs from run to run."""
    if isinstance(value, bool):
        return 1231 if value else 1237
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, int):
        narrow = schema is not None and schema.type in (Type.INT8, Type.INT16, Type.INT32)
        return value if narrow else _of_long(value)
    if isinstance(value, float):
        if schema is not None and schema.type is Type.FLOAT32:
            return _signed(0x7FC00000 if value != value else struct.unpack(">I", struct.pack(">f", value))[0])
        return _of_long(0x7FF8000000000000 if value != value else struct.unpack(">q", struct.pack(">d", value))[0])
    if isinstance(value, Decimal):
        return _of_decimal(value)
    if isinstance(value, dt.date | dt.time):
        return _of_long(_millis(value))
    if isinstance(value, bytes | bytearray | memoryview):
        result = 1
        for byte in reversed(bytes(value)):
            result = _signed(31 * result + (byte - 256 if byte > 127 else byte))
        return result
    if isinstance(value, list | tuple):
        item = schema.value_schema if schema is not None else None
        result = 1
        for element in value:
            result = _signed(31 * result + (0 if element is None else java_hash(element, item)))
        return result
    if isinstance(value, dict):
        keys, values = (schema.key_schema, schema.value_schema) if schema is not None else (None, None)
        return _signed(sum((java_hash(k, keys) ^ (0 if v is None else java_hash(v, values))) for k, v in value.items()))
    raise DataException(
        f"A value of type {type(value).__name__} has no stable hash.",
        remedy="Name single columns in partition.payload.fields, such as after.id.",
    )


def _millis(value: dt.date | dt.time) -> int:
    if isinstance(value, dt.datetime):
        return datetime_to_millis(value)
    return time_to_millis(value) if isinstance(value, dt.time) else date_to_days(value) * _DAY_MS


def _of_text(value: str) -> int:
    result = 0
    units = value.encode("utf-16-le", "surrogatepass")
    for low, high in zip(units[::2], units[1::2], strict=True):
        result = (31 * result + (low | high << 8)) & _MASK32
    return _signed(result)


def _of_decimal(value: Decimal) -> int:
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    magnitude = int("".join(map(str, digits)))
    result = 0
    for at in range((magnitude.bit_length() + 31) // 32 - 1, -1, -1):
        result = _signed(31 * result + (magnitude >> 32 * at & _MASK32))
    return _signed(31 * (-result if sign else result) - exponent)


def murmur_hash(value: Any, schema: Schema | None) -> int:
    """Debezium's Murmur hash: of a text's UTF-8 bytes, of anything else its Java hash."""
    if isinstance(value, str):
        # A lone surrogate is hashed as a question mark.
        return _murmur(value.encode("utf-8", "replace"))
    return _murmur(struct.pack("<i", java_hash(value, schema)))


def _signed_byte(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def _murmur(key: bytes) -> int:
    state = [0x9368E53C2F6AF274 ^ 9001, 0x586DCD208F7CD3FD ^ 9001, 0x87C37B91114253D5, 0x4CF5AD432745937F]
    whole = len(key) & ~15
    for at in range(0, whole, 16):
        first, second = struct.unpack_from("<QQ", key, at)
        _mix(state, first, second)
    if len(key) & 15:
        first = second = 0
        # Java shifts the bytes of the tail with their sign.
        for index, byte in enumerate(key[whole:]):
            if index < 8:
                first ^= _signed_byte(byte) << 8 * index
            else:
                second ^= _signed_byte(byte) << 8 * (index - 8)
        _mix(state, first & _MASK, second & _MASK)
    h1, h2 = state[0], state[1] ^ len(key)
    h1 = (h1 + h2) & _MASK
    h2 = (h2 + h1) & _MASK
    h1, h2 = _finish(h1), _finish(h2)
    return _signed(((h1 + h2) & _MASK) >> 32)


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> (64 - by)) & _MASK


def _mix(state: list[int], k1: int, k2: int) -> None:
    h1, h2, c1, c2 = state
    h1 ^= _rotated(k1 * c1 & _MASK, 23) * c2 & _MASK
    h1 = (h1 + h2) & _MASK
    h2 = _rotated(h2, 41)
    h2 ^= _rotated(k2 * c2 & _MASK, 23) * c1 & _MASK
    h2 = (h2 + h1) & _MASK
    state[0] = (h1 * 3 + 0x52DCE729) & _MASK
    state[1] = (h2 * 3 + 0x38495AB5) & _MASK
    state[2] = (c1 * 5 + 0x7B7D159C) & _MASK
    state[3] = (c2 * 5 + 0x6BCE6396) & _MASK


def _finish(k: int) -> int:
    k = (k ^ k >> 33) * 0xFF51AFD7ED558CCD & _MASK
    k = (k ^ k >> 33) * 0xC4CEB9FE1A85EC53 & _MASK
    return k ^ k >> 33
