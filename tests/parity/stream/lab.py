"""Runs a scenario: a fresh database, one connector, the steps, and all records it made."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

import psycopg

from headrace.errors import HeadraceError
from headrace.testing.servers import PostgresServer
from tests.parity.corpus.postgres_stream import SYNC, Scenario
from tests.parity.workload.sides import Event

_DEADLINE_S = 40.0
_numbers = itertools.count(1)


class Side(Protocol):
    """Either connector."""

    def take(self, timeout_s: float = 0.05) -> list[Event]: ...

    def close(self) -> None: ...


class Outcome(NamedTuple):
    """`failure`: what the connector ended with, None when it did not."""

    events: list[Event]
    failure: str | None


class Lab:
    """`make(settings)` starts the connector."""

    def __init__(self, server: PostgresServer, scenario: Scenario, make: Callable[[dict[str, str]], Side]) -> None:
        self._scenario = scenario
        self._events: list[Event] = []
        self._marks = 0
        self.database = f"stream_{os.getpid()}_{next(_numbers)}"
        self._server = server
        server.create_database(self.database)
        self._sql = psycopg.connect(server.dsn(self.database), autocommit=True)
        self._side: Side | None = None
        self._make = make

    def run(self) -> Outcome:
        """The scenario from its beginning to its end."""
        scenario = self._scenario
        try:
            for statement in scenario.prepare:
                self._execute([statement])
            self._execute(["CREATE TABLE IF NOT EXISTS zz_mark (n int PRIMARY KEY)"])
            if scenario.publication:
                self._execute([f"CREATE PUBLICATION pub {scenario.publication}"])
            self._side = self._make(self._settings())
            self._until(self._streaming)
            for step in scenario.steps:
                if step == SYNC:
                    self._sync()
                else:
                    self._execute([step] if isinstance(step, str) else step)
            self._sync()
        except (RuntimeError, HeadraceError) as failure:
            return Outcome(self._told(), f"{type(failure).__name__}: {failure}")
        finally:
            self._close()
        return Outcome(self._told(), None)

    def _told(self) -> list[Event]:
        """All but what tells of the marks."""
        return [e for e in self._events if not e.topic.endswith("zz_mark") and "zz_mark" not in str(e.value.payload)]

    def _settings(self) -> dict[str, str]:
        return {
            "name": "test",
            "topic.prefix": "srv",
            "database.hostname": self._server.host,
            "database.port": str(self._server.port),
            "database.user": self._server.user,
            "database.password": self._server.password,
            "database.dbname": self.database,
            "plugin.name": "pgoutput",
            "slot.name": self.database,
            "publication.name": "pub",
            "poll.interval.ms": "20",
            "slot.max.retries": "0",
            **self._scenario.config,
        }

    def _execute(self, statements: Iterable[str]) -> None:
        with self._sql.transaction() if len(list(statements)) > 1 else _nothing():
            for statement in statements:
                self._sql.execute(statement)  # type: ignore[call-overload]

    def _streaming(self) -> bool:
        query = "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s AND active AND confirmed_flush_lsn IS NOT NULL"
        return self._sql.execute(query, (self.database,)).fetchone() is not None

    def _sync(self) -> None:
        """Until all that is committed has been read."""
        self._marks += 1
        self._sql.execute("INSERT INTO zz_mark VALUES (%s)", (self._marks,))
        delimiter = self._scenario.config.get("topic.delimiter", ".")
        topic, number = delimiter.join(("srv", "public", "zz_mark")), self._marks
        self._until(lambda: any(e.topic == topic and e.key.payload["n"] == number for e in self._events[-20:]))

    def _until(self, condition: Callable[[], bool]) -> None:
        assert self._side is not None
        deadline = time.monotonic() + _DEADLINE_S
        while not condition():
            self._events += self._side.take()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._scenario}: nothing more came within {_DEADLINE_S} s")

    def _close(self) -> None:
        if self._side is not None:
            self._side.close()
        self._sql.close()
        self._server.drop_database(self.database)


class _nothing:  # noqa: N801
    def __enter__(self) -> None: ...

    def __exit__(self, *_: Any) -> None: ...
