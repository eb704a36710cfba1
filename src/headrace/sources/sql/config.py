"""The settings of the polling source. Source: JdbcSourceConnectorConfig of confluentinc/kafka-connect-jdbc."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.keys import NO_DEFAULT, invalid_value
from headrace.config.validators import ValidValues, at_least, non_null, one_of

_T = ConfigType
_H, _M, _L = Importance.HIGH, Importance.MEDIUM, Importance.LOW

BULK: Final = "bulk"
INCREMENTING: Final = "incrementing"
TIMESTAMP: Final = "timestamp"
TIMESTAMP_INCREMENTING: Final = "timestamp+incrementing"
MODES: Final = (BULK, INCREMENTING, TIMESTAMP, TIMESTAMP_INCREMENTING)
GRANULARITIES: Final = (
    "connect_logical",
    "micros_long",
    "micros_string",
    "micros_iso_datetime_string",
    "nanos_long",
    "nanos_string",
    "nanos_iso_datetime_string",
)
NUMERIC_MAPPINGS: Final = ("none", "precision_only", "best_fit", "best_fit_eager_double")
_ISOLATION: Final = (
    "DEFAULT",
    "READ_UNCOMMITTED",
    "READ_COMMITTED",
    "REPEATABLE_READ",
    "SERIALIZABLE",
    "SQL_SERVER_SNAPSHOT",
)
TABLE_TYPES: Final = ("TABLE", "VIEW", "PARTITIONED TABLE")
TABLES: Final = "tables"
"""A task's tables, in its own configuration."""


def _regexes(name: str, value: Any) -> None:
    for item in value or []:
        try:
            re.compile(item.strip())
        except re.error as error:
            raise invalid_value(
                name, value, f"Must be a valid comma-separated list of regular expression patterns: {error}"
            ) from None


def _mapping(name: str, value: Any) -> None:
    for item in value or []:
        regex, colon, columns = item.strip().partition(":")
        if not colon or not columns.strip("[] "):
            raise invalid_value(name, value, "Must be a list of regex:column")
        _regexes(name, [regex])


def _initial(name: str, value: Any) -> None:
    if value is not None and value < -1:
        raise invalid_value(name, value, "Value must be at least -1")


def _zone(name: str, value: Any) -> None:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise invalid_value(name, value, "Invalid time zone identifier") from None


def _topic_prefix(name: str, value: Any) -> None:
    if value is None or value != value.strip() or re.search(r"[^a-zA-Z0-9._-]", value) or len(value) > 249:
        raise invalid_value(name, value, "Must be of at most 249 letters, digits, dots, underscores and hyphens")


@lru_cache(maxsize=1)
@cache
def config_def() -> ConfigDef:
    """All settings."""
    definition = ConfigDef()

    def add(
        group: str,
        name: str,
        type_: ConfigType,
        default: Any,
        validator: Any,
        importance: Importance,
        doc: str,
        **more: Any,
    ) -> None:
        definition.define(name, type_, default, validator, importance, doc, group=group, **more)

    database, mode, connector = "Database", "Mode", "Connector"
    add(
        database,
        "connection.url",
        _T.STRING,
        NO_DEFAULT,
        non_null,
        _H,
        "JDBC connection URL: jdbc:postgresql://host:port/db, jdbc:mysql://…, jdbc:sqlite:file and others, or a URL of SQLAlchemy.",
    )
    add(database, "connection.user", _T.STRING, None, None, _H, "The user; may stand in the URL.")
    add(database, "connection.password", _T.PASSWORD, None, None, _H, "The user's password.")
    add(
        database,
        "connection.attempts",
        _T.INT,
        3,
        at_least(1),
        _L,
        "How often to try to connect at the start before the task fails. A connection lost later is tried again until it works.",
    )
    add(
        database,
        "connection.backoff.ms",
        _T.LONG,
        10_000,
        at_least(0),
        _L,
        "Time between two tries to connect, in milliseconds.",
    )
    add(
        database,
        "jdbc.credentials.provider.class",
        _T.CLASS,
        None,
        None,
        _L,
        "A class that gives user and password.",
        no_effect="Java classes cannot be loaded; config providers give secrets",
    )
    definition.define_pattern(
        "jdbc.credentials.provider.*", "Settings of that class.", no_effect="Java classes cannot be loaded"
    )
    add(database, "table.whitelist", _T.LIST, "", None, _M, "Tables to read, as table or schema.table.")
    add(database, "table.blacklist", _T.LIST, "", None, _M, "Tables not to read, as table or schema.table.")
    add(
        database,
        "table.include.list",
        _T.LIST,
        "",
        _regexes,
        _M,
        "Regular expressions for the full names (schema.table) of tables to read.",
    )
    add(
        database,
        "table.exclude.list",
        _T.LIST,
        "",
        _regexes,
        _M,
        "Regular expressions for the full names of tables not to read, of those that table.include.list names.",
    )
    add(
        database,
        "catalog.pattern",
        _T.STRING,
        None,
        None,
        _M,
        "Pattern for the catalog of tables.",
        no_effect="a connection sees one catalog, that of its URL",
    )
    add(
        database,
        "schema.pattern",
        _T.STRING,
        None,
        None,
        _H,
        "SQL pattern (% and _) for the schemas whose tables are read; all if not set.",
    )
    add(
        database,
        "numeric.precision.mapping",
        _T.BOOLEAN,
        False,
        None,
        _L,
        "Deprecated: true is numeric.mapping=precision_only.",
    )
    add(
        database,
        "numeric.mapping",
        _T.STRING,
        None,
        _numeric,
        _L,
        "What NUMERIC columns become: none (Decimal), precision_only, best_fit or best_fit_eager_double (integers and doubles where they fit).",
        recommender=ValidValues(NUMERIC_MAPPINGS),
    )
    add(database, "dialect.name", _T.STRING, "", None, _L, "The database dialect.", no_effect="the URL says it")
    add(
        database,
        "date.calendar.system",
        _T.STRING,
        "LEGACY",
        None,
        _L,
        "The calendar of dates before 1582.",
        no_effect="it is always the proleptic Gregorian one",
    )
    add(
        mode,
        "mode",
        _T.STRING,
        NO_DEFAULT,
        one_of(*MODES),
        _H,
        "How new rows are found: bulk (the whole table each time), incrementing (by a growing id), timestamp, timestamp+incrementing.",
        recommender=ValidValues(MODES),
    )
    add(
        mode,
        "incrementing.column.name",
        _T.STRING,
        "",
        None,
        _M,
        "The growing column; empty: the table's auto-increment column.",
    )
    add(mode, "incrementing.column.mapping", _T.LIST, "", _mapping, _M, "Per table: regex:column, …")
    add(
        mode,
        "timestamp.column.name",
        _T.LIST,
        "",
        None,
        _M,
        "The timestamp columns; the first that is not null counts.",
    )
    add(mode, "timestamp.columns.mapping", _T.LIST, "", _mapping, _M, "Per table: regex:[column|column], …")
    add(
        mode,
        "timestamp.initial",
        _T.LONG,
        None,
        _initial,
        _L,
        "Where to begin without an offset, in milliseconds since 1970; -1 is now, not set is the beginning.",
    )
    add(
        mode,
        "validate.non.null",
        _T.BOOLEAN,
        True,
        None,
        _L,
        "Refuse tables whose incrementing or only timestamp column may be null.",
    )
    add(
        mode,
        "query",
        _T.STRING,
        "",
        None,
        _M,
        "A query to read instead of tables; a WHERE clause is appended unless mode is bulk.",
    )
    add(mode, "query.masked", _T.PASSWORD, "", None, _M, "As query, kept out of logs.")
    add(
        mode,
        "quote.sql.identifiers",
        _T.STRING,
        "ALWAYS",
        one_of("always", "never", ignore_case=True),
        _M,
        "When to quote identifiers in SQL: always or never.",
    )
    add(mode, "query.suffix", _T.STRING, "", None, _L, "Text to append to the query.")
    add(
        mode,
        "transaction.isolation.mode",
        _T.STRING,
        "DEFAULT",
        one_of(*_ISOLATION),
        _L,
        "The isolation level of queries.",
    )
    add(
        mode,
        "query.retry.attempts",
        _T.INT,
        -1,
        at_least(-1),
        _L,
        "How often in a row a query may fail for a passing reason before the task fails; -1 for any number.",
    )
    add(
        connector,
        "table.types",
        _T.LIST,
        "TABLE",
        _table_types,
        _L,
        "Kinds of tables: TABLE, VIEW, PARTITIONED TABLE (of PostgreSQL; its partitions are of kind TABLE).",
    )
    add(
        connector,
        "poll.interval.ms",
        _T.INT,
        5000,
        at_least(0),
        _H,
        "How often to look for new rows in each table, in milliseconds.",
    )
    add(connector, "batch.max.rows", _T.INT, 1000, at_least(1), _L, "Most rows of a batch.")
    add(
        connector,
        "max.buffer.size",
        _T.INT,
        0,
        None,
        _L,
        "Most records buffered.",
        no_effect="no more than a batch is read ahead",
    )
    add(
        connector,
        "poll.linger.ms",
        _T.LONG,
        5000,
        None,
        _L,
        "How long a poll waits for records.",
        no_effect="a poll returns within a second",
    )
    add(
        connector,
        "table.poll.interval.ms",
        _T.LONG,
        60_000,
        at_least(1),
        _L,
        "How often to look for new and dropped tables, in milliseconds; the tasks are planned anew when there are some.",
    )
    add(
        connector,
        "table.monitoring.startup.polling.limit.ms",
        _T.LONG,
        10_000,
        None,
        _L,
        "Time for the first look at tables.",
        no_effect="the start waits for it",
    )
    add(
        connector,
        "topic.prefix",
        _T.STRING,
        NO_DEFAULT,
        _topic_prefix,
        _H,
        "Before the table's name in the topic; with query the topic itself.",
    )
    add(
        connector,
        "timestamp.delay.interval.ms",
        _T.LONG,
        0,
        at_least(0),
        _H,
        "Rows younger than this wait: time for transactions with earlier timestamps to commit. Those that take longer are missed.",
    )
    add(
        connector,
        "db.timezone",
        _T.STRING,
        "UTC",
        _zone,
        _M,
        "The time zone of timestamps without one. If it has summer time, rows of the hour that comes twice may be missed.",
    )
    add(
        connector,
        "timestamp.granularity",
        _T.STRING,
        "connect_logical",
        one_of(*GRANULARITIES),
        _L,
        "How timestamps are written: connect_logical, or micros or nanos since 1970 as number, text or ISO 8601.",
        recommender=ValidValues(GRANULARITIES),
    )
    return definition


def _numeric(name: str, value: Any) -> None:
    if value is not None:
        one_of(*NUMERIC_MAPPINGS, ignore_case=True)(name, value)


def _table_types(name: str, value: Any) -> None:
    wrong = [item for item in value or [] if item.strip().upper() not in TABLE_TYPES]
    if wrong or not value:
        raise invalid_value(name, value, f"Must be some of {', '.join(TABLE_TYPES)}")


def query_of(config: Mapping[str, Any]) -> str:
    """The query, empty in table mode."""
    masked = config["query.masked"]
    return str(config["query"].strip() or (masked.value.strip() if masked else ""))


def numeric_mapping(config: Mapping[str, Any]) -> str:
    """numeric.mapping, with the deprecated flag taken in."""
    chosen = config["numeric.mapping"]
    if chosen:
        return str(chosen).lower()
    return "precision_only" if config["numeric.precision.mapping"] else "none"
