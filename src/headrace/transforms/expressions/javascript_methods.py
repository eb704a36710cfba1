"""Methods that expressions in JavaScript may use, by the kind of their target. Source: ECMAScript 2024; of Java's objects their own."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from headrace.data import Field, Schema, Struct
from headrace.transforms.expressions.failures import EvaluationFailure
from headrace.transforms.expressions.groovy_methods import FIELD, SCHEMA, wide
from headrace.transforms.expressions.groovy_text_methods import millis
from headrace.transforms.expressions.javascript_operators import strictly_equal
from headrace.transforms.expressions.javascript_values import (
    UNDEFINED,
    Expression,
    JsArray,
    to_number,
    to_text,
    to_uint32,
    truth,
    whole,
)
from headrace.transforms.expressions.utf16 import by_unit, units
from headrace.transforms.expressions.values import EnumName

Method = Callable[..., Any]


def _at(value: Any, size: int, absent: int) -> int:
    """A position as `slice` reads it: counted from behind when negative."""
    if value is UNDEFINED:
        return absent
    number = float(to_number(value))
    place = 0 if number != number else int(max(-1e9, min(number, 1e9)))
    return max(place + size, 0) if place < 0 else min(place, size)


def _bounded(value: Any, size: int, absent: int) -> int:
    """A position as `substring` reads it: cut to the text."""
    if value is UNDEFINED:
        return absent
    number = float(to_number(value))
    return 0 if number != number else int(max(0, min(number, size)))


def _substring(text: str, start: Any = UNDEFINED, end: Any = UNDEFINED) -> str:
    first, last = sorted((_bounded(start, len(text), 0), _bounded(end, len(text), len(text))))
    return text[first:last]


def _slice(items: Any, start: Any = UNDEFINED, end: Any = UNDEFINED) -> Any:
    first, last = _at(start, len(items), 0), _at(end, len(items), len(items))
    return items[first:last] if first < last else items[:0]


def _needle(value: Any) -> str:
    if isinstance(value, Expression):
        raise EvaluationFailure("a regular expression is no text to look for")
    return to_text(value)


def _split(text: str, separator: Any = UNDEFINED, limit: Any = UNDEFINED) -> list[Any]:
    if separator is UNDEFINED:
        parts: list[Any] = [text]
    elif isinstance(separator, Expression):
        parts = [UNDEFINED if part is None else part for part in separator.pattern.split(text)] if text else [text]
        if text and separator.pattern.fullmatch(""):
            raise EvaluationFailure("a text cannot be split at an empty match")
    else:
        needle = to_text(separator)
        parts = text.split(needle) if needle else list(units(text))
    return JsArray(parts if limit is UNDEFINED else parts[: to_uint32(limit)])


def _match(text: str, expression: Any) -> Any:
    if not isinstance(expression, Expression):
        raise EvaluationFailure("match() needs a regular expression")
    if expression.everywhere:
        return JsArray(match[0] for match in expression.pattern.finditer(text)) or None
    match = expression.pattern.search(text)
    return (
        None if match is None else JsArray([match[0], *(UNDEFINED if one is None else one for one in match.groups())])
    )


def _search(text: str, expression: Any) -> int:
    match = (
        expression.pattern.search(text)
        if isinstance(expression, Expression)
        else re.search(re.escape(to_text(expression)), text)
    )
    return -1 if match is None else match.start()


def _replacement(match: re.Match[str], template: str) -> str:
    def one(found: re.Match[str]) -> str:
        word = found[1]
        if word == "$":
            return "$"
        if word == "&":
            return match[0]
        if word[0] == "<":
            return (match[word[1:-1]] or "") if word[1:-1] in match.re.groupindex else found[0]
        for size in (2, 1):
            if word[:size].isdigit() and 1 <= int(word[:size]) <= match.re.groups:
                return (match[int(word[:size])] or "") + word[size:]
        return found[0]

    return re.sub(r"\$(\$|&|\d{1,2}|<\w+>)", one, template)


def _replace(text: str, wanted: Any, replacement: Any, every: bool = False) -> str:
    template = to_text(replacement)
    if isinstance(wanted, Expression):
        if every and not wanted.everywhere:
            raise EvaluationFailure("replaceAll must be called with a global regular expression")
        count = 0 if wanted.everywhere else 1
        return wanted.pattern.sub(lambda match: _replacement(match, template), text, count=count)
    pattern = re.compile(re.escape(to_text(wanted)))
    return pattern.sub(lambda match: _replacement(match, template), text, count=0 if every else 1)


def _repeat(text: str, count: Any) -> str:
    number = to_number(count)
    if number != number or not 0 <= number * len(text) <= 1_000_000:
        raise EvaluationFailure("a text cannot be repeated so often")
    return text * int(number)


_SPACE: Final = " \t\n\r\v\f\u00a0\ufeff\u2028\u2029"
_TEXT: Final[dict[str, Method]] = {
    "startsWith": by_unit(lambda t, part=UNDEFINED, at=0: t.startswith(_needle(part), _bounded(at, len(t), 0))),
    "endsWith": lambda t, part=UNDEFINED: t.endswith(_needle(part)),
    "includes": by_unit(lambda t, part=UNDEFINED, at=0: t.find(_needle(part), _bounded(at, len(t), 0)) >= 0),
    "indexOf": by_unit(lambda t, part=UNDEFINED, at=0: t.find(to_text(part), _bounded(at, len(t), 0))),
    "lastIndexOf": by_unit(lambda t, part=UNDEFINED: t.rfind(to_text(part))),
    "substring": by_unit(_substring),
    "slice": by_unit(_slice),
    "charAt": by_unit(lambda t, at=0: t[_bounded(at, len(t), 0) :][:1] if to_number(at) >= 0 else ""),
    "toUpperCase": lambda t: t.upper(),
    "toLowerCase": lambda t: t.lower(),
    "trim": lambda t: t.strip(_SPACE),
    "split": _split,
    "match": _match,
    "search": by_unit(_search),
    "replace": _replace,
    "replaceAll": lambda t, wanted, replacement: _replace(t, wanted, replacement, True),
    "concat": lambda t, *others: t + "".join(map(to_text, others)),
    "repeat": _repeat,
}


def _element(items: list[Any], index: Any) -> Any:
    at = to_number(index)
    if isinstance(at, int) and 0 <= at < len(items):
        return items[at]
    raise EvaluationFailure(f"the list has {len(items)} elements, so {to_text(index)} is out of range")


def _same_value(one: Any, other: Any) -> bool:
    """What `includes` goes by: as ===, but NaN is NaN."""
    return strictly_equal(one, other) or (
        one != one and other != other and isinstance(one, float) and isinstance(other, float)
    )


_LIST: Final[dict[str, Method]] = {
    "includes": lambda items, item=UNDEFINED: any(_same_value(one, item) for one in items),
    "contains": lambda items, item: any(_same_value(one, item) for one in items),
    "indexOf": lambda items, item=UNDEFINED: next((n for n, one in enumerate(items) if strictly_equal(one, item)), -1),
    "join": lambda items, between=",": to_text(between).join(
        "" if one is None or one is UNDEFINED else to_text(one) for one in items
    ),
    "slice": lambda items, *ends: JsArray(_slice(items, *ends)),
    "some": lambda items, test: any(truth(test(item)) for item in items),
    "every": lambda items, test: all(truth(test(item)) for item in items),
    "find": lambda items, test: next((item for item in items if truth(test(item))), UNDEFINED),
    "filter": lambda items, test: JsArray(item for item in items if truth(test(item))),
    "size": len,
    "isEmpty": lambda items: not items,
    "get": _element,
}
_MAP: Final[dict[str, Method]] = {
    "get": lambda entries, key: entries.get(key),
    "containsKey": lambda entries, key: key in entries,
    "size": len,
    "isEmpty": lambda entries: not entries,
}


def _fixed(number: float, digits: Any = 0) -> str:
    size = int(to_number(digits))
    if not 0 <= size <= 100 or not math.isfinite(number) or abs(number) >= 1e21:
        raise EvaluationFailure("toFixed() is not possible for this number")
    return str(Decimal(number).quantize(Decimal(1).scaleb(-size), ROUND_HALF_UP))


_DECIMAL: Final[dict[str, Method]] = {
    "doubleValue": lambda n: whole(float(n)),
    "intValue": lambda n: wide(n, 32),
    "longValue": lambda n: wide(n, 64),
    "compareTo": lambda n, other: (n > other) - (n < other),
    "scale": lambda n: -n.as_tuple().exponent,
}
KINDS: Final[tuple[tuple[Any, dict[str, Method]], ...]] = (
    (str, _TEXT),
    (bool, {}),
    (int | float, {"toFixed": _fixed}),
    (Struct, {}),
    (list, _LIST),
    (dict, _MAP),
    (Decimal, _DECIMAL),
    (Schema, SCHEMA),
    (Field, FIELD),
    (EnumName, {"name": lambda item: item.name}),
    (dt.date | dt.time, {"getTime": millis}),
    (Expression, {"test": lambda expression, text=UNDEFINED: expression.pattern.search(to_text(text)) is not None}),
)
METHODS: Final = frozenset({"toString", *(name for _, table in KINDS for name in table)})
"""The names of all methods there are for any kind of target."""
