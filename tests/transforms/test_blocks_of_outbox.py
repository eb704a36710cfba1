"""EventRouter on blocks: what comes of a block is what comes of its records, one by one, up to the bytes in the log."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.converters.json import JsonConverter
from headrace.converters.simple_header import SimpleHeaderConverter
from headrace.converters.string import StringConverter
from headrace.data import (
    INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
    SchemaBuilder,
    SourceRecord,
    Struct,
)
from headrace.data.batch import Block, SourceBatch
from headrace.data.unchanged import UnchangedText
from headrace.native import core
from headrace.runtime.chain import TransformChain, TransformStep
from headrace.runtime.converter_set import Converters, NamedConverter, NamedHeaderConverter
from headrace.runtime.record_encoder import RecordEncoder
from headrace.runtime.tolerance import ErrorMetrics, ErrorPolicy, Tolerance
from headrace.transforms.debezium.event_router import EventRouter
from headrace.transforms.insert_header import InsertHeader
from tests.converters.strategies import values
from tests.transforms.block_rows import HEADERS, OFFSETS, PARTITION, block_of, compare, leaves, maker

pytestmark = pytest.mark.skipif(core is None, reason="without the Rust core there are no blocks")

KEY: Final = SchemaBuilder.struct().field("id", STRING_SCHEMA).build()
_UNITS: Final = ["Timestamp", "MicroTimestamp", "NanoTimestamp", "Date"]


def envelope(row: Schema, **more: Schema) -> Schema:
    made = SchemaBuilder.struct().name("s.public.outbox.Envelope").field("before", row).field("after", row)
    for name, schema in {"op": STRING_SCHEMA, "ts_ms": OPTIONAL_INT64, **more}.items():
        made.field(name, schema)
    return made.build()


OPTIONAL_INT64: Final = SchemaBuilder.int64().optional().build()


@st.composite
def outboxes(draw: st.DrawFn) -> list[Any]:
    """Records of one outbox table, whose columns are of many types."""
    name = f"io.debezium.time.{draw(st.sampled_from(_UNITS))}"
    moment = SchemaBuilder.int64().name(name)
    kinds = {
        "id": draw(leaves()),
        "aggregatetype": draw(
            st.sampled_from([STRING_SCHEMA, OPTIONAL_STRING_SCHEMA, SchemaBuilder.string().default("d").build()])
        ),
        "aggregateid": draw(leaves()),
        "payload": draw(st.one_of(leaves(), st.just(KEY), st.just(OPTIONAL_STRING_SCHEMA))),
        "type": draw(leaves()),
        "at": draw(st.sampled_from([moment.build(), moment.optional().build(), INT64_SCHEMA])),
    }
    if draw(st.integers(0, 4)) == 0:
        kinds["tracingspancontext"] = OPTIONAL_STRING_SCHEMA
    row = SchemaBuilder.struct().optional()
    for column, schema in kinds.items():
        row.field(column, schema)
    row_schema = row.build()
    schema = envelope(row_schema)
    pools = [st.sampled_from(["order", "user", UnchangedText("order")])] * len(kinds)
    for at, kind in enumerate(kinds.values()):
        if at != 1:
            few = draw(st.lists(values(kind), min_size=1, max_size=3))
            pools[at] = st.sampled_from(few)
        elif kind.optional and draw(st.booleans()):
            pools[at] = st.sampled_from(["order", None])
    if "tracingspancontext" in kinds and draw(st.booleans()):
        pools[-1] = st.sampled_from([None, None, "traceparent=00-1-2-3"])
    rows = st.tuples(*pools).map(lambda one: Struct(row_schema, list(one)))
    ops = draw(st.sampled_from(["c", "cr", "crd", "crdu"]))
    headers = draw(st.sampled_from([(), HEADERS]))
    records: list[Any] = []
    for number in range(draw(st.integers(1, 10))):
        op, key = draw(st.sampled_from(ops)), Struct(KEY, [str(number)])
        event = Struct(schema, [None, draw(rows), op, draw(st.sampled_from([5, 5, None]))])
        if op == "d":
            event.values[:2] = event.values[1], None
        gone = draw(st.integers(0, 9)) == 0
        records.append(
            SourceRecord(
                PARTITION, {"lsn": number * 3}, "t.1", draw(st.just(3)), KEY, key, None if gone else schema, None if gone else event,
                7, headers,
            )
        )  # fmt: skip
    return records


@settings(max_examples=250)
@given(outboxes(), st.data())
def test_outboxes(records: list[Any], data: Any) -> None:
    config = {
        "table.fields.additional.placement": data.draw(
            st.sampled_from(["", "type:header", "type:header:eventType,at:header", "no:header", "type:envelope"])
        ),
        "table.field.additional.missing": data.draw(st.sampled_from(["error", "ignore"])),
        "table.op.invalid.behavior": data.draw(st.sampled_from(["warn", "fatal"])),
        "route.topic.replacement": data.draw(st.sampled_from(["outbox.event.${routedByValue}", "all"])),
        "route.tombstone.on.empty.payload": data.draw(st.sampled_from(["false", "false", "false", "true"])),
        "table.expand.json.payload": data.draw(st.sampled_from(["false", "false", "false", "true"])),
    }
    if data.draw(st.booleans()):
        config["table.field.event.timestamp"] = "at"
    if data.draw(st.integers(0, 3)) == 0:
        config["route.by.field"] = data.draw(st.sampled_from(["type", "id", "no"]))
    if data.draw(st.integers(0, 3)) == 0:
        config["table.field.event.key"] = data.draw(st.sampled_from(["id", "no"]))
    compare(maker(EventRouter, {name: one for name, one in config.items() if one}), records)


ROW: Final = (
    SchemaBuilder.struct()
    .field("id", STRING_SCHEMA)
    .field("aggregatetype", STRING_SCHEMA)
    .field("aggregateid", STRING_SCHEMA)
    .field("type", STRING_SCHEMA)
    .field("payload", OPTIONAL_STRING_SCHEMA)
    .build()
)


def inserts(count: int) -> list[Any]:
    schema = envelope(ROW)
    rows = [
        Struct(
            ROW,
            [f"e{i}", ("order", "user")[i % 2], str(i % 7), f"Type{i % 3}", None if i % 10 == 9 else f'{{"a": {i}}}'],
        )
        for i in range(count)
    ]
    return [
        SourceRecord(PARTITION, {"lsn": i * 3}, "t.1", None, KEY, Struct(KEY, [f"e{i}"]), schema, Struct(schema, [None, row, "c", 5 + i]), None, HEADERS)
        for i, row in enumerate(rows)
    ]  # fmt: skip


def test_inserts_stay_columns() -> None:
    outcome = compare(maker(EventRouter, {"table.fields.additional.placement": "type:header:eventType"}), inserts(200))
    assert outcome is not None
    assert outcome.taken


@pytest.mark.parametrize("steps", [[], [(InsertHeader, {"header": "x", "value.literal": "1"})]])
def test_the_log_gets_the_same_bytes(steps: list[Any]) -> None:
    """Whatever stands behind the router gets records, or the encoder blocks."""
    records = inserts(300)
    made = block_of(records)
    assert made is not None
    batch: Any = SourceBatch(made[1].parts, PARTITION, OFFSETS)
    chosen = [(EventRouter, {"table.fields.additional.placement": "type:header:eventType"}), *steps]
    written: list[Any] = []
    tolerance = Tolerance(ErrorPolicy(), ErrorMetrics(), [], lambda seconds: False)
    for blocks in (True, False):
        chain: TransformChain[Any] = TransformChain([TransformStep(maker(*one)(), "t") for one in chosen], tolerance)
        encoder = _encoder(tolerance)
        if blocks:
            parts = chain.apply_parts(batch, _no_origin)
            assert all(isinstance(part, Block) for part in parts.parts) == (not steps)
            batches = encoder.encode_parts(parts, _no_origin)
        else:
            batches = encoder.encode([one for one in chain.apply(records, _no_origin) if one], _no_origin)
        written.append(
            sorted(
                (one.topic, one.partition, key, value, headers)
                for one in batches
                for key, value, headers in zip(one.keys, one.values, one.headers, strict=True)
            )
        )
    assert written[0] == written[1]
    assert len(written[0]) == 300


def _no_origin(*_: Any) -> Any:
    raise AssertionError("no record fails")


def _encoder(tolerance: Tolerance) -> RecordEncoder:
    key, value, header = StringConverter(), JsonConverter(), SimpleHeaderConverter()
    value.configure({"converter.type": "value"})
    made = Converters(NamedConverter(key, "s"), NamedConverter(value, "j"), NamedHeaderConverter(header, "h"))
    return RecordEncoder(made, lambda topic: 3, tolerance, lambda: 42)
