"""Debezium's semantic types: a base type with a name that says what the value means.

Values under them are of the base type (Json is text, MicroTimestamp an int of microseconds). Source: Debezium's
io.debezium.data and io.debezium.time.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from headrace.data import (
    BYTES_SCHEMA,
    FLOAT64_SCHEMA,
    INT16_SCHEMA,
    INT32_SCHEMA,
    OPTIONAL_BYTES_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    Schema,
    SchemaBuilder,
    Struct,
)
from headrace.data.logical import int_to_bytes

JSON: Final = "io.debezium.data.Json"
XML: Final = "io.debezium.data.Xml"
UUID: Final = "io.debezium.data.Uuid"
ENUM: Final = "io.debezium.data.Enum"
BITS: Final = "io.debezium.data.Bits"
LTREE: Final = "io.debezium.data.Ltree"
TSVECTOR: Final = "io.debezium.data.Tsvector"
VARIABLE_SCALE_DECIMAL: Final = "io.debezium.data.VariableScaleDecimal"
POINT: Final = "io.debezium.data.geometry.Point"
DATE, TIME, MICRO_TIME, NANO_TIME = (f"io.debezium.time.{n}" for n in ("Date", "Time", "MicroTime", "NanoTime"))
TIMESTAMP, MICRO_TIMESTAMP, NANO_TIMESTAMP = (
    f"io.debezium.time.{n}" for n in ("Timestamp", "MicroTimestamp", "NanoTimestamp")
)
ZONED_TIMESTAMP, ZONED_TIME = "io.debezium.time.ZonedTimestamp", "io.debezium.time.ZonedTime"
ISO_DATE, ISO_TIME, ISO_TIMESTAMP = (f"io.debezium.time.Iso{n}" for n in ("Date", "Time", "Timestamp"))
MICRO_DURATION, INTERVAL = "io.debezium.time.MicroDuration", "io.debezium.time.Interval"


def text(name: str) -> SchemaBuilder:
    """STRING with that semantic name."""
    return SchemaBuilder.string().name(name).version(1)


def int32(name: str) -> SchemaBuilder:
    return SchemaBuilder.int32().name(name).version(1)


def int64(name: str) -> SchemaBuilder:
    return SchemaBuilder.int64().name(name).version(1)


def enum(labels: Sequence[str]) -> SchemaBuilder:
    """STRING that is one of `labels`."""
    return text(ENUM).parameter("allowed", ",".join(labels))


def bits(length: int) -> SchemaBuilder:
    """BYTES of `length` bits, the lowest bit first."""
    return SchemaBuilder.bytes().name(BITS).version(1).parameter("length", str(length))


def variable_scale_decimal() -> SchemaBuilder:
    """Struct of scale and unscaled value, for decimals whose scale differs from row to row."""
    return (
        SchemaBuilder.struct()
        .name(VARIABLE_SCALE_DECIMAL)
        .version(1)
        .doc("Variable scaled decimal")
        .field("scale", INT32_SCHEMA)
        .field("value", BYTES_SCHEMA)
    )


def point() -> SchemaBuilder:
    """Struct of x, y, the same as WKB, and a spatial reference id."""
    return (
        SchemaBuilder.struct()
        .name(POINT)
        .version(1)
        .doc("Geometry (POINT)")
        .field("x", FLOAT64_SCHEMA)
        .field("y", FLOAT64_SCHEMA)
        .field("wkb", OPTIONAL_BYTES_SCHEMA)
        .field("srid", OPTIONAL_INT32_SCHEMA)
    )


def geometry() -> SchemaBuilder:
    """Struct of EWKB and spatial reference id."""
    return _shape("Geometry")


def geography() -> SchemaBuilder:
    """Struct of EWKB and spatial reference id."""
    return _shape("Geography")


def _shape(kind: str) -> SchemaBuilder:
    builder = SchemaBuilder.struct().name(f"io.debezium.data.geometry.{kind}").version(1).doc(kind)
    return builder.field("wkb", BYTES_SCHEMA).field("srid", OPTIONAL_INT32_SCHEMA)


def sparse_vector() -> SchemaBuilder:
    """Struct of the number of dimensions and a map of the elements that are not zero."""
    builder = SchemaBuilder.struct().name("io.debezium.data.SparseDoubleVector").version(1).doc("Sparse double vector")
    return builder.field("dimensions", INT16_SCHEMA).field(
        "vector", SchemaBuilder.map(INT16_SCHEMA, FLOAT64_SCHEMA).build()
    )


def variable_scale_value(schema: Schema, value: Decimal) -> Struct:
    """`value` under a VariableScaleDecimal schema, without trailing zeros behind the point; it must be finite."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    end = len(digits)
    while exponent < 0 and end > 1 and digits[end - 1] == 0:
        end, exponent = end - 1, exponent + 1
    digits = digits[:end]
    if digits == (0,):
        exponent = 0
    # Not through text: Python bounds the digits it converts between text and int, the database does not.
    unscaled = int(Decimal((0, digits, 0)))
    if exponent > 0:
        unscaled, exponent = unscaled * 10**exponent, 0
    return Struct(schema, [-exponent, int_to_bytes(-unscaled if sign else unscaled)])


def point_value(schema: Schema, x: float, y: float) -> Struct:
    return Struct(schema, [x, y, struct.pack("<BIdd", 1, 1, x, y), None])
