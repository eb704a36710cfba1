"""The task: polls its tables in turn, and remembers how far each was read."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import psycopg

from headrace.data import INT64_SCHEMA, SchemaBuilder
from headrace.spi import SourceRecord, SourceTask, Struct
from polling_source.database import Connection, Place, as_connect_error, connect, read_rows, shape_of
from polling_source.settings import SETTINGS, VERSION

KEY_SCHEMA = SchemaBuilder.struct().field("id", INT64_SCHEMA).build()
MAX_WAIT_S = 1.0
"""`poll` returns at least this often, so that pausing and committing do not wait for a long poll.interval.ms."""


class PollingSourceTask(SourceTask):
    def __init__(self) -> None:
        self._connection: Connection | None = None
        self._stopped = threading.Event()

    @classmethod
    def version(cls) -> str:
        return VERSION

    def start(self, props: Mapping[str, str]) -> None:
        """Go on where the offsets say; a table without one is read from its beginning."""
        self._config = SETTINGS.parse(props)
        self._tables: list[str] = self._config["table.whitelist"]
        self._places: dict[str, Place] = {}
        for table in self._tables:
            offset = self.context.offset_reader.offset({"table": table})
            if offset is not None:
                self._places[table] = Place(offset["timestamp"], offset["id"])
        self._connection = connect(self._config)
        self._next_poll = 0.0

    def poll(self) -> Sequence[SourceRecord] | None:
        wait_s = self._next_poll - time.monotonic()
        if wait_s > 0:
            self._stopped.wait(min(wait_s, MAX_WAIT_S))
            return None
        try:
            found = {table: self._read(table) for table in self._tables}
        except psycopg.Error as error:
            self._disconnect()
            raise as_connect_error(error) from error
        # Only now, for all tables together: had one of them failed, the rows of the others would be read again.
        self._places.update({table: rows[-1][0] for table, rows in found.items() if rows})
        records = [record for table, rows in found.items() for record in self._records(table, rows)]
        if not records:
            self._next_poll = time.monotonic() + self._config["poll.interval.ms"] / 1000
        return records

    def _read(self, table: str) -> list[tuple[Place, Struct]]:
        if self._connection is None:
            self._connection = connect(self._config)
        return read_rows(
            self._connection,
            table,
            self._config["timestamp.column"],
            shape_of(self._connection, table),
            self._places.get(table),
            self._config["batch.size"],
            self._config["commit.delay.ms"] / 1000,
        )

    def _records(self, table: str, rows: Sequence[tuple[Place, Struct]]) -> list[SourceRecord]:
        topic = f"{self._config['topic.prefix']}.{table}"
        partition = {"table": table}
        return [
            SourceRecord(
                partition,
                {"table": table, "id": place.id, "timestamp": place.timestamp},
                topic,
                key_schema=KEY_SCHEMA,
                key=Struct(KEY_SCHEMA, [place.id]),
                value_schema=row.schema,
                value=row,
            )
            for place, row in rows
        ]

    def stop(self) -> None:
        """Called from another thread: end the wait, nothing else."""
        self._stopped.set()

    def close(self) -> None:
        self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
