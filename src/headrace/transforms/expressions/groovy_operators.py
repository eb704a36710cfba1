"""Groovy's operators on values. Source: org.codehaus.groovy.runtime (DefaultTypeTransformation, NumberMath), checked against Groovy 4."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from headrace.data import Struct
from headrace.errors import ConfigException
from headrace.transforms.expressions.failures import EvaluationFailure
from headrace.transforms.expressions.values import Int32, described, java_equals
from headrace.transforms.patterns import java_pattern

_NUMBERS: Final = (int, float, Decimal)


class Matches:
    """A java.util.regex.Matcher: true when the pattern is found."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self.pattern, self.text = pattern, text

    def found(self) -> bool:
        return self.pattern.search(self.text) is not None

    def whole(self) -> bool:
        return self.pattern.fullmatch(self.text) is not None

    def all(self) -> list[Any]:
        """What was found: texts, or with groups lists of the match and its groups."""
        return [
            [match[0], *match.groups()] if self.pattern.groups else match[0]
            for match in self.pattern.finditer(self.text)
        ]


@lru_cache(maxsize=256)
def pattern_of(text: str) -> re.Pattern[str]:
    """The compiled pattern. EvaluationFailure for a text that is none."""
    try:
        return java_pattern(text, "pattern")
    except ConfigException as error:
        raise EvaluationFailure(error.message) from None


def truth(value: Any) -> bool:
    """Groovy's truth: false are null, false, zero, and what is empty."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, float):
        return value != 0 and value == value
    if isinstance(value, Matches):
        return value.found()
    if isinstance(value, Struct):
        return True
    return bool(value) if isinstance(value, str | list | dict | int | Decimal) or hasattr(value, "__len__") else True


def is_number(value: Any) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _is_character(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 1


def equal(one: Any, other: Any) -> bool:
    """`==`."""
    if one is other:
        return True
    if one is None or other is None:
        return False
    if isinstance(one, str) and isinstance(other, str):
        return str(one) == str(other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, Struct) and isinstance(other, Struct):
        return one.schema == other.schema and all(map(java_equals, one.values, other.values))
    if is_number(one) or is_number(other):
        if is_number(one) and is_number(other):
            return _compare_numbers(one, other) == 0
        # A text of one character is compared by its code.
        if _is_character(other):
            return _compare_numbers(one, ord(other)) == 0
        return _is_character(one) and _compare_numbers(ord(one), other) == 0
    if isinstance(one, bool) or isinstance(other, bool):
        return isinstance(one, bool) and isinstance(other, bool) and one == other
    return bool(one == other)


def _compare_numbers(one: Any, other: Any) -> int:
    if isinstance(one, float) or isinstance(other, float):
        one, other = float(one), float(other)
        # NaN equals itself and is above everything; -0.0 is below 0.0.
        if one != one or other != other:
            return int(one != one) - int(other != other)
        if one == other == 0:
            one, other = math.copysign(1, one), math.copysign(1, other)
    return int(one > other) - int(one < other)


def compare(one: Any, other: Any) -> int:
    """`<=>`, and what `<` and its like go by: null is below everything. EvaluationFailure for what has no order."""
    if one is other:
        return 0
    if one is None or other is None:
        return -1 if one is None else 1
    if isinstance(one, str) and isinstance(other, str):
        return _compare_texts(one, other)
    if is_number(one) and (is_number(other) or _is_character(other)):
        return _compare_numbers(one, other if is_number(other) else ord(other))
    if _is_character(one) and is_number(other):
        return _compare_numbers(ord(one), other)
    if isinstance(one, bool) and isinstance(other, bool):
        return one - other
    if type(one) is type(other) and hasattr(one, "isoformat"):
        return int(one > other) - int(one < other)
    raise EvaluationFailure(f"{described(one)} cannot be compared with {described(other)}")


def _compare_texts(one: str, other: str) -> int:
    # Java compares UTF-16 units, which differ in their order from characters beyond the basic plane.
    if one.isascii() and other.isascii():
        return int(one > other) - int(one < other)
    units, others = (text.encode("utf-16-be", "surrogatepass") for text in (one, other))
    return int(units > others) - int(units < others)


def contained(item: Any, container: Any) -> bool:
    """`item in container`; both exact: an Integer is in no list of Longs."""
    if container is None:
        return False
    if isinstance(container, list):
        return any(java_equals(one, item) for one in container)
    if isinstance(container, range):
        return isinstance(item, Int32) and item in container
    if isinstance(container, str):
        return isinstance(item, str) and str(item) == str(container)
    raise EvaluationFailure(f"'in' needs a list, found {described(container)}")
