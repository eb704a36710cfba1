"""A value as a line of text, as Java's own texts of Connect's values are. Source: Struct.toString, AbstractMap, AbstractList."""

from __future__ import annotations

import datetime as dt
from typing import Any

from headrace.data import Schema, Struct
from headrace.data.text import scalar_text, temporal_text


def line_of(schema: Schema | None, value: Any) -> bytes:
    """The line with its end. Bytes are written as they are: Java's text of them tells nothing."""
    return (value if isinstance(value, bytes) else text_of(schema, value).encode()) + b"\n"


def text_of(schema: Schema | None, value: Any) -> str:
    """`Struct{a=1,b=x}`, `{k=v, …}`, `[1, 2]`, scalars as Java writes them, dates and times in ISO 8601."""
    if isinstance(value, str):
        return value
    scalar = scalar_text(schema, value)
    if scalar is not None:
        return scalar
    if isinstance(value, Struct):
        pairs = zip(value.schema.fields, value.values, strict=True)
        inside = [f"{field.name}={text_of(field.schema, item)}" for field, item in pairs if item is not None]
        return f"Struct{{{','.join(inside)}}}"
    if isinstance(value, dict):
        keys, values = (schema.key_schema, schema.value_schema) if schema is not None else (None, None)
        return "{" + ", ".join(f"{text_of(keys, k)}={text_of(values, v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        items = schema.value_schema if schema is not None else None
        return "[" + ", ".join(text_of(items, item) for item in value) + "]"
    if isinstance(value, dt.date | dt.time):
        return temporal_text(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)
