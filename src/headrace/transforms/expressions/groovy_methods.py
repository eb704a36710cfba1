"""Methods that expressions in Groovy may use, by the kind of their target. Targets and arguments come exact."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final

from headrace.data import Field, Schema, Struct
from headrace.transforms.expressions.failures import EvaluationFailure
from headrace.transforms.expressions.groovy_arithmetic import sized
from headrace.transforms.expressions.groovy_operators import Matches, compare, truth
from headrace.transforms.expressions.groovy_text_methods import TEXT, Method, millis, position, text_argument
from headrace.transforms.expressions.values import (
    EnumName,
    Float32,
    HeaderMap,
    Int32,
    described,
    exact,
    exact_field,
    java_equals,
    java_text,
)


def _truncated(number: Any) -> int:
    if isinstance(number, Decimal):
        exponent = number.as_tuple().exponent
        # With so many zeros behind it the lowest bits are zero: the number need not be written out.
        if isinstance(exponent, int) and (exponent > 64 or number.adjusted() < 0):
            return 0
    try:
        return int(number)
    except (ValueError, OverflowError):
        return 0


def wide(number: Any, bits: int) -> int:
    """The number cut to that many bits, as intValue and longValue cut it."""
    value = _truncated(number)
    if isinstance(number, float):
        return max(-(1 << (bits - 1)), min(value, (1 << (bits - 1)) - 1))
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _whole_quotient(one: Any, other: Any) -> Any:
    if not isinstance(one, int) or not isinstance(other, int) or not other:
        raise EvaluationFailure("intdiv needs whole numbers, the second not zero")
    quotient = abs(int(one)) // abs(int(other)) * (1 if (one < 0) == (other < 0) else -1)
    return sized(quotient, one, other)


_NUMBER: Final[dict[str, Method]] = {
    "intValue": lambda n: Int32(wide(n, 32)),
    "toInteger": lambda n: Int32(wide(n, 32)),
    "longValue": lambda n: wide(n, 64),
    "toLong": lambda n: wide(n, 64),
    "doubleValue": float,
    "toDouble": float,
    "floatValue": Float32,
    "toBigDecimal": lambda n: n if isinstance(n, Decimal) else Decimal(java_text(n)),
    "abs": lambda n: type(n)(abs(n)),
    "intdiv": _whole_quotient,
    "compareTo": lambda n, other: Int32(compare(n, other)),
    "scale": lambda n: Int32(-n.as_tuple().exponent),
    "signum": lambda n: Int32((n > 0) - (n < 0)),
}


def _element(items: list[Any], index: Any) -> Any:
    at = position(index)
    if not 0 <= at < len(items):
        raise EvaluationFailure(f"the list has {len(items)} elements, so {at} is out of range")
    return items[at]


_LIST: Final[dict[str, Method]] = {
    "contains": lambda items, item: any(java_equals(one, item) for one in items),
    "size": lambda items: Int32(len(items)),
    "isEmpty": lambda items: not items,
    "get": _element,
    "indexOf": lambda items, item: Int32(next((n for n, one in enumerate(items) if java_equals(one, item)), -1)),
    "join": lambda items, between="": text_argument(between).join(map(java_text, items)),
    "first": lambda items: _element(items, 0),
    "last": lambda items: _element(items, len(items) - 1),
    "any": lambda items, test: any(truth(test(item)) for item in items),
    "every": lambda items, test: all(truth(test(item)) for item in items),
    "find": lambda items, test: next((item for item in items if truth(test(item))), None),
    "findAll": lambda items, test: [item for item in items if truth(test(item))],
    "count": lambda items, test: Int32(sum(truth(test(item)) for item in items)),
}
_MAP: Final[dict[str, Method]] = {
    "get": lambda entries, key: entries.get(key),
    "containsKey": lambda entries, key: key in entries,
    "containsValue": lambda entries, value: any(java_equals(one, value) for one in entries.values()),
    "size": lambda entries: Int32(len(entries)),
    "isEmpty": lambda entries: not entries,
}
_HEADERS: Final[dict[str, Method]] = {
    "get": lambda headers, name: headers.get(name),
    "containsKey": lambda headers, name: headers.get(name) is not None,
    "size": lambda headers: Int32(len(headers)),
    "isEmpty": lambda headers: not headers.items,
}


def _typed(struct: Struct, name: Any, kinds: tuple[type, ...], default: bool = False) -> Any:
    field = struct.schema.field(text_argument(name))
    if field is None:
        raise EvaluationFailure(f"{name} is not a valid field name")
    value = struct.values[field.index]
    if value is not None and not isinstance(value, kinds):
        raise EvaluationFailure(f"Field '{name}' is {described(value)}")
    return exact(value, field.schema)


_STRUCT: Final[dict[str, Method]] = {
    "get": lambda struct, name: exact_field(struct, text_argument(name)),
    "getWithoutDefault": lambda struct, name: _typed(struct, name, (object,)),
    "getString": lambda struct, name: _typed(struct, name, (str,)),
    "getInt32": lambda struct, name: _typed(struct, name, (int,)),
    "getInt64": lambda struct, name: _typed(struct, name, (int,)),
    "getInt16": lambda struct, name: _typed(struct, name, (int,)),
    "getBoolean": lambda struct, name: _typed(struct, name, (bool,)),
    "getFloat64": lambda struct, name: _typed(struct, name, (float,)),
    "getFloat32": lambda struct, name: _typed(struct, name, (float,)),
    "getStruct": lambda struct, name: _typed(struct, name, (Struct,)),
    "getArray": lambda struct, name: _typed(struct, name, (list,)),
    "getMap": lambda struct, name: _typed(struct, name, (dict,)),
    "schema": lambda struct: struct.schema,
}
SCHEMA: Final[dict[str, Method]] = {
    "name": lambda schema: schema.name,
    "type": lambda schema: EnumName(schema.type.name),
    "version": lambda schema: None if schema.version is None else Int32(schema.version),
    "doc": lambda schema: schema.doc,
    "isOptional": lambda schema: schema.optional,
    "fields": lambda schema: list(schema.fields),
    "field": lambda schema, name: schema.field(text_argument(name)),
    "parameters": lambda schema: schema.parameters,
    "keySchema": lambda schema: schema.key_schema,
    "valueSchema": lambda schema: schema.value_schema,
}
FIELD: Final[dict[str, Method]] = {
    "name": lambda field: field.name,
    "schema": lambda field: field.schema,
    "index": lambda field: Int32(field.index),
}
_ENUM: Final[dict[str, Method]] = {"name": lambda item: item.name, "getName": lambda item: item.name.lower()}
_DATE: Final[dict[str, Method]] = {"getTime": millis}
_MATCHES: Final[dict[str, Method]] = {
    "find": lambda found: found.found(),
    "matches": lambda found: found.whole(),
    "size": lambda found: len(found.all()),
}
KINDS: Final[tuple[tuple[Any, dict[str, Method]], ...]] = (
    (str, TEXT),
    (bool, {}),
    (int | float | Decimal, _NUMBER),
    (Struct, _STRUCT),
    (list, _LIST),
    (dict, _MAP),
    (HeaderMap, _HEADERS),
    (Schema, SCHEMA),
    (Field, FIELD),
    (EnumName, _ENUM),
    (dt.date | dt.time, _DATE),
    (Matches, _MATCHES),
)
METHODS: Final = frozenset({"equals", "toString", *(name for _, table in KINDS for name in table)})
"""The names of all methods there are for any kind of target."""
