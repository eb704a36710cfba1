"""A stand-in for the framework: runs the source task, keeps its offsets, renders records as plain data."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.support import wait_until

from headrace.data import SourceRecord, Struct
from headrace.data.logical import date_to_days, datetime_to_millis, decimal_to_bytes, time_to_millis
from headrace.errors import HeadraceError
from headrace.sources.postgres.task import PostgresSourceTask


class Offsets:
    def __init__(self, stored: Mapping[str, Any] | None = None) -> None:
        self.stored = dict(stored) if stored else None

    def offset(self, partition: Mapping[str, Any]) -> dict[str, Any] | None:
        return self.stored

    def offsets(self, partitions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        return [self.stored for _ in partitions]


class Gauges:
    def __init__(self) -> None:
        self.all: dict[tuple[str, tuple[tuple[str, str], ...]], Callable[[], float | None]] = {}

    def gauge(self, name: str, read: Callable[[], float | None], labels: Mapping[str, str] | None = None) -> None:
        self.all[name, tuple(sorted((labels or {}).items()))] = read

    def counter(self, name: str, labels: Mapping[str, str] | None = None) -> Callable[[float], None]:
        return lambda amount: None

    def value(self, name: str, **labels: str) -> float | None:
        """The one gauge of that name with at least those labels."""
        found = [read for (key, has), read in self.all.items() if key == name and set(labels.items()) <= set(has)]
        assert len(found) == 1, (name, labels, len(found))
        return found[0]()


def comparable_offsets(records: Sequence[SourceRecord]) -> list[dict[str, Any]]:
    """The offsets, but of a transaction's last record only which transaction it is of: whether such an offset lies behind the
    transaction depends on whether its COMMIT had arrived when the record was handed out."""
    offsets = [dict(record.source_offset) for record in records]
    following = [*(offset.get("txId") for offset in offsets[1:]), None]
    return [
        offset if offset.get("txId") == after else {"txId": offset.get("txId")}
        for offset, after in zip(offsets, following, strict=True)
    ]


class TopicReaderStub:
    def __init__(self, context: Context, topic: str) -> None:
        self.context = context
        self.topic = topic
        self.next = context.topics_committed.get(topic, 0)

    def read(self) -> list[tuple[bytes | None, bytes | None]]:
        found = self.context.topics.get(self.topic, [])[self.next :]
        self.next += len(found)
        return found

    def commit(self) -> None:
        self.context.topics_committed[self.topic] = self.next

    def close(self) -> None: ...


class Context:
    connector_name = "test"
    task_id = 0
    transaction_context = None

    def __init__(self, offsets: Offsets) -> None:
        self.offset_reader = offsets
        self.metrics = Gauges()
        self.advances: list[tuple[dict[str, Any], dict[str, Any], bool]] = []
        self.notifications: list[dict[str, Any]] = []
        self.topics: dict[str, list[tuple[bytes | None, bytes | None]]] = {}
        """Records of topics for `topic_reader`, kept from run to run by who asks for it."""
        self.topics_committed: dict[str, int] = {}

    def advance(self, partition: Mapping[str, Any], offset: Mapping[str, Any], *, urgent: bool = False) -> None:
        self.advances.append((dict(partition), dict(offset), urgent))

    def notify(self, notification: Mapping[str, Any]) -> None:
        self.notifications.append(dict(notification))

    def topic_reader(self, topic: str, group: str) -> TopicReaderStub:
        return TopicReaderStub(self, topic)

    def configs(self) -> Mapping[str, str]:
        return {}

    def stopping(self) -> bool:
        return False


class Runner:
    """One life of the task. `commit=True` commits each batch's last offset at once, as the framework would."""

    def __init__(self, props: Mapping[str, str], stored: Mapping[str, Any] | None = None) -> None:
        self.offsets = Offsets(stored)
        self.context = Context(self.offsets)
        self.records: list[SourceRecord] = []
        self.advances_committed = 0
        self.task = PostgresSourceTask()
        self.task.initialize(self.context)  # type: ignore[arg-type]
        self.task.start(props)

    def poll(self, commit: bool = True) -> list[SourceRecord]:
        records = list(self.task.poll() or [])
        self.records += records
        if commit and records:
            self.commit(records[-1])
            # What was handed over without a record before lies behind them.
            self.advances_committed = len(self.context.advances)
        if commit:
            self.commit_advances()
        return records

    def commit(self, record: SourceRecord) -> None:
        self._store(record.source_partition, record.source_offset)

    def commit_advances(self) -> None:
        """Offsets handed over without a record."""
        for partition, offset, _ in self.context.advances[self.advances_committed :]:
            self._store(partition, offset)
        self.advances_committed = len(self.context.advances)

    def reached(self) -> int:
        """The position last handed over without a record, 0 before any."""
        return self.context.advances[-1][1]["lsn_commit"] if self.context.advances else 0

    def written(self) -> int:
        """How far the server was told that the stream has come."""
        feedback = self.task._feedback
        return feedback.written if feedback is not None else 0

    def _store(self, partition: Mapping[str, Any], offset: Mapping[str, Any]) -> None:
        # As through the offset store: JSON and back.
        self.offsets.stored = json.loads(json.dumps(dict(offset)))
        assert self.offsets.stored is not None
        self.task.offsets_committed([(partition, self.offsets.stored)])
        self.task.commit()

    def until(
        self, enough: Callable[[list[SourceRecord]], bool], timeout_s: float = 20.0, commit: bool = True
    ) -> list[SourceRecord]:
        self._until(lambda: (bool(self.poll(commit)) and False) or enough(self.records), timeout_s)
        return self.records

    def _until(self, step: Callable[[], bool], timeout_s: float) -> None:
        """Poll until `step` is true; a failure of the task ends the wait at once."""
        failures: list[Exception] = []

        def guarded() -> bool:
            try:
                return step()
            except Exception as error:
                failures.append(error)
                return True

        wait_until(guarded, timeout_s, "enough records")
        if failures:
            raise failures[0]

    def failure(self, timeout_s: float = 10.0) -> HeadraceError:
        """Poll until the task fails."""
        try:
            self._until(lambda: bool(self.poll()) and False, timeout_s)
        except HeadraceError as error:
            return error
        raise AssertionError("the task did not fail")

    def count(self, number: int, timeout_s: float = 20.0, commit: bool = True) -> list[SourceRecord]:
        return self.until(lambda records: len(records) >= number, timeout_s, commit)

    def settle(self) -> None:
        """Until the snapshot is over and the stream runs."""
        self._until(lambda: self.poll() is not None and self.task.numbers.connected, 20)

    def close(self) -> None:
        self.task.stop()
        self.task.close()

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def plain(value: Any, schema: Any = None) -> Any:
    """As JsonConverter writes it: structs as dicts, bytes as base64, logical values as their base type."""
    if isinstance(value, Struct):
        fields = zip(value.schema.fields, value.values, strict=True)
        return {f.name: plain(f.schema.default if v is None else v, f.schema) for f, v in fields}
    if isinstance(value, Decimal):
        return base64.b64encode(decimal_to_bytes(value, int(schema.parameters["scale"]))).decode()
    if isinstance(value, dt.datetime):
        return datetime_to_millis(value)
    if isinstance(value, dt.date):
        return date_to_days(value)
    if isinstance(value, dt.time):
        return time_to_millis(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [plain(item, schema.value_schema if schema else None) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, float):
        if value != value:
            return "NaN"
        if value in (float("inf"), float("-inf")):
            return "Infinity" if value > 0 else "-Infinity"
    return value


def schema_json(schema: Any) -> Any:
    """As JsonConverter renders a schema."""
    if schema is None:
        return None
    names = {"float": "float", "double": "double"}
    out: dict[str, Any] = {"type": names.get(schema.type.value, schema.type.value)}
    if schema.fields:
        out["fields"] = [{**schema_json(f.schema), "field": f.name} for f in schema.fields]
    if schema.type.value == "array":
        out["items"] = schema_json(schema.value_schema)
    if schema.type.value == "map":
        out["keys"], out["values"] = schema_json(schema.key_schema), schema_json(schema.value_schema)
    out["optional"] = schema.optional
    for name in ("name", "version", "doc"):
        if getattr(schema, name) is not None:
            out[name] = getattr(schema, name)
    if schema.parameters:
        out["parameters"] = dict(schema.parameters)
    if schema.default is not None:
        out["default"] = plain(schema.default, schema)
    return out


def ops(records: Sequence[SourceRecord]) -> list[str]:
    """The operation of each record, `-` for a tombstone."""
    return ["-" if record.value is None else record.value["op"] for record in records]
