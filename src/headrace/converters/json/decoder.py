"""Compiles a schema into a function from JSON bytes to a Connect value.

msgspec parses into Structs of the schema's shape, checking types and ranges in C; a generated function turns them into
`Struct`s. Input that msgspec refuses is given to `loose.convert`, which has the last word.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable
from decimal import Decimal
from types import GenericAlias
from typing import Annotated, Any, Final

import msgspec

from headrace.converters.json.leaves import INT_BOUNDS
from headrace.converters.json.loose import convert, logical, parse
from headrace.data import Schema, Struct, Type
from headrace.data.logical import (
    DATE_NAME,
    DECIMAL_NAME,
    LOGICAL_NAMES,
    TIME_NAME,
    TIMESTAMP_NAME,
    bytes_to_decimal,
    schema_scale,
)
from headrace.data.text import is_halfway, to_single
from headrace.errors import DataException

Decode = Callable[[bytes], Any]
_Convert = Callable[[Any], Any]

_PLAIN: Final[dict[Type, Any]] = {
    **{kind: Annotated[int, msgspec.Meta(ge=low, le=high)] for kind, (low, high) in INT_BOUNDS.items()},
    Type.FLOAT32: float,
    Type.FLOAT64: float,
    Type.BOOLEAN: bool,
    Type.STRING: str,
    Type.BYTES: bytes,
}


_BASES: Final = {DECIMAL_NAME: Type.BYTES, DATE_NAME: Type.INT32, TIME_NAME: Type.INT32, TIMESTAMP_NAME: Type.INT64}
"""What a logical type is built on; a schema that has its name on another type is decoded by the definition."""


class _Unsupported(Exception):
    """The schema has a shape msgspec cannot describe: every datum goes the definition's way."""


class _Compiler:
    def __init__(self, replace_nulls: bool) -> None:
        self._replace = replace_nulls
        self._made: dict[int, tuple[Any, _Convert | None]] = {}

    def value(self, schema: Schema) -> tuple[Any, _Convert | None]:
        """The msgspec type for values of `schema`, null included, and what to do with the result (None = nothing)."""
        made = self._made.get(id(schema))
        if made is None:
            made = self._made[id(schema)] = self._nullable(schema)
        return made

    def _nullable(self, schema: Schema) -> tuple[Any, _Convert | None]:
        default = schema.default if self._replace else None
        if schema.name in _BASES and schema.type is not _BASES[schema.name]:
            raise _Unsupported
        if schema.name == DECIMAL_NAME:
            return msgspec.Raw, _decimal(schema, default)
        kind, present = self._present(schema)
        if default is not None:
            if present is None:
                return kind | None, lambda value: default if value is None else value
            return kind | None, lambda value: default if value is None else present(value)
        if not schema.optional:
            return kind, present
        if present is None:
            return kind | None, None
        return kind | None, lambda value: None if value is None else present(value)

    def _present(self, schema: Schema) -> tuple[Any, _Convert | None]:
        match schema.type:
            case Type.STRUCT:
                return self._struct(schema)
            case Type.ARRAY if schema.value_schema is not None:
                kind, each = self.value(schema.value_schema)
                return GenericAlias(list, (kind,)), None if each is None else lambda items: [
                    each(item) for item in items
                ]
            case Type.MAP if schema.key_schema is not None and schema.value_schema is not None:
                return self._map(schema.key_schema, schema.value_schema)
            case Type.FLOAT32:
                return float, _single
        return _PLAIN[schema.type], (lambda value: logical(schema, value)) if schema.name in LOGICAL_NAMES else None

    def _map(self, key_schema: Schema, value_schema: Schema) -> tuple[Any, _Convert | None]:
        value_kind, each = self.value(value_schema)
        if key_schema.type is Type.STRING and key_schema.name not in LOGICAL_NAMES:
            if each is None:
                return GenericAlias(dict, (str, value_kind)), None
            return GenericAlias(dict, (str, value_kind)), lambda items: {key: each(item) for key, item in items.items()}
        key_kind, key_each = self.value(key_schema)
        key_of, value_of = key_each or _same, each or _same

        def pairs(items: Any) -> dict[Any, Any]:
            return {key_of(key): value_of(value) for key, value in items}

        return GenericAlias(list, (GenericAlias(tuple, (key_kind, value_kind)),)), pairs

    def _struct(self, schema: Schema) -> tuple[Any, _Convert]:
        scope: dict[str, Any] = {"Struct": Struct, "S": schema}
        parts: list[str] = []
        fields: list[tuple[Any, ...]] = []
        for field in schema.fields:
            name = f"a{field.index}"
            kind, each = self.value(field.schema)
            nullable = field.schema.optional or (self._replace and field.schema.default is not None)
            fields.append((name, kind, None) if nullable else (name, kind))
            if each is None:
                parts.append(f"o.{name}")
                continue
            scope[f"F{name}"] = each
            if field.schema.optional and not (self._replace and field.schema.default is not None):
                parts.append(f"None if o.{name} is None else F{name}(o.{name})")
            else:
                parts.append(f"F{name}(o.{name})")
        exec(f"def build(o):\n    return Struct(S, [{', '.join(parts)}])", scope)
        try:
            shape = msgspec.defstruct(
                "Shape",
                fields,
                rename={f"a{field.index}": field.name for field in schema.fields},
                kw_only=True,
                gc=False,
            )
        except ValueError as error:
            raise _Unsupported from error
        build: _Convert = scope["build"]
        return shape, build


def _decimal(schema: Schema, default: Any) -> _Convert:
    """From raw JSON: base64 text of the unscaled value, or a number. What is neither goes the definition's way."""
    try:
        scale = schema_scale(schema)
    except DataException:
        raise _Unsupported from None

    def read(raw: Any) -> Any:
        text = bytes(raw)
        if text[0] == 34:
            if len(text) == 2:
                raise ValueError
            return bytes_to_decimal(a2b_base64(text[1:-1], strict_mode=True), scale)
        if text == b"null":
            if default is None and not schema.optional:
                raise TypeError
            return default
        number = Decimal(text.decode())
        return number if number else number.copy_abs()  # Java's BigDecimal has no negative zero

    return read


def _single(value: float) -> float:
    """ValueError for a number that the definition has to round from its digits."""
    if is_halfway(value):
        raise ValueError
    return to_single(value)


def _same(value: Any) -> Any:
    return value


def is_described(schema: Schema, *, replace_nulls: bool) -> bool:
    """Whether msgspec reads data of that schema; others are all read by the definition, which knows more numbers."""
    try:
        _Compiler(replace_nulls).value(schema)
    except (_Unsupported, RecursionError):
        return False
    return True


def compile_decoder(schema: Schema | None, *, replace_nulls: bool) -> Decode:
    """From the JSON bytes of a payload to the value. The result raises DataException for bytes that do not fit."""

    def slowly(data: bytes) -> Any:
        return convert(schema, parse(data, exact=True), replace_nulls=replace_nulls)

    if schema is None:
        return schemaless_decoder
    try:
        kind, build = _Compiler(replace_nulls).value(schema)
    except _Unsupported:
        return slowly
    read = msgspec.json.Decoder(kind).decode
    finish = build or _same

    def decode(data: bytes) -> Any:
        try:
            return finish(read(data))
        except (msgspec.DecodeError, TypeError, ValueError, ArithmeticError, RecursionError):
            return slowly(data)

    return decode


_READ_ANY: Final = msgspec.json.Decoder().decode


def schemaless_decoder(data: bytes) -> Any:
    """Any JSON as plain Python data. DataException if it is no JSON."""
    try:
        return _READ_ANY(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return convert(None, parse(data), replace_nulls=True)
