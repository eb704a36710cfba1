"""A target database with a connection for the test's own eyes, and the sinks made on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.sinks.postgres.kit import UPSERT, Sink

from headrace.systems.postgres import PgTarget, connect
from headrace.systems.postgres.introspect import Conn
from headrace.testing.servers import PostgresServer


class World:
    def __init__(self, server: PostgresServer, dbname: str) -> None:
        self.server, self.dbname = server, dbname
        target = PgTarget(server.host, server.port, dbname, server.user, server.password)
        self.sql: Conn = connect(target)
        self.sinks: list[Sink] = []

    def sink(self, props: dict[str, str] | None = None, **kwargs: Any) -> Sink:
        sink = Sink(self.server, self.dbname, UPSERT if props is None else props, **kwargs)
        self.sinks.append(sink)
        return sink

    def rows(self, query: str = "SELECT id, name FROM t ORDER BY id") -> list[tuple[Any, ...]]:
        return self.sql.execute(query).fetchall()

    def stored(self) -> int | None:
        rows = self.rows("SELECT next_offset FROM headrace_sink_offsets WHERE topic = 't'")
        return rows[0][0] if rows else None

    @contextmanager
    def unwritable(self, table: str) -> Iterator[None]:
        """Nobody can write the table meanwhile. Not by `sql`, which would see its activity stand still within a transaction."""
        with self.server.connect(self.dbname) as other, other.transaction():
            other.execute(f"LOCK TABLE {table} IN SHARE MODE".encode())
            yield

    def stop(self) -> None:
        for sink in self.sinks:
            sink.stop()
        self.sql.close()
