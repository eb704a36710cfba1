"""TimescaleDb: changes of a hypertable's chunks go to the hypertable's topic.

Source: io.debezium.connector.postgresql.transforms.timescaledb.TimescaleDb (Debezium 3.6).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from headrace.config import ConfigDef, ConfigType, Importance, Width
from headrace.data import STRING_SCHEMA, Header, Struct
from headrace.spi.transform import R, Transform
from headrace.systems.postgres.introspect import TableName
from headrace.systems.postgres.target import PgTarget
from headrace.systems.postgres.timescale import TimescaleCatalog
from headrace.transforms.base import copy_record
from headrace.transforms.debezium.envelope import event_of, struct_of, text_of

_log = logging.getLogger(__name__)
_HEADER: Final = "__debezium_timescaledb_"
_INTERNAL: Final = "_timescaledb_internal"


def _database(config: ConfigDef, name: str, type: ConfigType, default: object, text: str) -> None:
    config.define(f"database.{name}", type, default, importance=Importance.HIGH, documentation=text)


def _definition() -> ConfigDef:
    config = (
        ConfigDef()
        .define(
            "schema.list",
            ConfigType.LIST,
            _INTERNAL,
            importance=Importance.HIGH,
            documentation="The schemas that TimescaleDB keeps chunks in.",
            width=Width.MEDIUM,
            display_name="The list of TimescaleDB data schemas",
        )
        .define(
            "target.topic.prefix",
            ConfigType.STRING,
            "timescaledb",
            importance=Importance.MEDIUM,
            documentation="What stands before schema and table in the new topic.",
            width=Width.MEDIUM,
            display_name="The prefix of TimescaleDB topic names",
        )
    )
    _database(config, "hostname", ConfigType.STRING, "localhost", "The server whose catalog tells the hypertables.")
    _database(config, "port", ConfigType.INT, 5432, "Its port.")
    _database(config, "user", ConfigType.STRING, "postgres", "The user who reads the catalog.")
    _database(config, "password", ConfigType.PASSWORD, None, "The user's password.")
    _database(config, "dbname", ConfigType.STRING, "postgres", "The database with the hypertables.")
    _database(config, "sslmode", ConfigType.STRING, "prefer", "Whether the connection is encrypted, as libpq names it.")
    return config


CONFIG: Final = _definition()


class TimescaleDb(Transform[R]):
    """A change of a chunk gets the topic, and in `source` the names, of its hypertable or continuous aggregate; headers tell the chunk. A chunk
    that the catalog does not have stays as it is, with a warning; so does everything that is no change of a chunk."""

    @classmethod
    def config(cls) -> ConfigDef:
        """Debezium's settings, and the database's, which Debezium reads too."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        settings = CONFIG.parse(props)
        password = settings["database.password"]
        target = PgTarget(
            settings["database.hostname"],
            settings["database.port"],
            settings["database.dbname"],
            settings["database.user"],
            None if password is None else password.value,
            settings["database.sslmode"],
            application_name="headrace TimescaleDB catalog",
        )
        self._catalog = TimescaleCatalog(target)
        self._schemas = frozenset(settings["schema.list"] or [_INTERNAL])
        self._prefix: str = settings["target.topic.prefix"]

    def close(self) -> None:
        """End the connection to the catalog."""
        self._catalog.close()

    def apply(self, record: R) -> R | None:
        event = event_of(record, "finding the hypertable")
        source = struct_of(event, "source") if event is not None else None
        if event is None or source is None:
            return record
        schema, table = text_of(source, "schema"), text_of(source, "table")
        if schema is None or table is None or schema not in self._schemas:
            return record
        chunk = TableName(schema, table)
        hypertable = self._catalog.hypertable(chunk)
        if hypertable is None:
            _log.warning("The catalog has no hypertable for the chunk %s.%s", schema, table)
            return record
        aggregate = self._catalog.aggregate(hypertable)
        name = aggregate or hypertable
        copied = copy_record(record)
        copied.value = _replaced(
            event, "source", _replaced(_replaced(source, "schema", name.schema), "table", name.table)
        )
        copied.topic = f"{self._prefix}.{name.schema}.{name.table}"
        told = [("chunk_table", table), ("chunk_schema", schema)]
        if aggregate is not None:
            told += [("hypertable_table", hypertable.table), ("hypertable_schema", hypertable.schema)]
        added = tuple(Header(_HEADER + key, STRING_SCHEMA, value) for key, value in told)
        copied._headers = (*record.header_items, *added)
        return copied


def _replaced(struct: Struct, name: str, value: object) -> Struct:
    field = struct.schema.field(name)
    assert field is not None
    values = list(struct.values)
    values[field.index] = value
    return Struct(struct.schema, values)
