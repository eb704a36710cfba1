"""The settings, declared once: parsing, validation, forms and `headrace config check` come from here."""

from __future__ import annotations

from typing import Any

from headrace.config.validators import at_least, between
from headrace.spi import ConfigDef, ConfigException, ConfigType, Importance

VERSION = "1.0.0"


def _tables(name: str, value: Any) -> None:
    """At least one, and none twice: its rows would come twice."""
    if not value or len(set(value)) < len(value):
        raise ConfigException(f"{name} must name tables, each once: {value}", field=name)


SETTINGS = (
    ConfigDef()
    .define("database.hostname", ConfigType.STRING, importance=Importance.HIGH, documentation="Host of the database.")
    .define(
        "database.port",
        ConfigType.INT,
        3306,
        between(1, 65535),
        Importance.HIGH,
        "Port of the database. The default is that of MySQL; PostgreSQL listens on 5432.",
    )
    .define("database.user", ConfigType.STRING, importance=Importance.HIGH, documentation="User to read as.")
    .define("database.password", ConfigType.PASSWORD, importance=Importance.HIGH, documentation="The user's password.")
    .define("database.name", ConfigType.STRING, importance=Importance.HIGH, documentation="Database to read.")
    .define(
        "table.whitelist",
        ConfigType.LIST,
        validator=_tables,
        importance=Importance.HIGH,
        documentation="The tables to read, as table or schema.table.",
    )
    .define("topic.prefix", ConfigType.STRING, "custom", documentation="A table's topic is <topic.prefix>.<table>.")
    .define("batch.size", ConfigType.INT, 1000, at_least(1), documentation="Most rows to read from a table at a time.")
    .define(
        "poll.interval.ms",
        ConfigType.LONG,
        1000,
        at_least(1),
        documentation="How long to wait after all tables had nothing new.",
    )
    .define(
        "timestamp.column",
        ConfigType.STRING,
        "updated_at",
        documentation="The column that every insert and update sets to the present time. It must be NOT NULL.",
    )
    .define(
        "commit.delay.ms",
        ConfigType.LONG,
        1000,
        at_least(0),
        documentation="Rows younger than this are left for a later poll. A transaction takes its timestamps before it commits: "
        "one that is open for longer than this may commit rows behind the place that was read up to, and they are missed.",
    )
)
