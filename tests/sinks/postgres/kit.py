"""What the sink's tests share: a context that records what the task says, records, tasks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from headrace.data import INT32_SCHEMA, STRING_SCHEMA, Schema, SchemaBuilder, SinkRecord, Struct
from headrace.data.batch import Block, Loose, SinkBatch, SinkPlaces
from headrace.data.columns import layout_of
from headrace.native import core
from headrace.sinks.postgres.task import ConfluentSinkTask, DebeziumSinkTask, PostgresSinkTask
from headrace.spi.context import TopicPartition
from headrace.testing.servers import PostgresServer


class Metrics:
    def gauge(self, name: str, read: Callable[[], float | None], labels: Mapping[str, str] | None = None) -> None:
        pass

    def counter(self, name: str, labels: Mapping[str, str] | None = None) -> Callable[[float], None]:
        return lambda amount: None


class Context:
    def __init__(self, reporter: bool = False) -> None:
        self.connector_name = "shop-sink"
        self.task_id = 0
        self.metrics = Metrics()
        self.offsets: dict[TopicPartition, int] = {}
        self.topic_ids: dict[str, str] = {}
        self.timeouts: list[int] = []
        self.reports: list[tuple[SinkRecord, BaseException]] = []
        self._reporter = reporter

    def offset(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.offsets.update(offsets)

    def topic_id(self, topic: str) -> str:
        return self.topic_ids.get(topic, "log-1." + topic)

    def timeout(self, timeout_ms: int) -> None:
        self.timeouts.append(timeout_ms)

    def errant_record_reporter(self) -> Context | None:
        return self if self._reporter else None

    def report(self, record: SinkRecord, error: BaseException) -> Future[None]:
        self.reports.append((record, error))
        future: Future[None] = Future()
        future.set_result(None)
        return future

    def stopping(self) -> bool:
        return False


def struct_schema(fields: Mapping[str, Schema], name: str | None = None, optional: bool = False) -> Schema:
    builder = SchemaBuilder.struct()
    if name:
        builder.name(name)
    if optional:
        builder.optional()
    for key, schema in fields.items():
        builder.field(key, schema)
    return builder.build()


KEY = struct_schema({"id": INT32_SCHEMA}, "t.Key")
ROW = {"id": INT32_SCHEMA, "name": SchemaBuilder.string().optional().build()}


class Topic:
    """Makes the records of one partition of a topic, offsets counting up."""

    def __init__(
        self, name: str = "t", row: Mapping[str, Schema] | None = None, key: Schema = KEY, partition: int = 0
    ) -> None:
        self.name = name
        self.partition = partition
        self.key_schema = key
        self.row_schema = struct_schema(row or ROW, f"{name}.Value")
        after = struct_schema(row or ROW, f"{name}.Value", optional=True)
        self.after_schema = after
        source = struct_schema({"schema": STRING_SCHEMA, "table": STRING_SCHEMA}, "source")
        self.source_schema = source
        self.envelope_schema = struct_schema(
            {"before": after, "after": after, "source": source, "op": STRING_SCHEMA}, f"{name}.Envelope"
        )
        self.numbers = itertools.count()

    def _record(self, key: Any, schema: Schema | None, value: Any) -> SinkRecord:
        key_struct = None if key is None else Struct(self.key_schema, [key] if not isinstance(key, list) else key)
        return SinkRecord(
            self.name,
            self.partition,
            None if key is None else self.key_schema,
            key_struct,
            schema,
            value,
            next(self.numbers),
        )

    def flat(self, *values: Any, key: Any = ...) -> SinkRecord:
        return self._record(values[0] if key is ... else key, self.row_schema, Struct(self.row_schema, list(values)))

    def event(self, op: str, *values: Any, key: Any = ...) -> SinkRecord:
        row = Struct(self.after_schema, list(values)) if values else None
        source = Struct(self.source_schema, ["public", "orders"])
        fields = [row, None, source, op] if op == "d" else [None, row, source, op]
        chosen = (values[0] if values else None) if key is ... else key
        return self._record(chosen, self.envelope_schema, Struct(self.envelope_schema, fields))

    def tombstone(self, key: Any) -> SinkRecord:
        return self._record(key, None, None)


def as_batch(records: Sequence[SinkRecord], *, loose: Collection[int] = (), nulls_apart: bool = False) -> SinkBatch:
    """The records as blocks, one for each topic and pair of schemas. `loose`: numbers of records that stay single ones. `nulls_apart`:
    null values in blocks of their own, rather than with the values of their topic."""
    places = SinkPlaces()
    for (topic, partition), run in itertools.groupby(records, lambda r: (r.original_topic, r.original_partition)):
        places.add(topic, partition, [record.original_offset for record in run])
    loose = {*loose, *(number for number, record in enumerate(records) if not _is_native(record))}
    natives = [r for r in records if r.value_schema is not None and layout_of(r.value_schema) is not None]
    shapes = {(r.topic, r.partition): r.value_schema for r in natives}
    found: dict[Any, list[int]] = {}
    for ordinal, record in enumerate(records):
        if ordinal not in loose:
            schema = record.value_schema
            if schema is None and not nulls_apart:
                schema = shapes.get((record.topic, record.partition))
            headers = tuple(record.header_items)
            place = (record.topic, record.partition, headers, id(record.key_schema), id(schema))
            found.setdefault(place, [record.key_schema, schema]).append(ordinal)  # type: ignore[arg-type]
    parts: list[Any] = [Loose([records[i] for i in sorted(loose)], sorted(loose))]
    for (topic, partition, headers, _, _), (key_schema, value_schema, *ordinals) in found.items():
        keys, values = [records[i].key for i in ordinals], [records[i].value for i in ordinals]
        stamps = core.Column.constant(None, len(ordinals))
        parts.append(
            Block(
                topic, key_schema, _column(key_schema, keys), value_schema, _column(value_schema, values), ordinals,
                partition=partition, timestamps=stamps, headers=headers,
            )
        )  # fmt: skip
    return SinkBatch(parts, places)


def _column(schema: Schema | None, values: list[Any]) -> Any:
    if schema is None:
        return None
    layout = layout_of(schema)
    assert layout is not None
    return core.Column.of(layout, values)


def _is_native(record: SinkRecord) -> bool:
    try:
        for schema, value in ((record.key_schema, record.key), (record.value_schema, record.value)):
            if value is not None:
                _column(schema, [value])
    except (core.DeclinedError, AssertionError):
        return False
    return (record.key is None or record.key_schema is not None) and (
        record.value is None or record.value_schema is not None
    )


PUT_BLOCKS = False
"""Whether `Sink.put` hands over blocks; set by the fixture `put_as`."""
UPSERT = {
    "insert.mode": "upsert",
    "primary.key.mode": "record_key",
    "delete.enabled": "true",
    "schema.evolution": "basic",
    "quote.identifiers": "true",
}
CONFLUENT = {
    "insert.mode": "upsert",
    "pk.mode": "record_key",
    "delete.enabled": "true",
    "auto.create": "true",
    "auto.evolve": "true",
}


class Sink:
    """A task with its context, on one database."""

    def __init__(
        self,
        server: PostgresServer,
        dbname: str,
        props: Mapping[str, str],
        reporter: bool = False,
        topics: Sequence[str] = ("t",),
        topic_ids: Mapping[str, str] | None = None,
        partitions: int = 1,
    ) -> None:
        confluent = "pk.mode" in props
        self.props = {
            "connection.url": server.jdbc_url(dbname),
            "connection.user" if confluent else "connection.username": server.user,
            "connection.password": server.password,
            **props,
        }
        self.context = Context(reporter)
        self.context.topic_ids.update(topic_ids or {})
        self.task: PostgresSinkTask = ConfluentSinkTask() if confluent else DebeziumSinkTask()
        self.task.initialize(self.context)  # type: ignore[arg-type]
        self.task.start(self.props)
        self.partitions = [TopicPartition(topic, number) for topic in topics for number in range(partitions)]
        self.task.open(self.partitions)

    def put(self, *records: SinkRecord) -> None:
        self.task.put(as_batch(records) if PUT_BLOCKS else list(records))

    def stop(self) -> None:
        self.task.stop()
