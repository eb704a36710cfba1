"""Change events of every kind, for the corpora of Debezium's transforms."""

from __future__ import annotations

from typing import Any

from tests.parity.forms import (
    array,
    array_schema,
    data,
    decimal,
    f32,
    f64,
    i16,
    i32,
    i64,
    logical,
    map_schema,
    mapping,
    record,
    row,
    schema,
    struct_schema,
)

Form = dict[str, Any]
TEXT = schema("string")
OPTIONAL_TEXT = schema("string", optional=True)
OPTIONAL_LONG = schema("int64", optional=True)
CITY = struct_schema({"name": OPTIONAL_TEXT, "zip": schema("int32", optional=True)}, optional=True, name="city")
ROW = struct_schema(
    {
        "id": schema("int32"),
        "status": schema("string", optional=True, default="new"),
        "note": OPTIONAL_TEXT,
        "price": logical("Decimal", 2, optional=True),
        "amount": schema("int64", optional=True),
        "city": CITY,
        "tags": array_schema(TEXT, optional=True),
    },
    optional=True,
    name="srv.public.orders.Value",
)
KEY = struct_schema({"id": schema("int32")}, name="srv.public.orders.Key")
SNAPSHOT = schema(
    "string",
    optional=True,
    default="false",
    name="io.debezium.data.Enum",
    version=1,
    parameters={"allowed": "true,last,false"},
)
SOURCE = struct_schema(
    {
        "connector": TEXT,
        "ts_ms": schema("int64"),
        "snapshot": SNAPSHOT,
        "db": TEXT,
        "ts_us": OPTIONAL_LONG,
        "ts_ns": OPTIONAL_LONG,
        "schema": TEXT,
        "table": TEXT,
        "lsn": OPTIONAL_LONG,
    },
    name="io.debezium.connector.postgresql.Source",
    version=1,
)
TRANSACTION = struct_schema(
    {"id": TEXT, "total_order": schema("int64"), "data_collection_order": schema("int64")},
    optional=True,
    name="event.block",
    version=1,
)
NOW = 1_700_000_000_123
TOPIC = "srv.public.orders"


def envelope(of: Form = ROW, name: str = "srv.public.orders.Envelope", source: Form = SOURCE, **more: Form) -> Form:
    fields = {
        "before": of,
        "after": of,
        "source": source,
        "transaction": TRANSACTION,
        "op": TEXT,
        "ts_ms": OPTIONAL_LONG,
        "ts_us": OPTIONAL_LONG,
        "ts_ns": OPTIONAL_LONG,
        **more,
    }
    return struct_schema(fields, name=name, version=2)


ENVELOPE = envelope()


def source(table: str = "orders", snapshot: str | None = None) -> Form:
    numbers = (i64(NOW * 1000 + 456), i64(NOW * 1_000_000 + 456_789))
    return row("postgresql", i64(NOW), snapshot, "shop", *numbers, "public", table, i64(34_567_890))


def order(id: int, status: str | None = "paid", note: str | None = None, **given: Any) -> Form:
    price, amount = given.get("price", decimal("10.50")), given.get("amount", i64(3))
    city, tags = given.get("city", row("Rome", i32(118))), given.get("tags", array("a", "b"))
    return row(i32(id), status, note, price, amount, city, tags)


def event(op: str, before: Any, after: Any, **given: Any) -> Form:
    """A change event's value; given: of (its envelope), source, transaction, ts, more (further values)."""
    ts = given.get("ts", NOW + 7)
    values = [before, after, given.get("source", source()), given.get("transaction"), op]
    times = [None, None, None] if ts is None else [i64(ts), i64(ts * 1000), i64(ts * 1_000_000)]
    return data(given.get("of", ENVELOPE), row(*values, *times, *given.get("more", ())))


def change(op: str, before: Any, after: Any, **given: Any) -> Form:
    """A record with a change event."""
    rest = {name: given.pop(name) for name in ("headers", "partition") if name in given}
    key = given.pop("key", data(KEY, row(i32(1))))
    topic = given.pop("topic", TOPIC)
    timestamp = given.pop("timestamp", None)
    return record(topic, event(op, before, after, **given), key, timestamp=timestamp, **rest)


TX = row("771:34567890", i64(3), i64(1))
HEARTBEAT = record(
    "__debezium-heartbeat.srv",
    data(
        struct_schema({"ts_ms": schema("int64")}, name="io.debezium.connector.common.Heartbeat", version=1),
        row(i64(NOW)),
    ),
    data(struct_schema({"serverName": TEXT}, name="io.debezium.connector.common.ServerNameKey", version=1), row("srv")),
)
TOMBSTONE = record(TOPIC, None, data(KEY, row(i32(1))))
TABLE_CHANGE = struct_schema({"type": TEXT, "id": TEXT}, name="io.debezium.connector.schema.Change", version=1)
SCHEMA_CHANGE = struct_schema(
    {
        "source": SOURCE,
        "ts_ms": schema("int64"),
        "databaseName": OPTIONAL_TEXT,
        "schemaName": OPTIONAL_TEXT,
        "ddl": OPTIONAL_TEXT,
        "tableChanges": array_schema(TABLE_CHANGE, optional=True),
    },
    name="io.debezium.connector.mysql.SchemaChangeValue",
    version=1,
)


def schema_change(*kinds: str, none: bool = False) -> Form:
    changes = None if none else array(*(row(kind, '"public"."orders"') for kind in kinds))
    return record("srv", data(SCHEMA_CHANGE, row(source(), i64(NOW), "shop", "public", "ALTER …", changes)))


MESSAGE_BLOCK = struct_schema(
    {"prefix": OPTIONAL_TEXT, "content": schema("bytes", optional=True)},
    name="io.debezium.connector.postgresql.MessageValue.Message",
    optional=True,
)
MESSAGE = struct_schema(
    {
        "op": TEXT,
        "ts_ms": OPTIONAL_LONG,
        "ts_us": OPTIONAL_LONG,
        "ts_ns": OPTIONAL_LONG,
        "source": SOURCE,
        "message": MESSAGE_BLOCK,
    },
    name="io.debezium.connector.postgresql.MessageValue",
    version=1,
)


def message(content: Form | None, prefix: str = "outbox", of: Form = MESSAGE) -> Form:
    times = (i64(NOW), i64(NOW * 1000), i64(NOW * 1_000_000))
    key = data(struct_schema({"prefix": TEXT}, name="io.debezium.connector.postgresql.MessageKey"), row(prefix))
    return record("srv.message", data(of, row("m", *times, source(""), row(prefix, content))), key)


LOOSE = record(TOPIC, data(None, mapping({"id": i64(1), "op": "c"})), data(None, "k"))
PLAIN = record(TOPIC, data(TEXT, "text"), data(TEXT, "k"))
WRONG = record(TOPIC, data(struct_schema({"op": TEXT}, name="odd.Envelope"), row("c")))
CHANGES = [
    change("c", None, order(1, None, "n")),
    change("u", order(1, "new"), order(1, "paid", "n"), transaction=TX),
    change("d", order(1), None, timestamp=5),
    TOMBSTONE,
    change(
        "r",
        None,
        order(2, "x", city=None, tags=None, price=None),
        headers=[["h", data(TEXT, "v")]],
        source=source(snapshot="true"),
    ),
    change("t", None, None, key=None),
    change("d", None, None),
]
NEW_KEY = [
    change("d", order(1), None, headers=[["__debezium.newkey", data(KEY, row(i32(9)))]]),
    change("c", None, order(9), key=data(KEY, row(i32(9))), headers=[["__debezium.oldkey", data(KEY, row(i32(1)))]]),
]
OTHERS = [HEARTBEAT, schema_change("ALTER"), LOOSE, PLAIN, WRONG, record(TOPIC)]
EVERYTHING = [*CHANGES, *NEW_KEY, *OTHERS]
WIDE = struct_schema(
    {
        "t": TEXT,
        "i16": schema("int16", optional=True),
        "i32": schema("int32", optional=True),
        "i64": schema("int64", optional=True),
        "f32": schema("float32", optional=True),
        "f64": schema("float64", optional=True),
        "flag": schema("boolean", optional=True),
        "dec": logical("Decimal", 3, optional=True),
        "date": logical("Date", optional=True),
        "time": logical("Time", optional=True),
        "ts": logical("Timestamp", optional=True),
        "list": array_schema(schema("int32", optional=True), optional=True),
        "map": map_schema(TEXT, schema("int32", optional=True), optional=True),
        "bytes": schema("bytes", optional=True),
    },
    optional=True,
    name="srv.public.wide.Value",
)
WIDE_ROWS = [
    row(
        "Zürich \U0001f600",
        i16(-7),
        i32(2**31 - 1),
        i64(2**40 + 5),
        f32(1.1),
        f64(-2.5e300),
        True,
        decimal("-12345678901234567890.123"),
        {"date": 19_700 * 86_400_000},
        {"date": 3_600_001},
        {"date": NOW},
        array(i32(1), None, i32(-3)),
        mapping({"a": i32(1), "b": None}),
        {"buffer": "AP+AAQ=="},
    ),
    row(
        "",
        i16(0),
        i32(-1),
        i64(-1),
        f32("NaN"),
        f64("NaN"),
        False,
        decimal("0.000"),
        *[None] * 3,
        array(),
        mapping({}),
        None,
    ),
    row("a", *[None] * 13),
    row("0123456789abcdef", i16(1), i32(0), i64(-(2**63)), f32(-0.0), f64(0.0), None, decimal("1.500"), *[None] * 6),
    row("0123456789abcdef0123456", None, None, None, f32("Infinity"), f64("-Infinity"), *[None] * 8),
]
