"""What each redis.type writes, on a real server."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest
from tests.redis_sink.harness import TP, Reporter, Sink, event, flat, row, tombstone

from headrace.data import (
    FLOAT64_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_BYTES_SCHEMA,
    STRING_SCHEMA,
    Header,
    SchemaBuilder,
    SinkRecord,
    Struct,
)
from headrace.data.logical import date_builder, decimal_builder, time_builder, timestamp_builder
from headrace.data.unchanged import UnchangedText
from headrace.errors import DataException


@pytest.fixture
def sink(redis):
    made = []

    def make(**settings):
        made.append(Sink(redis, **settings))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def test_hash_writes_fields_removes_nulls_and_keeps_unchanged(sink):
    s = sink(type="HASH")
    s.put(flat(1, "new", "long text", True))
    assert s.client.hgetall("shop.orders:1") == {
        b"id": b"1",
        b"status": b"new",
        b"note": b"long text",
        b"gift": b"true",
    }
    s.put(flat(1, None, UnchangedText("__debezium_unavailable_value")))
    assert s.client.hgetall("shop.orders:1") == {b"id": b"1", b"note": b"long text", b"gift": b"false"}
    # The placeholder came through a log: plain text now.
    s.put(flat(1, "paid", "__debezium_unavailable_value"))
    assert s.client.hget("shop.orders:1", "note") == b"long text"
    s.put(tombstone(1))
    assert not s.client.exists("shop.orders:1")


def test_hash_takes_debezium_envelopes(sink):
    s = sink(type="HASH")
    s.put(event("r", None, row(1)), event("c", None, row(2)), event("u", None, row(2, "paid")))
    assert s.client.hget("shop.orders:2", "status") == b"paid"
    s.put(event("d", row(2), None), tombstone(2))
    assert s.client.keys("shop.orders:*") == [b"shop.orders:1"]


def test_schemaless_maps_and_envelopes(sink):
    s = sink(type="HASH")
    s.put(
        SinkRecord(*TP, None, {"a": 1, "b": "x"}, None, {"n": 1.5, "m": {"k": [1, None]}, "z": None}, None),
        SinkRecord(*TP, None, "k", None, {"op": "c", "source": {}, "before": None, "after": {"v": 1}}, None),
    )
    assert s.client.hgetall("shop.orders:1:x") == {b"n": b"1.5", b"m": b'{"k":[1,null]}'}
    assert s.client.hgetall("shop.orders:k") == {b"v": b"1"}


def test_json_string_writes_documents_and_completes_unchanged_fields(sink):
    s = sink(type="JSON_STRING")
    s.put(flat(1, "new", "long"), flat(1, "paid", UnchangedText("__debezium_unavailable_value")))
    assert json.loads(s.client.get("shop.orders:1")) == {"id": 1, "status": "paid", "note": "long", "gift": False}
    s.put(tombstone(1))
    assert s.client.get("shop.orders:1") is None


@pytest.mark.parametrize("kind", ["JSON_STRING", "HASH"])
def test_texts_within_others_may_stand_for_unchanged_values(sink, kind):
    inner = SchemaBuilder.struct().field("note", STRING_SCHEMA).build()
    schema = SchemaBuilder.struct().field("in", inner).build()
    s = sink(type=kind)
    value = Struct(schema, [Struct(inner, [UnchangedText("as it was")])])
    s.put(SinkRecord(*TP, INT64_SCHEMA, 1, schema, value, None))
    document = {"note": "as it was"}
    if kind == "HASH":
        assert json.loads(s.client.hget("shop.orders:1", "in")) == document
    else:
        assert json.loads(s.client.get("shop.orders:1")) == {"in": document}


def test_stream_has_an_entry_per_change(sink):
    s = sink(type="STREAM")
    s.put(event("c", None, row(1, None)), event("d", row(1), None), tombstone(1), flat(2))
    entries = [fields for _, fields in s.client.xrange("shop.orders")]
    assert entries[0] == {b"__op": b"c", b"id": b"1", b"note": b"n", b"gift": b"false"}
    assert entries[1][b"__op"] == b"d"
    assert entries[2] == {b"id": b"2", b"status": b"new", b"note": b"n", b"gift": b"false"}
    assert len(entries) == 3


def test_string_list_set_and_zset(sink):
    text = lambda k, v: SinkRecord(*TP, STRING_SCHEMA, k, STRING_SCHEMA, v, None)  # noqa: E731
    s = sink(type="STRING", keyspace="")
    s.put(text("a", "1"), text("b", "2"), SinkRecord(*TP, STRING_SCHEMA, "b", None, None, None))
    assert (s.client.get("a"), s.client.get("b")) == (b"1", None)
    s = sink(type="LIST", keyspace="l", name="l")
    s.put(text("x", "1"), text("x", "1"))
    assert s.client.lrange("l", 0, -1) == [b"x", b"x"]
    s = sink(type="SET", keyspace="s", name="s")
    s.put(event("c", None, row(1)), event("c", None, row(2)), event("d", row(1), None))
    assert s.client.smembers("s") == {b"2"}
    s = sink(type="ZSET", keyspace="z", name="z")
    s.put(SinkRecord(*TP, STRING_SCHEMA, "m", FLOAT64_SCHEMA, 2.5, None))
    assert s.client.zrange("z", 0, -1, withscores=True) == [(b"m", 2.5)]


def test_logical_types_are_text(sink):
    def debezium(builder, name):
        return builder.name(f"io.debezium.time.{name}").build()

    cases = {
        "price": (decimal_builder(2).build(), Decimal("12.50"), b"12.50"),
        "big": (decimal_builder(0).build(), Decimal("1E+20"), b"100000000000000000000"),
        "day": (date_builder().build(), dt.date(2024, 2, 29), b"2024-02-29"),
        "clock": (time_builder().build(), dt.time(1, 2, 3, 4000), b"01:02:03.004"),
        "at": (timestamp_builder().build(), dt.datetime(2024, 1, 1, 1, tzinfo=dt.UTC), b"2024-01-01T01:00:00.000Z"),
        "d_day": (debezium(SchemaBuilder.int32(), "Date"), 19782, b"2024-02-29"),
        "d_micro": (
            debezium(SchemaBuilder.int64(), "MicroTimestamp"),
            1_704_067_200_000_001,
            b"2024-01-01T00:00:00.000001",
        ),
        "d_time": (debezium(SchemaBuilder.int64(), "MicroTime"), 3_723_000_004, b"01:02:03.000004"),
        "d_old": (debezium(SchemaBuilder.int64(), "MicroTimestamp"), -1, b"1969-12-31T23:59:59.999999"),
        "d_infinite": (debezium(SchemaBuilder.int32(), "Date"), 2_147_483_647, b"2147483647"),
        "raw": (OPTIONAL_BYTES_SCHEMA, b"\x00\xff%d", b"\x00\xff%d"),
        "nan": (FLOAT64_SCHEMA, float("nan"), b"NaN"),
        "tags": (SchemaBuilder.array(STRING_SCHEMA).build(), ["a", "ü"], '["a","ü"]'.encode()),
        "100%": (INT64_SCHEMA, -(2**63), b"-9223372036854775808"),
    }
    builder = SchemaBuilder.struct()
    for name, (schema, _, _) in cases.items():
        builder.field(name, schema)
    schema = builder.build()
    s = sink(type="HASH")
    s.put(SinkRecord(*TP, STRING_SCHEMA, "k", schema, Struct(schema, [v for _, v, _ in cases.values()]), None))
    assert s.client.hgetall("shop.orders:k") == {n.encode(): text for n, (_, _, text) in cases.items()}


def test_key_patterns(sink):
    s = sink(type="HASH", key_pattern="cache/${topic}/${key.id}/${value.status}")
    s.put(event("c", None, row(1, "new")))
    assert s.client.keys("cache/*") == [b"cache/shop.orders/1/new"]
    s.put(event("u", row(1, "new"), row(1, "paid")))
    assert s.client.keys("cache/*") == [b"cache/shop.orders/1/paid"]
    s.put(event("d", row(1, "paid"), None), tombstone(1))
    assert s.client.keys("cache/*") == []
    s = sink(type="STREAM", key_pattern="customer:${key.id}", name="per-key")
    s.put(flat(7), flat(8), flat(7))
    assert (s.client.xlen("customer:7"), s.client.xlen("customer:8")) == (2, 1)


def test_ttl_by_setting_and_by_header(sink):
    s = sink(type="HASH", key_ttl=100)
    s.put(flat(1), flat(2, headers=(Header("redis.key.ttl", None, "1000"),)))
    assert 90 < s.client.ttl("shop.orders:1") <= 100
    assert 990 < s.client.ttl("shop.orders:2") <= 1000


@pytest.mark.parametrize(
    ("settings", "record", "says"),
    [
        ({"type": "HASH"}, SinkRecord(*TP, None, None, None, {"a": 1}, None), "has no key"),
        ({"type": "HASH"}, SinkRecord(*TP, None, "k", STRING_SCHEMA, "text", None), "no fields"),
        ({"type": "STRING"}, flat(1), "JSON_STRING"),
        ({"type": "ZSET"}, flat(1), "number"),
        ({"type": "HASH"}, event("t", None, None, id=1), "truncate"),
        ({"type": "HASH", "key_pattern": "${value.nothing}"}, flat(1), "'nothing'"),
    ],
)
def test_a_record_that_cannot_be_written_is_reported_and_the_rest_is_written(sink, settings, record, says):
    reporter = Reporter()
    s = sink(reporter=reporter, **settings)
    s.put(record)
    ((bad, error),) = reporter.reported
    assert (bad.original_offset, bad.key, bad.value) == (record.original_offset, record.key, record.value)
    assert isinstance(error, DataException)
    assert says in str(error)
    again = sink(**settings)
    assert again.context.sought[TP] == 1
    alone = sink(name="alone", **settings)
    record.offset = None
    with pytest.raises(DataException, match=r"shop\.orders-0 offset 0"):
        alone.put(record)
    assert sink(name="alone", **settings).context.sought == {TP: 0}
