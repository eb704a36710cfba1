"""Generated schemas that have a native form, values that fit them and some that do not, and columns of them in all their shapes."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import strategies as st

from headrace.data import Schema, SchemaBuilder, Struct, Type
from headrace.data.columns import layout_of
from headrace.data.logical import date_builder, decimal_builder, time_builder, timestamp_builder
from headrace.native import core
from tests.converters.strategies import TEXT, values

NAMES = st.text('ab é€😀_"\\\n', min_size=1, max_size=4)
PLAIN_NAMES = st.text("ab é€😀_", min_size=1, max_size=4)


@st.composite
def leaves(draw: Any) -> Schema:
    make = draw(
        st.sampled_from(
            [
                *(SchemaBuilder.int8, SchemaBuilder.int16, SchemaBuilder.int32, SchemaBuilder.int64),
                *(SchemaBuilder.float32, SchemaBuilder.float64, SchemaBuilder.bool),
                *(SchemaBuilder.string, SchemaBuilder.bytes),
                lambda: decimal_builder(draw(st.integers(-3, 9))),
                *(date_builder, time_builder, timestamp_builder),
            ]
        )
    )
    return finish(draw, make())


def finish(draw: Any, builder: SchemaBuilder) -> Schema:
    """With a random optional flag and, for what is no container, a random default."""
    plain = builder.build()
    if draw(st.booleans()):
        builder.optional()
    if plain.type.is_primitive and draw(st.integers(0, 3)) == 0:
        builder.default(draw(values(plain)))
    return builder.build()


@st.composite
def native_schemas(draw: Any, depth: int = 2, names: st.SearchStrategy[str] = NAMES) -> Schema:
    kind = draw(st.integers(0, 6)) if depth else 0
    if kind < 2:
        return draw(leaves())
    if kind == 2:
        return finish(draw, SchemaBuilder.array(draw(native_schemas(depth - 1, names))))
    if kind == 3:
        return finish(draw, SchemaBuilder.map(Schema(Type.STRING), draw(native_schemas(depth - 1, names))))
    builder = SchemaBuilder.struct()
    for name in draw(st.lists(names, max_size=5, unique=True)):
        builder.field(name, draw(native_schemas(depth - 1, names)))
    return finish(draw, builder)


def rows(schema: Schema, most: int = 6) -> st.SearchStrategy[list[Any]]:
    """Values of the schema, some None, whether it is optional or not; sometimes the same one in a row."""
    one = st.none() | values(schema)
    return st.lists(one, max_size=most) | st.tuples(one, st.integers(1, 4)).map(lambda pair: [pair[0]] * pair[1])


def punched(draw: Any, schema: Schema, value: Any) -> Any:
    """The value with a null somewhere, where the schema may forbid it."""
    if value is None or draw(st.integers(0, 4)) == 0:
        return None
    if schema.type is Type.STRUCT and schema.fields:
        at = draw(st.integers(0, len(schema.fields) - 1))
        changed = list(value.values)
        changed[at] = punched(draw, schema.fields[at].schema, changed[at])
        return Struct(schema, changed)
    if schema.type is Type.ARRAY and value:
        return [*value[:-1], punched(draw, schema.value_schema, value[-1])]
    if schema.type is Type.MAP and value:
        key = next(iter(value))
        return {**value, key: punched(draw, schema.value_schema, value[key])}
    return value


def shaped_column(draw: Any, schema: Schema, items: list[Any]) -> Any:
    """A native column of these values; with constants, for fields that are the same in all rows, as transforms and sources make them."""
    layout = layout_of(schema)
    plain = core.Column.of(layout, items)
    present = [item for item in items if item is not None]
    if not present or draw(st.booleans()):
        return plain
    if schema.type is Type.STRUCT:
        valid = core.Mask([item is not None for item in items])
        # What is under a null struct does not count: there a constant column goes on.
        fields = []
        for field in schema.fields:
            inner = [None if item is None else item.values[field.index] for item in items]
            known = [item.values[field.index] for item in present]
            constant = _constant(field.schema, known)
            if constant is not None and draw(st.booleans()):
                fields.append(core.Column.constant(constant, len(items)))
            else:
                fields.append(shaped_column(draw, field.schema, inner))
        return core.Column.structure(len(items), fields, valid)
    constant = _constant(schema, items)
    return plain if constant is None else core.Column.constant(constant, len(items))


def _constant(schema: Schema, items: list[Any]) -> Any:
    """The value that all items are, None if they differ or it has no constant form in Python."""
    first = items[0]
    if isinstance(first, dt.date | dt.time) or not isinstance(first, bool | int | float | str | bytes):
        return None
    return first if all(type(item) is type(first) and repr(item) == repr(first) for item in items) else None


__all__ = ["NAMES", "PLAIN_NAMES", "TEXT", "leaves", "native_schemas", "punched", "rows", "shaped_column"]
