"""Which schema and which conversion a PostgreSQL type has under the handling modes.

Source: Debezium's PostgresValueConverter and the observed type table. `plan` answers None for a type that is not carried
over; the column is then left out, unless include.unknown.datatypes asks for its text as bytes.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from headrace.cdc import semantic
from headrace.data import (
    FLOAT32_SCHEMA,
    FLOAT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
    SchemaBuilder,
    Type,
)
from headrace.data.logical import LOGICAL_NAMES, decimal_builder
from headrace.data.unchanged import UnchangedList, UnchangedMap
from headrace.errors import DataException
from headrace.sources.postgres import temporal_types, texts
from headrace.sources.postgres.modes import Modes
from headrace.sources.postgres.registry import ResolvedType, TypeRegistry

PLAIN_TEXT: Final = frozenset(
    [
        "varchar",
        "text",
        "bpchar",
        "name",
        "char",
        "citext",
        "inet",
        "cidr",
        "macaddr",
        "macaddr8",
        "isbn",
        "int4range",
        "int8range",
        "numrange",
        "tsrange",
        "tstzrange",
        "daterange",
    ]
)
_NO_ARRAYS_OF: Final = frozenset(["money", "name", "interval", "varbit", "bit", "xml", "point", "refcursor", "vector"])
_INTEGERS: Final = {"int2": SchemaBuilder.int16, "int4": SchemaBuilder.int32, "int8": SchemaBuilder.int64}
_INTEGERS["oid"] = SchemaBuilder.int64
_SEMANTIC_TEXT: Final = {
    "json": semantic.JSON,
    "jsonb": semantic.JSON,
    "xml": semantic.XML,
    "uuid": semantic.UUID,
    "ltree": semantic.LTREE,
    "tsvector": semantic.TSVECTOR,
}
_FLOAT32: Final = struct.Struct("f")


class StaleEnum(Exception):
    """A value that the enum's known labels do not have: the type was altered."""

    def __init__(self, oid: int) -> None:
        super().__init__(oid)
        self.oid = oid


@dataclass(frozen=True)
class TypePlan:
    """How values of a type travel.

    `builder`: a fresh schema builder, not optional, no default. `bytes_code`, `text_code`: expressions over `x`; names they
    use are in `names`, and `SCHEMA` is the schema of the very field. `zero`: the value for a NOT NULL column whose value the
    database did not send. `unchanged`: the marker for an unsent TOAST value. `plain_text`: masks and truncation apply.
    """

    builder: Callable[[], SchemaBuilder]
    bytes_code: str
    text_code: str
    names: dict[str, Any]
    zero: Callable[[Schema], Any]
    unchanged: Any
    plain_text: bool = False

    def parser(self, schema: Schema) -> Callable[[str], Any]:
        """text → value, for array elements and defaults."""
        scope = {**self.names, "SCHEMA": schema}
        made: Callable[[str], Any] = eval(f"lambda x: {self.text_code}", scope)
        return made


def plan(type: ResolvedType, registry: TypeRegistry, modes: Modes) -> TypePlan | None:
    """The plan for a resolved type, None when it is not carried over."""
    if type.element is not None:
        return _array(type.element, registry, modes) or (_unknown(modes) if modes.include_unknown else None)
    made = _scalar(type, registry, modes) or temporal_types.plan_temporal(type, modes, TypePlan)
    return made or (_unknown(modes) if modes.include_unknown else None)


def _both(
    builder: Callable[[], SchemaBuilder], code: str, zero: Any, modes: Modes, names: Mapping[str, Any]
) -> TypePlan:
    """`code` is written over `x`."""
    # A value may be the empty text: the decoded value is bound first, and the expression evaluated whatever it is.
    bytes_code = f"[x := x.decode(), {code}][1]"
    return TypePlan(builder, bytes_code, code, dict(names), lambda schema: zero, modes.unchanged_text)


def _scalar(type: ResolvedType, registry: TypeRegistry, modes: Modes) -> TypePlan | None:
    name = type.name
    if name in PLAIN_TEXT:
        return TypePlan(
            SchemaBuilder.string, "x.decode()", "x", {}, lambda schema: "", modes.unchanged_text, plain_text=True
        )
    if name in _INTEGERS:
        return TypePlan(_INTEGERS[name], "int(x)", "int(x)", {}, lambda schema: 0, None)
    if name == "bool":
        return TypePlan(SchemaBuilder.bool, 'x == b"t"', 'x == "t"', {}, lambda schema: False, None)
    if name in _SEMANTIC_TEXT:
        semantic_name = _SEMANTIC_TEXT[name]
        return TypePlan(
            lambda: semantic.text(semantic_name), "x.decode()", "x", {}, lambda schema: "", modes.unchanged_text
        )
    if type.labels is not None:
        return _enum(type, registry, modes)
    if name == "float8":
        return TypePlan(SchemaBuilder.float64, "float(x)", "float(x)", {}, lambda schema: 0.0, None)
    if name == "float4":
        code = "unpack(pack(float(x)))[0]"
        names = {"pack": _FLOAT32.pack, "unpack": _FLOAT32.unpack}
        return TypePlan(SchemaBuilder.float32, code, code, names, lambda schema: 0.0, None)
    if name == "numeric":
        return _numeric(type.typmod, modes)
    if name == "money":
        return _money(modes)
    if name == "bytea":
        return _bytea(modes)
    if name in ("bit", "varbit"):
        return _bits(type.typmod, modes)
    if name == "hstore":
        return _hstore(modes)
    if name == "point":
        made = _both(semantic.point, "point_value(SCHEMA, *point_xy(x))", None, modes, _POINT)
        return replace(made, zero=lambda schema: semantic.point_value(schema, 0.0, 0.0), unchanged=None)
    if name in ("vector", "halfvec"):
        return _vector(name, modes)
    return None


_POINT: Final = {"point_value": semantic.point_value, "point_xy": texts.point_xy}


def _enum(type: ResolvedType, registry: TypeRegistry, modes: Modes) -> TypePlan:
    labels = type.labels or ()
    if registry.is_open(type.oid):
        return TypePlan(lambda: semantic.enum(labels), "x.decode()", "x", {}, lambda schema: "", modes.unchanged_text)
    oid = type.oid
    known: dict[str | bytes, str] = {label: label for label in labels}
    known.update({label.encode(): label for label in labels})

    def stale(value: object) -> str:
        raise StaleEnum(oid)

    # One dictionary per enum: the value is looked up, never copied.
    bound = f"labels_{oid}"
    code = f"{bound}.get(x) or stale_{oid}(x)"
    names = {bound: known, f"stale_{oid}": stale}
    return TypePlan(lambda: semantic.enum(labels), code, code, names, lambda schema: "", modes.unchanged_text)


def numeric_precision(typmod: int) -> tuple[int, int] | None:
    """(precision, scale) of a numeric modifier, None without one. The scale may be negative (servers from 15)."""
    if typmod < 4:
        return None
    return (typmod - 4) >> 16 & 0xFFFF, ((typmod - 4 & 0x7FF) ^ 1024) - 1024


_SPECIAL_TEXT: Final = {"NaN": "NAN", "Infinity": "POSITIVE_INFINITY", "-Infinity": "NEGATIVE_INFINITY"}


def _numeric(typmod: int, modes: Modes) -> TypePlan:
    if modes.decimals == "double":
        return TypePlan(SchemaBuilder.float64, "float(x)", "float(x)", {}, lambda schema: 0.0, None)
    declared = numeric_precision(typmod)
    scale = declared[1] if declared else 0
    zero = Decimal(0).scaleb(-scale) if scale > 0 else Decimal(0)
    if modes.decimals == "string":
        code = "special.get(x, x)"
        names: dict[str, Any] = {"special": _SPECIAL_TEXT}
        return TypePlan(
            SchemaBuilder.string,
            "special.get(x := x.decode(), x)",
            code,
            names,
            lambda s: f"{zero:f}",
            modes.unchanged_text,
        )
    names = {"Decimal": Decimal, "special_decimal": _special_decimal, "variable": semantic.variable_scale_value}
    if declared is None:
        finite = 'Decimal(x) if x[-1] <= "9" else special_decimal(x)'
        return TypePlan(
            semantic.variable_scale_decimal,
            f"[x := x.decode(), variable(SCHEMA, {finite})][1]",
            f"variable(SCHEMA, {finite})",
            names,
            lambda schema: semantic.variable_scale_value(schema, Decimal(0)),
            None,
        )
    precision = declared[0]
    return TypePlan(
        lambda: decimal_builder(scale).parameter("connect.decimal.precision", str(precision)),
        "Decimal(x.decode()) if x[-1] < 58 else special_decimal(x.decode())",
        'Decimal(x) if x[-1] <= "9" else special_decimal(x)',
        names,
        lambda schema: Decimal(0),
        None,
    )


def _special_decimal(text: str) -> Decimal:
    raise DataException(
        f"{text} cannot be carried as a precise decimal.",
        code="DECIMAL_NOT_FINITE",
        field="decimal.handling.mode",
        remedy="Set decimal.handling.mode to string or double.",
    )


def _money(modes: Modes) -> TypePlan:
    places = modes.money_digits
    zero = Decimal(0).scaleb(-places) if places else Decimal(0)
    names = {"money": lambda text: texts.money_value(text, places)}
    if modes.decimals == "double":
        return _both(SchemaBuilder.float64, "float(money(x))", 0.0, modes, names)
    if modes.decimals == "string":
        return _both(SchemaBuilder.string, 'format(money(x), "f")', f"{zero:f}", modes, names)
    return _both(lambda: decimal_builder(places), "money(x)", zero, modes, names)


def _bytea(modes: Modes) -> TypePlan:
    names = {"unhex": bytes.fromhex, "encode": modes.encode_binary}
    if modes.binary == "bytes":
        return TypePlan(
            SchemaBuilder.bytes, "unhex(x[2:].decode())", "unhex(x[2:])", names, lambda s: b"", modes.unchanged_bytes
        )
    return TypePlan(
        SchemaBuilder.string,
        "encode(unhex(x[2:].decode()))",
        "encode(unhex(x[2:]))",
        names,
        lambda s: "",
        modes.unchanged_text,
    )


def _unknown(modes: Modes) -> TypePlan:
    if modes.binary == "bytes":
        return TypePlan(SchemaBuilder.bytes, "x", "x.encode()", {}, lambda s: b"", modes.unchanged_bytes)
    names = {"encode": modes.encode_binary}
    return TypePlan(SchemaBuilder.string, "encode(x)", "encode(x.encode())", names, lambda s: "", modes.unchanged_text)


def _bits(typmod: int, modes: Modes) -> TypePlan:
    if typmod == 1:
        return TypePlan(SchemaBuilder.bool, 'x == b"1"', 'x == "1"', {}, lambda schema: False, None)
    length = typmod if typmod > 0 else 2**31 - 1
    return TypePlan(
        lambda: semantic.bits(length),
        "bits(x)",
        "bits(x)",
        {"bits": texts.bits_bytes},
        lambda s: b"",
        modes.unchanged_bytes,
    )


def _hstore(modes: Modes) -> TypePlan:
    if modes.hstore == "map":
        marker = UnchangedMap({modes.placeholder_text: modes.placeholder_text})
        return TypePlan(
            lambda: SchemaBuilder.map(STRING_SCHEMA, OPTIONAL_STRING_SCHEMA),
            "hstore(x.decode())",
            "hstore(x)",
            {"hstore": texts.hstore_map},
            lambda schema: {},
            marker,
        )
    names = {"hstore_json": modes.hstore_json}
    return TypePlan(
        lambda: semantic.text(semantic.JSON),
        "hstore_json(x.decode())",
        "hstore_json(x)",
        names,
        lambda s: "{}",
        modes.unchanged_text,
    )


def _vector(name: str, modes: Modes) -> TypePlan:
    element, semantic_name = (FLOAT64_SCHEMA, "DoubleVector") if name == "vector" else (FLOAT32_SCHEMA, "FloatVector")
    code = "[float(item) for item in x[1:-1].split(',')]"
    made = _both(
        lambda: SchemaBuilder.array(element).name(f"io.debezium.data.{semantic_name}").version(1), code, None, modes, {}
    )
    return TypePlan(made.builder, made.bytes_code, code, {}, lambda schema: [], UnchangedList([]))


def _array(element: ResolvedType, registry: TypeRegistry, modes: Modes) -> TypePlan | None:
    if element.name in _NO_ARRAYS_OF or element.is_domain or element.element is not None:
        return None
    inner = plan(element, registry, modes)
    if inner is None:
        return None

    def builder() -> SchemaBuilder:
        schema = inner.builder()
        return SchemaBuilder.array((schema if element.labels is not None else schema.optional()).build())

    prototype = builder().build().value_schema
    assert prototype is not None
    parse = inner.parser(prototype)

    def convert(text: str) -> list[Any]:
        return [None if item is None else parse(item) for item in texts.array_items(text)]

    bound = f"array_{element.oid}_{element.typmod if element.typmod >= 0 else 'any'}"
    return TypePlan(
        builder,
        f"{bound}(x.decode())",
        f"{bound}(x)",
        {bound: convert},
        lambda schema: [],
        _array_marker(element, prototype, modes),
    )


def _array_marker(element: ResolvedType, schema: Schema, modes: Modes) -> UnchangedList:
    placeholder = modes.placeholder
    if schema.type in (Type.INT8, Type.INT16, Type.INT32, Type.INT64) and schema.name not in LOGICAL_NAMES:
        return UnchangedList(byte - 256 if byte > 127 else byte for byte in placeholder)
    if element.name == "uuid":
        digest = hashlib.md5(placeholder, usedforsecurity=False).digest()
        return UnchangedList([str(uuid.UUID(bytes=digest, version=3))])
    if schema.type is Type.BYTES and schema.name is None:
        return UnchangedList([placeholder])
    if schema.type is Type.STRING:
        return UnchangedList([modes.placeholder_text])
    # No placeholder fits the element's type: an empty list, still told apart by its class.
    return UnchangedList()
