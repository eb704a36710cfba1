"""Properties, methods and conversions that expressions in Groovy may use, by the kind of their target. Targets and arguments come exact."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from headrace.data import Field, Header, Schema, Struct
from headrace.data.logical import date_to_days, datetime_to_millis, time_to_millis
from headrace.errors import ConfigException
from headrace.transforms.expressions.failures import EvaluationFailure
from headrace.transforms.expressions.groovy_operators import Matches, compare, is_number, pattern_of, truth
from headrace.transforms.expressions.values import (
    EnumName,
    Float32,
    HeaderMap,
    Int32,
    JavaArray,
    described,
    exact,
    exact_field,
    java_equals,
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


def _position(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise EvaluationFailure(f"a position is needed, found {described(value)}")
    return int(value)


def _substring(text: str, start: Any, end: Any = None) -> str:
    first, last = _position(start), len(text) if end is None else _position(end)
    if not 0 <= first <= last <= len(text):
        raise EvaluationFailure(f"the text has {len(text)} characters, so {first} to {last} is out of range")
    return text[first:last]


def _split(text: str, pattern: Any) -> list[str]:
    found = pattern_of(text_argument(pattern))
    parts: list[str] = []
    at = 0
    for match in found.finditer(text):
        if match.end() == 0:
            continue
        parts.append(text[at : match.start()])
        at = match.end()
    parts.append(text[at:])
    while parts and not parts[-1]:
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
_TEXT: Final[dict[str, Method]] = {
    "startsWith": lambda t, prefix: t.startswith(text_argument(prefix)),
    "endsWith": lambda t, suffix: t.endswith(text_argument(suffix)),
    "contains": lambda t, part: text_argument(part) in t,
    "matches": lambda t, pattern: pattern_of(text_argument(pattern)).fullmatch(t) is not None,
    "equalsIgnoreCase": lambda t, other: isinstance(other, str) and t.lower() == other.lower(),
    "toLowerCase": lambda t: t.lower(),
    "toUpperCase": lambda t: t.upper(),
    "trim": lambda t: t.strip(_BLANK),
    "strip": lambda t: t.strip(),
    "length": lambda t: Int32(len(t)),
    "size": lambda t: Int32(len(t)),
    "isEmpty": lambda t: not t,
    "isBlank": lambda t: not t.strip(),
    "indexOf": lambda t, part: Int32(t.find(text_argument(part))),
    "lastIndexOf": lambda t, part: Int32(t.rfind(text_argument(part))),
    "substring": _substring,
    "charAt": lambda t, at: _substring(t, at, _position(at) + 1),
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
    "compareTo": _compared,
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


def _truncated(number: Any) -> int:
    try:
        return int(number)
    except (ValueError, OverflowError):
        return 0


def _wide(number: Any, bits: int) -> int:
    value = _truncated(number)
    if isinstance(number, float):
        return max(-(1 << (bits - 1)), min(value, (1 << (bits - 1)) - 1))
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _whole_quotient(one: Any, other: Any) -> Any:
    if not isinstance(one, int) or not isinstance(other, int) or not other:
        raise EvaluationFailure("intdiv needs whole numbers, the second not zero")
    quotient = abs(int(one)) // abs(int(other)) * (1 if (one < 0) == (other < 0) else -1)
    return Int32(quotient) if type(one) is not int and type(other) is not int else quotient


_NUMBER: Final[dict[str, Method]] = {
    "intValue": lambda n: Int32(_wide(n, 32)),
    "toInteger": lambda n: Int32(_wide(n, 32)),
    "longValue": lambda n: _wide(n, 64),
    "toLong": lambda n: _wide(n, 64),
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
    at = _position(index)
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
_KINDS: Final[tuple[tuple[Any, dict[str, Method]], ...]] = (
    (str, _TEXT),
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
_BY_CLASS: dict[type, dict[str, Method]] = {}
METHODS: Final = frozenset({"equals", "toString", *(name for _, table in _KINDS for name in table)})
"""The names of all methods there are for any kind of target."""


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
        return method(str(target) if table is _TEXT else target, *arguments)
    except TypeError as error:
        raise EvaluationFailure(f"{name}() does not take these arguments") from error


def _table(target: Any) -> dict[str, Method]:
    found = _BY_CLASS.get(target.__class__)
    if found is None:
        found = next((table for kind, table in _KINDS if isinstance(target, kind)), {})
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
    "String": lambda value: type(value) is str,
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
