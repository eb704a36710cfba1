"""Properties, calls, elements and conversions in expressions of Groovy. Targets and arguments come exact."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from headrace.data import Field, Header, Schema, Struct
from headrace.transforms.expressions.failures import EvaluationFailure
from headrace.transforms.expressions.groovy_methods import FIELD, KINDS, SCHEMA
from headrace.transforms.expressions.groovy_operators import Matches, is_number, truth
from headrace.transforms.expressions.groovy_text_methods import TEXT, Method, millis
from headrace.transforms.expressions.utf16 import is_wide, joined, units
from headrace.transforms.expressions.values import (
    GString,
    HeaderMap,
    Int32,
    JavaArray,
    described,
    exact,
    exact_field,
    java_equals,
    java_text,
)

_BY_CLASS: dict[type, dict[str, Method]] = {}


def call(target: Any, name: str, arguments: list[Any]) -> Any:
    """The method's result. EvaluationFailure for a target that is null or has no such method."""
    if name == "toString" and not arguments:
        return java_text(target)
    if target is None:
        raise EvaluationFailure(f"Cannot invoke method {name}() on null object")
    if name == "equals" and len(arguments) == 1:
        return java_equals(target, arguments[0])
    table = _table(target)
    method = table.get(name)
    if method is None:
        raise EvaluationFailure(f"{described(target)} has no method {name}()")
    try:
        return method(str(target) if table is TEXT else target, *arguments)
    except TypeError as error:
        raise EvaluationFailure(f"{name}() does not take these arguments") from error


def _table(target: Any) -> dict[str, Method]:
    found = _BY_CLASS.get(target.__class__)
    if found is None:
        found = next((table for kind, table in KINDS if isinstance(target, kind)), {})
        _BY_CLASS[target.__class__] = found
    return found


def prop(target: Any, name: str) -> Any:
    """`target.name` where the target is no struct with a column of that name. EvaluationFailure for what it does not have."""
    if isinstance(target, Struct):
        # Groovy finds the struct's own schema before a column of that name.
        return target.schema if name == "schema" else exact_field(target, name)
    if isinstance(target, dict | HeaderMap):
        return target.get(name)
    if isinstance(target, Header) and name in ("value", "schema"):
        return exact(target.value, target.schema) if name == "value" else target.schema
    if isinstance(target, Schema) and name == "optional":
        return target.optional
    for kind, table in ((Schema, SCHEMA), (Field, FIELD)):
        if isinstance(target, kind) and name in table and name != "field":
            return table[name](target)
    if isinstance(target, dt.date | dt.time) and name == "time":
        return millis(target)
    if isinstance(target, Matches) and name == "count":
        return Int32(len(target.all()))
    if target is None:
        raise EvaluationFailure(f"Cannot get property '{name}' on null object")
    raise EvaluationFailure(f"{described(target)} has no property {name}")


def item(target: Any, index: Any) -> Any:
    """`target[index]`."""
    if isinstance(target, Matches):
        found = target.all()
        if not isinstance(index, int) or not -len(found) <= index < len(found):
            raise EvaluationFailure(f"the pattern was found {len(found)} times, so {index} is out of range")
        return found[index]
    if isinstance(target, list) and isinstance(index, int) and not isinstance(index, bool):
        if -len(target) <= index < len(target):
            return target[index]
        if isinstance(target, JavaArray) or index < 0:
            raise EvaluationFailure(f"there are {len(target)} elements, so {index} is out of range")
        return None
    if isinstance(target, str) and is_wide(target):
        found = item(units(target), index)
        return joined(found) if isinstance(found, str) else found
    if isinstance(target, str) and isinstance(index, int) and not isinstance(index, bool):
        if not -len(target) <= index < len(target):
            raise EvaluationFailure(f"the text has {len(target)} characters, so {index} is out of range")
        return str(target[index])
    if isinstance(target, str | list) and isinstance(index, range):
        return _slice(target, index)
    if isinstance(index, str) and isinstance(target, Struct | dict | HeaderMap | Header | Schema):
        return prop(target, str(index))
    if isinstance(target, dict):
        return target.get(index)
    if target is None:
        raise EvaluationFailure("Cannot invoke method getAt() on null object")
    raise EvaluationFailure(f"{described(target)} has no element {described(index)}")


def _slice(target: Any, wanted: range) -> Any:
    size, step = len(target), wanted.step
    first, last = (at + size if at < 0 else at for at in (wanted.start, wanted.stop - step))
    if not (0 <= first < size and 0 <= last < size) or (step > 0 and last < first):
        raise EvaluationFailure(f"positions {wanted.start} to {wanted.stop - step} are out of range")
    return target[first : last + 1] if step > 0 else target[last : first + 1][::-1]


CONVERSIONS: Final[dict[str, Method]] = {
    "String": java_text,
    "Integer": lambda value: call(value, "toInteger", []),
    "int": lambda value: call(value, "toInteger", []),
    "Long": lambda value: call(value, "toLong", []),
    "long": lambda value: call(value, "toLong", []),
    "Double": lambda value: call(value, "toDouble", []),
    "double": lambda value: call(value, "toDouble", []),
    "BigDecimal": lambda value: call(value, "toBigDecimal", []),
    "Boolean": truth,
    "boolean": truth,
}
"""By the type behind `as`."""
INSTANCES: Final[dict[str, Callable[[Any], bool]]] = {
    "String": lambda value: isinstance(value, str) and not isinstance(value, GString),
    "Integer": lambda value: isinstance(value, Int32),
    "Long": lambda value: type(value) is int,
    "Number": is_number,
    "Double": lambda value: type(value) is float,
    "BigDecimal": lambda value: isinstance(value, Decimal),
    "Boolean": lambda value: isinstance(value, bool),
    "List": lambda value: isinstance(value, list),
    "Map": lambda value: isinstance(value, dict | HeaderMap),
}
"""By the type behind `instanceof`."""
