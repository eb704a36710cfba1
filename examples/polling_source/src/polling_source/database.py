"""All that is PostgreSQL's: connecting, looking at tables, reading rows. For another database, this is the file to change."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from headrace.data import Schema, SchemaBuilder
from headrace.data.logical import date_builder, timestamp_builder
from headrace.spi import ConnectException, RetriableException, Struct

Connection = psycopg.Connection[tuple[Any, ...]]

_BUILDERS = {
    "bool": SchemaBuilder.bool,
    "int2": SchemaBuilder.int16,
    "int4": SchemaBuilder.int32,
    "int8": SchemaBuilder.int64,
    "float4": SchemaBuilder.float32,
    "float8": SchemaBuilder.float64,
    "bytea": SchemaBuilder.bytes,
    "date": date_builder,
    "timestamp": timestamp_builder,
    "timestamptz": timestamp_builder,
}
"""PostgreSQL type → schema. Every other type is read as the text PostgreSQL writes for it."""


class Place(NamedTuple):
    """How far a table was read: the timestamp, exactly as the database writes it, and the id of the last row."""

    timestamp: str
    id: int


class TableShape(NamedTuple):
    """The columns of a table, as a select list and as a schema."""

    columns: sql.Composable
    schema: Schema


def connect(config: dict[str, Any]) -> Connection:
    """RetriableException, which is a ConnectException, when the database cannot be reached or refuses the user."""
    try:
        return psycopg.connect(
            host=config["database.hostname"],
            port=config["database.port"],
            user=config["database.user"],
            password=config["database.password"].value,
            dbname=config["database.name"],
            autocommit=True,
            connect_timeout=10,
            options="-c timezone=UTC -c datestyle=ISO",
            application_name="polling-source",
            # A prepared "SELECT *" would fail once the table has another column.
            prepare_threshold=None,
        )
    except psycopg.Error as error:
        raise RetriableException(
            f"Cannot connect to {config['database.hostname']}:{config['database.port']}: {error}",
            code="DATABASE_UNREACHABLE",
            field="database.hostname",
            remedy="Check host, port, user and password, and that the database runs.",
        ) from error


def check_table(connection: Connection, table: str, timestamp_column: str) -> None:
    """ConnectException unless the table has an integer `id` and a timestamp column, both NOT NULL: rows without are never found."""
    found = connection.execute(
        "SELECT attname, typname FROM pg_attribute JOIN pg_type t ON t.oid = atttypid "
        "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attnotnull",
        [sql.Identifier(*table.split(".")).as_string(connection)],
    ).fetchall()
    types: dict[str, str] = dict(found)
    if types.get("id") not in ("int2", "int4", "int8"):
        raise ConnectException(
            f"Table {table} does not exist or has no integer column id that is NOT NULL.",
            code="TABLE_UNFIT",
            field="table.whitelist",
        )
    if types.get(timestamp_column) not in ("timestamp", "timestamptz"):
        raise ConnectException(
            f"Table {table} has no timestamp column {timestamp_column} that is NOT NULL.",
            code="TABLE_UNFIT",
            field="timestamp.column",
        )


def shape_of(connection: Connection, table: str) -> TableShape:
    """The columns as they are now."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(_identifier(table)), {})
        described = cursor.description or ()
    columns: list[sql.Composable] = []
    builder = SchemaBuilder.struct().name(table)
    for column in described:
        info = connection.adapters.types.get(column.type_code)
        build = _BUILDERS.get(info.name if info else "")
        name = _name(column.name)
        columns.append(name if build else sql.SQL("{}::text").format(name))
        builder.field(column.name, (build or SchemaBuilder.string)().optional().build())
    return TableShape(sql.SQL(", ").join(columns), builder.build())


def read_rows(
    connection: Connection,
    table: str,
    timestamp_column: str,
    shape: TableShape,
    after: Place | None,
    limit: int,
    delay_s: float,
) -> list[tuple[Place, Struct]]:
    """The next rows behind a place, in order of timestamp and id, without those younger than the delay.

    Comparing both makes rows of one timestamp no matter: a batch may end anywhere among them."""
    stamp = _name("t", timestamp_column)
    query = sql.SQL(
        "SELECT {stamp}::text, t.id, {columns} FROM {table} t "
        "WHERE {stamp} <= now() - make_interval(secs => %(delay)s) {behind} ORDER BY {stamp}, t.id LIMIT %(limit)s"
    ).format(
        stamp=stamp,
        columns=shape.columns,
        table=_identifier(table),
        behind=sql.SQL("AND ({}, t.id) > (%(timestamp)s, %(id)s)").format(stamp) if after else sql.SQL(""),
    )
    values = {"delay": delay_s, "limit": limit, **(after._asdict() if after else {})}
    rows = connection.execute(query, values).fetchall()
    return [(Place(row[0], row[1]), Struct(shape.schema, [_utc(value) for value in row[2:]])) for row in rows]


def as_connect_error(error: psycopg.Error) -> ConnectException:
    """A lost connection is worth another try; anything else is not."""
    if isinstance(error, psycopg.OperationalError):
        return RetriableException(f"The database cannot be read now: {error}", code="DATABASE_UNREACHABLE")
    return ConnectException(f"The database refuses the query: {error}", code="QUERY_REFUSED")


def _identifier(table: str) -> sql.Identifier:
    return _name(*table.split("."))


def _name(*parts: str) -> sql.Identifier:
    """An identifier for a statement with parameters, in which a percent sign must be doubled."""
    return sql.Identifier(*(part.replace("%", "%%") for part in parts))


def _utc(value: Any) -> Any:
    """Connect's timestamps are moments: one without zone is taken for UTC, which the session's zone is."""
    return value.replace(tzinfo=dt.UTC) if isinstance(value, dt.datetime) and value.tzinfo is None else value
