"""Short names for the neutral form, for corpora: `schema("int32", optional=True)`, `struct_schema(id=…)`, `i32(5)`, `row(1, 2)`, `record(…)`."""

from __future__ import annotations

import base64
from typing import Any

Form = dict[str, Any]


def schema(type: str, **attributes: Any) -> Form:
    """A schema; attributes optional, name, version, doc, parameters, default (a value form), keys, values."""
    return {"type": type, **attributes}


def struct_schema(fields: dict[str, Form], **attributes: Any) -> Form:
    """A struct schema of these fields in order."""
    return {"type": "struct", **attributes, "fields": [{"name": n, "schema": s} for n, s in fields.items()]}


def array_schema(values: Form, **attributes: Any) -> Form:
    return {"type": "array", **attributes, "values": values}


def map_schema(keys: Form, values: Form, **attributes: Any) -> Form:
    return {"type": "map", **attributes, "keys": keys, "values": values}


def logical(name: str, scale: int | None = None, **attributes: Any) -> Form:
    """Connect's Decimal (with its scale), Date, Time, Timestamp."""
    base = {"Decimal": "bytes", "Date": "int32", "Time": "int32", "Timestamp": "int64"}[name]
    parameters = {"parameters": {"scale": str(scale)}} if scale is not None else {}
    return {"type": base, "name": f"org.apache.kafka.connect.data.{name}", "version": 1, **parameters, **attributes}


def i8(n: int) -> Form:
    return {"i8": n}


def i16(n: int) -> Form:
    return {"i16": n}


def i32(n: int) -> Form:
    return {"i32": n}


def i64(n: int) -> Form:
    return {"i64": n}


def f32(x: float | str) -> Form:
    return {"f32": x}


def f64(x: float | str) -> Form:
    return {"f64": x}


def binary(content: bytes) -> Form:
    return {"bytes": base64.b64encode(content).decode()}


def decimal(text: str) -> Form:
    return {"decimal": text}


def date(ms: int) -> Form:
    """A java.util.Date: a Date, Time or Timestamp, or a schemaless moment."""
    return {"date": ms}


def array(*items: Any) -> Form:
    return {"list": list(items)}


def mapping(pairs: dict[str, Any] | list[list[Any]]) -> Form:
    """A map; a dict has text keys."""
    return {"map": [[k, v] for k, v in pairs.items()] if isinstance(pairs, dict) else pairs}


def row(*values: Any, of: Form | None = None) -> Form:
    """A struct's values in the order of its fields; `of` where the schema of the place does not say which."""
    return {"struct": list(values)} if of is None else {"struct": list(values), "of": of}


def data(schema: Form | None, value: Any) -> Form:
    return {"schema": schema, "value": value}


def record(topic: str = "topic", value: Form | None = None, key: Form | None = None, **rest: Any) -> Form:
    """A record; key and value are `data(…)`; rest: partition, timestamp, headers, offset."""
    return {"topic": topic, "key": key, "value": value, **rest}
