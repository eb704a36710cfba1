"""headrace's reading of the corpus of types: one task for each mode, on one database."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from headrace.converters.json import JsonConverter
from headrace.data import SourceRecord
from headrace.testing.servers import PostgresServer
from tests.parity.corpus.postgres_types import Mode
from tests.parity.neutral import schema_form
from tests.parity.postgres.lab import Lab, Reading, batches, is_last, reading
from tests.sources.postgres.kit import Runner


def _converter() -> JsonConverter:
    converter = JsonConverter()
    converter.configure({"schemas.enable": "false", "replace.null.with.default": "false"})
    return converter


_CONVERTER = _converter()


def form(record: SourceRecord) -> dict[str, Any]:
    """The record as the oracle tells its own."""

    def datum(schema: Any, value: Any) -> list[Any]:
        content = _CONVERTER.from_connect_data(record.topic, schema, value)
        return [schema_form(schema), None if content is None else json.loads(content)]

    key, value = datum(record.key_schema, record.key), datum(record.value_schema, record.value)
    return {"topic": record.topic, "key": key, "value": value}


class _Task:
    def __init__(self, mode: Mode, config: dict[str, str]) -> None:
        self.mode = mode
        self._runner = Runner({**config, "slot.retry.delay.ms": "1000"})
        self.records: list[dict[str, Any]] = []

    def take(self) -> None:
        self.records += [form(record) for record in self._runner.poll()]

    def read(self) -> None:
        self._runner.settle()
        self.records = [form(record) for record in self._runner.records]

    def done(self) -> None:
        self._runner.until(lambda records: bool(records) and _is_last(records), 60)
        self.records = [form(record) for record in self._runner.records]
        assert is_last(self.records)

    def close(self) -> None:
        self._runner.close()


def _is_last(records: list[SourceRecord]) -> bool:
    return any(r.topic == "srv.public.sentinel" and r.value is not None and r.value["op"] == "c" for r in records[-20:])


def read_all(server: PostgresServer, modes: Collection[str]) -> tuple[Reading, list[str]]:
    """What the tasks make of the corpus in modes of these names, and the names of the tables that the server can have."""
    result: Reading = {}
    names: list[str] = []
    for batch in batches(modes):
        lab = Lab(server)
        names = lab.names
        result |= _read(lab, batch)
    return result, names


def _read(lab: Lab, modes: tuple[Mode, ...]) -> Reading:
    tasks: list[_Task] = []
    result: Reading = {}
    try:
        for mode in modes:
            if lab.tables(mode):
                tasks.append(_Task(mode, lab.config(mode)))
                tasks[-1].read()
        lab.stream()
        for task in tasks:
            task.done()
            result |= reading(task.mode.id, task.records)
    finally:
        for task in tasks:
            task.close()
        lab.close()
    return result
