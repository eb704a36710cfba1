"""Keys in offsets: between the server's text of a column and the Java object that Debezium keeps of it. Pure.

What is read from the server by JDBC as which class: Debezium's PostgresConnection.getColumnValue and the driver's getObject.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from headrace.cdc.signals.java_reader import JavaObject
from headrace.cdc.signals.java_writer import Float32, Int32, PgObject
from headrace.errors import DataException
from headrace.sources.postgres.incremental.chunk_query import Key

_TEXTS = frozenset(("text", "varchar", "bpchar", "name", "char", "time", "timetz", "timestamp", "timestamptz", "bit"))


def to_java(type_name: str, text: str | None, *, enum: bool = False) -> Any:
    """The object for a column of base type `type_name` (pg_type.typname)."""
    if text is None:
        return None
    if type_name in ("int2", "int4"):
        return Int32(text)
    if type_name in ("int8", "oid"):
        return int(text)
    if enum or type_name in _TEXTS:
        return text
    if type_name == "bool":
        return text in ("t", "true")
    if type_name == "numeric":
        value = Decimal(text)
        return value if value.is_finite() else text
    if type_name == "uuid":
        return uuid.UUID(text)
    if type_name == "float4":
        return Float32(text)
    if type_name == "float8":
        return float(text)
    if type_name == "bytea":
        return bytes.fromhex(text[2:])
    if type_name == "date" and len(text) == 10:
        return dt.date.fromisoformat(text)
    return PgObject(type_name, text)


def to_text(value: Any) -> str | None:
    """What the server takes for it. DataException JAVA_OBJECT_INVALID for an object that means nothing here."""
    if value is None or type(value) is str:
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, float):
        return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(float(value)), repr(float(value)))
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (bytes, bytearray)):
        return "\\x" + bytes(value).hex()
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    if isinstance(value, PgObject):
        return value.value
    if isinstance(value, (int, uuid.UUID, dt.date)):
        return str(value)
    name = value.name if isinstance(value, JavaObject) else type(value).__name__
    raise DataException(f"A key holds a Java object of class {name}.", code="JAVA_OBJECT_INVALID")


def texts(values: Sequence[Any] | None) -> Key | None:
    """`to_text` of each."""
    return None if values is None else tuple(to_text(value) for value in values)
