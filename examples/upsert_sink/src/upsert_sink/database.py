"""All that is PostgreSQL's: connecting, looking at tables and making them, running changes. For another database, change this."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from headrace.data import Schema, Type
from headrace.data.logical import DATE_NAME, DECIMAL_NAME, TIME_NAME, TIMESTAMP_NAME
from headrace.spi import ConnectException, DataException, RetriableException, Struct

_TYPES = {
    Type.INT8: "smallint",
    Type.INT16: "smallint",
    Type.INT32: "integer",
    Type.INT64: "bigint",
    Type.FLOAT32: "real",
    Type.FLOAT64: "double precision",
    Type.BOOLEAN: "boolean",
    Type.STRING: "text",
    Type.BYTES: "bytea",
}
_LOGICAL_TYPES = {DECIMAL_NAME: "numeric", DATE_NAME: "date", TIME_NAME: "time", TIMESTAMP_NAME: "timestamptz"}


class Change(NamedTuple):
    """One record's effect: an upsert of `columns`, or a delete by them when `upsert` is false. `keys` are the key's columns."""

    table: str
    upsert: bool
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[Any, ...]


class Database:
    """One connection. RetriableException when the database is away: the same call may succeed later."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._columns: dict[str, frozenset[str]] = {}
        self._statements: dict[tuple[object, ...], sql.Composed] = {}
        self._connection = self._connect()

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        config = self._config
        try:
            return psycopg.connect(
                host=config["target.hostname"],
                port=config["target.port"],
                user=config["target.username"],
                password=config["target.password"].value,
                dbname=config["target.database"],
                autocommit=True,
                connect_timeout=10,
                application_name="upsert-sink",
            )
        except psycopg.Error as error:
            raise RetriableException(
                f"Cannot connect to {config['target.hostname']}:{config['target.port']}: {error}",
                code="DATABASE_UNREACHABLE",
                field="target.hostname",
                remedy="Check host, port, user and password, and that the database runs.",
            ) from error

    def columns_of(self, table: str) -> frozenset[str] | None:
        """The table's columns, None when there is no such table. Looked up once."""
        if table not in self._columns:
            with self._errors():
                rows = (
                    self._live()
                    .execute(
                        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
                        [sql.Identifier(table).as_string()],
                    )
                    .fetchall()
                )
            if not rows:
                return None
            self._columns[table] = frozenset(name for (name,) in rows)
        return self._columns[table]

    def forget(self, table: str) -> None:
        """Look the table up again: it may have changed."""
        self._columns.pop(table, None)

    def forget_all(self) -> None:
        """Look all tables up again."""
        self._columns.clear()

    def create(self, table: str, key: Schema, value: Schema | None) -> None:
        """Create the table if it is missing: the key's fields are the primary key, the value's the other columns."""
        fields = {field.name: field for field in (*key.fields, *(value.fields if value else ()))}
        columns = [sql.SQL("{} {}").format(_name(f.name), sql.SQL(_sql_type(f.schema))) for f in fields.values()]
        primary = sql.SQL("PRIMARY KEY ({})").format(_names([field.name for field in key.fields]))
        body = sql.SQL(", ").join([*columns, primary])
        with self._errors():
            self._live().execute(sql.SQL("CREATE TABLE IF NOT EXISTS {} ({})").format(_name(table), body), {})

    def write(self, changes: Sequence[Change]) -> None:
        """All of them, in order and in one transaction: per run of equal statements one round trip."""
        with self._errors(), self._live().transaction(), self._connection.cursor() as cursor:
            for statement, same in groupby(changes, key=lambda change: change[:4]):
                cursor.executemany(self._statement(*statement), [change.values for change in same])

    def close(self) -> None:
        self._connection.close()

    def _live(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection.closed:
            self._connection = self._connect()
            self._columns.clear()
        return self._connection

    def _statement(self, *key: Any) -> sql.Composed:
        if key not in self._statements:
            self._statements[key] = _upsert(key[0], key[2], key[3]) if key[1] else _delete(key[0], key[3])
        return self._statements[key]

    def _errors(self) -> _Errors:
        return _Errors(self)


class _Errors:
    """Turns psycopg's errors into those the framework knows what to do about."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
            # Not the record's fault: the table was changed behind our back. The next call looks it up again.
            self._database.forget_all()
            raise RetriableException(f"A table has changed: {error}", code="TABLE_CHANGED") from error
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            raise ConnectException(
                f"The user may not do this: {error}", code="NOT_ALLOWED", remedy="Grant it, and restart the task."
            ) from error
        if isinstance(error, psycopg.DataError | psycopg.IntegrityError | psycopg.ProgrammingError):
            raise DataException(f"The database refuses a record: {error}", code="RECORD_REFUSED") from error
        if isinstance(error, psycopg.OperationalError):
            self._database.close()
            raise RetriableException(
                f"The database cannot be written now: {error}", code="DATABASE_UNREACHABLE"
            ) from error
        if isinstance(error, psycopg.Error):
            raise ConnectException(f"The database failed: {error}", code="DATABASE_FAILED") from error


def to_sql(value: Any) -> Any:
    """What psycopg can send: structs, maps and lists go as JSON, with numbers and dates that JSON has not as text."""
    if isinstance(value, Struct | dict | list):
        return Jsonb(value, dumps=lambda document: json.dumps(document, default=_json_value))
    return value


def _json_value(value: Any) -> Any:
    return value.to_dict() if isinstance(value, Struct) else str(value)


def _sql_type(schema: Schema) -> str:
    return _LOGICAL_TYPES.get(schema.name or "") or _TYPES.get(schema.type, "jsonb")


def _names(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(_name, names))


def _name(name: str) -> sql.Identifier:
    """An identifier for a statement with parameters, in which a percent sign must be doubled."""
    return sql.Identifier(name.replace("%", "%%"))


def _upsert(table: str, keys: Sequence[str], columns: Sequence[str]) -> sql.Composed:
    rest = [name for name in columns if name not in keys]
    updates = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(_name(name)) for name in rest)
    return sql.SQL("INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT ({keys}) DO {action}").format(
        table=_name(table),
        columns=_names(columns),
        values=sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
        keys=_names(keys),
        action=sql.SQL("UPDATE SET {}").format(updates) if rest else sql.SQL("NOTHING"),
    )


def _delete(table: str, keys: Sequence[str]) -> sql.Composed:
    condition = sql.SQL(" AND ").join(sql.SQL("{} = {}").format(_name(key), sql.Placeholder()) for key in keys)
    return sql.SQL("DELETE FROM {} WHERE {}").format(_name(table), condition)
