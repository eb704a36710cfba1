"""What a change event looks like to a transform. Source: io.debezium.data.Envelope, io.debezium.transforms.SmtManager."""

from __future__ import annotations

from typing import Any, Final

from headrace.data import ConnectRecord, Schema, Struct
from headrace.errors import DataException
from headrace.transforms.base import require_struct

_SUFFIX: Final = ".Envelope"
_CACHED: Final = "debezium.envelope"
DELETE: Final = "d"


def is_envelope(schema: Schema | None) -> bool:
    """Whether records of this schema are change events: Debezium goes by the schema's name alone."""
    if schema is None:
        return False
    known: bool | None = schema.cache.get(_CACHED)
    if known is None:
        known = schema.cache[_CACHED] = schema.name is not None and schema.name.endswith(_SUFFIX)
    return known


def event_of(record: ConnectRecord, purpose: str) -> Struct | None:
    """The change event; None for a tombstone and for all that is no change event. DataException for a value that does not fit."""
    if record.value is None or not is_envelope(record.value_schema):
        return None
    return require_struct(record.value, purpose)


def text_of(struct: Struct, name: str) -> str | None:
    """The text field, as it was set. DataException when there is none or it is of another type."""
    value = struct.get_without_default(name)
    if value is not None and not isinstance(value, str):
        raise DataException(f"Field '{name}' is not of type STRING")
    return value


def struct_of(struct: Struct, name: str) -> Struct | None:
    """The struct field. DataException when there is none or it is of another type."""
    value = struct.get_without_default(name)
    if value is not None and not isinstance(value, Struct):
        raise DataException(f"Field '{name}' is not of type STRUCT")
    return value


def find(struct: Struct, name: str) -> Any:
    """The field's value or its default; None when there is no such field."""
    field = struct.schema.field(name)
    return None if field is None else struct.get(name)
