"""Change events as Debezium shapes them, for the transforms' tests."""

from __future__ import annotations

from typing import Any

from headrace.data import (
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Header,
    Schema,
    SchemaBuilder,
    SinkRecord,
    SourceRecord,
    Struct,
)

ROW = (
    SchemaBuilder.struct()
    .optional()
    .name("s.public.orders.Value")
    .field("id", INT32_SCHEMA)
    .field("status", SchemaBuilder.string().optional().default("new").build())
    .field("note", OPTIONAL_STRING_SCHEMA)
    .build()
)
KEY = SchemaBuilder.struct().name("s.public.orders.Key").field("id", INT32_SCHEMA).build()
SOURCE = (
    SchemaBuilder.struct()
    .name("source")
    .field("ts_ms", INT64_SCHEMA)
    .field("db", STRING_SCHEMA)
    .field("table", STRING_SCHEMA)
    .field("lsn", OPTIONAL_INT64_SCHEMA)
    .build()
)
TRANSACTION = (
    SchemaBuilder.struct()
    .optional()
    .name("event.block")
    .version(1)
    .field("id", STRING_SCHEMA)
    .field("total_order", INT64_SCHEMA)
    .build()
)
ENVELOPE = (
    SchemaBuilder.struct()
    .name("s.public.orders.Envelope")
    .version(2)
    .field("before", ROW)
    .field("after", ROW)
    .field("source", SOURCE)
    .field("transaction", TRANSACTION)
    .field("op", STRING_SCHEMA)
    .field("ts_ms", OPTIONAL_INT64_SCHEMA)
    .build()
)


def row(*values: Any) -> Struct:
    return Struct(ROW, list(values))


def event(op: str, before: Struct | None, after: Struct | None, transaction: Struct | None = None) -> Struct:
    source = Struct(SOURCE, [1000, "shop", "orders", 42])
    return Struct(ENVELOPE, [before, after, source, transaction, op, 2000])


def record(
    value: Any, schema: Schema | None = ENVELOPE, *, headers: tuple[Header, ...] = (), **changes: Any
) -> SourceRecord:
    made = SourceRecord(
        {"server": "s"},
        {"lsn": 1},
        "s.public.orders",
        None,
        KEY,
        Struct(KEY, [1]),
        schema,
        value,
        1_600_000_000_000,
        headers,
    )
    return made.new_record(**changes) if changes else made


def sink_record(value: Any, schema: Schema | None, **changes: Any) -> SinkRecord:
    made = SinkRecord("t", 3, None, None, schema, value, 17, 1_600_000_000_000)
    return made.new_record(**changes) if changes else made


def tombstone() -> SourceRecord:
    return record(None, None)


def made(transform: Any, **settings: str) -> Any:
    """A configured transform; underscores in setting names stand for dots."""
    instance = transform()
    instance.configure({name.replace("_", "."): value for name, value in settings.items()})
    return instance


def facts(result: Any) -> Any:
    """Everything of a record that can be compared."""
    if result is None:
        return None
    slots = {slot: getattr(result, slot) for slot in result._copied_slots()}
    return {**slots, "headers": result.header_items}


EVENTS = (
    record(event("c", None, row(1, None, "n"))),
    record(event("u", row(1, "new", None), row(1, "paid", None), Struct(TRANSACTION, ["7:1", 3]))),
    record(event("d", row(1, "paid", None), None)),
    record(event("t", None, None)),
    record(event("r", None, row(2, "x", None)), headers=(Header("h", None, "v"),)),
    tombstone(),
    record({"a": 1}, None),
    record("text", STRING_SCHEMA),
)
