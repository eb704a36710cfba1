"""Values in a form in which only what is the same in all ways is equal."""

from __future__ import annotations

from typing import Any

from headrace.data import SourceRecord, Struct


def shown(value: Any) -> Any:
    """NaN is equal to itself, 0.0 is not equal to -0.0, nor True to 1, nor a placeholder to its text."""
    if isinstance(value, Struct):
        return value.schema, [shown(item) for item in value.values]
    if isinstance(value, list):
        return type(value), [shown(item) for item in value]
    if isinstance(value, dict):
        return type(value), [(shown(key), shown(item)) for key, item in value.items()]
    return type(value), getattr(value, "number", None), repr(value)


def shown_record(record: SourceRecord) -> Any:
    return (
        record.topic,
        record.partition,
        record.key_schema,
        shown(record.key),
        record.value_schema,
        shown(record.value),
        record.timestamp,
        [(header.key, header.schema, shown(header.value)) for header in record.header_items],
        dict(record.source_partition),
        dict(record.source_offset),
    )
