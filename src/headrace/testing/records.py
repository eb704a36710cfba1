"""Records for tests, made from plain Python values: the schema is told from the value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from headrace.data import Schema, SchemaBuilder, SinkRecord, SourceRecord, Struct
from headrace.data.logical import date_builder, decimal_builder, time_builder, timestamp_builder
from headrace.errors import DataException


def source_record(
    topic: str,
    key: Any = None,
    value: Any = None,
    *,
    schemaless: bool = False,
    partition: Mapping[str, Any] | None = None,
    offset: Mapping[str, Any] | None = None,
    timestamp: int | None = None,
) -> SourceRecord:
    """A record as a source task would hand it over; dicts become structs unless `schemaless`. See `struct_of` for the types."""
    key_schema, key = _connect(key, schemaless)
    value_schema, value = _connect(value, schemaless)
    return SourceRecord(partition or {}, offset or {}, topic, None, key_schema, key, value_schema, value, timestamp)


def sink_record(
    topic: str,
    key: Any = None,
    value: Any = None,
    *,
    schemaless: bool = False,
    partition: int = 0,
    offset: int = 0,
    timestamp: int | None = 1_700_000_000_000,
) -> SinkRecord:
    """A record as a sink task would be given it; dicts become structs unless `schemaless`. `value` None is a tombstone."""
    key_schema, key = _connect(key, schemaless)
    value_schema, value = _connect(value, schemaless)
    return SinkRecord(topic, partition, key_schema, key, value_schema, value, offset, timestamp)


def struct_of(fields: Mapping[str, Any], name: str | None = None) -> Struct:
    """A struct with a field per item. int is INT64, float FLOAT64, datetime Timestamp, Decimal a Decimal of its own scale, None an
    optional STRING, dict a struct, list an array of its first element's type; all fields are optional.

    DataException for a value of any other type."""
    builder = SchemaBuilder.struct().optional()
    if name is not None:
        builder.name(name)
    values = []
    for field, value in fields.items():
        schema, converted = _typed(value)
        builder.field(field, schema)
        values.append(converted)
    return Struct(builder.build(), values)


def plain(value: Any) -> Any:
    """Structs as dicts, through and through; anything else as it is. For comparing."""
    if isinstance(value, Struct):
        return {name: plain(item) for name, item in value.to_dict().items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def _connect(value: Any, schemaless: bool) -> tuple[Schema | None, Any]:
    if value is None or schemaless:
        return None, value
    return _typed(value)


def _typed(value: Any) -> tuple[Schema, Any]:
    if isinstance(value, Struct):
        return value.schema, value
    if isinstance(value, Mapping):
        struct = struct_of(value)
        return struct.schema, struct
    if isinstance(value, list):
        items = [_typed(item) for item in value]
        element = items[0][0] if items else SchemaBuilder.string().optional().build()
        return SchemaBuilder.array(element).optional().build(), [item for _, item in items]
    return _scalar(value).optional().build(), value


def _scalar(value: Any) -> SchemaBuilder:
    match value:
        case None | str():
            return SchemaBuilder.string()
        case bool():
            return SchemaBuilder.bool()
        case int():
            return SchemaBuilder.int64()
        case float():
            return SchemaBuilder.float64()
        case bytes():
            return SchemaBuilder.bytes()
        case Decimal():
            exponent = value.as_tuple().exponent
            return decimal_builder(max(0, -exponent) if isinstance(exponent, int) else 0)
        case dt.datetime():
            return timestamp_builder()
        case dt.date():
            return date_builder()
        case dt.time():
            return time_builder()
    raise DataException(f"No schema for a {type(value).__name__}: build the record with a schema of your own.")
