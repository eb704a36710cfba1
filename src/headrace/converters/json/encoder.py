"""Compiles a schema into a function from a Connect value to its JSON bytes.

For each struct a function is generated that checks every field in line and fills a msgspec Struct of the same shape, which
msgspec then writes in C. What needs Java's own text (large floats) goes in as raw JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from headrace.converters.json.leaves import INT_BOUNDS, Leaf, double_raw, jackson_escapes, leaf
from headrace.data import Schema, Struct, Type
from headrace.data.logical import LOGICAL_NAMES
from headrace.errors import DataException

Encode = Callable[[Any], bytes]

_ENCODE: Final = msgspec.json.Encoder().encode
_ACCEPTED_SCHEMAS: Final = 64


class _Compiler:
    """One compilation; `decimal_numeric` and `replace_nulls` are the converter's settings."""

    def __init__(self, decimal_numeric: bool, replace_nulls: bool) -> None:
        self._numeric = decimal_numeric
        self._replace = replace_nulls
        self._made: dict[int, Leaf] = {}

    def value(self, schema: Schema) -> Leaf:
        """From any value under `schema`, null included, to what msgspec writes."""
        made = self._made.get(id(schema))
        if made is None:
            made = self._made[id(schema)] = self._nullable(schema, self.present(schema))
        return made

    def present(self, schema: Schema) -> Leaf:
        """From a value that is not null."""
        match schema.type:
            case Type.STRUCT:
                return self._struct(schema)
            case Type.ARRAY:
                return self._array(schema)
            case Type.MAP:
                return self._map(schema)
            case _:
                return leaf(schema, self._numeric)

    def null(self, schema: Schema, present: Leaf) -> Any:
        """What stands for null; DataException when nothing may."""
        if self._replace and schema.default is not None:
            return present(schema.default)
        if schema.optional:
            return None
        raise DataException("Conversion error: null value for field that is required and has no default value")

    def _nullable(self, schema: Schema, present: Leaf) -> Leaf:
        def convert(value: Any) -> Any:
            return self.null(schema, present) if value is None else present(value)

        return convert

    def _array(self, schema: Schema) -> Leaf:
        if schema.value_schema is None:
            raise DataException("Array schema has no value schema")
        item = self.value(schema.value_schema)

        def convert(values: Any) -> Any:
            if not isinstance(values, list | tuple):
                raise DataException(f"Invalid type for ARRAY: {type(values).__name__}")
            return [item(value) for value in values]

        return convert

    def _map(self, schema: Schema) -> Leaf:
        if schema.key_schema is None or schema.value_schema is None:
            raise DataException("Map schema has no key or value schema")
        key_of, value_of = self.value(schema.key_schema), self.value(schema.value_schema)
        as_object = schema.key_schema.type is Type.STRING

        def convert(values: Any) -> Any:
            if not isinstance(values, dict):
                raise DataException(f"Invalid type for MAP: {type(values).__name__}")
            if as_object:
                if None in values:
                    return {_named(key_of(key)): value_of(value) for key, value in values.items()}
                return {key_of(key): value_of(value) for key, value in values.items()}
            return [[key_of(key), value_of(value)] for key, value in values.items()]

        return convert

    def _struct(self, schema: Schema) -> Leaf:
        names = [f"a{field.index}" for field in schema.fields]
        scope: dict[str, Any] = {"Struct": Struct, "S": schema, "check": _checker(schema)}
        lines = ["def build(s):", "    if s.__class__ is not Struct or s.schema is not S: check(s)"]
        if names:
            lines.append(f"    {', '.join(names)}, = s.values")
        for field, name in zip(schema.fields, names, strict=True):
            lines.append("    " + self._field_line(field.schema, name, scope))
        shape = _shape(schema)
        if shape is not None:
            scope["C"] = shape
            lines.append(f"    return C({', '.join(names)})")
        else:
            pairs = (f"{field.name!r}: {name}" for field, name in zip(schema.fields, names, strict=True))
            lines.append("    return {" + ", ".join(pairs) + "}")
        exec("\n".join(lines), scope)
        build: Leaf = scope["build"]
        return build

    def _field_line(self, schema: Schema, name: str, scope: dict[str, Any]) -> str:
        """The statement that turns variable `name` into what msgspec writes, doing nothing in the usual case."""
        full = f"F{name}"
        scope[full] = self.value(schema)
        nulls = f" and {name} is not None" if schema.optional and not self._has_default(schema) else ""
        logical = schema.name in LOGICAL_NAMES
        if schema.type in INT_BOUNDS and not logical:
            low, high = INT_BOUNDS[schema.type]
            return f"if ({name}.__class__ is not int or not {low} <= {name} <= {high}){nulls}: {name} = {full}({name})"
        if schema.type is Type.FLOAT64:
            usual = f"1e-3 <= {name} < 1e7 or {name} == 0 or -1e7 < {name} <= -1e-3"
            return f"if ({name}.__class__ is not float or not ({usual})){nulls}: {name} = {full}({name})"
        if schema.type is Type.BOOLEAN:
            return f"if {name}.__class__ is not bool{nulls}: {name} = {full}({name})"
        if schema.type is Type.STRING:
            return f"if {name}.__class__ is not str{nulls}: {name} = {full}({name})"
        if schema.type is Type.BYTES and not logical:
            return f"if {name}.__class__ is not bytes{nulls}: {name} = {full}({name})"
        if nulls:
            scope[full] = self.present(schema)
            return f"if {name} is not None: {name} = {full}({name})"
        return f"{name} = {full}({name})"

    def _has_default(self, schema: Schema) -> bool:
        return self._replace and schema.default is not None


def _named(key: Any) -> Any:
    """What Jackson makes of a null key."""
    return "null" if key is None else key


def _checker(schema: Schema) -> Callable[[Any], None]:
    """DataException unless the value is a struct of an equal schema; equal schema objects are remembered."""
    accepted: dict[int, Schema] = {}

    def check(value: Any) -> None:
        if not isinstance(value, Struct):
            raise DataException(f"Invalid type for STRUCT: {type(value).__name__}")
        other = value.schema
        if other is schema or accepted.get(id(other)) is other:
            return
        if other != schema:
            raise DataException(
                f"Mismatching schema: the struct is of {other!r}, the record's schema says {schema!r}.",
                code="SCHEMA_MISMATCH",
            )
        if len(accepted) >= _ACCEPTED_SCHEMAS:
            accepted.clear()
        accepted[id(other)] = other

    return check


def _shape(schema: Schema) -> Callable[..., Any] | None:
    """A msgspec Struct class with the schema's field names; None when a name needs escapes."""
    try:
        return msgspec.defstruct(
            "Shape",
            [(f"a{field.index}", object) for field in schema.fields],
            rename={f"a{field.index}": field.name for field in schema.fields},
            gc=False,
        )
    except ValueError:
        return None


def compile_encoder(schema: Schema, *, decimal_numeric: bool, replace_nulls: bool, tail: bytes = b"") -> Encode:
    """The JSON of values under `schema`, followed by `tail`. The result raises DataException for a value that does not fit."""
    build = _Compiler(decimal_numeric, replace_nulls).value(schema)
    write = _ENCODE

    def encode(value: Any) -> bytes:
        try:
            text = write(build(value))
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise DataException(f"Value does not fit schema {schema!r}: {error}") from error
        # Searching for one byte (a backslash; those that a character beyond U+FFFF begins with) is many times faster than for more.
        if (92 in text and b"\\u00" in text) or (
            not text.isascii() and (240 in text or 243 in text or 244 in text or 241 in text or 242 in text)
        ):
            text = jackson_escapes(text)
        return text + tail

    return encode


def to_plain(schema: Schema, value: Any, *, decimal_numeric: bool, replace_nulls: bool) -> Any:
    """One value as objects msgspec can write."""
    return _Compiler(decimal_numeric, replace_nulls).value(schema)(value)


def encode_schemaless(value: Any) -> bytes:
    """The JSON of a value without schema. DataException for a class that has no Connect type of its own."""
    try:
        text = _ENCODE(_schemaless(value))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DataException(f"Value cannot be written as JSON: {error}") from error
    return jackson_escapes(text)


def _schemaless(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**64 else msgspec.Raw(str(int(value)).encode())
    if isinstance(value, float):
        return value if 1e-3 <= value < 1e7 else double_raw(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, list | tuple):
        return [_schemaless(item) for item in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {str.__str__(key): _schemaless(item) for key, item in value.items()}
        return [[_schemaless(key), _schemaless(item)] for key, item in value.items()]
    if isinstance(value, Struct):
        raise DataException("Mismatching schema: a struct was given without its schema.")
    raise DataException(f"Python class {type(value).__name__} does not have a corresponding schema type.")
