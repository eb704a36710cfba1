"""JavaScript's values, and what they are as numbers, texts and truth values. Source: ECMAScript 2024; checked against GraalJS 25."""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from headrace.data import Struct
from headrace.errors import ConfigException
from headrace.transforms.expressions.failures import EvaluationFailure
from headrace.transforms.expressions.groovy_text_methods import millis
from headrace.transforms.expressions.values import EnumName, HeaderMap, described, java_text
from headrace.transforms.patterns import java_pattern

_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_SPACE: Final = " \t\n\r\v\f\u00a0\ufeff\u2028\u2029"


class Undefined:
    """JavaScript's undefined."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = Undefined()


class JsArray(list[Any]):
    """An array of JavaScript; a plain list is one of Java, which has another text."""


class NullStruct:
    """The proxy that a null key or value is shown as: it is an object, and whatever is asked of it fails."""


class Expression:
    """A regular expression. EvaluationFailure for one that has no equal here."""

    def __init__(self, source: str, flags: str) -> None:
        self.pattern = compiled(source, "i" in flags, "m" in flags, "s" in flags)
        self.everywhere = "g" in flags


@lru_cache(maxsize=256)
def compiled(source: str, ignore_case: bool = False, lines: bool = False, dot_all: bool = False) -> re.Pattern[str]:
    """The pattern in Python's terms."""
    out: list[str] = []
    in_class = False
    at = 0
    while at < len(source):
        char = source[at]
        if char == "\\":
            out.append(source[at : at + 2])
            at += 2
            continue
        in_class = char == "[" or (in_class and char != "]")
        # Without the flag m the end is the very end, not the place before a last line break.
        out.append("\\z" if char == "$" and not in_class and not lines else char)
        at += 1
    try:
        pattern = java_pattern("".join(out), "pattern")
    except ConfigException as error:
        raise EvaluationFailure(error.message) from None
    flags = pattern.flags & ~re.UNICODE
    flags |= re.IGNORECASE * ignore_case | re.MULTILINE * lines | re.DOTALL * dot_all
    return re.compile(pattern.pattern, flags)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def truth(value: Any) -> bool:
    """False are null, undefined, false, zero, NaN and the empty text."""
    if value is None or value is UNDEFINED:
        return False
    if isinstance(value, float):
        return bool(value) and value == value
    return bool(value) if isinstance(value, bool | int | str) else True


def primitive(value: Any, number: bool = False) -> Any:
    """ToPrimitive: what an object is in an operation. `number`: whether a number is wanted of a date."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dt.date | dt.time):
        if number:
            return millis(value)
        raise EvaluationFailure("a date cannot be written as a text; use getTime()")
    if isinstance(value, list) and not isinstance(value, JsArray):
        return java_text(value)
    if isinstance(value, list | bytes):
        return ",".join("" if item is None or item is UNDEFINED else to_text(item) for item in value)
    if isinstance(value, Struct | HeaderMap | dict):
        return "[object Object]"
    if isinstance(value, NullStruct):
        raise EvaluationFailure("the record's key or value is null")
    if isinstance(value, EnumName):
        return value.name
    if value is None or isinstance(value, str | int | float | Undefined):
        return value
    raise EvaluationFailure(f"{described(value)} cannot be used in an operation")


def to_number(value: Any) -> float:
    """ToNumber."""
    value = primitive(value, True)
    if isinstance(value, bool) or value is None:
        return 1 if value else 0
    if isinstance(value, str):
        text = value.strip(_SPACE)
        if not text:
            return 0
        if _NUMBER.fullmatch(text):
            return whole(float(text))
        if text in ("Infinity", "+Infinity", "-Infinity"):
            return float(text)
        return float(int(text, 0)) if re.fullmatch(r"0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+", text) else math.nan
    return math.nan if value is UNDEFINED else value


def whole(number: float) -> float:
    """The number as an int if it is a whole one."""
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def to_uint32(value: Any) -> int:
    """ToUint32."""
    number = float(to_number(value))
    return int(number) & 0xFFFFFFFF if math.isfinite(number) else 0


def to_text(value: Any) -> str:
    """ToString."""
    value = primitive(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number_text(value)
    return "null" if value is None else str(value)


def _number_text(number: float) -> str:
    if number != number:
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if not number:
        return "0"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = repr(abs(number)).partition("e")
    front, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" and front != "0" else fraction
    digits = (front + fraction).lstrip("0")
    point = len(front) + int(exponent or 0)
    if front == "0":
        point -= len(front + fraction) - len(digits)
    digits = digits.rstrip("0") or "0"
    if 0 < point <= 21:
        body = digits.ljust(point, "0")
        return sign + body[:point] + (f".{body[point:]}" if len(body) > point else "")
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = point - 1
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if power > 0 else '-'}{abs(power)}"
