"""Connect schemas in Arrow's words and back. Whatever has a form in both is told here; values go by way of the Rust core or of pyarrow.

| Connect | Arrow |
|---|---|
| INT8 … INT64, FLOAT32, FLOAT64, BOOLEAN, STRING, BYTES | int8 … int64, float32, float64, bool, string, binary |
| Decimal whose parameter connect.decimal.precision is known | decimal128, beyond 38 digits decimal256 |
| other Decimal | binary: the unscaled value, big-endian two's complement |
| Date, Time, Timestamp | date32, time32[ms], timestamp[ms, UTC] |
| STRUCT, ARRAY, MAP | struct, list, map |

A schema's name, version, doc and parameters are in the metadata of its field (connect.name …), beside its type. Other Arrow types of
the same values are read as well (unsigned and large types, views, dictionaries, finer times that are whole milliseconds …).
"""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from headrace.data.logical import DATE_NAME, DECIMAL_NAME, LOGICAL_NAMES, TIME_NAME, TIMESTAMP_NAME
from headrace.data.schema import OPTIONAL_STRING_SCHEMA, Field, Schema, Type
from headrace.errors import DataException

_CACHED: Final = "arrow.field"
_PRECISION: Final = "connect.decimal.precision"
_MOST_DIGITS: Final = 76
_KEPT: Final = 1000
_KINDS: Final = {
    Type.INT8: "int8",
    Type.INT16: "int16",
    Type.INT32: "int32",
    Type.INT64: "int64",
    Type.FLOAT32: "float32",
    Type.FLOAT64: "float64",
    Type.BOOLEAN: "bool",
    Type.STRING: "string",
    Type.BYTES: "binary",
    Type.STRUCT: "struct",
    Type.ARRAY: "list",
    Type.MAP: "map",
}
_LOGICAL: Final = {DATE_NAME: "date", TIME_NAME: "time", TIMESTAMP_NAME: "timestamp"}
_TYPES: Final = {kind: type for type, kind in _KINDS.items()} | {
    "decimal": Type.BYTES,
    "date": Type.INT32,
    "time": Type.INT32,
    "timestamp": Type.INT64,
}


class ArrowField(NamedTuple):
    """A named type. `kind`: null, bool, int8 … int64, float32, float64, string, binary, decimal (with `precision` and `scale`), date (days),
    time (milliseconds), timestamp (milliseconds, UTC), struct, list (one child), map (key and value)."""

    name: str
    nullable: bool
    metadata: tuple[tuple[str, str], ...]
    kind: str
    precision: int = 0
    scale: int = 0
    children: tuple[ArrowField, ...] = ()

    @staticmethod
    def of(given: tuple[Any, ...]) -> ArrowField:
        """From plain tuples, as the Rust core gives them."""
        name, nullable, metadata, kind, precision, scale, children = given
        return ArrowField(name, nullable, metadata, kind, precision, scale, tuple(map(ArrowField.of, children)))


def arrow_field(schema: Schema, name: str = "") -> ArrowField:
    """The field of a schema; worked out once for each schema object."""
    made: ArrowField | None = schema.cache.get(_CACHED)
    if made is None:
        made = schema.cache[_CACHED] = _field(schema)
    return made._replace(name=name) if name else made


def _field(schema: Schema) -> ArrowField:
    kind, precision, scale = _KINDS[schema.type], 0, 0
    children: tuple[ArrowField, ...] = ()
    parameters = schema.parameters or {}
    if schema.name == DECIMAL_NAME and schema.type is Type.BYTES:
        digits, places = parameters.get(_PRECISION, ""), parameters.get("scale", "")
        if digits.isdecimal() and places.isdecimal() and int(places) <= int(digits) <= _MOST_DIGITS and int(digits):
            kind, precision, scale = "decimal", int(digits), int(places)
    elif schema.name in _LOGICAL and schema.type is _TYPES[_LOGICAL[schema.name]]:
        kind = _LOGICAL[schema.name]
    elif schema.type is Type.STRUCT:
        children = tuple(arrow_field(field.schema, field.name) for field in schema.fields)
    elif schema.type is Type.ARRAY:
        children = (arrow_field(_known(schema.value_schema), "item"),)
    elif schema.type is Type.MAP:
        key = arrow_field(_known(schema.key_schema), "key")
        children = (key._replace(nullable=False), arrow_field(_known(schema.value_schema), "value"))
    # What has a default may be unset.
    nullable = schema.optional or schema.default is not None
    return ArrowField("", nullable, _metadata(schema), kind, precision, scale, children)


def _known(schema: Schema | None) -> Schema:
    if schema is None:
        raise DataException("Elements without a schema have no form in Arrow.")
    return schema


def _metadata(schema: Schema) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    if schema.name is not None:
        found["connect.name"] = schema.name
    if schema.version is not None:
        found["connect.version"] = str(schema.version)
    if schema.doc is not None:
        found["connect.doc"] = schema.doc
    if schema.parameters:
        found["connect.parameters"] = json.dumps(schema.parameters)
    if found:
        # A name says nothing of values that became another type since.
        found["connect.type"] = schema.type.value
    return tuple(found.items())


def connect_schema(field: ArrowField, before: Schema | None) -> Schema:
    """The schema of what came back. `before`: the schema of what went out in its place, None for a new field. What kept its type keeps its
    schema, with default and name; what has another type gets the plain schema of that type. DataException for fields that
    make no struct."""
    if before is not None and _same_type(field, arrow_field(before)):
        return before
    optional = field.nullable
    attributes = _attributes(field)
    if before is not None and field.kind == _KINDS[before.type] and field.kind in ("struct", "list", "map"):
        optional = before.optional
        attributes = {name: getattr(before, name) for name in ("name", "version", "doc", "parameters")}
    else:
        before = None
    if field.kind == "struct":
        attributes["fields"] = _fields(field, before)
    elif field.kind == "list":
        attributes["value_schema"] = connect_schema(field.children[0], None if before is None else before.value_schema)
    elif field.kind == "map":
        key, value = field.children
        attributes["key_schema"] = connect_schema(key, None if before is None else before.key_schema)
        attributes["value_schema"] = connect_schema(value, None if before is None else before.value_schema)
    elif field.kind == "null":
        return OPTIONAL_STRING_SCHEMA
    return Schema(_TYPES[field.kind], optional=optional, **attributes)


class SchemaMemo:
    """`connect_schema` with a memory: what comes again gets the same schema object, so that others may keep what they derived from it."""

    def __init__(self) -> None:
        self._known: dict[tuple[ArrowField, int], tuple[Schema | None, Schema]] = {}

    def get(self, field: ArrowField, before: Schema | None) -> Schema:
        """As `connect_schema`."""
        known = self._known.get((field, id(before)))
        if known is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            # The schema that went out is held, so that its id stays its own.
            known = self._known[field, id(before)] = before, connect_schema(field, before)
        return known[1]


def _fields(field: ArrowField, before: Schema | None) -> list[Field]:
    names = [child.name for child in field.children]
    if "" in names or len(set(names)) < len(names):
        raise DataException(f"These cannot be the fields of a struct: {names}", remedy="Give each field its own name.")
    made = []
    for index, child in enumerate(field.children):
        former = None if before is None else before.field(child.name)
        made.append(Field(child.name, index, connect_schema(child, None if former is None else former.schema)))
    return made


def _same_type(field: ArrowField, other: ArrowField) -> bool:
    if field.kind == "null":
        return True
    return (
        (field.kind, field.precision, field.scale) == (other.kind, other.precision, other.scale)
        and len(field.children) == len(other.children)
        and all(
            (field.kind != "struct" or left.name == right.name) and _same_type(left, right)
            for left, right in zip(field.children, other.children, strict=True)
        )
    )


def _attributes(field: ArrowField) -> dict[str, Any]:
    """What the metadata say, as far as it is true of the type."""
    given = dict(field.metadata)
    logical = {kind: name for name, kind in _LOGICAL.items()}.get(field.kind)
    if given.get("connect.type") == _TYPES.get(field.kind, Type.STRUCT).value:
        name = given.get("connect.name")
        parameters = json.loads(given.get("connect.parameters", "null"))
        fits = name == logical if logical else name not in LOGICAL_NAMES - {DECIMAL_NAME}
        if name == DECIMAL_NAME:
            scale = (parameters or {}).get("scale")
            fits = field.kind == "binary" or (field.kind == "decimal" and scale == str(field.scale))
        elif field.kind == "decimal":
            fits = False
        if fits:
            version = given.get("connect.version")
            return {
                "name": name,
                "version": None if version is None else int(version),
                "doc": given.get("connect.doc"),
                "parameters": parameters,
            }
    if field.kind == "decimal":
        parameters = {"scale": str(field.scale), _PRECISION: str(field.precision)}
        return {"name": DECIMAL_NAME, "version": 1, "parameters": parameters}
    return {"name": logical, "version": 1} if logical else {}
