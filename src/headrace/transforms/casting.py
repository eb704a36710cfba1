"""One value from one primitive type to another, with Java's rules for narrowing. Source: the Cast transform of Kafka 4.3."""

from __future__ import annotations

import base64
import datetime as dt
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from headrace.data import Schema, Struct, Type
from headrace.data.logical import date_to_days, datetime_to_millis, time_to_millis
from headrace.data.text import exact_single, java_double, java_float, to_single
from headrace.data.values import date_text
from headrace.errors import DataException

_WITHOUT_SCHEMA: Final = (dt.date, dt.time, Decimal)
"""Classes whose Connect type only a schema tells."""
INT_BITS: Final = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}
_INTEGER: Final = re.compile(r"[+-]?\d+")
_REAL: Final = re.compile(r"([+-]?(?:NaN|Infinity|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?))[fFdD]?")
_HEX_REAL: Final = re.compile(r"([+-]?0[xX](?:[0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+)[fFdD]?")
_JAVA_SPACE: Final = "".join(map(chr, range(33)))


def cast_value(source: Schema | None, value: Any, target: Type) -> Any:
    """`value` as `target`; null stays null. DataException for a value that has no form there."""
    if value is None:
        return None
    if isinstance(value, Struct | list | dict) or (source is None and isinstance(value, _WITHOUT_SCHEMA)):
        raise DataException(
            f"Cast transformation was passed a value of type {type(value).__name__} which is not supported."
        )
    if target is Type.STRING:
        return _to_string(source, value)
    if isinstance(value, bytes | bytearray | memoryview):
        raise DataException(f"Unexpected type in Cast transformation: {type(value).__name__} to {target.name}")
    cast = _CASTS[target](target, _plain(value))
    # Without a schema nothing tells that the number is a single: the double of the same text stands for it.
    return float(java_float(cast)) if source is None and target is Type.FLOAT32 else cast


def _plain(value: Any) -> Any:
    """Dates and times as the numbers they travel as."""
    if isinstance(value, dt.datetime):
        return datetime_to_millis(value)
    if isinstance(value, dt.date):
        return date_to_days(value)
    return time_to_millis(value) if isinstance(value, dt.time) else value


def wrap(number: int, bits: int) -> int:
    """The number that the lowest `bits` bits mean in two's complement."""
    return (number + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


def _to_integer(target: Type, value: Any) -> int:
    bits = INT_BITS[target]
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value):
            raise DataException(f"Value ({value}) was out of range or no number for requested data type {target.name}")
        # Python refuses to read thousands of digits, zeros in front among them.
        digits = value.lstrip("+-").lstrip("0") or "0"
        number = int(digits) * (-1 if value[0] == "-" else 1) if len(digits) < 20 else None
        if number is None or wrap(number, bits) != number:
            raise DataException(f"Value ({value}) was out of range for requested data type {target.name}")
        return number
    if isinstance(value, float):
        # Java first saturates at int (long for INT64), then cuts to the smaller type.
        width = max(bits, 32)
        if math.isnan(value):
            return 0
        limit = 1 << (width - 1)
        return wrap(int(max(-limit, min(limit - 1, value))) if math.isfinite(value) else _extreme(value, limit), bits)
    return wrap(int(value), bits)


def _extreme(value: float, limit: int) -> int:
    return limit - 1 if value > 0 else -limit


def _to_real(target: Type, value: Any) -> float:
    if isinstance(value, str):
        return _parse_real(target, value)
    return exact_single(value) if target is Type.FLOAT32 and not isinstance(value, float) else _sized(target, value)


def _sized(target: Type, value: Any) -> float:
    number = as_double(value)
    return to_single(number) if target is Type.FLOAT32 else number


def as_double(value: int | float | Decimal) -> float:
    """As a double; infinite when it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def _parse_real(target: Type, text: str) -> float:
    """As Double.parseDouble and Float.parseFloat read a text: white space around it, a suffix, hexadecimal digits."""
    stripped = text.strip(_JAVA_SPACE)
    if match := _HEX_REAL.fullmatch(stripped):
        return _sized(target, float.fromhex(match[1]))
    match = _REAL.fullmatch(stripped)
    if match is None:
        raise DataException(f"Value ({text}) is no number for requested data type {target.name}")
    number = float(match[1])
    if target is Type.FLOAT64 or not math.isfinite(number):
        return number
    return to_single(number) if len(match[1]) < 16 else exact_single(Decimal(match[1]))


def _to_boolean(target: Type, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.lower() == "true"
    return _to_integer(Type.INT64, value) != 0


def _to_string(source: Schema | None, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return java_float(value) if source is not None and source.type is Type.FLOAT32 else java_double(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    return date_text(value) if isinstance(value, dt.date | dt.time) else str(value)


_CASTS: Final[dict[Type, Callable[[Type, Any], Any]]] = {
    **dict.fromkeys(INT_BITS, _to_integer),
    Type.FLOAT32: _to_real,
    Type.FLOAT64: _to_real,
    Type.BOOLEAN: _to_boolean,
}
