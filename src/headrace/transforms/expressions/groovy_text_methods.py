"""Methods of texts that expressions in Groovy may use. Source: java.lang.String, and what Groovy adds to it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from headrace.data.logical import date_to_days, datetime_to_millis, time_to_millis
from headrace.errors import ConfigException
from headrace.transforms.expressions.failures import EvaluationFailure
from headrace.transforms.expressions.groovy_operators import pattern_of
from headrace.transforms.expressions.utf16 import by_unit
from headrace.transforms.expressions.values import (
    Float32,
    Int32,
    JavaArray,
    described,
    java_text,
)
from headrace.transforms.patterns import java_replacement

Method = Callable[..., Any]


def millis(value: Any) -> int:
    """The milliseconds of a java.util.Date."""
    if isinstance(value, dt.datetime):
        return datetime_to_millis(value)
    return time_to_millis(value) if isinstance(value, dt.time) else date_to_days(value) * 86_400_000


def text_argument(value: Any) -> str:
    """A text, as a method that takes one needs it."""
    if not isinstance(value, str):
        raise EvaluationFailure(f"a text is needed, found {described(value)}")
    return str(value)


def position(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise EvaluationFailure(f"a position is needed, found {described(value)}")
    return int(value)


def _substring(text: str, start: Any, end: Any = None) -> str:
    first, last = position(start), len(text) if end is None else position(end)
    if not 0 <= first <= last <= len(text):
        raise EvaluationFailure(f"the text has {len(text)} characters, so {first} to {last} is out of range")
    return text[first:last]


def _split(text: str, pattern: Any, limit: Any = 0) -> list[str]:
    found = pattern_of(text_argument(pattern))
    most = position(limit)
    parts: list[str] = []
    at = 0
    for match in found.finditer(text):
        if match.end() == 0:
            continue
        if len(parts) == most - 1:
            break
        parts.append(text[at : match.start()])
        at = match.end()
    parts.append(text[at:])
    while not most and parts and not parts[-1]:
        parts.pop()
    return JavaArray(parts or ([""] if not text else []))


def _tokenize(text: str, characters: Any = " \t\n\r\f") -> list[str]:
    return [part for part in re.split(f"[{re.escape(text_argument(characters))}]", text) if part]


def _replace_all(text: str, pattern: Any, replacement: Any, count: int = 0) -> str:
    found = pattern_of(text_argument(pattern))
    try:
        template = java_replacement(text_argument(replacement), found, "replacement")
    except ConfigException as error:
        raise EvaluationFailure(error.message) from None
    return found.sub(lambda match: match.expand(template), text, count=count)


def _number(text: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(text.strip())
    except (ValueError, ArithmeticError):
        raise EvaluationFailure("the text is no such number") from None


def _compared(one: str, other: Any) -> Int32:
    second = text_argument(other)
    for a, b in zip(one, second, strict=False):
        if a != b:
            return Int32(ord(a) - ord(b))
    return Int32(len(one) - len(second))


_BLANK: Final = "".join(map(chr, range(33)))
TEXT: Final[dict[str, Method]] = {
    "startsWith": lambda t, prefix: t.startswith(text_argument(prefix)),
    "endsWith": lambda t, suffix: t.endswith(text_argument(suffix)),
    "contains": lambda t, part: text_argument(part) in t,
    "matches": lambda t, pattern: pattern_of(text_argument(pattern)).fullmatch(t) is not None,
    "equalsIgnoreCase": lambda t, other: isinstance(other, str) and t.lower() == other.lower(),
    "toLowerCase": lambda t: t.lower(),
    "toUpperCase": lambda t: t.upper(),
    "trim": lambda t: t.strip(_BLANK),
    "strip": lambda t: t.strip(),
    "length": by_unit(lambda t: Int32(len(t))),
    "size": by_unit(lambda t: Int32(len(t))),
    "isEmpty": lambda t: not t,
    "isBlank": lambda t: not t.strip(),
    "indexOf": by_unit(lambda t, part, at=0: Int32(t.find(text_argument(part), max(0, position(at))))),
    "lastIndexOf": by_unit(lambda t, part: Int32(t.rfind(text_argument(part)))),
    "substring": by_unit(_substring),
    "charAt": by_unit(lambda t, at: _substring(t, at, position(at) + 1)),
    "concat": lambda t, other: t + text_argument(other),
    "plus": lambda t, other: t + java_text(other),
    "minus": lambda t, other: t.replace(java_text(other), "", 1),
    "replace": lambda t, old, new: t.replace(text_argument(old), text_argument(new)),
    "replaceAll": _replace_all,
    "replaceFirst": lambda t, pattern, replacement: _replace_all(t, pattern, replacement, 1),
    "split": _split,
    "tokenize": _tokenize,
    "reverse": lambda t: t[::-1],
    "capitalize": lambda t: t[:1].upper() + t[1:],
    "compareTo": by_unit(_compared),
    "toInteger": lambda t: Int32(_number(t, int)),
    "toLong": lambda t: _number(t, int),
    "toDouble": lambda t: _number(t, float),
    "toFloat": lambda t: Float32(_number(t, float)),
    "toBigDecimal": lambda t: _number(t, Decimal),
    "isInteger": lambda t: re.fullmatch(r"[+-]?\d{1,9}", t, re.ASCII) is not None,
    "isNumber": lambda t: re.fullmatch(r"[+-]?\d+(\.\d+)?", t, re.ASCII) is not None,
    "find": lambda t, pattern: (match := pattern_of(text_argument(pattern)).search(t)) and match[0],
    "toBoolean": lambda t: t.strip().lower() in ("true", "y", "1"),
}
