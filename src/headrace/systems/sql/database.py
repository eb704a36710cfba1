"""A connection to any SQL database: tables, columns, the time, and rows in batches."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

from headrace.systems.sql.columns import from_postgres, from_reflection
from headrace.systems.sql.engine import open_engine
from headrace.systems.sql.errors import map_error
from headrace.systems.sql.statements import Statement
from headrace.systems.sql.types import Column, TableName
from headrace.systems.sql.url import SqlTarget

logger = logging.getLogger(__name__)

_SYSTEM_SCHEMAS: Final = frozenset(
    {"information_schema", "pg_catalog", "pg_toast", "sys", "performance_schema", "mysql"}
)
_PARTITIONED: Final = (
    "SELECT nspname, relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'p'"
)
_NOW: Final = {"sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"}
"""Where CURRENT_TIMESTAMP is too coarse."""


class RowStream:
    """The rows of one query, read as they are asked for. `columns`: None where the driver does not tell types."""

    def __init__(
        self, result: CursorResult[Any], columns: list[Column] | None, fail: Callable[[Exception], NoReturn]
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
            self._fail(error)

    def close(self) -> None:
        self._result.close()


class Database:
    """One connection, opened when it is first needed and again after a failure.

    Every method raises RetriableException (SQL_UNREACHABLE, SQL_TRANSIENT) when a later try may work, ConnectException
    (SQL_REFUSED) when the statement is at fault, ConfigException when the driver is not installed or the URL is no good."""

    def __init__(self, target: SqlTarget, isolation: str = "DEFAULT", *, masked: bool = False) -> None:
        """`masked`: statements are secrets, which no error may quote."""
        self.target = target
        self._masked = masked
        self.dialect = target.dialect
        self._isolation = isolation
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._driver: Any = None
        self._enums: frozenset[int] = frozenset()
        self._no_enums: frozenset[int] = frozenset()

    def connect(self) -> Connection:
        """The connection."""
        if self._connection is None:
            try:
                if self._engine is None:
                    self._engine = open_engine(self.target, self._isolation)
                self._connection = self._engine.connect()
                self._driver = self._connection.connection.driver_connection
            except Exception as error:
                self._fail(error)
        return self._connection

    def tables(
        self, kinds: Sequence[str] = ("TABLE",), schema_like: Callable[[str], bool] | None = None
    ) -> list[TableName]:
        """All tables of these kinds (TABLE, VIEW, PostgreSQL's PARTITIONED TABLE), without those of the system, sorted.

        A partitioned table is none of kind TABLE, its partitions are: to pgjdbc, too."""
        connection = self.connect()
        try:
            inspector = inspect(connection)
            if self.dialect == "sqlite":
                schemas: list[str | None] = [None]
            else:
                schemas = [s for s in inspector.get_schema_names() if s.lower() not in _SYSTEM_SCHEMAS]
            partitioned: set[tuple[str, str]] = set()
            if self.dialect == "postgresql":
                rows = connection.execute(text(_PARTITIONED))
                partitioned = {(row[0], row[1]) for row in rows}
            found: list[TableName] = []
            for schema in schemas:
                if schema_like is not None and not schema_like(schema or ""):
                    continue
                names = [TableName(schema, name) for name in inspector.get_table_names(schema)]
                if "TABLE" in kinds:
                    found += [table for table in names if tuple(table) not in partitioned]
                if "PARTITIONED TABLE" in kinds:
                    found += [table for table in names if tuple(table) in partitioned]
                if "VIEW" in kinds:
                    found += [TableName(schema, name) for name in inspector.get_view_names(schema)]
            connection.rollback()
        except Exception as error:
            self._fail(error)
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
            self._fail(error)
        return from_reflection(self.dialect, described)

    def now(self, zone: dt.tzinfo) -> dt.datetime:
        """The database's present time; `zone`: what it is in where the database does not say."""
        connection = self.connect()
        try:
            value = connection.exec_driver_sql(_NOW.get(self.dialect, "SELECT CURRENT_TIMESTAMP")).scalar_one()
            connection.rollback()
        except Exception as error:
            self._fail(error)
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
            columns = self._described(connection, result) if self.dialect == "postgresql" else None
        except Exception as error:
            self._fail(error)
        return RowStream(result, columns, self._fail)

    def _described(self, connection: Connection, result: CursorResult[Any]) -> list[Column]:
        """Columns of a result of PostgreSQL's. Types that are new, as those of a column just added, are looked up."""
        description: Any = result.cursor.description
        known = self._driver.adapters.types
        unknown = {item.type_code for item in description if known.get(item.type_code) is None}
        if unknown - self._enums - self._no_enums:
            found = connection.execute(text("SELECT oid FROM pg_type WHERE typtype = 'e'"))
            self._enums = frozenset(int(row[0]) for row in found)
            self._no_enums = frozenset(unknown - self._enums)
        return from_postgres(description, known, self._enums)

    def end_query(self) -> None:
        """End the transaction that a query was read in."""
        if self._connection is not None:
            try:
                self._connection.rollback()
            except SQLAlchemyError as error:
                self._fail(error)

    def quote(self, name: str) -> str:
        """The name as an identifier of this database, always quoted."""
        self.connect()
        assert self._engine is not None
        preparer: Any = self._engine.dialect.identifier_preparer
        # Not quote_identifier: that doubles percent signs, which a statement does once more.
        inside = name.replace(preparer.escape_quote, preparer.escape_to_quote)
        return f"{preparer.initial_quote}{inside}{preparer.final_quote}"

    def interrupt(self) -> None:
        """From another thread: end the statement that runs, where the driver can (PostgreSQL, SQLite). Never raises."""
        driver = self._driver
        try:
            if self.dialect == "postgresql" and driver is not None:
                driver.cancel_safe(timeout=2)
            elif self.dialect == "sqlite" and driver is not None:
                driver.interrupt()
        except Exception:
            # It may have ended, or the server be away: what is left is to wait.
            logger.debug("The statement could not be interrupted.", exc_info=True)

    def close(self) -> None:
        """Close; the next call opens again. Never raises."""
        connection, self._connection = self._connection, None
        self._driver, self._no_enums = None, frozenset()
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except Exception:
                # It is broken already: there is nothing left to release.
                pass
        if self._engine is not None:
            self._engine.dispose()

    def _fail(self, error: Exception) -> NoReturn:
        mapped = map_error(error, self.target, masked=self._masked)
        self.close()
        raise mapped from (None if self._masked and mapped is not error else error)
