"""Which of the Rust core's forms gives the same field as a `pieces.Piece`: the same cases, in the same order, fewer of them.

A form is a name and its numbers, as `CopyEncoder` takes them. None: the Python encoder writes that column's table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from headrace.data import Schema
from headrace.data.columns import layout_of
from headrace.data.logical import schema_scale
from headrace.native import core
from headrace.sinks.postgres.kinds import STRINGS, bit_length, kind_of
from headrace.sinks.postgres.pieces import TEXTUAL
from headrace.sinks.postgres.rowcode import Source
from headrace.sinks.postgres.tables import TargetColumn
from headrace.sinks.postgres.unchanged import FieldSource

if TYPE_CHECKING:
    from headrace.native._core import CopyEncoder, Layout

Form = tuple[str, list[int]]

_INTS: Final = frozenset({"int2", "int4", "int8", "oid"})
_FLOATS: Final = frozenset({"float4", "float8"})
_INSTANTS: Final = frozenset(
    {"ts_ms", "ts_us", "ts_ns", "datetime", "ts_iso", "ts_zoned", "date_days", "date", "date_iso"}
)
_CLOCKS: Final = frozenset({"time_ms", "time_us", "time_ns", "time", "time_iso", "time_zoned"})
_ISO: Final = frozenset({"ts_iso", "ts_zoned", "time_iso", "time_zoned"})
_CONTAINERS: Final = frozenset({"struct", "map", "array"})
_PLAIN: Final = {"int": "int", "float": "float", "bool": "bool", "bytes": "bytes"}


def native_encoder(sources: Sequence[Source], pairs: Sequence[tuple[FieldSource, TargetColumn]]) -> CopyEncoder | None:
    """The encoder of the same rows as `rowcode.compile_encoder(sources)`; None when a column has no native form."""
    columns: list[tuple[str, int, Layout, Form, bool, bool]] = []
    for source, (field, column) in zip(sources, pairs, strict=True):
        layout = layout_of(field.schema)
        form = native_form(
            field.schema, column.typname, column.is_enum, column.typmod, column.element, cast=source.piece.cast
        )
        if layout is None or form is None:
            return None
        columns.append((source.place, source.at, layout, form, source.required, source.default is not None))
    try:
        encoder: CopyEncoder = core.CopyEncoder(columns)
    except core.DeclinedError:
        return None
    return encoder


def native_form(
    schema: Schema, typname: str, is_enum: bool, typmod: int, element: tuple[int, str, bool] | None, *, cast: bool
) -> Form | None:
    """The form for values of `schema` in a column, described as for `pieces.piece_for`. `cast`: what the piece says."""
    if cast:
        return _text(schema, typname)
    return _binary(schema, kind_of(schema), "text" if is_enum else typname, typmod, element)


def _binary(schema: Schema, kind: str, typname: str, typmod: int, element: tuple[int, str, bool] | None) -> Form | None:
    if kind == "array" and element is not None and schema.value_schema is not None:
        oid, name, is_enum = element
        inner = _binary(schema.value_schema, kind_of(schema.value_schema), "text" if is_enum else name, -1, None)
        return None if inner is None else (f"array {inner[0]}", [oid, *inner[1]])
    if (kind in ("int", "bool") and typname in _INTS) or (kind in ("int", "float") and typname in _FLOATS):
        return typname, []
    if kind == "bool" and typname == "bool":
        return "bool", []
    if typname in ("timestamp", "timestamptz"):
        return (f"timestamp {kind}", []) if kind in _INSTANTS else None
    if typname == "date":
        return (f"date {kind}", []) if kind in _INSTANTS else None
    if typname == "time" and kind in _CLOCKS:
        return f"time {kind}", []
    if typname == "timetz" and kind == "time_zoned":
        return "timetz", []
    if typname == "interval" and kind in ("interval_us", "interval_ns"):
        return f"interval {kind[-2:]}", []
    if typname == "numeric":
        return _numeric(schema, kind)
    if typname == "uuid" and kind in ("uuid", "str"):
        return "uuid", []
    if typname == "jsonb":
        return ("jsonb text", []) if kind in STRINGS else ("jsonb json", []) if kind in _CONTAINERS else None
    if typname == "json" and kind in _CONTAINERS:
        return "json", []
    if typname == "bytea" and kind == "bytes":
        return "bytea", []
    if typname in ("bit", "varbit"):
        if kind == "bool":
            return "bit of bool", []
        length = typmod if typname == "bit" and typmod > 0 else bit_length(schema)
        return ("bits", [length]) if kind == "bits" else None
    if typname == "point" and kind == "point":
        return _fields(schema, "point", "x", "y")
    return _text(schema, typname) if typname in TEXTUAL else None


def _numeric(schema: Schema, kind: str) -> Form | None:
    if kind == "decimal":
        return "numeric decimal", [schema_scale(schema)]
    if kind == "variable_decimal":
        return _fields(schema, "numeric variable", "scale", "value")
    return {"int": ("numeric int", []), "float": ("numeric float", []), "str": ("numeric text", [])}.get(kind)


def _fields(schema: Schema, form: str, *names: str) -> Form | None:
    fields = [schema.field(name) for name in names]
    return (form, [field.index for field in fields if field]) if all(fields) else None


def _text(schema: Schema, typname: str) -> Form | None:
    """The value's text: `pieces.text_expression`."""
    kind = kind_of(schema)
    if kind == "array":
        if typname in ("vector", "halfvec"):
            return None
        inner = schema.value_schema
        if typname == "text" or inner is None or kind_of(inner) == "array":
            return "json", []
        form = _text(inner, typname.lstrip("_"))
        return (f"array{form[0]}", form[1]) if form is not None and form[0].startswith("text ") else None
    if kind in STRINGS or kind in _ISO:
        return "text text", []
    if kind == "decimal":
        return "text decimal", [schema_scale(schema)]
    if kind == "map" and typname == "hstore":
        return "hstore", []
    if kind in _CONTAINERS:
        return "json", []
    return (f"text {_PLAIN[kind]}", []) if kind in _PLAIN else None
