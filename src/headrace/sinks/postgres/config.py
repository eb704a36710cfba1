"""The two dialects of keys, each as its original declares them, and what they mean.

Sources: ConfigDef of io.debezium.connector.jdbc.JdbcSinkConnector (3.5) and io.confluent.connect.jdbc.JdbcSinkConnector (10.9).
Keys of the originals that steer their connection pool or other databases are accepted; a value that asks for
something this sink does not do is refused with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import at_least, non_empty, one_of
from headrace.errors import ConfigException
from headrace.sinks.postgres.naming import bad_placeholders
from headrace.sinks.postgres.settings import UNAVAILABLE, SinkSettings
from headrace.sinks.postgres.url import parse_url

_B, _S, _I, _L, _P, _LIST = (
    ConfigType.BOOLEAN,
    ConfigType.STRING,
    ConfigType.INT,
    ConfigType.LONG,
    ConfigType.PASSWORD,
    ConfigType.LIST,
)
_HIGH, _MEDIUM, _LOW = Importance.HIGH, Importance.MEDIUM, Importance.LOW
_NAMING: Final = "io.debezium.connector.jdbc.naming."
_MODES = one_of("insert", "upsert", "update", ignore_case=True)


_OWN_CONNECTIONS: Final = "a task makes its connections itself, see write.max.connections"


def _own(definition: ConfigDef) -> ConfigDef:
    """Keys of this sink that the originals do not have."""
    return (
        definition.define(
            "offsets.table.name",
            _S,
            "headrace_sink_offsets",
            non_empty,
            _LOW,
            "Table in the target (`table` or `schema.table`) that holds the position per topic partition; it is written in the"
            " transaction of the rows, so that a record that comes again changes nothing.",
        )
        .define(
            "unavailable.value.placeholder",
            _S,
            UNAVAILABLE,
            non_empty,
            _LOW,
            "Text that stands for a value the source database did not send; such columns are left as they are in the target.",
        )
        .define(
            "write.max.connections",
            _I,
            1,
            at_least(1),
            _MEDIUM,
            "Connections that one task writes through at the same time, each the records of some of its partitions in transactions of its own.",
        )
    )


def debezium_config() -> ConfigDef:
    """The keys of Debezium's JDBC sink."""
    d = ConfigDef()
    d.define("connection.url", _S, importance=_HIGH, documentation="jdbc:postgresql://host:port/database?parameters")
    d.define("connection.username", _S, importance=_HIGH, documentation="User to log in with.")
    d.define("connection.password", _P, importance=_HIGH, documentation="Password to log in with.")
    for name, default in (("min_size", 5), ("max_size", 32), ("acquire_increment", 32), ("timeout", 1800)):
        d.define(
            f"connection.pool.{name}", _I, default, None, _LOW, "Of the connection pool.", no_effect=_OWN_CONNECTIONS
        )
    d.define(
        "connection.restart.on.errors", _B, False, None, _LOW, "", no_effect="a lost connection is always made again"
    )
    d.define("database.time_zone", _S, "UTC", None, _LOW, "Old name of use.time.zone.")
    d.define("use.time.zone", _S, "UTC", None, _MEDIUM, "Time zone of temporal values without one. Only UTC.")
    d.define("delete.enabled", _B, False, None, _MEDIUM, "Delete rows at delete events and tombstones.")
    d.define("truncate.enabled", _B, False, None, _MEDIUM, "Truncate the table at truncate events.")
    d.define("insert.mode", _S, "insert", _MODES, _MEDIUM, "insert, upsert or update.")
    pk_modes = one_of("none", "kafka", "record_key", "record_value", "record_header", ignore_case=True)
    d.define("primary.key.mode", _S, "none", pk_modes, _MEDIUM, "Where the primary key comes from.")
    d.define("primary.key.fields", _S, None, None, _MEDIUM, "Fields of the primary key, comma separated; empty = all.")
    evolution = one_of("none", "basic", ignore_case=True)
    d.define("schema.evolution", _S, "none", evolution, _MEDIUM, "basic: create tables and add columns.")
    d.define("quote.identifiers", _B, False, None, _MEDIUM, "Keep the case of names; otherwise they are lower-cased.")
    d.define("collection.name.format", _S, "${topic}", non_empty, _MEDIUM, "Table name; ${topic} and ${source.field}.")
    d.define("table.name.format", _S, None, non_empty, _MEDIUM, "Old name of collection.name.format.")
    d.define(
        "collection.naming.strategy", _S, f"{_NAMING}DefaultCollectionNamingStrategy", None, _LOW, "Only the default."
    )
    d.define("column.naming.strategy", _S, f"{_NAMING}DefaultColumnNamingStrategy", None, _LOW, "Only the default.")
    d.define("collection.table.format", _S, "${table}", None, _LOW, "Only the default.")
    d.define("dialect.postgres.postgis.schema", _S, "public", None, _LOW, "Schema of the PostGIS extension.")
    d.define("dialect.postgres.unnest.insert.enabled", _B, False, None, _LOW, "", no_effect="rows are loaded by COPY")
    d.define("dialect.sqlserver.identity.insert", _B, False, None, _LOW, "Another database's; must be false.")
    d.define(
        "batch.size", _I, 500, at_least(1), _MEDIUM, "Records per target transaction; unset = all that one call brings."
    )
    d.define("field.include.list", _LIST, None, None, _MEDIUM, "Fields to write, [topic:]field.")
    d.define("field.exclude.list", _LIST, None, None, _MEDIUM, "Fields not to write, [topic:]field.")
    d.define(
        "flush.max.retries", _I, 5, at_least(0), _MEDIUM, "Retries of a conflict; an unreachable target is retried on."
    )
    d.define("flush.retry.delay.ms", _L, 1000, at_least(0), _MEDIUM, "Wait before a retry.")
    d.define("cloud.events.schema.name.pattern", _S, r".*CloudEvents\.Envelope$", None, _LOW, "Only the default.")
    d.define_pattern("hibernate.dialect", "Only a PostgreSQL dialect; others are refused.")
    d.define_pattern(
        "hibernate.*", "Settings of the original's database library.", no_effect="there is no Hibernate here"
    )
    d.define_pattern(
        "dialect.<database>.*",
        "Settings of other databases.",
        regex=r"dialect\.(sqlserver|mysql|mariadb|oracle|db2)\..+",
        no_effect="it is for another database",
    )
    return _own(d)


def confluent_config() -> ConfigDef:
    """The keys of Confluent's JDBC sink."""
    d = ConfigDef()
    d.define("connection.url", _S, importance=_HIGH, documentation="jdbc:postgresql://host:port/database?parameters")
    d.define("connection.user", _S, None, None, _HIGH, "User to log in with.")
    d.define("connection.password", _P, None, None, _HIGH, "Password to log in with.")
    d.define("dialect.name", _S, "", None, _LOW, "Empty or PostgreSqlDatabaseDialect.")
    d.define("connection.attempts", _I, 3, at_least(1), _LOW, "", no_effect="an unreachable target is retried on")
    d.define(
        "connection.backoff.ms",
        _L,
        10000,
        at_least(0),
        _LOW,
        "",
        no_effect="an unreachable target is retried on; see retry.backoff.ms",
    )
    d.define("insert.mode", _S, "insert", _MODES, _HIGH, "insert, upsert or update.")
    d.define(
        "batch.size",
        _I,
        3000,
        at_least(0),
        _MEDIUM,
        "Records per target transaction; unset = all that one call brings.",
    )
    d.define("delete.enabled", _B, False, None, _MEDIUM, "Delete rows at null values; needs pk.mode=record_key.")
    d.define("table.types", _LIST, "TABLE", None, _LOW, "Only TABLE and PARTITIONED TABLE.")
    d.define("table.name.format", _S, "${topic}", non_empty, _MEDIUM, "Table name; may be schema.table.")
    pk_modes = one_of("none", "kafka", "record_key", "record_value", ignore_case=True)
    d.define("pk.mode", _S, "none", pk_modes, _HIGH, "Where the primary key comes from.")
    d.define("pk.fields", _LIST, "", None, _MEDIUM, "Fields of the primary key; empty = all.")
    d.define("fields.whitelist", _LIST, "", None, _MEDIUM, "Fields of the value to write; empty = all.")
    d.define("db.timezone", _S, "UTC", None, _MEDIUM, "Time zone of temporal values without one. Only UTC.")
    d.define("date.timezone", _S, "db_timezone", None, _LOW, "Time zone of dates. Only db_timezone or UTC.")
    d.define("timestamp.precision.mode", _S, "microseconds", None, _LOW, "Only microseconds.")
    d.define("timestamp.fields.list", _LIST, "", None, _LOW, "Must be empty.")
    d.define(
        "date.calendar.system",
        _S,
        "legacy",
        None,
        _LOW,
        "",
        no_effect="dates are proleptic Gregorian, as PostgreSQL's are",
    )
    d.define("string.output.value.column.name", _S, "record_value", None, _LOW, "Only the default.")
    d.define("auto.create", _B, False, None, _MEDIUM, "Create missing tables.")
    d.define("auto.evolve", _B, False, None, _MEDIUM, "Add missing columns that are optional or have a default.")
    d.define(
        "quote.sql.identifiers", _S, "ALWAYS", one_of("always", "never", ignore_case=True), _MEDIUM, "ALWAYS or NEVER."
    )
    d.define("max.retries", _I, 10, at_least(0), _MEDIUM, "Retries of a conflict; an unreachable target is retried on.")
    d.define("retry.backoff.ms", _I, 3000, at_least(0), _MEDIUM, "Wait before a retry.")
    d.define("replace.null.with.default", _B, True, None, _MEDIUM, "Write a field's default where its value is null.")
    d.define("mssql.use.merge.holdlock", _B, True, None, _LOW, "", no_effect="it is for another database")
    return _own(d)


_FIXED: Final[dict[str, tuple[str, ...]]] = {
    "use.time.zone": ("utc", "z", "gmt", "etc/utc", "+00:00"),
    "database.time_zone": ("utc", "z", "gmt", "etc/utc", "+00:00"),
    "db.timezone": ("utc", "z", "gmt", "etc/utc"),
    "date.timezone": ("db_timezone", "utc"),
    "timestamp.precision.mode": ("microseconds",),
    "collection.naming.strategy": (f"{_NAMING}DefaultCollectionNamingStrategy".lower(),),
    "column.naming.strategy": (f"{_NAMING}DefaultColumnNamingStrategy".lower(),),
    "collection.table.format": ("${table}",),
    "dialect.name": ("", "postgresqldatabasedialect"),
    "dialect.sqlserver.identity.insert": ("false",),
    "cloud.events.schema.name.pattern": (r".*cloudevents\.envelope$",),
    "string.output.value.column.name": ("record_value",),
    "timestamp.fields.list": ("",),
}


def problems(definition: ConfigDef, props: Mapping[str, str]) -> list[ConfigException]:
    """Everything in `props` that asks for what this sink does not do, or that contradicts itself."""
    found: list[ConfigException] = []

    def refuse(field: str, text: str, remedy: str) -> None:
        found.append(ConfigException(text, field=field, remedy=remedy))

    for name, allowed in _FIXED.items():
        value = props.get(name)
        if name in definition and value is not None and value.strip().lower() not in allowed:
            refuse(name, f"{name}={value} is not supported.", f"Leave {name} out, or set {allowed[0] or 'nothing'}.")
    dialect = props.get("hibernate.dialect")
    if dialect and "postgres" not in dialect.lower():
        refuse("connection.url", f"hibernate.dialect={dialect} is not supported.", "Only PostgreSQL is.")
    kinds = [kind.strip().upper() for kind in props.get("table.types", "TABLE").split(",")]
    if not set(kinds) <= {"TABLE", "PARTITIONED TABLE"}:
        refuse("table.types", f"table.types={props['table.types']} is not supported.", "Write to tables.")
    old = "pk.mode" in definition
    pk_key, mode = (
        ("pk.mode", "primary.key.mode")[not old],
        (props.get("pk.mode" if old else "primary.key.mode") or "none").lower(),
    )
    deletes = props.get("delete.enabled", "false").strip().lower() == "true"
    insert_mode = (props.get("insert.mode") or "insert").strip().lower()
    if deletes and mode not in (("record_key",) if old else ("record_key", "record_value", "record_header")):
        refuse("delete.enabled", f"delete.enabled needs a primary key from the record, but {pk_key} is {mode}.", f"Set {pk_key}=record_key.")  # fmt: skip
    if insert_mode in ("upsert", "update") and mode == "none":
        refuse("insert.mode", f"insert.mode={insert_mode} needs a primary key, but {pk_key} is none.", f"Set {pk_key}.")
    for name in ("table.name.format", "collection.name.format"):
        unknown = bad_placeholders(props.get(name) or "", with_source=not old)
        if unknown:
            refuse(name, f"Unknown placeholder in {name}: {', '.join(unknown)}.", "Use ${topic}.")
    return found


def read_settings(definition: ConfigDef, props: Mapping[str, str]) -> SinkSettings:
    """The settings of either dialect. ConfigException for the first thing that is refused."""
    parsed = definition.parse(props)
    for problem in problems(definition, props):
        raise problem
    return (_confluent if "pk.mode" in definition else _debezium)(parsed, props)


def _common(parsed: dict[str, Any], props: Mapping[str, str], user_field: str) -> dict[str, Any]:
    secret = parsed["connection.password"]
    target, schema = parse_url(parsed["connection.url"], parsed[user_field], secret and secret.value, user_field)
    return {
        "target": target,
        "schema": schema,
        "insert_mode": parsed["insert.mode"].lower(),
        "delete_enabled": parsed["delete.enabled"],
        # Left unset, a whole call is one transaction: the originals' small default would only cost commits.
        "batch_size": (parsed["batch.size"] or 1) if "batch.size" in props else 10_000,
        "placeholder": parsed["unavailable.value.placeholder"],
        "offsets_table": parsed["offsets.table.name"],
        "connections": parsed["write.max.connections"],
    }


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def _debezium(parsed: dict[str, Any], props: Mapping[str, str]) -> SinkSettings:
    evolve = parsed["schema.evolution"].lower() == "basic"
    chosen = props.get("collection.name.format") or parsed["table.name.format"] or parsed["collection.name.format"]
    return SinkSettings(
        **_common(parsed, props, "connection.username"),
        pk_mode=parsed["primary.key.mode"].lower(),
        pk_fields=_names(parsed["primary.key.fields"]),
        pk_key="primary.key.fields",
        truncate_enabled=parsed["truncate.enabled"],
        auto_create=evolve,
        auto_evolve=evolve,
        table_format=chosen,
        sanitize_topic=True,
        fold=not parsed["quote.identifiers"],
        max_retries=parsed["flush.max.retries"],
        retry_backoff_ms=parsed["flush.retry.delay.ms"],
        include=frozenset(filter(None, parsed["field.include.list"] or ())),
        exclude=frozenset(filter(None, parsed["field.exclude.list"] or ())),
        null_to_default=False,
        null_value_error=False,
        postgis_schema=parsed["dialect.postgres.postgis.schema"],
    )


def _confluent(parsed: dict[str, Any], props: Mapping[str, str]) -> SinkSettings:
    return SinkSettings(
        **_common(parsed, props, "connection.user"),
        pk_mode=parsed["pk.mode"].lower(),
        pk_fields=tuple(filter(None, parsed["pk.fields"])),
        pk_key="pk.fields",
        truncate_enabled=False,
        auto_create=parsed["auto.create"],
        auto_evolve=parsed["auto.evolve"],
        table_format=parsed["table.name.format"],
        sanitize_topic=False,
        fold=parsed["quote.sql.identifiers"].lower() == "never",
        max_retries=parsed["max.retries"],
        retry_backoff_ms=parsed["retry.backoff.ms"],
        include=frozenset(filter(None, parsed["fields.whitelist"])),
        exclude=frozenset(),
        null_to_default=parsed["replace.null.with.default"],
        null_value_error=True,
        postgis_schema="public",
    )
