"""Reads one chunk: in a transaction of its own, with the definition the table has in it and what the transaction saw."""

from __future__ import annotations

import logging
import time
from typing import Any, NamedTuple

from headrace.errors import DataException, HeadraceError, RetryClass
from headrace.foundation.failpoints import failpoint
from headrace.native import pgoutput
from headrace.sources.postgres.incremental.chunk_query import Key, chunk_query, last_key_query
from headrace.sources.postgres.incremental.state import Collection
from headrace.sources.postgres.incremental.tables import ChunkTable, ChunkTables, NoSuchTableError
from headrace.sources.postgres.incremental.visibility import PgSnapshot
from headrace.sources.postgres.tables import TableCodec
from headrace.sources.postgres.types.type_plan import StaleEnum
from headrace.systems.postgres import PgTarget, map_error, quote_table
from headrace.systems.postgres.copy_lines import copy_lines
from headrace.systems.postgres.introspect import Conn, TableName

logger = logging.getLogger(__name__)

_LOCK_TIMEOUT = "55P03"
_UNDEFINED = ("42P01", "3F000")
_LOCK_WAIT_MS = 1000


class TableBusyError(Exception):
    """The table's definition is being changed by an open transaction: try again later."""


class ChunkFailedError(Exception):
    """The server refuses to read it: the table is passed over."""


class Row(NamedTuple):
    """`key`: the key's columns as COPY printed them."""

    key: list[bytes]
    values: list[Any]

    def texts(self) -> Key:
        return tuple(pgoutput.raw_copy(b"\t".join(self.key)))


class Chunk(NamedTuple):
    """`most`: the table's last key, None when it has no rows. `snapshot`: what the read saw."""

    table: ChunkTable
    codec: TableCodec
    snapshot: PgSnapshot
    most: Key | None
    rows: list[Row]


class ChunkReader:
    """`limit`: rows of a chunk. `on_failure`: event.processing.failure.handling.mode."""

    def __init__(self, tables: ChunkTables, target: PgTarget, limit: int, on_failure: str) -> None:
        self._tables = tables
        self._target = target
        self._limit = limit
        self._on_failure = on_failure
        self.erroneous = 0
        self.read_seconds = 0.0

    def read(self, sql: Conn, collection: Collection, after: Key | None, most: Key | None) -> Chunk:
        """The rows behind `after`; `most`: None for a table that is begun. Raises NoSuchTableError, NoKeyError, TableBusyError,
        ChunkFailedError, and the product's errors for a connection that is gone or a row that cannot be carried."""
        name = table_name(collection.id)
        started = time.monotonic()
        try:
            sql.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            sql.execute(f"SET LOCAL lock_timeout = {_LOCK_WAIT_MS}")
            # Before the transaction's snapshot is taken: what the catalog says then holds until the end.
            sql.execute(f"LOCK TABLE {quote_table(*name)} IN ACCESS SHARE MODE".encode())
            table, snapshot = self._tables.open(sql, name, collection.surrogate)
            if most is None:
                most = self._last_key(sql, table, collection.condition)
            chunk = self._rows(sql, table, snapshot, collection, after, most)
            failpoint("source.incremental.chunk_read")
            sql.execute("COMMIT")
            return chunk
        except Exception as error:
            self._give_up(sql, error)
            raise
        finally:
            self.read_seconds += time.monotonic() - started

    def _give_up(self, sql: Conn, error: Exception) -> None:
        """End the transaction and raise what the error means here; return when it is to be raised as it is."""
        if not sql.closed and not sql.broken:
            try:
                sql.execute("ROLLBACK")
            except Exception as second:
                logger.debug("The chunk's transaction could not be rolled back: %s", second)
        if not (type(error).__module__.startswith("psycopg") or isinstance(error, OSError)):
            return
        state = getattr(error, "sqlstate", None)
        if state in _UNDEFINED:
            raise NoSuchTableError from error
        if state == _LOCK_TIMEOUT:
            raise TableBusyError from error
        mapped = map_error(error, self._target)
        if mapped.retry_class is RetryClass.RETRY:
            raise mapped from error
        raise ChunkFailedError(str(mapped)) from error

    def _last_key(self, sql: Conn, table: ChunkTable, condition: str) -> Key | None:
        lines = copy_lines(sql, last_key_query(table.source, table.order, condition))
        return tuple(pgoutput.raw_copy(lines[0])) if lines else None

    def _rows(
        self,
        sql: Conn,
        table: ChunkTable,
        snapshot: PgSnapshot,
        collection: Collection,
        after: Key | None,
        most: Key | None,
    ) -> Chunk:
        if most is None:
            return Chunk(table, table.codec, snapshot, None, [])
        codec = table.codec
        query = chunk_query(
            table.source, codec.copy_columns, table.order, after, most, self._limit, collection.condition
        )
        lines = copy_lines(sql, query)
        width = len(table.order.names)
        split = [line.split(b"\t", width) for line in lines]
        for codec in self._codecs(sql, table, collection):
            try:
                decode = codec.decode_copy
                rows = [Row(parts[:width], decode(parts[width])) for parts in split]
                return Chunk(table, codec, snapshot, most, rows)
            except (DataException, StaleEnum) as error:
                if isinstance(error, StaleEnum):
                    self._tables.refresh_enum(error.oid, codec is not table.codec)
        return Chunk(table, codec, snapshot, most, self._one_by_one(codec, split, width, collection))

    def _codecs(self, sql: Conn, table: ChunkTable, collection: Collection) -> Any:
        """The codec as it is; with what it does not know yet, such as new labels of an enum, looked up twice; value by value."""
        yield table.codec
        for _ in range(2):
            fresh, _ = self._tables.open(sql, table_name(collection.id), collection.surrogate)
            if fresh.codec is not table.codec:
                yield fresh.codec
        yield fresh.codec.slow()

    def _one_by_one(self, codec: TableCodec, split: list[list[bytes]], width: int, collection: Collection) -> list[Row]:
        rows = []
        for parts in split:
            try:
                rows.append(Row(parts[:width], codec.slow().decode_copy(parts[width])))
            except HeadraceError as failure:
                self.erroneous += 1
                if self._on_failure == "fail":
                    raise
                if self._on_failure == "warn":
                    logger.error("A row of %s is left out of the snapshot: %s", collection.id, failure)
        return rows


def table_name(id: str) -> TableName:
    """`schema.table`; the table's part may hold dots. NoSuchTableError for a name without schema."""
    parts = id.replace('"', "").partition(".")
    if not parts[0] or not parts[2]:
        raise NoSuchTableError
    return TableName(parts[0], parts[2])
