"""Blocks and single records become the same commands, and the same contents of a server."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.redis_sink.harness import ENVELOPE, KEY, ROW, SOURCE, TP, Reporter, Sink, event, flat, key, row, tombstone
from tests.sinks.postgres.kit import as_batch

from headrace.data import (
    BOOLEAN_SCHEMA,
    BYTES_SCHEMA,
    FLOAT32_SCHEMA,
    FLOAT64_SCHEMA,
    INT8_SCHEMA,
    INT16_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    STRING_SCHEMA,
    Header,
    Schema,
    SchemaBuilder,
    SinkRecord,
    Struct,
)
from headrace.data.batch import Block
from headrace.data.logical import date_builder, decimal_builder, time_builder, timestamp_builder
from headrace.data.unchanged import UnchangedText
from headrace.errors import DataException
from headrace.native import core
from headrace.sinks.redis.blocks import Blocks
from headrace.sinks.redis.config import RedisSinkConfig
from headrace.sinks.redis.encode import Encoded, Encoder
from headrace.sinks.redis.positions import Position
from headrace.sinks.redis.render import json_bytes

pytestmark = pytest.mark.skipif(core is None, reason="there is no Rust core")

PLACEHOLDER = "__debezium_unavailable_value"


class Positions:
    """A writer's positions without a server."""

    def __init__(self, offset: int | None = None) -> None:
        self.state = Position(b"p", TP, offset=offset)

    def position(self, partition: object) -> Position:
        return self.state

    def floor(self, partition: object) -> int:
        return self.state.offset or 0


def config(**given_settings: object) -> RedisSinkConfig:
    return RedisSinkConfig.parse({"redis." + k.replace("_", "."): str(v) for k, v in given_settings.items()})


def by_twin(parsed: RedisSinkConfig, records: list[SinkRecord]) -> list[Any]:
    """Per record its commands and how many answers they give, or the error."""
    encoder, made = Encoder(parsed), []
    for record in records:
        try:
            encoded = encoder.encode(record)
            made.append((merged(*encoded.merge, *encoded[:2]) if encoded.merge else encoded)[:2])
        except DataException as error:
            made.append((error.code, error.message))
    return made


def merged(name: bytes, document: dict[str, Any], commands: bytes, replies: int) -> Encoded:
    """Shows what was to be merged, without a server."""
    return Encoded(b"MERGE %b %b %b" % (name, json_bytes(document), commands), replies + 1)


def by_blocks(parsed: RedisSinkConfig, records: list[SinkRecord]) -> tuple[list[Any], int]:
    """The same from blocks, and how many of the rows have a plan."""
    blocks = Blocks(parsed, Encoder(parsed), Positions(), merged)  # type: ignore[arg-type]
    batch = as_batch(records)
    planned = sum(len(p) for p in batch.parts if isinstance(p, Block) and blocks._plans.of(p) is not None)
    made: list[Any] = []
    for piece, refused in blocks.pieces(batch):
        errors = {id_of(record): (error.code, error.message) for record, error in refused}
        items = piece.items()
        assert piece.commands == b"".join(item.commands for item in items)
        assert piece.replies == sum(item.replies for item in items)
        assert piece.size == len(items)
        assert list(piece.ends.values()) == [items[-1].offset + 1]
        assert list(piece.starts.values()) == [item.offset for item in items if item.replies][:1]
        made += [errors.get(item.offset, (item.commands, item.replies)) for item in items]
    return made, planned


def id_of(record: SinkRecord) -> int:
    return record.original_offset


def numbered(records: list[SinkRecord]) -> list[SinkRecord]:
    for offset, record in enumerate(records):
        record.offset = record.original_offset = offset
    return records


def debezium(builder: SchemaBuilder, name: str) -> SchemaBuilder:
    return builder.name(f"io.debezium.time.{name}")


INT64 = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-(10**16), 10**16))
FLOATS = st.one_of(st.floats(), st.floats(1e14, 1e18), st.floats(1e-7, 1e-2), st.integers(-(10**17), 10**17).map(float))
TEXTS = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.just(PLACEHOLDER))


def scaled(scale: int) -> st.SearchStrategy[Decimal]:
    numbers = st.one_of(st.integers(-(10**30), 10**30), st.integers(-999, 999), st.integers(-(2**200), 2**200))
    return numbers.map(lambda number: Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -scale)))


def variable_decimal() -> SchemaBuilder:
    builder = SchemaBuilder.struct().name("io.debezium.data.VariableScaleDecimal")
    return builder.field("scale", INT32_SCHEMA).field("value", BYTES_SCHEMA)


VARIABLE = variable_decimal().build()


def variable(scale: int, value: bytes) -> Struct:
    return Struct(VARIABLE, [scale, value])


FIELDS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (SchemaBuilder.int8, st.integers(-128, 127)),
    (SchemaBuilder.int16, st.integers(-(2**15), 2**15 - 1)),
    (SchemaBuilder.int32, st.integers(-(2**31), 2**31 - 1)),
    (SchemaBuilder.int64, INT64),
    (SchemaBuilder.bool, st.booleans()),
    (SchemaBuilder.float32, st.floats(width=32)),
    (SchemaBuilder.float64, FLOATS),
    (SchemaBuilder.string, TEXTS),
    (SchemaBuilder.string, TEXTS.map(lambda text: UnchangedText(text))),
    (lambda: SchemaBuilder.string().name("io.debezium.data.Uuid"), TEXTS),
    (SchemaBuilder.bytes, st.one_of(st.binary(max_size=20), st.just(PLACEHOLDER.encode()))),
    (lambda: decimal_builder(0), scaled(0)),
    (lambda: decimal_builder(2), scaled(2)),
    (lambda: decimal_builder(40), scaled(40)),
    (lambda: decimal_builder(-3), scaled(-3)),
    (date_builder, st.dates()),
    (time_builder, st.integers(0, 86_399_999).map(lambda ms: (dt.datetime.min + dt.timedelta(milliseconds=ms)).time())),
    (timestamp_builder, st.datetimes().map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=dt.UTC))),
    (lambda: debezium(SchemaBuilder.int32(), "Date"), st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(-(10**6), 10**6))),
    (lambda: debezium(SchemaBuilder.int32(), "Time"), st.integers(-10, 10**9)),
    (lambda: debezium(SchemaBuilder.int64(), "MicroTime"), st.integers(-10, 10**12)),
    (lambda: debezium(SchemaBuilder.int64(), "NanoTime"), INT64),
    (lambda: debezium(SchemaBuilder.int64(), "Timestamp"), INT64),
    (lambda: debezium(SchemaBuilder.int64(), "MicroTimestamp"), INT64),
    (lambda: debezium(SchemaBuilder.int64(), "NanoTimestamp"), INT64),
    (lambda: debezium(SchemaBuilder.string(), "ZonedTimestamp"), TEXTS),
    (lambda: variable_decimal(), st.builds(variable, st.integers(-2, 1001), st.one_of(st.binary(max_size=18), st.just(PLACEHOLDER.encode())))),
]  # fmt: skip
PLAIN = FIELDS[:-1]


@st.composite
def containers(draw: st.DrawFn, depth: int = 0) -> tuple[Any, st.SearchStrategy[Any]]:
    """A maker of a schema with others within, and its values; some look like what stands for an unchanged value."""
    plain = [kind for kind in FIELDS if not isinstance(kind[1], UnchangedText)]
    inner = containers(depth + 1) if depth < 2 and draw(st.booleans()) else st.sampled_from(plain)
    make, values = draw(inner)
    schema = make().optional().build() if draw(st.booleans()) else make().build()
    values = st.one_of(st.none(), values) if schema.optional else values
    match draw(st.sampled_from(["list", "map", "struct"])):
        case "list":
            return (lambda: SchemaBuilder.array(schema)), st.one_of(
                st.lists(values, max_size=3), st.lists(values, min_size=27, max_size=27)
            )
        case "map":
            key = draw(st.sampled_from([(STRING_SCHEMA, TEXTS), (STRING_SCHEMA, TEXTS), (INT32_SCHEMA, INT64)]))
            return (lambda: SchemaBuilder.map(key[0], schema)), st.dictionaries(key[1], values, max_size=3)
        case _:
            built = SchemaBuilder.struct().name("In").field("a", INT64_SCHEMA).field('b"\\é', schema).build()
            return (lambda: copied(built)), st.builds(lambda a, b: Struct(built, [a, b]), INT64, values)


def copied(schema: Schema) -> SchemaBuilder:
    builder = SchemaBuilder.struct().name("In")
    for field in schema.fields:
        builder = builder.field(field.name, field.schema)
    return builder


DEFAULTS = {"int32": 7, "string": "none given", "boolean": True, "double": 0.5, "float": 0.1}


@st.composite
def structs(draw: st.DrawFn, name: str, fields: list[Any], least: int, most: int, optional: bool = False) -> Any:
    """A schema of a struct, and a strategy of its structs."""
    builder, values = SchemaBuilder.struct().name(name), []
    if optional:
        builder = builder.optional()
    for number, (make, value) in enumerate(draw(st.lists(st.sampled_from(fields), min_size=least, max_size=most))):
        one = make()
        if draw(st.booleans()):
            one = one.optional()
            value = st.one_of(st.none(), value)
        elif draw(st.booleans()):
            plain = make().build()
            if plain.name is None and plain.type.value in DEFAULTS:
                one = one.default(DEFAULTS[plain.type.value])
                value = st.one_of(st.none(), value)
        builder = builder.field(f"f{number}é" if number % 2 else f"f{number}", one.build())
        values.append(value)
    schema = builder.build()
    return schema, st.tuples(*values).map(lambda one: Struct(schema, list(one)))


def envelope(row_schema: Schema) -> Schema:
    made = SchemaBuilder.struct().name("shop.orders.Envelope").field("before", row_schema).field("after", row_schema)
    return made.field("source", SOURCE).field("op", STRING_SCHEMA).build()


@st.composite
def batches(draw: st.DrawFn) -> list[SinkRecord]:
    key_schema, keys = draw(structs("K", PLAIN, 1, 3))
    optional_keys = st.one_of(keys, keys, keys, st.none())
    records: list[SinkRecord] = []
    for _ in range(draw(st.integers(1, 2))):
        fields = draw(st.sampled_from([FIELDS, PLAIN, PLAIN]))
        if draw(st.booleans()):
            fields = [*fields, *draw(st.lists(containers(), min_size=1, max_size=3)) * 8]
        row_schema, rows = draw(structs("R", fields, 0, 6, optional=True))
        enveloped = draw(st.booleans())
        schema = envelope(row_schema) if enveloped else row_schema
        for _ in range(draw(st.integers(1, 8))):
            one = draw(optional_keys)
            value = draw(rows)
            if enveloped:
                op = draw(st.sampled_from("cccuuurrdtmx"))
                before, after = (value, None) if op in "dt" else (None, value)
                if draw(st.integers(0, 9)) == 0:
                    after = None
                value = Struct(schema, [before, after, Struct(SOURCE, [1]), op])
            if draw(st.integers(0, 9)) == 0:
                value = None
            records.append(
                SinkRecord(*TP, None if one is None else key_schema, one, None if value is None else schema, value, 0)
            )
    return numbered(records)


SETTINGS = st.fixed_dictionaries(
    {"type": st.sampled_from(["HASH", "JSON", "JSON_STRING", "STREAM", "LIST", "SET", "ZSET", "STRING"])},
    optional={
        "keyspace": st.sampled_from(["", "x", "${topic}%"]),
        "separator": st.sampled_from(["", "::"]),
        "key_ttl": st.sampled_from([-1, 0, 60]),
        "key_pattern": st.sampled_from(["${topic}/${key.f0}", "a${key}b", "k", "${value.f0}", "${key.f7}"]),
        "truncate_mode": st.just("ignore"),
    },
)


@given(batches(), SETTINGS)
@settings(max_examples=5000, deadline=None)
def test_the_commands_are_the_twins(records, chosen):
    parsed = config(**chosen)
    assert by_blocks(parsed, records)[0] == by_twin(parsed, records)


@given(st.data())
@settings(max_examples=4000, deadline=None)
def test_plain_values_are_the_twins(data):
    make, values = data.draw(st.sampled_from(FIELDS))
    schema = make().optional().build()
    keys = st.one_of(INT64, st.none()) if data.draw(st.booleans()) else st.none()
    records = []
    for value in data.draw(st.lists(st.one_of(st.none(), values), min_size=1, max_size=10)):
        key = data.draw(keys)
        records.append(
            SinkRecord(*TP, None if key is None else INT64_SCHEMA, key, None if value is None else schema, value, 0)
        )
    parsed = config(
        type=data.draw(st.sampled_from(["STRING", "JSON", "JSON_STRING", "ZSET", "LIST", "SET"])),
        key_ttl=data.draw(st.sampled_from([-1, 60])),
    )
    assert by_blocks(parsed, numbered(records))[0] == by_twin(parsed, records)


NESTED = (
    SchemaBuilder.struct()
    .name("shop.orders.Value")
    .optional()
    .field("tags", SchemaBuilder.array(STRING_SCHEMA).build())
    .field("price", VARIABLE)
    .field("more", SchemaBuilder.map(STRING_SCHEMA, FLOAT64_SCHEMA).optional().build())
    .field("note", ROW.field("note").schema)
    .build()
)


def nested(number: int, note: Any = "n") -> Struct:
    return Struct(NESTED, [["a", '"\x7f\x01é😀'], variable(2, bytes([number])), {"x": 1e16, "y": float("nan")}, note])


@pytest.mark.parametrize(
    ("kind", "left"),
    [("HASH", 0), ("JSON", 0), ("JSON_STRING", 4), ("STREAM", 0), ("LIST", 0), ("SET", 0)],
)
def test_all_of_a_common_table_is_done_natively(kind, left, monkeypatch):
    schema = envelope(NESTED)
    records = []
    for number in range(12):
        op, rows = [
            ("c", (None, nested(number))),
            ("u", (nested(number), nested(number, PLACEHOLDER))),
            ("d", (nested(number), None)),
        ][number % 3]
        records.append(SinkRecord(*TP, KEY, key(number), schema, Struct(schema, [*rows, Struct(SOURCE, [1]), op]), 0))
    records.append(tombstone(1))
    parsed = config(type=kind, key_ttl=5)
    expected = by_twin(parsed, numbered(records))
    calls: list[SinkRecord] = []
    encode = Encoder.encode
    monkeypatch.setattr(Encoder, "encode", lambda self, record: calls.append(record) or encode(self, record))
    assert by_blocks(parsed, records) == (expected, 13)
    # A merged document is begun again in a portion of its own.
    assert len({record.original_offset for record in calls}) == left


def test_scores_are_done_natively(monkeypatch):
    records = numbered([SinkRecord(*TP, KEY, key(i), FLOAT64_SCHEMA, i / 7, 0) for i in range(5)])
    expected = by_twin(config(type="ZSET"), records)
    monkeypatch.setattr(Encoder, "encode", None)
    assert by_blocks(config(type="ZSET"), records) == (expected, 5)


def test_a_document_is_completed_by_what_the_batch_wrote_before(redis):
    sink = Sink(redis, type="JSON_STRING")
    records = numbered(
        [
            event("c", None, row(1, "new", "long")),
            event("u", None, row(1, "old", PLACEHOLDER)),
            event("c", None, row(2)),
        ]
    )
    sink.task.put(as_batch(records))
    assert json.loads(sink.client.get("shop.orders:1")) == {"id": 1, "status": "old", "note": "long", "gift": False}
    assert json.loads(sink.client.get("shop.orders:2"))["status"] == "new"
    sink.stop()


def test_a_placeholder_that_a_decimal_may_hold_is_the_twins():
    schema = SchemaBuilder.struct().field("d", decimal_builder(0).build()).field("n", ROW.field("note").schema).build()
    records = numbered([SinkRecord(*TP, KEY, key(1), schema, Struct(schema, [Decimal(ord("x")), None]), 0)])
    parsed = RedisSinkConfig.parse({"redis.type": "HASH", "unavailable.value.placeholder": "x"})
    assert by_blocks(parsed, records) == (by_twin(parsed, records), 0)


@pytest.mark.parametrize(
    "schema", [BOOLEAN_SCHEMA, BYTES_SCHEMA, FLOAT32_SCHEMA, FLOAT64_SCHEMA, INT8_SCHEMA, INT16_SCHEMA]
)
def test_common_rows_have_plans(schema):
    value_schema = SchemaBuilder.struct().name("R").field("f", schema).build()
    value = {"boolean": True, "bytes": b"%"}.get(schema.type.value, 1)
    value = float(value) if schema.type.value in ("float", "double") else value
    records = numbered(
        [SinkRecord(*TP, KEY, key(1), value_schema, Struct(value_schema, [value]), 0), event("c", None, row(1))]
    )
    assert by_blocks(config(type="HASH"), records) == (by_twin(config(type="HASH"), records), 2)


def test_headers_with_a_time_to_live_are_the_twins():
    headers = (Header("redis.key.ttl", INT64_SCHEMA, 9),)
    records = numbered([flat(1, headers=headers), flat(2)])
    parsed = config(type="HASH")
    assert by_blocks(parsed, records) == (by_twin(parsed, records), 1)


def test_what_is_written_already_is_left_out():
    parsed = config(type="HASH")
    records = numbered([flat(i) for i in range(5)])
    blocks = Blocks(parsed, Encoder(parsed), Positions(3), merged)  # type: ignore[arg-type]
    ((piece, _),) = blocks.pieces(as_batch(records))
    assert [item.offset for item in piece.items()] == [3, 4]


def test_transactions_are_cut_as_with_single_records():
    parsed = config(type="HASH")
    records = numbered([flat(i) for i in range(4_100)])
    blocks = Blocks(parsed, Encoder(parsed), Positions(), merged)  # type: ignore[arg-type]
    assert [piece.size for piece, _ in blocks.pieces(as_batch(records))] == [2_000, 2_000, 100]
    large = numbered([flat(i, "x" * (1 << 20)) for i in range(9)])
    assert [piece.size for piece, _ in blocks.pieces(as_batch(large))] == [4, 4, 1]
    odd = [flat(i, UnchangedText("y" * (1 << 20))) if i % 2 else flat(i, "x" * (1 << 20)) for i in range(9)]
    assert [piece.size for piece, _ in blocks.pieces(as_batch(numbered(odd)))] == [4, 4, 1]


def changes(count: int) -> list[SinkRecord]:
    made: list[SinkRecord] = []
    for i in range(count):
        made.append(event("c", None, row(i, f"s{i}", None if i % 3 else "long")))
        if i % 5 == 0:
            made.append(event("u", None, row(i, None, UnchangedText(PLACEHOLDER))))
        if i % 7 == 0:
            made += [event("d", row(i), None), tombstone(i)]
        if i % 11 == 0:
            made.append(flat(i, "again"))
    return made


def contents(client: Any) -> dict[bytes, dict[bytes, bytes]]:
    return {name: client.hgetall(name) for name in client.scan_iter("shop.orders:*")}


def test_the_server_holds_the_same(redis):
    one = Sink(redis, type="HASH")
    one.put(*changes(200))
    expected = contents(one.client)
    one.client.flushall()
    one.stop()
    other = Sink(redis, type="HASH", name="blocks")
    other.task.put(as_batch(numbered(changes(200))))
    assert contents(other.client) == expected
    assert len(expected) > 150
    other.stop()


def test_a_refused_row_of_a_block_goes_to_the_reporter(redis):
    reporter = Reporter()
    sink = Sink(redis, type="HASH", reporter=reporter)
    sink.client.set("shop.orders:3", "in the way")
    records = numbered([flat(i) for i in range(6)])
    records[4] = SinkRecord(*TP, KEY, key(4), ENVELOPE, Struct(ENVELOPE, [None, None, Struct(SOURCE, [1]), "x"]), 4)
    sink.task.put(as_batch(records))
    assert sorted((record.original_offset, error.code) for record, error in reporter.reported) == [
        (3, "REDIS_WRONG_TYPE"),
        (4, "DATA_INVALID"),
    ]
    assert sorted(sink.client.scan_iter("shop.orders:*")) == [b"shop.orders:%d" % i for i in (0, 1, 2, 3, 5)]
    sink.stop()
    again = Sink(redis, type="HASH")
    assert again.context.sought == {TP: 6}
    again.stop()
