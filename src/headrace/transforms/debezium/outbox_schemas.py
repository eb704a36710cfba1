"""Schemas of outbox events that have further columns beside their payload. Source: io.debezium.transforms.outbox.EventRouterDelegate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from headrace.data import Field, Schema, Struct, Type
from headrace.data.validation import validate_value
from headrace.errors import DataException
from headrace.transforms.base import derived
from headrace.transforms.debezium.event_router_config import Additional

_LIMIT: Final = 10_000


class OutboxSchemas:
    """Builds the struct of `payload` and the additional columns. As in the original, the first topic that a payload's schema (or a version)
    goes to names the struct's schema for good (as long
    as there are not more than 10,000 of them)."""

    def __init__(self, columns: Sequence[Additional], lenient: bool) -> None:
        self._columns = columns
        self._lenient = lenient
        self._names: dict[Schema | int | None, tuple[str, int | None]] = {}
        self._schemas: dict[tuple[Schema, Schema, str, int | None], Schema] = {}

    def enveloped(self, row: Struct, payload_schema: Schema, payload: Any, topic: str, version: int | None) -> Struct:
        """The struct. DataException for a column the row does not have, unless these are ignored."""
        label: Schema | int | None = payload_schema if version is None else version
        if label not in self._names:
            _make_room(self._names)
            self._names[label] = _name(row.schema.name, topic), version
        name, version = self._names[label]
        identity = (payload_schema, row.schema, name, version)
        if identity not in self._schemas:
            _make_room(self._schemas)
            self._schemas[identity] = self._schema(payload_schema, row.schema, name, version)
        schema = self._schemas[identity]
        validate_value(payload_schema, payload, "payload")
        struct = Struct(schema)
        struct.values[0] = payload
        for column, _, alias in self._columns:
            field = schema.field(alias)
            if field is not None and row.schema.field(column) is not None:
                struct.values[field.index] = row.get(column)
        return struct

    def _schema(self, payload: Schema, row: Schema, name: str, version: int | None) -> Schema:
        fields: dict[str, Schema] = {"payload": payload}
        for column, _, alias in self._columns:
            field = row.field(column)
            if field is None:
                if self._lenient:
                    continue
                raise DataException(f"Unable to find field {column} in event")
            if alias in fields:
                raise DataException(f"Cannot create field because of field name duplication {alias}")
            fields[alias] = field.schema
        listed = [Field(field, index, schema) for index, (field, schema) in enumerate(fields.items())]
        return derived(Schema(Type.STRUCT, fields=listed), name=name, version=version)


def _make_room(known: dict[Any, Any]) -> None:
    # Payloads decide how many schemas there are.
    if len(known) >= _LIMIT:
        del known[next(iter(known))]


def _name(row: str | None, topic: str) -> str:
    """The topic put before the last part of the row schema's name."""
    if row is None:
        return topic
    front, dot, last = row.rpartition(".")
    return f"{front}{dot}{topic}.{last}"
