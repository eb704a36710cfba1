"""Which schema and which conversion a PostgreSQL type has under the handling modes.

Source: Debezium's PostgresValueConverter and the observed type table. `plan` answers None for a type that is not carried
over; the column is then left out, unless include.unknown.datatypes asks for its text as bytes.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any, Final

import msgspec

from headrace.cdc import semantic
from headrace.data import OPTIONAL_STRING_SCHEMA, STRING_SCHEMA, SchemaBuilder
from headrace.data.unchanged import UnchangedMap, UnchangedText
from headrace.errors import DataException
from headrace.sources.postgres.types import texts
from headrace.sources.postgres.types.arrays import array_plan
from headrace.sources.postgres.types.decimals import money_plan, numeric_plan
from headrace.sources.postgres.types.extensions import plan_extension
from headrace.sources.postgres.types.modes import Modes
from headrace.sources.postgres.types.registry import ResolvedType, TypeRegistry
from headrace.sources.postgres.types.temporal_types import plan_temporal
from headrace.sources.postgres.types.type_plan import StaleEnum, TypePlan, text_plan

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


def plan(type: ResolvedType, registry: TypeRegistry, modes: Modes) -> TypePlan | None:
    """The plan for a resolved type, None when it is not carried over."""
    if type.element is not None:
        element = type.element
        opaque = (lambda: _unknown(element.name, modes)) if modes.include_unknown else None
        return array_plan(element, modes, lambda one: _known(one, registry, modes), opaque)
    return _known(type, registry, modes) or (_unknown(type.name, modes) if modes.include_unknown else None)


def _known(type: ResolvedType, registry: TypeRegistry, modes: Modes) -> TypePlan | None:
    return _scalar(type, registry, modes) or plan_temporal(type, modes)


def _scalar(type: ResolvedType, registry: TypeRegistry, modes: Modes) -> TypePlan | None:
    name = type.name
    if name in PLAIN_TEXT:
        return TypePlan(
            SchemaBuilder.string,
            "x.decode()",
            "x",
            {},
            lambda schema: "",
            modes.unchanged_text,
            plain_text=True,
            native=("text", name),
        )
    if name in _INTEGERS:
        native = "oid" if name == "oid" else "int"
        return TypePlan(_INTEGERS[name], "int(x)", "int(x)", {}, lambda schema: 0, None, native=native)
    if name == "bool":
        return TypePlan(SchemaBuilder.bool, 'x == b"t"', 'x == "t"', {}, lambda schema: False, None, native="bool")
    if name in _SEMANTIC_TEXT:
        semantic_name = _SEMANTIC_TEXT[name]
        return TypePlan(
            lambda: semantic.text(semantic_name),
            "x.decode()",
            "x",
            {},
            lambda schema: "",
            modes.unchanged_text,
            native=("text", name),
        )
    if type.labels is not None:
        return _enum(type, registry, modes)
    if name == "float8":
        return TypePlan(SchemaBuilder.float64, "float(x)", "float(x)", {}, lambda schema: 0.0, None, native="float8")
    if name == "float4":
        code = "unpack(pack(float(x)))[0]"
        names = {"pack": _FLOAT32.pack, "unpack": _FLOAT32.unpack}
        return TypePlan(SchemaBuilder.float32, code, code, names, lambda schema: 0.0, None, native="float4")
    if name == "numeric":
        return numeric_plan(type.typmod, modes)
    if name == "money":
        return money_plan(modes)
    if name == "bytea":
        return _bytea(modes)
    if name in ("bit", "varbit"):
        return _bits(name, type.typmod, modes)
    if name == "hstore":
        return _hstore(modes)
    if name == "point":
        made = text_plan(semantic.point, "point_value(SCHEMA, *point_xy(x))", None, modes, _POINT, "point")
        return replace(made, zero=lambda schema: semantic.point_value(schema, 0.0, 0.0), unchanged=None)
    return plan_extension(name, modes)


_POINT: Final = {"point_value": semantic.point_value, "point_xy": texts.point_xy}


def _enum(type: ResolvedType, registry: TypeRegistry, modes: Modes) -> TypePlan:
    labels = type.labels or ()
    if registry.is_open(type.oid):
        return TypePlan(
            lambda: semantic.enum(labels),
            "x.decode()",
            "x",
            {},
            lambda schema: "",
            modes.unchanged_text,
            plain_text=True,
            native=("text", "enum"),
        )
    oid = type.oid
    known: dict[str | bytes, str] = {label: label for label in labels}
    known.update({label.encode(): label for label in labels})

    def stale(value: object) -> str:
        raise StaleEnum(oid)

    # One dictionary per enum: the value is looked up, never copied.
    bound = f"labels_{oid}"
    code = f"{bound}.get(x) or stale_{oid}(x)"
    names = {bound: known, f"stale_{oid}": stale}
    return TypePlan(
        lambda: semantic.enum(labels),
        code,
        code,
        names,
        lambda schema: "",
        modes.unchanged_text,
        plain_text=True,
        native=("enum", labels),
    )


def _bytea(modes: Modes) -> TypePlan:
    names = {"unhex": bytes.fromhex, "encode": modes.encode_binary}
    if modes.binary == "bytes":
        return TypePlan(
            SchemaBuilder.bytes,
            "unhex(x[2:].decode())",
            "unhex(x[2:])",
            names,
            lambda s: b"",
            modes.unchanged_bytes,
            native=("bytea", "bytes"),
        )
    return TypePlan(
        SchemaBuilder.string,
        "encode(unhex(x[2:].decode()))",
        "encode(unhex(x[2:]))",
        names,
        lambda s: "",
        modes.unchanged_text,
        native=("bytea", modes.binary),
    )


_GEOMETRIC: Final = frozenset(["line", "lseg", "box", "path", "polygon", "circle"])


def _unknown(name: str, modes: Modes) -> TypePlan:
    """The text of a type that is not supported, as bytes or in their encoding."""
    text = "java_numbers(x)" if name in _GEOMETRIC else "x"
    names: dict[str, Any] = {"java_numbers": texts.java_numbers}
    native = None if name in _GEOMETRIC else ("opaque", modes.binary)
    if modes.binary == "bytes":
        raw = f"{text.replace('x)', 'x.decode())')}.encode()" if text != "x" else "x"
        code = f"{text}.encode()"
        return TypePlan(SchemaBuilder.bytes, raw, code, names, lambda s: b"", modes.unchanged_bytes, native=native)
    names["encode"] = modes.encode_binary
    code = f"encode({text}.encode())"
    raw = "encode(x)" if text == "x" else code.replace("s(x)", "s(x.decode())")
    return TypePlan(SchemaBuilder.string, raw, code, names, lambda s: "", modes.unchanged_text, native=native)


def _bits(name: str, typmod: int, modes: Modes) -> TypePlan:
    if typmod == 1 and name == "bit":
        return TypePlan(SchemaBuilder.bool, 'x == b"1"', 'x == "1"', {}, lambda schema: False, None, native="bit")
    if typmod == 1:
        # varbit(1) may be empty, which is no truth value.
        code = "one_bit[x] if x in one_bit else no_bit()"
        names: dict[str, Any] = {"one_bit": {"1": True, "0": False, b"1": True, b"0": False}, "no_bit": _no_bit}
        return TypePlan(SchemaBuilder.bool, code, code, names, lambda schema: False, None, native="bit")
    length = typmod if typmod > 0 else 2**31 - 1
    return TypePlan(
        lambda: semantic.bits(length),
        "bits(x)",
        "bits(x)",
        {"bits": texts.bits_bytes},
        lambda s: b"",
        modes.unchanged_bytes,
        native="bits",
    )


def _no_bit() -> bool:
    raise DataException(
        "An empty bit string is no truth value.",
        code="BIT_EMPTY",
        field="column.exclude.list",
        remedy="Leave the column out, or give it a length of more than one bit.",
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
            native=("hstore", "map"),
        )
    names = {"hstore_json": modes.hstore_json}
    return TypePlan(
        lambda: semantic.text(semantic.JSON),
        "hstore_json(x.decode())",
        "hstore_json(x)",
        names,
        lambda s: "{}",
        UnchangedText(msgspec.json.encode({modes.placeholder_text: modes.placeholder_text}).decode()),
        native=("hstore", "json"),
    )
