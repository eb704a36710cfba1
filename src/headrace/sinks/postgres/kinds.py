"""What a schema means, beyond its base type, and the column type made for it.

Source: Connect's logical types, Debezium's semantic types (io.debezium.time.*, io.debezium.data.*).
"""

from __future__ import annotations

from typing import Final

from headrace.data import Schema, Type
from headrace.data.logical import DATE_NAME, DECIMAL_NAME, TIME_NAME, TIMESTAMP_NAME
from headrace.errors import DataException

_NAMED: Final = {
    DECIMAL_NAME: "decimal",
    DATE_NAME: "date",
    TIME_NAME: "time",
    TIMESTAMP_NAME: "datetime",
    "io.debezium.time.Date": "date_days",
    "io.debezium.time.IsoDate": "date_iso",
    "io.debezium.time.Time": "time_ms",
    "io.debezium.time.MicroTime": "time_us",
    "io.debezium.time.NanoTime": "time_ns",
    "io.debezium.time.IsoTime": "time_iso",
    "io.debezium.time.ZonedTime": "time_zoned",
    "io.debezium.time.Timestamp": "ts_ms",
    "io.debezium.time.MicroTimestamp": "ts_us",
    "io.debezium.time.NanoTimestamp": "ts_ns",
    "io.debezium.time.IsoTimestamp": "ts_iso",
    "io.debezium.time.ZonedTimestamp": "ts_zoned",
    "io.debezium.time.MicroDuration": "interval_us",
    "io.debezium.time.NanoDuration": "interval_ns",
    "io.debezium.time.Interval": "interval_text",
    "io.debezium.data.Json": "json",
    "io.debezium.data.Xml": "xml",
    "io.debezium.data.Uuid": "uuid",
    "io.debezium.data.Ltree": "ltree",
    "io.debezium.data.Tsvector": "tsvector",
    "io.debezium.data.Bits": "bits",
    "io.debezium.data.VariableScaleDecimal": "variable_decimal",
    "io.debezium.data.geometry.Point": "point",
    "io.debezium.data.geometry.Geometry": "geometry",
    "io.debezium.data.geometry.Geography": "geography",
}
_BY_TYPE: Final = {
    Type.INT8: "int",
    Type.INT16: "int",
    Type.INT32: "int",
    Type.INT64: "int",
    Type.FLOAT32: "float",
    Type.FLOAT64: "float",
    Type.BOOLEAN: "bool",
    Type.STRING: "str",
    Type.BYTES: "bytes",
    Type.ARRAY: "array",
    Type.MAP: "map",
    Type.STRUCT: "struct",
}
STRINGS: Final = frozenset({"str", "json", "xml", "uuid", "ltree", "tsvector", "interval_text"})
_COLUMN: Final = {
    "decimal": "numeric",
    "date": "date",
    "date_days": "date",
    "date_iso": "date",
    "time": "time(3)",
    "time_ms": "time(3)",
    "time_us": "time(6)",
    "time_ns": "time(6)",
    "time_iso": "time(6)",
    "time_zoned": "timetz",
    "datetime": "timestamp(3)",
    "ts_ms": "timestamp(3)",
    "ts_us": "timestamp(6)",
    "ts_ns": "timestamp(6)",
    "ts_iso": "timestamp(6)",
    "ts_zoned": "timestamptz",
    "interval_us": "interval",
    "interval_ns": "interval",
    "interval_text": "interval",
    "json": "jsonb",
    "xml": "xml",
    "uuid": "uuid",
    "ltree": "ltree",
    "tsvector": "tsvector",
    "variable_decimal": "numeric",
    "point": "point",
    "bool": "boolean",
    "str": "text",
    "bytes": "bytea",
    "map": "jsonb",
    "struct": "jsonb",
}
_BY_WIDTH: Final = {
    Type.INT8: "smallint",
    Type.INT16: "smallint",
    Type.INT32: "integer",
    Type.INT64: "bigint",
    Type.FLOAT32: "real",
    Type.FLOAT64: "double precision",
}


def kind_of(schema: Schema) -> str:
    """The kind of value a schema describes; unknown names fall back to the base type."""
    return _NAMED.get(schema.name or "") or _BY_TYPE[schema.type]


def column_type(schema: Schema, postgis_schema: str = "public") -> str:
    """The column type for a schema. DataException for an array of arrays."""
    kind = kind_of(schema)
    if kind == "array":
        if schema.value_schema is None or kind_of(schema.value_schema) == "array":
            raise DataException("No column type is known for an array of arrays.", code="SINK_TYPE_UNSUPPORTED")
        return column_type(schema.value_schema, postgis_schema) + "[]"
    if kind in ("int", "float"):
        return _BY_WIDTH[schema.type]
    if kind == "bits":
        length = bit_length(schema)
        return f"bit({length})" if 0 < length <= 83_886_080 else "bit varying"
    if kind == "decimal":
        parameters = schema.parameters or {}
        precision, scale = parameters.get("connect.decimal.precision"), parameters.get("scale", "0")
        return f"numeric({precision},{scale})" if precision and 0 < int(precision) <= 1000 else "numeric"
    if kind in ("geometry", "geography"):
        return f'"{postgis_schema}".{kind}'
    return _COLUMN[kind]


def bit_length(schema: Schema) -> int:
    """Declared number of bits of a Bits schema, 0 when unknown or unlimited."""
    text = (schema.parameters or {}).get("length", "0")
    length = int(text) if text.isdigit() else 0
    return 0 if length >= 2**31 - 1 else length
