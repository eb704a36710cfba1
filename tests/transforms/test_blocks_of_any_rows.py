"""Expressions and routes on blocks of generated schemas: what comes of a block is what comes of its records, one by one."""

from __future__ import annotations

import math
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.data import (
    INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
    SchemaBuilder,
    SinkRecord,
    Struct,
    Type,
)
from headrace.data.unchanged import UnchangedText
from headrace.native import core
from headrace.transforms.debezium.partition_routing import PartitionRouting
from headrace.transforms.debezium.scripting import ContentBasedRouter, Filter
from headrace.transforms.debezium.timezone_converter import TimezoneConverter
from tests.converters.strategies import values
from tests.transforms.block_rows import HEADERS, compare, leaves, maker

pytestmark = pytest.mark.skipif(core is None, reason="without the Rust core there are no blocks")

KEY: Final = SchemaBuilder.struct().field("id", INT64_SCHEMA).build()
SOURCE: Final = (
    SchemaBuilder.struct().optional().field("table", OPTIONAL_STRING_SCHEMA).field("ts_ms", INT64_SCHEMA).build()
)
NAMES: Final = ["a", "b", "c_1", "time", "schema", "size"]
_TIME: Final = "io.debezium.time."
MOMENTS: Final = [
    ("int64", "Timestamp"), ("int64", "MicroTimestamp"), ("int64", "NanoTimestamp"), ("string", "ZonedTimestamp"), ("string", "ZonedTime"),
    ("int32", "Date"),
]  # fmt: skip
EDGES: Final[dict[Type, list[Any]]] = {
    Type.FLOAT64: [0.0, -0.0, math.nan, math.inf, -1.5],
    Type.FLOAT32: [0.0, -0.0, math.nan, -math.inf, 0.10000000149011612],
    Type.STRING: ["", "a", "A", "\U0001f600", "\u0000", "ß", UnchangedText("a")],
    Type.INT64: [0, 1, -(2**63), 2**63 - 1],
    Type.BYTES: [],
}
GROOVY: Final = [
    "{p} == null", "{p} != null", "null == {p}", "{p}.toString() == '0.0'", "{p} > 0", "{p} == {q}", "{p} in [null, 'a', 1L]", "1 / {p} > 0",
    "{p}.size == null", "{p}.a == null", "{p}['a'] == null", "{p}.get('a') != null", "{p}?.a == null", "{p}?.size() > 0", "{p}.any {{ it == null }}",
    "\"${{{p}}}\" == 'a'", "({p} ?: 'x') == 'x'", "{p} instanceof String", "{p} == null ? {q} == null : {q} != null", "[{p}, 1].contains({q})",
    "valueSchema == null", "keySchema != null && {p} == null", "header.h?.value == 'v' || {p} == null", "value == null || {p} == {p}", "key?.id == 1L",
    "(value).op == 'c' && !({p} == null)",
]  # fmt: skip
JAVASCRIPT: Final = [
    "{p} === null", "{p} == undefined", "{p}?.a === undefined", "{p}.a == null", "{p}?.length == null", "`${{{p}}}` === '0'", "{p} > 0", "{p} === {q}",
    "typeof {p} === 'string'", "1 / {p} > 0", "{p} ?? true", "!!{p}", "{p}.some(x => x === null)", "value === null", "key !== null && key.id > 0",
]  # fmt: skip
TOPICS: Final = [
    "{p}?.toString()",
    "{p} == null ? null : 'x'",
    "'t' + {p}",
    "{p} == {q} ? topic : 'other'",
    "{p}.a?.toString()",
]


@st.composite
def fields(draw: st.DrawFn) -> Schema:
    kind = draw(st.integers(0, 7))
    if kind < 3:
        return draw(leaves())
    if kind == 3:
        return SchemaBuilder.map(STRING_SCHEMA, draw(leaves())).optional().build()
    if kind == 4:
        return SchemaBuilder.array(draw(leaves())).optional().build()
    if kind == 5:
        return SchemaBuilder.struct().optional().field("a", draw(leaves())).build()
    type, name = draw(st.sampled_from(MOMENTS))
    return getattr(SchemaBuilder, type)().name(_TIME + name).optional().build()


@st.composite
def few(draw: st.DrawFn, schema: Schema) -> st.SearchStrategy[Any]:
    """A strategy of few values, so that rows are equal now and then."""
    if schema.type is Type.MAP:
        entries = st.dictionaries(st.sampled_from(["a", "size", "b"]), values(schema.value_schema), max_size=2)
        pool = draw(st.lists(entries, min_size=1, max_size=3))
    elif schema.name in (_TIME + "ZonedTimestamp", _TIME + "ZonedTime"):
        day = "2024-03-10T" if schema.name.endswith("stamp") else ""
        pool = [f"{day}09:30:00Z", f"{day}23:59:59.5+02:00"]
    else:
        pool = draw(st.lists(values(schema).filter(lambda one: one is not None), min_size=1, max_size=3))
        if schema.name is None or schema.type is Type.INT64:
            pool += draw(st.lists(st.sampled_from(EDGES[schema.type]), max_size=3)) if EDGES.get(schema.type) else []
    return st.sampled_from([*pool, None] if schema.optional else pool)


@st.composite
def events(draw: st.DrawFn) -> tuple[list[Any], list[str]]:
    """Records of one table, and the paths of its fields."""
    builder = SchemaBuilder.struct().optional()
    schemas = draw(
        st.lists(st.tuples(st.sampled_from(NAMES), fields()), min_size=1, max_size=3, unique_by=lambda pair: pair[0])
    )
    for name, schema in schemas:
        builder.field(name, schema)
    row_schema = builder.build()
    op = SchemaBuilder.string().optional()
    if draw(st.booleans()):
        op.default(draw(st.sampled_from("dtc")))
    envelope = SchemaBuilder.struct().name("s.t.Envelope").field("before", row_schema).field("after", row_schema)
    schema = envelope.field("source", SOURCE).field("op", op.build()).build()
    pools = [draw(few(field.schema)) for field in row_schema.fields]
    rows = st.one_of(st.tuples(*pools).map(lambda one: Struct(row_schema, list(one))), st.none())
    always = rows.filter(lambda row: row is not None) if draw(st.booleans()) else rows
    records: list[Any] = []
    headers = draw(st.sampled_from([(), HEADERS]))
    for number in range(draw(st.integers(1, 10))):
        source = draw(st.sampled_from([Struct(SOURCE, ["t", 5]), Struct(SOURCE, [None, 5]), None]))
        value = Struct(
            schema, [draw(rows), draw(always), source, draw(st.sampled_from(["c", "u", "d", "t", "D", None]))]
        )
        gone = draw(st.integers(0, 9)) == 0
        key = draw(st.sampled_from([1, 2, None]))
        records.append(
            SinkRecord(
                "t.1", 2, None if key is None else KEY, None if key is None else Struct(KEY, [key]), None if gone else schema,
                None if gone else value, 100 + number, None, headers=headers,
            )
        )  # fmt: skip
    return records, [name for name, _ in schemas]


@settings(max_examples=300)
@given(events(), st.data())
def test_expressions_of_any_rows(made: tuple[list[Any], list[str]], data: Any) -> None:
    records, names = made
    sides = st.sampled_from(
        [
            "value.after.{}",
            "value.after?.{}",
            "value.before.{}",
            "value['after']['{}']",
            "value.get('after')?.get('{}')",
        ]
    )
    p, q = (data.draw(sides).format(data.draw(st.sampled_from(names))) for _ in "pq")
    language, texts, kind, setting = data.draw(
        st.sampled_from(
            [
                ("groovy", GROOVY, Filter, "condition"),
                ("groovy", GROOVY, Filter, "condition"),
                ("graal.js", JAVASCRIPT, Filter, "condition"),
                ("groovy", TOPICS, ContentBasedRouter, "topic.expression"),
            ]
        )
    )
    text = data.draw(st.sampled_from(texts)).format(p=p, q=q)
    config = {
        "language": f"jsr223.{language}",
        setting: text,
        "null.handling.mode": data.draw(st.sampled_from(["keep", "evaluate"])),
    }
    compare(maker(kind, config), records)


@settings(max_examples=120)
@given(events(), st.data())
def test_routes_and_zones_of_any_rows(made: tuple[list[Any], list[str]], data: Any) -> None:
    records, names = made
    paths = [f"{side}.{name}" for side in ("after", "before", "change") for name in (*names, "a.a")] + [
        "op",
        "source.table",
        "source",
    ]
    config = {
        "partition.payload.fields": ",".join(data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=3))),
        "partition.topic.num": str(data.draw(st.sampled_from([1, 3, 1000]))),
        "partition.hash.function": data.draw(st.sampled_from(["java", "murmur"])),
    }
    compare(maker(PartitionRouting, config), records)
    zone = {"converted.timezone": data.draw(st.sampled_from(["+05:30", "America/Los_Angeles", "Europe/Berlin"]))}
    rules = data.draw(
        st.sampled_from(
            [None, "source:t", "topic:t.1", f"source:t:{names[0]}", f"t:after.{names[0]}", "source:t:source.ts_ms"]
        )
    )
    if rules is not None:
        zone[data.draw(st.sampled_from(["include.list", "exclude.list"]))] = rules
    compare(maker(TimezoneConverter, zone), records)


@pytest.mark.parametrize(
    "condition", ["value.attrs.a == null", "value.attrs['a'] != null", "value.attrs.get('a') == null"]
)
def test_whether_a_map_has_an_entry_is_asked_of_each(condition: str) -> None:
    schema = (
        SchemaBuilder.struct()
        .field("attrs", SchemaBuilder.map(STRING_SCHEMA, STRING_SCHEMA).optional().build())
        .build()
    )
    maps = [{"a": "x"}, {"b": "y"}, {}, {"a": "x"}]
    records = [SinkRecord("t", 0, None, None, schema, Struct(schema, [one]), at, None) for at, one in enumerate(maps)]
    outcome = compare(maker(Filter, {"language": "jsr223.groovy", "condition": condition}), records)
    assert outcome is not None
    assert not outcome.failed
