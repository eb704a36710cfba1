"""Properties, calls, elements and functions in expressions of JavaScript. Source: ECMAScript 2024."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

from headrace.data import Header, Struct
from headrace.transforms.expressions.failures import EvaluationFailure
from headrace.transforms.expressions.javascript_methods import KINDS, Method
from headrace.transforms.expressions.javascript_values import UNDEFINED, NullStruct, to_number, to_text, truth, whole
from headrace.transforms.expressions.utf16 import units
from headrace.transforms.expressions.values import HeaderMap, described, field_value


def call(target: Any, name: str, arguments: list[Any]) -> Any:
    """The method's result. EvaluationFailure for a target that is null or has no such method."""
    if target is None or target is UNDEFINED:
        raise EvaluationFailure(f"Cannot read property '{name}' of {target or 'null'}")
    for kind, table in KINDS:
        if isinstance(target, kind):
            method = table.get(name)
            if method is not None:
                try:
                    return method(target, *arguments)
                except TypeError as error:
                    raise EvaluationFailure(f"{name}() does not take these arguments") from error
            break
    if name == "toString" and not arguments:
        return to_text(target)
    raise EvaluationFailure(f"{name} is no function of {described(target)}")


def prop(target: Any, name: str) -> Any:
    """`target.name`; undefined for what a text, a number, a list or a struct does not have."""
    if isinstance(target, Struct):
        return field_value(target, name) if target.schema.field(name) is not None else UNDEFINED
    if target is None or target is UNDEFINED:
        raise EvaluationFailure(f"Cannot read property '{name}' of {'null' if target is None else 'undefined'}")
    if isinstance(target, HeaderMap):
        found = target.get(name)
        return UNDEFINED if found is None else found
    if isinstance(target, Header) and name in ("value", "schema"):
        return target.value if name == "value" else target.schema
    if isinstance(target, str):
        return len(units(target)) if name == "length" else UNDEFINED
    if isinstance(target, list | bytes):
        return len(target) if name == "length" else UNDEFINED
    if isinstance(target, dict):
        return target.get(name, UNDEFINED)
    if isinstance(target, bool | int | float):
        return UNDEFINED
    if isinstance(target, NullStruct):
        raise EvaluationFailure(f"Cannot read property '{name}' of a key or value that is null")
    raise EvaluationFailure(f"{described(target)} has no property {name}")


def item(target: Any, index: Any) -> Any:
    """`target[index]`."""
    if isinstance(target, str | list | bytes) and isinstance(index, int | float) and not isinstance(index, bool):
        if isinstance(target, str):
            target = units(target)
        whole_index = isinstance(index, int) or index.is_integer()
        return target[int(index)] if whole_index and 0 <= index < len(target) else UNDEFINED
    return prop(target, to_text(index))


def has(name: Any, target: Any) -> bool:
    """`name in target`."""
    if isinstance(target, Struct):
        return target.schema.field(to_text(name)) is not None
    if isinstance(target, HeaderMap):
        return target.get(to_text(name)) is not None
    if isinstance(target, list):
        number = to_number(name)
        return name == "length" or (isinstance(number, int) and 0 <= number < len(target))
    raise EvaluationFailure(f"'in' is not possible with {described(target)}")


def _parse_int(text: Any, base: Any = 10) -> float:
    text = to_text(text)
    found = re.match(r"\s*([+-]?\d+)", text, re.ASCII)
    if hexadecimal := re.match(r"\s*([+-]?0[xX][0-9a-fA-F]+)", text, re.ASCII):
        return whole(float(int(hexadecimal[1], 16)))
    if base not in (10, 0, UNDEFINED):
        raise EvaluationFailure("parseInt() reads decimal numbers only")
    return whole(float(found[1])) if found else math.nan


def _parse_float(text: Any) -> float:
    found = re.match(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)", to_text(text), re.ASCII)
    return whole(float(found[1])) if found else math.nan


def _rounded(value: Any) -> float:
    number = float(to_number(value))
    return whole(math.floor(number + 0.5) * 1.0) if math.isfinite(number) else number


def _integral(way: Callable[[float], int]) -> Method:
    def run(value: Any) -> float:
        number = float(to_number(value))
        return whole(float(way(number))) if math.isfinite(number) else number

    return run


def _extreme(choose: Callable[..., float], of_none: float) -> Method:
    def run(*values: Any) -> float:
        numbers = [to_number(value) for value in values]
        return math.nan if any(number != number for number in numbers) else choose(numbers, default=of_none)

    return run


FUNCTIONS: Final[dict[str, Method]] = {
    "String": to_text,
    "Number": to_number,
    "Boolean": truth,
    "parseInt": _parse_int,
    "parseFloat": _parse_float,
    "isNaN": lambda value: (number := to_number(value)) != number,
    "Math.abs": lambda value: abs(to_number(value)),
    "Math.floor": _integral(math.floor),
    "Math.ceil": _integral(math.ceil),
    "Math.trunc": _integral(math.trunc),
    "Math.round": _rounded,
    "Math.min": _extreme(min, math.inf),
    "Math.max": _extreme(max, -math.inf),
    "Array.isArray": lambda value: isinstance(value, list),
    "Number.isInteger": lambda value: isinstance(value, int) and not isinstance(value, bool),
}
"""Functions by their name."""
