"""Connect's text form of values, in which headers travel: writing, and reading with the smallest type that fits.

Source: org.apache.kafka.connect.data.Values (Kafka 4.3) and its observed results.
"""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

from headrace.data.logical import date_to_days, datetime_to_millis, time_to_millis
from headrace.data.record import SchemaAndValue
from headrace.data.schema import STRING_SCHEMA, Schema
from headrace.data.struct import Struct
from headrace.data.text import scalar_text
from headrace.data.value_parser import ValueParser
from headrace.errors import DataException

_DAY = 86_400_000


def to_text(schema: Schema | None, value: Any, *, embedded: bool = False) -> str:
    """The text of a value; strings and bytes are quoted inside of lists, maps and structs. DataException for other classes."""
    scalar = scalar_text(schema, value)
    if scalar is not None:
        return scalar
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if embedded else str.__str__(value)
    if isinstance(value, bytes | bytearray | memoryview):
        text = base64.b64encode(value).decode()
        return f'"{text}"' if embedded else text
    if isinstance(value, list | tuple):
        inner = schema.value_schema if schema is not None else None
        return "[" + ",".join(to_text(inner, item, embedded=True) for item in value) + "]"
    if isinstance(value, dict):
        of_key, of_value = (schema.key_schema, schema.value_schema) if schema is not None else (None, None)
        pairs = (f"{to_text(of_key, k, embedded=True)}:{to_text(of_value, v, embedded=True)}" for k, v in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, Struct):
        fields = (
            f"{to_text(None, f.name, embedded=True)}:{to_text(f.schema, value.get(f.name), embedded=True)}"
            for f in value.schema.fields
        )
        return "{" + ",".join(fields) + "}"
    if isinstance(value, dt.date | dt.time):
        return date_text(value)
    raise DataException(f"Failed to serialize unexpected value type {type(value).__name__}: {value}")


def date_text(value: dt.date | dt.time) -> str:
    """The text of a date, time or moment, in UTC: a time of day for all before 2 January 1970 (Java has one class for the three
    and tells them by their size), a date for a midnight, else both."""
    millis = epoch_millis(value)
    days, rest = divmod(millis, _DAY)
    seconds, ms = divmod(rest, 1000)
    time = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{ms:03d}Z"
    if millis < _DAY:
        return time
    date = (dt.date(1970, 1, 1) + dt.timedelta(days=days)).isoformat()
    return f"{date}T{time}" if rest else date


def epoch_millis(value: dt.date | dt.time) -> int:
    """Milliseconds since the epoch, of which java.util.Date consists; a time is one of the first day."""
    if isinstance(value, dt.time):
        return time_to_millis(value)
    return datetime_to_millis(value) if isinstance(value, dt.datetime) else date_to_days(value) * _DAY


def parse_text(text: str) -> SchemaAndValue:
    """The value a text stands for; whatever is no literal, list or map is the string itself. DataException for a map key that
    cannot be one, and for some hundred lists in each other."""
    if not text:
        return SchemaAndValue(STRING_SCHEMA, text)
    try:
        parsed = ValueParser(text).parse(embedded=False)
    except RecursionError:
        raise DataException("The text holds lists or maps that are nested too deeply.") from None
    return SchemaAndValue(None, None) if parsed is None else parsed
