"""A connection to any SQL database: tables, columns, the time, and rows in batches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import NoSuchModuleError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from headrace.errors import ConfigException
from headrace.systems.sql.columns import from_postgres, from_reflection
from headrace.systems.sql.errors import map_error
from headrace.systems.sql.moments import MOMENT_FUNCTION, moment_text
from headrace.systems.sql.statements import Statement
from headrace.systems.sql.types import Column, TableName
from headrace.systems.sql.url import FIELD, SqlTarget

_ISOLATION: Final = {
    "DEFAULT": None,
    "READ_UNCOMMITTED": "READ UNCOMMITTED",
    "READ_COMMITTED": "READ COMMITTED",
    "REPEATABLE_READ": "REPEATABLE READ",
    "SERIALIZABLE": "SERIALIZABLE",
    "SQL_SERVER_SNAPSHOT": "SNAPSHOT",
}
ISOLATION_MODES: Final = tuple(_ISOLATION)
_SYSTEM_SCHEMAS: Final = frozenset(
    {"information_schema", "pg_catalog", "pg_toast", "sys", "performance_schema", "mysql"}
)
_NOW: Final = {"sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"}
"""Where CURRENT_TIMESTAMP is too coarse."""


class RowStream:
    """The rows of one query, read as they are asked for. `columns`: None where the driver does not tell types."""

    def __init__(
        self, result: CursorResult[Any], columns: list[Column] | None, fail: Callable[[Exception], Exception]
    ) -> None:
        self._result = result
        self._fail = fail
        self.names: list[str] = list(result.keys())
        self.columns = columns

    def fetch(self, count: int) -> Sequence[Sequence[Any]]:
        """Up to `count` more rows; none at the end. Raises as `Database`."""
        try:
            return self._result.fetchmany(count)
        except Exception as error:
            raise self._fail(error) from error

    def close(self) -> None:
        self._result.close()


class Database:
    """One connection, opened when it is first needed and again after a failure.

    Every method raises RetriableException (SQL_UNREACHABLE, SQL_TRANSIENT) when a later try may work, ConnectException
    (SQL_REFUSED) when the statement is at fault, ConfigException when the driver is not installed or the URL is no good."""

    def __init__(self, target: SqlTarget, isolation: str = "DEFAULT") -> None:
        self.target = target
        self.dialect = target.dialect
        self._isolation = _ISOLATION[isolation]
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._enums: frozenset[int] = frozenset()

    def connect(self) -> Connection:
        """The connection."""
        if self._connection is None:
            try:
                if self._engine is None:
                    self._engine = self._create_engine()
                self._connection = self._engine.connect()
                if self.dialect == "postgresql":
                    found = self._connection.execute(text("SELECT oid FROM pg_type WHERE typtype = 'e'"))
                    self._enums = frozenset(int(row[0]) for row in found)
                    self._connection.rollback()
            except Exception as error:
                raise self._failure(error) from error
        return self._connection

    def _create_engine(self) -> Engine:
        options: dict[str, Any] = {"poolclass": NullPool, "connect_args": self.target.arguments}
        if self._isolation is not None:
            options["isolation_level"] = self._isolation
        try:
            engine = create_engine(self.target.url, **options)
        except (NoSuchModuleError, ImportError) as error:
            raise ConfigException(
                f"There is no driver for {self.target.shown}: {error}",
                code="SQL_DRIVER_MISSING",
                field=FIELD,
                remedy=f"Install the Python driver that SQLAlchemy's {self.target.url.drivername} needs.",
            ) from error
        if self.dialect == "postgresql":
            event.listen(engine, "connect", _text_for_documents)
        elif self.dialect == "sqlite":
            event.listen(engine, "connect", _with_moment_function)
        return engine

    def tables(
        self, kinds: Sequence[str] = ("TABLE",), schema_like: Callable[[str], bool] | None = None
    ) -> list[TableName]:
        """All tables (and views, as `kinds` says), without those of the system, sorted."""
        connection = self.connect()
        try:
            inspector = inspect(connection)
            if self.dialect == "sqlite":
                schemas: list[str | None] = [None]
            else:
                schemas = [s for s in inspector.get_schema_names() if s.lower() not in _SYSTEM_SCHEMAS]
            found: list[TableName] = []
            for schema in schemas:
                if schema_like is not None and not schema_like(schema or ""):
                    continue
                if "TABLE" in kinds:
                    found += [TableName(schema, name) for name in inspector.get_table_names(schema)]
                if "VIEW" in kinds:
                    found += [TableName(schema, name) for name in inspector.get_view_names(schema)]
            connection.rollback()
        except Exception as error:
            raise self._failure(error) from error
        return sorted(found, key=lambda table: (table.schema or "", table.name))

    def columns(self, table: TableName) -> list[Column]:
        """The columns as the catalog has them; empty when there is no such table."""
        connection = self.connect()
        try:
            described = inspect(connection).get_columns(table.name, table.schema)
            connection.rollback()
        except NoSuchTableError:
            connection.rollback()
            return []
        except Exception as error:
            raise self._failure(error) from error
        return from_reflection(self.dialect, described)

    def now(self, zone: dt.tzinfo) -> dt.datetime:
        """The database's present time; `zone`: what it is in where the database does not say."""
        connection = self.connect()
        try:
            value = connection.exec_driver_sql(_NOW.get(self.dialect, "SELECT CURRENT_TIMESTAMP")).scalar_one()
            connection.rollback()
        except Exception as error:
            raise self._failure(error) from error
        if isinstance(value, str):
            return dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)
        moment: dt.datetime = value
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)

    def query(self, statement: str, values: Mapping[str, Any], buffer: int) -> RowStream:
        """Run a statement whose parameters `bind` has put in; rows are read in portions of `buffer`. One stream at a time."""
        connection = self.connect()
        try:
            connection.rollback()
            result = connection.execute(
                Statement(statement), dict(values), execution_options={"stream_results": True, "max_row_buffer": buffer}
            )
            columns = None
            if self.dialect == "postgresql":
                driver: Any = connection.connection.driver_connection
                columns = from_postgres(result.cursor.description, driver.adapters.types, self._enums)
        except Exception as error:
            raise self._failure(error) from error
        return RowStream(result, columns, self._failure)

    def end_query(self) -> None:
        """End the transaction that a query was read in."""
        if self._connection is not None:
            try:
                self._connection.rollback()
            except SQLAlchemyError as error:
                raise self._failure(error) from error

    def quote(self, name: str) -> str:
        """The name as an identifier of this database, always quoted."""
        self.connect()
        assert self._engine is not None
        preparer: Any = self._engine.dialect.identifier_preparer
        # Not quote_identifier: that doubles percent signs, which a statement does once more.
        inside = name.replace(preparer.escape_quote, preparer.escape_to_quote)
        return f"{preparer.initial_quote}{inside}{preparer.final_quote}"

    def close(self) -> None:
        """Close; the next call opens again. Never raises."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except Exception:
                # It is broken already: there is nothing left to release.
                pass
        if self._engine is not None:
            self._engine.dispose()

    def _failure(self, error: Exception) -> Exception:
        mapped = map_error(error, self.target)
        self.close()
        return mapped


def _text_for_documents(connection: Any, record: Any) -> None:
    """JSON and the like as the text they are."""
    from psycopg.types.string import TextLoader

    for name in ("json", "jsonb", "uuid"):
        connection.adapters.register_loader(name, TextLoader)


def _with_moment_function(connection: Any, record: Any) -> None:
    connection.create_function(MOMENT_FUNCTION, 2, moment_text, deterministic=True)
