"""Source task, JSON converter and PostgreSQL sink task joined in one process, so that a test sees what the whole path makes of a
change and decides itself which changes share a batch."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from headrace.converters.json import JsonConverter
from headrace.data import SinkRecord, SourceRecord
from headrace.testing.servers import PostgresServer
from tests.sinks.postgres.kit import UPSERT, Sink
from tests.sources.postgres.kit import Runner


class Pipe:
    """`topics`: those the sink is told of at its start. Every batch handed over is one `put`."""

    def __init__(
        self,
        server: PostgresServer,
        source_db: str,
        target_db: str,
        props: Mapping[str, str] | None = None,
        sink: Mapping[str, str] | None = None,
        converter: Mapping[str, str] | None = None,
    ) -> None:
        self.server = server
        self.source = psycopg.connect(server.dsn(source_db), autocommit=True)
        self.target = psycopg.connect(server.dsn(target_db), autocommit=True)
        self.props = {
            "name": "test",
            "topic.prefix": "srv",
            "database.hostname": "127.0.0.1",
            "database.port": str(server.port),
            "database.user": "postgres",
            "database.password": "postgres",
            "database.dbname": source_db,
            "plugin.name": "pgoutput",
            "slot.name": f"slot_{source_db}",
            "publication.name": "pub",
            "poll.interval.ms": "50",
            "schema.include.list": "public",
            **(props or {}),
        }
        self.sink = Sink(server, target_db, {**UPSERT, "truncate.enabled": "true", **(sink or {})}, topics=())
        self._keys, self._values = JsonConverter(), JsonConverter()
        self._keys.configure({"converter.type": "key"})
        self._values.configure({"converter.type": "value", **(converter or {})})
        self._numbers: dict[str, Any] = {}
        self.runner: Runner | None = None

    def start(self, stored: Mapping[str, Any] | None = None) -> Runner:
        self.runner = Runner(self.props, stored)
        return self.runner

    def carried(self, records: Sequence[SourceRecord]) -> list[SinkRecord]:
        """The records as the sink gets them: through bytes and back."""
        result = []
        for r in records:
            key = self._keys.from_connect_data(r.topic, r.key_schema, r.key)
            value = self._values.from_connect_data(r.topic, r.value_schema, r.value)
            key_schema, key_value = self._keys.to_connect_data(r.topic, key)
            value_schema, value_value = self._values.to_connect_data(r.topic, value)
            number = next(self._numbers.setdefault(r.topic, itertools.count()))
            made = SinkRecord(r.topic, 0, key_schema, key_value, value_schema, value_value, number)
            made._headers = r._headers
            result.append(made)
        return result

    def take(self, count: int, timeout_s: float = 20.0) -> list[SourceRecord]:
        """The next `count` records or more, written to the target in one batch."""
        runner = self.runner or self.start()
        before = len(runner.records)
        runner.count(before + count, timeout_s)
        records = runner.records[before:]
        self.sink.put(*self.carried(records))
        return records

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.source.execute(query).fetchall()

    def copied(self, query: str) -> list[tuple[Any, ...]]:
        return self.target.execute(query).fetchall()

    def close(self) -> None:
        if self.runner is not None:
            self.runner.close()
        self.sink.stop()
        self.source.close()
        self.target.close()
