"""Numbers, dates and times as a JVM worker writes them. Source: Double.toString, Float.toString (JDK 19+), Connect's Values."""

from __future__ import annotations

import datetime as dt
import math
import struct
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from headrace.data.schema import Schema, Type

_SINGLE: Final = struct.Struct(">f")
_PLAIN_LOW: Final = -3
_PLAIN_HIGH: Final = 7


def java_double(value: float) -> str:
    """Shortest text that reads back as `value`: `100.0`, `1.0E20`, `1.0E-5`, `NaN`, `-Infinity`."""
    if not math.isfinite(value):
        return _non_finite(value)
    magnitude = abs(value)
    if 1e-3 <= magnitude < 1e7 or magnitude == 0:
        return repr(value)
    text = repr(value)
    if _digits(text) == 1:
        # A single digit leaves room for a second one that is nearer to the value (4.9E-324 instead of 5E-324).
        two = f"{value:.1e}"
        if float(two) == value:
            text = two
    return _layout(text)


def java_float(value: float) -> str:
    """As `java_double` for single precision: the value is rounded to a single first."""
    single = to_single(value)
    if not math.isfinite(single):
        return _non_finite(single)
    if single == 0:
        return repr(single)
    for precision in range(1, 9):
        text = f"{single:.{precision}e}"
        if _reads_back(text, single):
            return _layout(text)
    return _layout(f"{single:.9e}")


def to_single(value: float) -> float:
    """`value` rounded to single precision; infinite when it is too large for one."""
    try:
        return float(_SINGLE.unpack(_SINGLE.pack(value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def exact_single(value: int | float | Decimal) -> float:
    """`value` rounded once, straight to single precision: by way of a double some numbers would be rounded twice."""
    try:
        near = float(value)
    except OverflowError:
        return math.copysign(math.inf, value)
    single = to_single(near)
    if near == value or not math.isfinite(single):
        return single
    bits = int.from_bytes(_SINGLE.pack(single), "big")
    candidates = [single]
    for neighbour in (bits - 1, bits + 1):
        if 0 <= neighbour < 2**32:
            other = float(_SINGLE.unpack(neighbour.to_bytes(4, "big"))[0])
            if math.isfinite(other):
                candidates.append(other)
    exact = Fraction(value)
    return min(candidates, key=lambda item: abs(Fraction(item) - exact))


def is_halfway(value: float) -> bool:
    """Whether a double lies between two singles at the same distance, or where they are so close that it may: what was rounded to such
    a double must not be rounded again to a single. Of all texts of at most nine digits, 7.038531E-26 is the one that it matters for."""
    halves = math.frexp(value)[0] * 2**25
    return (halves.is_integer() and int(halves) % 2 == 1) or 0 < abs(value) < 2**-126


def _reads_back(text: str, single: float) -> bool:
    near = float(text)
    return (exact_single(Decimal(text)) if is_halfway(near) else to_single(near)) == single


def _non_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _digits(text: str) -> int:
    mantissa = text.lower().partition("e")[0].lstrip("-")
    return len(mantissa.replace(".", "").strip("0"))


def _layout(text: str) -> str:
    """Java's layout of a decimal text: plain between 1e-3 and 1e7, else one digit before the point and `E`."""
    sign = "-" if text.startswith("-") else ""
    mantissa, _, exponent_text = text.lower().lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    exponent = int(exponent_text or 0) + len(whole) - 1
    digits = whole + fraction
    stripped = digits.lstrip("0")
    exponent -= len(digits) - len(stripped)
    digits = stripped.rstrip("0") or "0"
    if exponent < _PLAIN_LOW or exponent >= _PLAIN_HIGH:
        return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    digits = digits.ljust(exponent + 1, "0")
    return f"{sign}{digits[: exponent + 1]}.{digits[exponent + 1 :] or '0'}"


def temporal_text(value: dt.date | dt.time) -> str:
    """ISO 8601 in UTC with milliseconds; a moment at midnight is written as its date alone."""
    if isinstance(value, dt.time):
        return f"{value:%H:%M:%S}.{value.microsecond // 1000:03d}Z"
    if isinstance(value, dt.datetime):
        moment = value.astimezone(dt.UTC) if value.tzinfo is not None else value
        if moment.time() != dt.time():
            return f"{moment.date().isoformat()}T{temporal_text(moment.time())}"
        value = moment.date()
    return value.isoformat()


def scalar_text(schema: Schema | None, value: Any) -> str | None:
    """Java's text of null, a boolean or a number; None for a value of any other kind."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, float):
        return java_float(value) if schema is not None and schema.type is Type.FLOAT32 else java_double(value)
    return None
