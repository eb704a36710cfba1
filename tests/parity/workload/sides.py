"""Both connectors on one database: Debezium in the oracle, ours in a runner of the tests' kit. Each gives events of one form."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from headrace.converters.json import JsonConverter
from headrace.data import Schema, SourceRecord
from tests.parity import neutral
from tests.parity.frame.oracle import Oracle
from tests.sources.postgres.kit import Runner

CLASS = "io.debezium.connector.postgresql.PostgresConnector"


class Datum(NamedTuple):
    """A payload as JsonConverter writes it, and its schema in neutral form: the same object for the same schema."""

    schema: Any
    payload: Any


class Event(NamedTuple):
    """What either connector made."""

    topic: str
    partition: int | None
    timestamp: int | None
    key: Datum
    value: Datum
    headers: list[tuple[str, Datum]]
    source: dict[str, Any]
    offset: dict[str, Any]


class Theirs:
    """Debezium's connector. `stored`: the offset it starts at."""

    def __init__(self, oracle: Oracle, props: Mapping[str, str], stored: Mapping[str, Any] | None = None) -> None:
        self._oracle = oracle
        self._schemas: dict[str, Any] = {}
        self.name = props["slot.name"]
        config = {**props, "connector.class": CLASS, "task.id": "0"}
        given = {} if stored is None else {"stored": dict(stored)}
        oracle.ask({"op": "engine_start", "engine": self.name, "config": config, **given})

    def take(self, timeout_s: float = 0.05) -> list[Event]:
        """What came since; RuntimeError when the connector failed."""
        request = {"op": "engine_take", "engine": self.name, "timeout_s": timeout_s}
        answer = self._oracle.ask(request)["ok"]
        self._schemas.update(answer["schemas"])
        if answer["error"] or (not answer["running"] and not answer["records"]):
            raise RuntimeError(f"Debezium's connector ended: {answer['error']}")
        return [self._event(record) for record in answer["records"]]

    def _datum(self, pair: list[Any]) -> Datum:
        number, payload = pair
        return Datum(None if number is None else self._schemas[str(number)], payload)

    def _event(self, record: dict[str, Any]) -> Event:
        return Event(
            record["topic"],
            record["partition"],
            record["timestamp"],
            self._datum(record["key"]),
            self._datum(record["value"]),
            [(header[0], self._datum(header[1:])) for header in record["headers"]],
            record["source"],
            record["offset"],
        )

    def paused(self) -> AbstractContextManager[None]:
        """The connector stands still within the block."""
        return self._oracle.paused()

    def close(self) -> None:
        """End the connector."""
        self._oracle.ask({"op": "engine_stop", "engine": self.name})


class Ours:
    """headrace's source task. `stored`: the offset it starts at."""

    def __init__(self, props: Mapping[str, str], stored: Mapping[str, Any] | None = None) -> None:
        self._converter = JsonConverter()
        settings = {"schemas.enable": "false", "replace.null.with.default": "false", "converter.type": "value"}
        self._converter.configure(settings)
        self.runner = Runner(props, stored)

    def take(self, timeout_s: float = 0.05) -> list[Event]:
        """What came since; raises as the task does."""
        deadline = time.monotonic() + timeout_s
        while True:
            records = self.runner.poll()
            if records or time.monotonic() > deadline:
                self.runner.records.clear()
                return [self._event(record) for record in records]

    def _datum(self, topic: str, schema: Schema | None, value: Any) -> Datum:
        made = self._converter.from_connect_data(topic, schema, value)
        return Datum(neutral.schema_form(schema), None if made is None else json.loads(made))

    def _event(self, record: SourceRecord) -> Event:
        topic = record.topic
        return Event(
            topic,
            record.partition,
            record.timestamp,
            self._datum(topic, record.key_schema, record.key),
            self._datum(topic, record.value_schema, record.value),
            [(h.key, self._datum(topic, h.schema, h.value)) for h in record.header_items],
            dict(record.source_partition),
            dict(record.source_offset),
        )

    def close(self) -> None:
        """End the task."""
        self.runner.close()
