"""Generated schemas and values that fit them."""

from __future__ import annotations

import math
import struct
from typing import Any

from hypothesis import strategies as st

from headrace.data import Schema, SchemaBuilder, Struct, Type
from headrace.data.logical import (
    DATE_NAME,
    DECIMAL_NAME,
    TIME_NAME,
    TIMESTAMP_NAME,
    bytes_to_decimal,
    date_builder,
    decimal_builder,
    millis_to_datetime,
    millis_to_time,
    schema_scale,
    time_builder,
    timestamp_builder,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
INTS = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}


def single(value: float) -> float:
    return struct.unpack(">f", struct.pack(">f", value))[0]


@st.composite
def leaf_schemas(draw: Any) -> Schema:
    make = draw(
        st.sampled_from(
            [
                SchemaBuilder.int8,
                SchemaBuilder.int16,
                SchemaBuilder.int32,
                SchemaBuilder.int64,
                SchemaBuilder.float32,
                SchemaBuilder.float64,
                SchemaBuilder.bool,
                SchemaBuilder.string,
                SchemaBuilder.bytes,
                lambda: decimal_builder(draw(st.integers(0, 6))),
                date_builder,
                time_builder,
                timestamp_builder,
            ]
        )
    )
    return finish(draw, make())


def finish(draw: Any, builder: SchemaBuilder) -> Schema:
    """With a random optional flag, doc, name and, for text, default."""
    plain = builder.build()
    if draw(st.booleans()):
        builder.optional()
    if plain.name is None and draw(st.integers(0, 5)) == 0:
        builder.name(draw(st.text("abc.", min_size=1, max_size=5))).version(draw(st.integers(1, 9))).parameter(
            "p", "q|é"
        )
    if draw(st.integers(0, 5)) == 0:
        builder.doc(draw(TEXT))
    if plain.type is Type.STRING and draw(st.integers(0, 4)) == 0:
        builder.default(draw(TEXT))
    return builder.build()


@st.composite
def schemas(draw: Any, depth: int = 2) -> Schema:
    kind = draw(st.integers(0, 6)) if depth else 0
    if kind < 3:
        return draw(leaf_schemas())
    if kind == 3:
        return finish(draw, SchemaBuilder.array(draw(schemas(depth - 1))))
    if kind == 4:
        return finish(
            draw,
            SchemaBuilder.map(
                draw(st.sampled_from([Schema(Type.STRING), Schema(Type.INT32)])), draw(schemas(depth - 1))
            ),
        )
    builder = SchemaBuilder.struct()
    for name in draw(st.lists(st.text('abc é_"\\', min_size=1, max_size=4), max_size=4, unique=True)):
        builder.field(name, draw(schemas(depth - 1)))
    return finish(draw, builder)


def values(schema: Schema) -> st.SearchStrategy[Any]:
    present = _present(schema)
    return st.none() | present if schema.optional or schema.default is not None else present


def _present(schema: Schema) -> st.SearchStrategy[Any]:
    if schema.name == DECIMAL_NAME:
        return st.integers(-(10**30), 10**30).map(
            lambda n: bytes_to_decimal(n.to_bytes(20, "big", signed=True), schema_scale(schema))
        )
    if schema.name == DATE_NAME:
        return st.dates()
    if schema.name == TIME_NAME:
        return st.integers(0, 86_399_999).map(millis_to_time)
    if schema.name == TIMESTAMP_NAME:
        return st.integers(-(10**13), 10**14).map(millis_to_datetime)
    if schema.type in INTS:
        limit = 2 ** (INTS[schema.type] - 1)
        return st.integers(-limit, limit - 1)
    match schema.type:
        case Type.FLOAT32:
            return st.floats(width=32, allow_nan=False)
        case Type.FLOAT64:
            return st.floats(allow_nan=False)
        case Type.BOOLEAN:
            return st.booleans()
        case Type.STRING:
            return TEXT
        case Type.BYTES:
            return st.binary(max_size=9)
        case Type.ARRAY:
            return st.lists(values(schema.value_schema), max_size=3)
        case Type.MAP:
            return st.dictionaries(values(schema.key_schema), values(schema.value_schema), max_size=3)
    return st.tuples(*(values(field.schema) for field in schema.fields)).map(lambda items: Struct(schema, list(items)))


def with_defaults(schema: Schema, value: Any) -> Any:
    """What is read back: defaults in place of nulls, at every depth; zero for the floats that JSON has no number for."""
    if value is None:
        return schema.default
    if schema.type is Type.ARRAY:
        return [with_defaults(schema.value_schema, item) for item in value]
    if schema.type is Type.MAP:
        return {key: with_defaults(schema.value_schema, item) for key, item in value.items()}
    if schema.type is Type.STRUCT:
        return Struct(schema, [with_defaults(f.schema, v) for f, v in zip(schema.fields, value.values, strict=True)])
    if isinstance(value, float) and not math.isfinite(value):
        return 0.0
    return value


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
