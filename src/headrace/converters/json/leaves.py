"""What a JSON encoder does with a value that is not already of the class it expects: nulls, subclasses, wrong types.

Each function takes any value and gives something msgspec writes as Connect's JsonConverter would, or raises DataException.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from headrace.data import Schema, Type
from headrace.data.logical import (
    DATE_NAME,
    DECIMAL_NAME,
    TIME_NAME,
    TIMESTAMP_NAME,
    date_to_days,
    datetime_to_millis,
    decimal_to_bytes,
    schema_scale,
    time_to_millis,
)
from headrace.data.text import java_double, java_float
from headrace.errors import DataException

Leaf = Callable[[Any], Any]

INT_BITS: Final = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}
INT_BOUNDS: Final = {
    Type.INT8: (-(2**7), 2**7 - 1),
    Type.INT16: (-(2**15), 2**15 - 1),
    Type.INT32: (-(2**31), 2**31 - 1),
    Type.INT64: (-(2**63), 2**63 - 1),
}
_ESCAPES: Final = re.compile(rb"\\\\|\\u00[01][0-9a-f]")
_ASTRAL: Final = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")


def jackson_escapes(text: bytes) -> bytes:
    r"""JSON text with escapes as Jackson writes them: control characters in upper case (`\u001F`), characters beyond U+FFFF as
    a pair of surrogates (`\uD83D\uDE00`)."""
    if b"\\u00" in text:
        text = _ESCAPES.sub(lambda m: m[0] if m[0] == rb"\\" else rb"\u" + m[0][2:].upper(), text)
    return text if text.isascii() else _ASTRAL.sub(_pair, text)


def _pair(match: re.Match[bytes]) -> bytes:
    code = ord(match[0].decode()) - 0x10000
    return b"\\u%04X\\u%04X" % (0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF))


def _wrong(schema: Schema, value: Any) -> DataException:
    kind = schema.name if schema.name in _LOGICAL else schema.type.name
    return DataException(f"Invalid type for {kind}: {type(value).__name__}")


def leaf(schema: Schema, decimal_numeric: bool) -> Leaf:
    """The function for non-null values of a primitive schema."""
    if schema.name in _LOGICAL:
        return _LOGICAL[schema.name](schema, decimal_numeric)
    if schema.type in INT_BOUNDS:
        return _integer(schema)
    return {
        Type.BOOLEAN: _boolean,
        Type.STRING: _string,
        Type.BYTES: _bytes,
        Type.FLOAT64: _double,
        Type.FLOAT32: _float,
    }[schema.type](schema)


def _integer(schema: Schema) -> Leaf:
    low, high = INT_BOUNDS[schema.type]

    def convert(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong(schema, value)
        if not low <= value <= high:
            raise DataException(f"Value {value} is out of range for schema type {schema.type.name}")
        return int(value)

    return convert


def _boolean(schema: Schema) -> Leaf:
    def convert(value: Any) -> Any:
        if value is not True and value is not False:
            raise _wrong(schema, value)
        return value

    return convert


def _string(schema: Schema) -> Leaf:
    def convert(value: Any) -> Any:
        if not isinstance(value, str):
            raise _wrong(schema, value)
        return str.__str__(value)

    return convert


def _bytes(schema: Schema) -> Leaf:
    def convert(value: Any) -> Any:
        if not isinstance(value, bytes | bytearray | memoryview):
            raise _wrong(schema, value)
        return bytes(value)

    return convert


def _double(schema: Schema) -> Leaf:
    def convert(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, float | int):
            raise _wrong(schema, value)
        return double_raw(float(value))

    return convert


def double_raw(value: float) -> Any:
    """A double as JSON text; the three that JSON has no number for as strings."""
    text = java_double(value)
    return msgspec.Raw(text.encode()) if math.isfinite(value) else text


def _float(schema: Schema) -> Leaf:
    def convert(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, float | int):
            raise _wrong(schema, value)
        text = java_float(float(value))
        return text if text[-1] in "Ny" else msgspec.Raw(text.encode())

    return convert


def _decimal(schema: Schema, numeric: bool) -> Leaf:
    scale = 0 if numeric else schema_scale(schema)

    def as_number(value: Any) -> Any:
        if not isinstance(value, Decimal) or not value.is_finite():
            raise _wrong(schema, value)
        return msgspec.Raw(str(value).encode())

    def as_bytes(value: Any) -> Any:
        if value.__class__ is not Decimal:
            raise _wrong(schema, value)
        whole, _, fraction = str(value).partition(".")
        if len(fraction) == scale:
            try:
                unscaled = int(whole + fraction)
            except ValueError:  # exponent form, NaN
                return _scaled(value, scale)
            bits = unscaled.bit_length() if unscaled >= 0 else (unscaled + 1).bit_length()
            return unscaled.to_bytes(bits // 8 + 1, "big", signed=True)
        return _scaled(value, scale)

    return as_number if numeric else as_bytes


def _scaled(value: Decimal, scale: int) -> bytes:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent != -scale:
        raise DataException(
            "Decimal value has mismatching scale for given Decimal schema. "
            f"Schema has scale {scale}, the value is {value}."
        )
    return decimal_to_bytes(value, scale)


def _date(schema: Schema, _: bool) -> Leaf:
    def convert(value: Any) -> Any:
        if not isinstance(value, dt.date):
            raise _wrong(schema, value)
        return date_to_days(value)

    return convert


def _time(schema: Schema, _: bool) -> Leaf:
    def convert(value: Any) -> Any:
        if not isinstance(value, dt.time):
            raise _wrong(schema, value)
        return time_to_millis(value)

    return convert


def _timestamp(schema: Schema, _: bool) -> Leaf:
    def convert(value: Any) -> Any:
        if not isinstance(value, dt.datetime):
            raise _wrong(schema, value)
        return datetime_to_millis(value)

    return convert


_LOGICAL: Final[dict[str | None, Callable[[Schema, bool], Leaf]]] = {
    DECIMAL_NAME: _decimal,
    DATE_NAME: _date,
    TIME_NAME: _time,
    TIMESTAMP_NAME: _timestamp,
}
