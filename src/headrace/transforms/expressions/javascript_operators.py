"""JavaScript's operators on values, with Java's objects as GraalJS shows them. Source: ECMAScript 2024; checked against GraalJS 25.

null is None. Numbers are ints or floats: an int is a Java int or long, or a whole number. Structs are proxies, which are never equal, not even to
themselves; decimals, dates and lists are objects of Java.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from headrace.data import Struct
from headrace.transforms.expressions.groovy_arithmetic import divided
from headrace.transforms.expressions.javascript_values import (
    UNDEFINED,
    NullStruct,
    primitive,
    to_number,
    to_text,
    to_uint32,
    whole,
)
from headrace.transforms.expressions.values import HeaderMap


def _kind(value: Any) -> str:
    if value is None or value is UNDEFINED:
        return "none"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "object"


def type_name(value: Any) -> str:
    """`typeof`."""
    if value is UNDEFINED:
        return "undefined"
    return {"boolean": "boolean", "number": "number", "text": "string"}.get(_kind(value), "object")


def strictly_equal(one: Any, other: Any) -> bool:
    """`===`."""
    kind = _kind(one)
    if kind != _kind(other):
        return False
    if kind in ("none", "object"):
        # A proxy is made anew whenever it is asked for.
        return one is other and not isinstance(one, Struct | HeaderMap | NullStruct)
    return bool(one == other)


def equal(one: Any, other: Any) -> bool:
    """`==`."""
    kind, second = _kind(one), _kind(other)
    if kind == second:
        return True if kind == "none" else strictly_equal(one, other)
    if "none" in (kind, second):
        return False
    if kind == "object" or second == "object":
        if kind == "object":
            one = primitive(one, True) if not isinstance(one, NullStruct) else UNDEFINED
        else:
            other = primitive(other, True) if not isinstance(other, NullStruct) else UNDEFINED
        return equal(one, other)
    return bool(_exact_number(one) == _exact_number(other))


def _exact_number(value: Any) -> Any:
    # A text of digits equals the long of that value, also one that no double can be.
    return int(value) if isinstance(value, str) and value.isdigit() and value.isascii() else to_number(value)


def compare(operator: str) -> Callable[[Any, Any], bool]:
    """The function of `< > <= >=`: two texts by their characters, all else as numbers."""

    def run(one: Any, other: Any) -> bool:
        one, other = primitive(one, True), primitive(other, True)
        if isinstance(one, str) and isinstance(other, str):
            if not (one.isascii() and other.isascii()):
                one, other = one.encode("utf-16-be", "surrogatepass"), other.encode("utf-16-be", "surrogatepass")
        else:
            one, other = to_number(one), to_number(other)
        if operator == "<":
            return bool(one < other)
        if operator == ">":
            return bool(one > other)
        return bool(one <= other) if operator == "<=" else bool(one >= other)

    return run


def add(one: Any, other: Any) -> Any:
    """`+`: a text when either is one."""
    one, other = primitive(one), primitive(other)
    if isinstance(one, str) or isinstance(other, str):
        return to_text(one) + to_text(other)
    return _float(lambda a, b: a + b, one, other)


def _float(calculate: Callable[[float, float], float], one: Any, other: Any) -> float:
    try:
        return whole(calculate(float(to_number(one)), float(to_number(other))))
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


def as_double(value: Any) -> float:
    """The operand of a sign: also of a long no more than what a double can be."""
    number = to_number(value)
    return number if -(2**53) <= number <= 2**53 else float(number)


def _remainder(one: float, other: float) -> float:
    return math.nan if not other or math.isinf(one) else math.fmod(one, other)


def _power(one: float, other: float) -> float:
    if abs(one) == 1 and math.isinf(other):
        return math.nan
    return math.pow(one, other)


def _int32(value: Any) -> int:
    bits = to_uint32(value)
    return bits - (1 << 32) if bits & 0x80000000 else bits


_ARITHMETIC: Final[dict[str, Callable[[float, float], float]]] = {
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": divided,
    "%": _remainder,
    "**": _power,
}
_BITWISE: Final[dict[str, Callable[[int, int], int]]] = {
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
}


def arithmetic(operator: str) -> Callable[[Any, Any], Any]:
    """The function of `+ - * / % ** & | ^`."""
    if operator == "+":
        return add
    bits = _BITWISE.get(operator)
    if bits is not None:
        return lambda one, other: bits(_int32(one), _int32(other))
    calculate = _ARITHMETIC[operator]
    return lambda one, other: _float(calculate, one, other)
