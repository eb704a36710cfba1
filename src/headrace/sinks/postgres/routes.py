"""What a kind of record means: its table, its key, the columns of its row.

A `Route` is made once per topic and pair of schemas; per record only its small functions run.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from headrace.data import INT32_SCHEMA, INT64_SCHEMA, STRING_SCHEMA, Field, Schema, SinkRecord, Type
from headrace.errors import ConfigException, DataException
from headrace.sinks.postgres.naming import TableNames
from headrace.sinks.postgres.settings import SinkSettings
from headrace.sinks.postgres.unchanged import FieldSource, unchanged_test

KAFKA_COLUMNS: Final = ("__connect_topic", "__connect_partition", "__connect_offset")
KeyOf = Callable[[SinkRecord, Any], tuple[Any, ...]]


class KeyPlan(NamedTuple):
    """A primary key: its columns, and how a record gives it. `place`: none, kafka (its coordinates), key (fields of the record's key, by
    `indexes`), plain (the record's key itself), value (fields of the row, by `indexes`) or header."""

    columns: tuple[FieldSource, ...]
    key_of: KeyOf
    place: str
    indexes: tuple[int, ...] = ()


@dataclass(eq=False, slots=True)
class Route:
    """`form`: envelope, row, tombstone or ignored. `key`: the primary key; `fields`: all columns, the key's first.

    `unchanged`: tells whether a row has columns to be left as they are; None when it cannot."""

    form: str
    table: tuple[str | None, str] | None
    key: KeyPlan
    fields: tuple[FieldSource, ...]
    op: int = -1
    before: int = -1
    after: int = -1
    source: int = -1
    unchanged: Callable[[list[Any]], bool] | None = None

    @property
    def keys(self) -> tuple[FieldSource, ...]:
        """The primary key's columns."""
        return self.key.columns

    @property
    def key_of(self) -> KeyOf:
        """The function from a record and its row to its key."""
        return self.key.key_of


class Routes:
    """Finds the route of a record and remembers it."""

    def __init__(self, settings: SinkSettings) -> None:
        self._settings = settings
        self._names = TableNames(settings.table_format, sanitize=settings.sanitize_topic, fold=settings.fold)
        self._known: dict[tuple[Any, ...], Route] = {}
        self.source_fields = self._names.source_fields
        self.by_source = bool(self.source_fields)
        """True when the table depends on each event's source block, so that the route cannot be kept for the next record."""

    def route(self, record: SinkRecord) -> Route:
        """DataException or ConfigException when such a record cannot be written."""
        schema = record.value_schema
        place: tuple[Any, ...] = (record.topic, record.key_schema, schema)
        source = None
        if self.by_source and schema is not None and _is_envelope(schema):
            source = record.value.get("source")
            place += tuple(self._names.source_value(source, name) for name in self._names.source_fields)
        if record.key is None and schema is not None and _is_envelope(schema) and record.value.get("op") == "t":
            place += ("t",)  # a truncate has no key, whatever the key mode asks of rows
        known = self._known.get(place)
        if known is None:
            known = self._known[place] = self._make(record, source, place[-1] == "t")
        return known

    def _make(self, record: SinkRecord, source: Any, truncate: bool) -> Route:
        schema = record.value_schema
        if record.value is None:
            if self.by_source:
                return _IGNORED
            key = self._key(record, None)
            return Route("tombstone", self._names.name(record.topic, None), key, key.columns)
        if schema is None or schema.type is not Type.STRUCT:
            shown = "without a schema" if schema is None else f"of type {schema.type.value}"
            raise DataException(
                f"Values must be structs; topic {record.topic} brings one {shown}.",
                code="SINK_NOT_A_STRUCT",
                remedy="Use a converter that keeps schemas (for JSON: value.converter.schemas.enable=true).",
            )
        if schema.name and schema.name.endswith((".SchemaChangeValue", ".Heartbeat", ".SchemaChangeKey")):
            return _IGNORED
        envelope = _is_envelope(schema)
        row_schema = _field(schema, "after").schema if envelope else schema
        key = _NO_KEY if truncate else self._key(record, row_schema)
        fields = list(key.columns)
        taken = {column.name for column in key.columns}
        for field in row_schema.fields:
            name = self._fold(field.name)
            if name not in taken and self._settings.takes(record.topic, field.name):
                fields.append(FieldSource(name, "r", field.index, field.schema))
        if not fields:
            raise ConfigException(
                f"No fields of topic {record.topic} are left to write.",
                code="SINK_NO_FIELDS",
                remedy="Loosen the lists of fields to write.",
            )
        route = Route(
            "envelope" if envelope else "row", self._names.name(record.topic, source), key, tuple(fields),
            unchanged=unchanged_test(fields, self._settings.placeholder),
        )  # fmt: skip
        if envelope:
            route.op, route.before, route.after = (_field(schema, name).index for name in ("op", "before", "after"))
        return route

    def _fold(self, name: str) -> str:
        return name.lower() if self._settings.fold else name

    def _sources(self, fields: Sequence[tuple[str, Schema]]) -> tuple[FieldSource, ...]:
        return tuple(FieldSource(self._fold(name), "k", at, schema) for at, (name, schema) in enumerate(fields))

    def _key(self, record: SinkRecord, row: Schema | None) -> KeyPlan:
        settings = self._settings
        match settings.pk_mode:
            case "none":
                return _NO_KEY
            case "kafka":
                names = settings.pk_fields or KAFKA_COLUMNS
                if len(names) != 3:
                    raise self._bad_fields("name three fields, for topic, partition and offset, or none")
                schemas = (STRING_SCHEMA, INT32_SCHEMA, INT64_SCHEMA)
                return KeyPlan(self._sources(list(zip(names, schemas, strict=True))), _coordinates, "kafka")
            case "record_key":
                return self._record_key(record)
            case "record_header":
                return self._header_key(record)
        if row is None:
            return _NO_KEY
        chosen = self._chosen(row, f"value of topic {record.topic}")
        indexes = tuple(field.index for field in chosen)
        get = _getter(indexes)
        columns = self._sources([(f.name, f.schema) for f in chosen])
        return KeyPlan(columns, lambda record, row: get(row), "value", indexes)

    def _record_key(self, record: SinkRecord) -> KeyPlan:
        schema = record.key_schema
        if record.key is None or schema is None:
            mode = self._settings.pk_key.replace("fields", "mode")
            raise DataException(
                f"Topic {record.topic} brings a record without {'a key' if record.key is None else 'a key schema'}.",
                code="SINK_KEY_MISSING",
                field=mode,
                remedy=f"Set {mode}=record_value with {self._settings.pk_key}, or give the records a key "
                "(message.key.columns of the source).",
            )
        if schema.type is not Type.STRUCT:
            if len(self._settings.pk_fields) != 1:
                raise self._bad_fields("name exactly one field, for the record keys are single values")
            return KeyPlan(self._sources([(self._settings.pk_fields[0], schema)]), _plain_key, "plain")
        chosen = self._chosen(schema, f"key of topic {record.topic}")
        indexes = tuple(field.index for field in chosen)
        get = _getter(indexes)
        columns = self._sources([(f.name, f.schema) for f in chosen])
        return KeyPlan(columns, lambda record, row: get(record.key.values), "key", indexes)

    def _header_key(self, record: SinkRecord) -> KeyPlan:
        fields = []
        names = self._settings.pk_fields or tuple(dict.fromkeys(header.key for header in record.header_items))
        for name in names:
            header = record.headers.last_with_name(name)
            if header is None or header.schema is None:
                raise DataException(f"The record has no header {name!r} with a schema.", code="SINK_KEY_MISSING")
            fields.append((name, header.schema))

        def key_of(record: SinkRecord, row: Any) -> tuple[Any, ...]:
            found = {header.key: header.value for header in record.header_items}
            return tuple(found[name] for name in names)

        return KeyPlan(self._sources(fields), key_of, "header")

    def _chosen(self, schema: Schema, where: str) -> list[Field]:
        if not self._settings.pk_fields:
            return list(schema.fields)
        chosen = []
        for name in self._settings.pk_fields:
            field = schema.field(name)
            if field is None:
                raise self._bad_fields(f"the {where} has no field {name!r}")
            chosen.append(field)
        return chosen

    def _bad_fields(self, reason: str) -> ConfigException:
        return ConfigException(
            f"{self._settings.pk_key} does not fit: {reason}.",
            code="SINK_KEY_FIELDS",
            field=self._settings.pk_key,
            remedy=f"Correct {self._settings.pk_key}.",
        )


def _is_envelope(schema: Schema) -> bool:
    if schema.type is not Type.STRUCT:
        return False
    return bool(schema.name and schema.name.endswith(".Envelope")) and all(map(schema.field, ("before", "after", "op")))


def _field(schema: Schema, name: str) -> Field:
    field = schema.field(name)
    if field is None:
        raise DataException(f"The envelope has no field {name}.")
    return field


def _no_key(record: SinkRecord, row: Any) -> tuple[Any, ...]:
    return ()


_NO_KEY: Final = KeyPlan((), _no_key, "none")
_IGNORED: Final = Route("ignored", None, _NO_KEY, ())


def _plain_key(record: SinkRecord, row: Any) -> tuple[Any, ...]:
    return (record.key,)


def _coordinates(record: SinkRecord, row: Any) -> tuple[Any, ...]:
    return (record.original_topic, record.original_partition, record.original_offset)


def _getter(indexes: Sequence[int]) -> Callable[[Any], tuple[Any, ...]]:
    if len(indexes) == 1:
        only = indexes[0]
        return lambda row: (row[only],)
    return operator.itemgetter(*indexes)
