"""TimezoneConverter and PartitionRouting on blocks: what comes of a block is what comes of its records, one by one."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.data import (
    FLOAT64_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    SchemaBuilder,
    Struct,
)
from headrace.data.logical import decimal_builder, timestamp_builder
from headrace.native import core
from headrace.transforms.debezium.header_to_value import HeaderToValue
from headrace.transforms.debezium.logical_message import DecodeLogicalDecodingMessageContent
from headrace.transforms.debezium.partition_routing import PartitionRouting
from headrace.transforms.debezium.schema_change_filter import SchemaChangeEventFilter
from headrace.transforms.debezium.timezone_converter import TimezoneConverter
from tests.transforms.block_rows import compare, maker, record_lists

pytestmark = pytest.mark.skipif(core is None, reason="without the Rust core there are no blocks")
checked = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def named(builder: SchemaBuilder, name: str) -> SchemaBuilder:
    return builder.name(f"io.debezium.time.{name}")


SOURCE = (
    SchemaBuilder.struct()
    .field("ts_ms", INT64_SCHEMA)
    .field("ts_us", INT64_SCHEMA)
    .field("table", OPTIONAL_STRING_SCHEMA)
    .build()
)
MOMENTS = (
    SchemaBuilder.struct()
    .optional()
    .field("id", INT64_SCHEMA)
    .field("ms", named(SchemaBuilder.int64(), "Timestamp").build())
    .field("us", named(SchemaBuilder.int64(), "MicroTimestamp").optional().default(5).build())
    .field("ns", named(SchemaBuilder.int64(), "NanoTimestamp").optional().build())
    .field("zoned", named(SchemaBuilder.string(), "ZonedTimestamp").optional().build())
    .field("time", named(SchemaBuilder.string(), "ZonedTime").optional().build())
    .field("day", named(SchemaBuilder.int32(), "Date").optional().build())
    .field("connect", timestamp_builder().optional().build())
    .build()
)
ROW = (
    SchemaBuilder.struct()
    .optional()
    .field("id", INT64_SCHEMA)
    .field("small", INT32_SCHEMA)
    .field("name", SchemaBuilder.string().optional().default("größe").build())
    .field("much", decimal_builder(2).optional().build())
    .field("ratio", FLOAT64_SCHEMA)
    .field("list", SchemaBuilder.array(STRING_SCHEMA).optional().build())
    .field("in", SchemaBuilder.struct().optional().field("x", OPTIONAL_STRING_SCHEMA).build())
    .build()
)
KEY = SchemaBuilder.struct().field("id", INT64_SCHEMA).build()


def envelope(row: Any) -> Any:
    made = SchemaBuilder.struct().name("s.t.Envelope").field("before", row).field("after", row)
    return made.field("source", SOURCE).field("op", OPTIONAL_STRING_SCHEMA).build()


ZONED = st.one_of(
    st.none(),
    st.sampled_from(["2024-03-10T09:30:00.123456Z", "1999-12-31T23:59:59+05:30", "no moment", "2024-06-01T00:00:00Z"]),
)
TIMES = st.sampled_from([None, "12:30:00Z", "23:59:59.5+02:00", "12:30:00Z"])


@st.composite
def moments(draw: Any) -> list[Any]:
    records: list[Any] = draw(record_lists(KEY, envelope(MOMENTS)))
    wrong = draw(st.integers(0, 4)) == 0
    for record in records:
        if record.value is None:
            continue
        for row in record.value.values[:2]:
            if row is not None:
                zoned = draw(ZONED)
                row.values[4] = None if zoned == "no moment" and not wrong else zoned
                row.values[5] = draw(TIMES)
                # Within what stays 64 bits: the definition has no limit there.
                row.values[2:4] = draw(st.integers(-(2**61), 2**61)), draw(st.sampled_from([None, 2**62, -1]))
                row.values[1] = draw(st.sampled_from([0, 1_710_063_000_000, -1]))
                row.values[7] = draw(st.sampled_from([None, dt.datetime(2024, 3, 10, 2, 30, tzinfo=dt.UTC)]))
        record.value.values[2] = Struct(
            SOURCE, [1_710_063_000_000, draw(st.integers(0, 2**50)), draw(st.sampled_from(["t", "t", "u", None]))]
        )
    return records


@checked
@given(moments(), st.data())
def test_time_zones(records: list[Any], data: Any) -> None:
    config = {"converted.timezone": data.draw(st.sampled_from(["+05:30", "America/Los_Angeles", "UTC"]))}
    rules = data.draw(
        st.sampled_from([None, "source:t", "source:t:before.ms,source:u", "t:zoned,u:source.ts_ms,t:source.ts_us"])
    )
    if rules is not None:
        config[data.draw(st.sampled_from(["include.list", "exclude.list"]))] = rules
    outcome = compare(maker(TimezoneConverter, config), records)
    assert outcome is None or outcome.failed or outcome.taken


@checked
@given(record_lists(KEY, envelope(ROW), max_size=10), st.data())
def test_partitions(records: list[Any], data: Any) -> None:
    for record in records:
        if record.value is not None:
            record.value.values[3] = data.draw(st.sampled_from(["c", "u", "d", "D", "r", "t", "m", None]))
    paths = ["op", "after.id", "change.id", "before.name", "change.small", "change.name", "change.much", "source.table"]
    paths += [
        "change.ratio",
        "change.list",
        "change.in.x",
        "after.in",
        "nothing",
        "after.nothing",
        "op.x",
        "source.ts_ms",
    ]
    config = {
        "partition.payload.fields": ",".join(data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=3))),
        "partition.topic.num": str(data.draw(st.sampled_from([1, 3, 7]))),
        "partition.hash.function": data.draw(st.sampled_from(["java", "murmur"])),
    }
    compare(maker(PartitionRouting, config), records)


def test_common_routes_take_blocks() -> None:
    from headrace.data import SinkRecord

    schema = envelope(ROW)
    rows = [Struct(ROW, [i, i, f"n{i}", None, 0.5, None, None]) for i in range(60)]
    events = [Struct(schema, [None, row, Struct(SOURCE, [1, 2, "t"]), "c"]) for row in rows]
    records = [
        SinkRecord("t.1", 2, KEY, Struct(KEY, [i]), schema, event, 100 + i, None) for i, event in enumerate(events)
    ]
    config = {"partition.payload.fields": "change.id,source.table", "partition.topic.num": "4"}
    outcome = compare(maker(PartitionRouting, config), records)
    assert outcome is not None
    assert outcome.taken


@pytest.mark.parametrize(
    ("kind", "config", "taken"),
    [
        (SchemaChangeEventFilter, {"schema.change.event.exclude.list": "CREATE"}, True),
        (DecodeLogicalDecodingMessageContent, {}, True),
        (HeaderToValue, {"headers": "other", "fields": "f", "operation": "move"}, True),
        (HeaderToValue, {"headers": "h", "fields": "f", "operation": "copy"}, False),
    ],
)
def test_what_passes_unchanged_stays_in_columns(kind: Any, config: dict[str, str], taken: bool) -> None:
    from headrace.data import Header, SinkRecord

    value = Struct(KEY, [1])
    records = [
        SinkRecord(
            "t.1",
            2,
            KEY,
            value,
            KEY if i % 2 else None,
            value if i % 2 else None,
            i,
            None,
            headers=(Header("h", None, "v"),),
        )
        for i in range(4)
    ]
    outcome = compare(maker(kind, config), records)
    assert outcome is not None
    assert outcome.taken == taken
