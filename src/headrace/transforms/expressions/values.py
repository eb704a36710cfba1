"""Values as Java has them, where Python's own do not tell enough: numbers with a width, texts, equality.

A plain int is a Long, a plain float a Double; the narrower ones are made only where an operation asks for the width (`exact`). Source: the Java class
library; Groovy's NumberMath.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final

from headrace.data import Header, Schema, Struct, Type
from headrace.data.text import java_double, java_float, to_single
from headrace.transforms.expressions.failures import EvaluationFailure


class Int32(int):
    """An Integer."""


class Int16(int):
    """A Short."""


class Int8(int):
    """A Byte."""


class BigInteger(int):
    """A whole number without a width, as powers give it that are beyond one."""


class Float32(float):
    """A Float, rounded to single precision."""

    def __new__(cls, value: Any) -> Float32:
        return super().__new__(cls, to_single(float(value)))


class GString(str):
    """A text with values in it, which Groovy does not take for a String."""


class JavaArray(list[Any]):
    """An array, which has no element beyond its end where a list has null."""


class EnumName:
    """A constant of a Java enum; not equal to any text."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EnumName) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


class HeaderMap:
    """The headers by name; of several with one name the last counts."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[Header, ...]) -> None:
        self.items = items

    def get(self, name: Any) -> Header | None:
        return next((header for header in reversed(self.items) if header.key == name), None)

    def __len__(self) -> int:
        return len({header.key for header in self.items})


_WIDTHS: Final[dict[Type, Any]] = {Type.INT32: Int32, Type.INT16: Int16, Type.INT8: Int8, Type.FLOAT32: Float32}


def exact(value: Any, schema: Schema | None) -> Any:
    """The value of that schema with its width."""
    if value is None or schema is None:
        return value
    wide = _WIDTHS.get(schema.type)
    if wide is not None:
        return wide(value) if value.__class__ in (int, float) else value
    if schema.type is Type.ARRAY:
        return [exact(item, schema.value_schema) for item in value]
    if schema.type is Type.MAP:
        return {exact(k, schema.key_schema): exact(v, schema.value_schema) for k, v in value.items()}
    return value


def field_value(struct: Struct, name: str) -> Any:
    """The field or its default, without its width. EvaluationFailure when there is none of that name."""
    field = struct.schema._by_name.get(name)
    if field is None:
        raise EvaluationFailure(f"{name} is not a valid field name")
    value = struct.values[field.index]
    return field.schema.default if value is None else value


def exact_field(struct: Struct, name: str) -> Any:
    """The field or its default, with its width."""
    field = struct.schema._by_name.get(name)
    if field is None:
        raise EvaluationFailure(f"{name} is not a valid field name")
    value = struct.values[field.index]
    return exact(field.schema.default if value is None else value, field.schema)


def java_text(value: Any) -> str:
    """What `toString` gives, for null `null`. EvaluationFailure for what has no text that means something."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | Decimal):
        return str(int(value)) if isinstance(value, int) else str(value)
    if isinstance(value, Float32):
        return java_float(value)
    if isinstance(value, float):
        return java_double(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(java_text, value)) + "]"
    if isinstance(value, EnumName):
        return value.name
    raise EvaluationFailure(f"{described(value)} cannot be written as a text")


def described(value: Any) -> str:
    """A value in an error's text, by its kind alone: its content may be nobody's business."""
    kinds: list[tuple[Any, str]] = [
        (type(None), "null"),
        (bool, "a boolean"),
        (str, "a text"),
        (int | float | Decimal, "a number"),
        (Struct, "a struct"),
        (list, "a list"),
        (dict, "a map"),
        (dt.date | dt.time, "a date"),
        (bytes, "bytes"),
        (Schema, "a schema"),
        (HeaderMap | Header, "a header"),
    ]
    return next((name for kind, name in kinds if isinstance(value, kind)), type(value).__name__)


def java_equals(one: Any, other: Any) -> bool:
    """`one.equals(other)`: numbers of different classes, and decimals of different scale, are not equal."""
    if one is None or other is None:
        return one is other
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return one.as_tuple() == other.as_tuple()
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(java_equals, one, other))
    if isinstance(one, Struct) and isinstance(other, Struct):
        return one.schema == other.schema and all(map(java_equals, one.values, other.values))
    if isinstance(one, str) and isinstance(other, str):
        return isinstance(one, GString) is isinstance(other, GString) and str(one) == str(other)
    if one.__class__ is not other.__class__:
        return False
    if isinstance(one, float):
        return repr(one) == repr(other)
    return bool(one == other)
