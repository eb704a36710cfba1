"""How a window is opened and closed: by rows of the signalling table, or without writing, by the position of the log."""

from __future__ import annotations

import datetime as dt
import time
from abc import ABC, abstractmethod

from headrace.cdc.signals.payload import WINDOW_CLOSE, WINDOW_OPEN
from headrace.systems.postgres import lsn_to_int, quote_table
from headrace.systems.postgres.introspect import Conn, TableName


class Watermarks(ABC):
    @abstractmethod
    def open(self, sql: Conn, chunk: str) -> None:
        """Before the chunk is read. Raises the driver's errors."""

    @abstractmethod
    def close(self, sql: Conn, chunk: str) -> int | None:
        """After it was read. The position of the log at which the window is over, None when the stream brings its end."""


class SignalRows(Watermarks):
    """Rows of the signalling table. `delete`: take the first one away instead of writing a second
    (incremental.snapshot.watermarking.strategy=insert_delete)."""

    def __init__(self, table: TableName, *, delete: bool) -> None:
        self._table = quote_table(*table)
        self._delete = delete
        self._opened = ""

    def open(self, sql: Conn, chunk: str) -> None:
        self._opened = _now()
        self._insert(sql, f"{chunk}-open", WINDOW_OPEN, f'{{"openWindowTimestamp": "{self._opened}"}}')

    def close(self, sql: Conn, chunk: str) -> int | None:
        if self._delete:
            sql.execute(f"DELETE FROM {self._table} WHERE id = %s".encode(), (f"{chunk}-open",))
        else:
            data = f'{{"openWindowTimestamp": "{self._opened}", "closeWindowTimestamp": "{_now()}"}}'
            self._insert(sql, f"{chunk}-close", WINDOW_CLOSE, data)
        return None

    def _insert(self, sql: Conn, *values: str) -> None:
        sql.execute(f"INSERT INTO {self._table} VALUES (%s, %s, %s)".encode(), values)


class LogPositions(Watermarks):
    """Nothing is written (read.only=true). What the chunk has was written to the log before the position its window closes at."""

    def open(self, sql: Conn, chunk: str) -> None:
        pass

    def close(self, sql: Conn, chunk: str) -> int | None:
        row = sql.execute(
            "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
            " ELSE pg_catalog.pg_current_wal_lsn() END::text"
        ).fetchone()
        assert row is not None
        return lsn_to_int(row[0])


def _now() -> str:
    ns = time.time_ns()
    moment = dt.datetime.fromtimestamp(ns // 1_000_000_000, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ns % 1_000_000_000:09d}Z"
