"""HeaderToValue: headers become fields of the value. Source: io.debezium.transforms.HeaderToValue (Debezium 3.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import all_of, non_null, one_of, predicate
from headrace.data import Schema, Type
from headrace.data.batch import Block
from headrace.errors import ConfigException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import SchemaCache, copy_record, require_struct
from headrace.transforms.debezium.nested_fields import Entry, extended_schema, extended_value

_NAMES: Final = all_of(
    non_null,
    predicate(lambda names: all(name for name in names), "Empty string element(s) not permitted"),
    predicate(lambda names: not any(" " in name for name in names), "Space character(s) not permitted"),
)
CONFIG: Final = (
    ConfigDef()
    .define(
        "headers",
        ConfigType.LIST,
        validator=_NAMES,
        importance=Importance.HIGH,
        documentation="The headers whose values are taken.",
        display_name="Header names list",
    )
    .define(
        "fields",
        ConfigType.LIST,
        validator=_NAMES,
        importance=Importance.HIGH,
        documentation="The fields they become, in the order of the headers; a dot leads into a nested struct, which is made if there is none.",
        display_name="Field names list",
    )
    .define(
        "operation",
        ConfigType.STRING,
        validator=all_of(non_null, one_of("move", "copy", ignore_case=True)),
        importance=Importance.HIGH,
        documentation="move takes the headers away, copy leaves them.",
        display_name="Operation: mover or copy",
    )
)


class HeaderToValue(Transform[R]):
    """A null value, and a record with none of the headers, pass unchanged. A value must be a struct."""

    @classmethod
    def config(cls) -> ConfigDef:
        """Debezium's settings."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException unless there is a field for every header."""
        settings = CONFIG.parse(props)
        headers, fields = settings["headers"], settings["fields"]
        if len(headers) != len(fields):
            raise ConfigException(
                "'fields' config must have the same number of elements as 'headers' config.", field="fields"
            )
        self._fields: dict[str, str] = {}
        for header, field in zip(headers, fields, strict=True):
            self._fields.setdefault(header, field)
        self._move = settings["operation"].lower() == "move"
        # As in the original a field stays in the schema once a record had it; where another record brings a further one, the schema grows.
        self._schemas: SchemaCache[_Grown] = SchemaCache()

    def apply(self, record: R) -> R | None:
        if record.value is None:
            return record
        value = require_struct(record.value, "Header field insertion")
        names = self._fields
        entries = [
            Entry(names[header.key], header.schema, header.value)
            for header in record.header_items
            if header.key in names
        ]
        if not entries:
            return record
        grown = self._schemas.get(value.schema, _Grown)
        copied = copy_record(record)
        copied.value_schema = grown.for_entries(entries)
        copied.value = extended_value(value, entries, copied.value_schema)
        if self._move:
            copied._headers = tuple(header for header in record.header_items if header.key not in names)
        return copied

    def apply_block(self, block: Block) -> list[Block] | None:
        """Rows without any of the headers; others bring their schema's growth, record by record."""
        if any(header.key in self._fields for header in block.headers):
            return None
        fits = block.value is None or (block.value_schema is not None and block.value_schema.type is Type.STRUCT)
        return [block] if fits else None


class _Grown:
    """A schema and the fields that were added to it so far."""

    def __init__(self, schema: Schema) -> None:
        self._paths: set[str] = set()
        self._schema = schema

    def for_entries(self, entries: list[Entry]) -> Schema:
        """The schema with the entries' fields."""
        if any(entry.path not in self._paths for entry in entries):
            self._schema = extended_schema(self._schema, entries)
            self._paths.update(entry.path for entry in entries)
        return self._schema
