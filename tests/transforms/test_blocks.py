"""Transforms on blocks of columns: what comes of a block is what comes of its records, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.data import (
    INT64_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
    SchemaBuilder,
)
from headrace.native import core
from headrace.transforms import insert_field, regex_router, replace_field
from headrace.transforms.debezium.extract_new_record_state import ExtractNewRecordState
from headrace.transforms.debezium.logical_table_router import ByLogicalTableRouter
from headrace.transforms.debezium.read_to_insert import ReadToInsertEvent
from tests.transforms.block_rows import compare, maker, names, record_lists, structs

pytestmark = pytest.mark.skipif(core is None, reason="without the Rust core there are no blocks")
checked = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(transform: Any, config: dict[str, str], records: list[Any], *, always: bool = True) -> None:
    """`always`: the transform takes every block whose records all pass."""
    outcome = compare(maker(transform, config), records)
    if always and outcome is not None and not outcome.failed:
        assert outcome.taken, "declined"


def options(draw: Any, choices: dict[str, st.SearchStrategy[str]], *, some: bool = True) -> dict[str, str]:
    """Some of the settings; `some`: at least one."""
    chosen = draw(st.lists(st.sampled_from(sorted(choices)), unique=True, min_size=int(some)))
    return {name: draw(choices[name]) for name in chosen}


KEEP = st.sampled_from(["true", "false"])


@st.composite
def rows(draw: Any, *, nulls: bool = True, **kind: Any) -> list[Any]:
    key = draw(structs(depth=0, optional=False))
    return draw(record_lists(key, draw(structs(**kind)), nulls=nulls))


@checked
@given(st.data())
def test_replace_field(data: Any) -> None:
    lists = st.lists(names, max_size=3, unique=True).map(",".join)
    renames = st.lists(st.tuples(names, st.sampled_from("xyz")), max_size=2, unique_by=(lambda p: p[0], lambda p: p[1]))
    config = options(
        data.draw,
        {
            "exclude": lists,
            "include": lists,
            "renames": renames.map(lambda pairs: ",".join(f"{old}:{new}" for old, new in pairs)),
            "replace.null.with.default": KEEP,
        },
        some=False,
    )
    side = data.draw(st.sampled_from([replace_field.Key, replace_field.Value]))
    check(side, config, data.draw(rows()))


@checked
@given(st.data())
def test_insert_field(data: Any) -> None:
    name = st.sampled_from(["new", "new!", "a", "z?"])
    config = options(
        data.draw, {f"{one}.field": name for one in ("topic", "partition", "offset", "timestamp", "static")}
    )
    config |= {"static.value": "größe", "replace.null.with.default": data.draw(KEEP)}
    side = data.draw(st.sampled_from([insert_field.Key, insert_field.Value]))
    check(side, config, data.draw(rows()))


@checked
@given(rows(), st.sampled_from([("t.1", "u"), ("(.*)", "$1-x"), ("z", "u"), ("t\\.(.)", "$1")]))
def test_regex_router(records: list[Any], change: tuple[str, str]) -> None:
    check(regex_router.RegexRouter, {"regex": change[0], "replacement": change[1]}, records)


SOURCE = (
    SchemaBuilder.struct()
    .field("ts_ms", INT64_SCHEMA)
    .field("table", STRING_SCHEMA)
    .field("lsn", OPTIONAL_INT64_SCHEMA)
    .build()
)
TRANSACTION = SchemaBuilder.struct().optional().field("id", STRING_SCHEMA).field("total_order", INT64_SCHEMA).build()


def envelope(row: Schema, old: Schema, op: Schema) -> Schema:
    return (
        SchemaBuilder.struct()
        .name("s.t.Envelope")
        .version(2)
        .field("before", old)
        .field("after", row)
        .field("source", SOURCE)
        .field("transaction", TRANSACTION)
        .field("op", op)
        .field("ts_ms", OPTIONAL_INT64_SCHEMA)
        .build()
    )


FIELDS = (
    "op",
    "table",
    "source.ts_ms",
    "lsn:place",
    "transaction.id",
    "transaction.ts_ms",
    "nosuch",
    "id",
    "source.lsn:a",
)


@st.composite
def events(draw: Any, *, same: bool = False) -> list[Any]:
    row = draw(structs(optional=True))
    old = row if same or draw(st.integers(0, 4)) else draw(structs(optional=True))
    schema = envelope(row, old, STRING_SCHEMA)
    records = draw(record_lists(draw(structs(depth=0)), schema, max_size=8))
    for record in records:
        if record.value is not None:
            values = record.value.values
            values[4] = draw(st.sampled_from("crudtm"))
            if draw(st.booleans()):
                values[values[4] != "d"] = None
            values[2].values[1] = draw(st.sampled_from(["orders", "items"]))
    return records


@checked
@given(st.data())
def test_extract_new_record_state(data: Any) -> None:
    some = st.lists(st.sampled_from(FIELDS), unique=True, max_size=3).map(",".join)
    modes = ["drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone"]
    config = options(
        data.draw,
        {
            "delete.tombstone.handling.mode": st.sampled_from(modes),
            "route.by.field": st.sampled_from(["a", "b", "id", "__deleted", "__op"]),
            "add.fields": some,
            "add.headers": some,
            "add.fields.prefix": st.sampled_from(["", "_"]),
            "replace.null.with.default": KEEP,
        },
        some=False,
    )
    # A topic in a field that is no text matters only where it has a value.
    check(ExtractNewRecordState, config, data.draw(events()), always="route.by.field" not in config)


def test_events_that_have_no_row_are_taken_as_well() -> None:
    optional = SchemaBuilder.struct().optional().field("a", OPTIONAL_STRING_SCHEMA).build()
    schema = envelope(optional, optional, OPTIONAL_STRING_SCHEMA)

    @settings(max_examples=50, deadline=None)
    @given(record_lists(STRING_SCHEMA, schema))
    def same(records: list[Any]) -> None:
        check(ExtractNewRecordState, {"add.headers": "op"}, records)

    same()


@checked
@given(events(), st.sampled_from(["r", "c"]))
def test_read_to_insert(records: list[Any], op: str) -> None:
    for record in records[::2]:
        if record.value is not None:
            record.value.values[4] = op
    check(ReadToInsertEvent, {}, records)


@checked
@given(st.data())
def test_logical_table_router(data: Any) -> None:
    config = {"topic.regex": "(.*)\\.(.*)", "topic.replacement": data.draw(st.sampled_from(["$1", "all"]))}
    unique = {"key.enforce.uniqueness": KEEP, "key.field.name": st.sampled_from(["f", "id"])}
    replaced = st.sampled_from([{}, {"key.field.regex": "t(.*)", "key.field.replacement": "$1"}])
    config |= options(data.draw, unique, some=False) | data.draw(replaced)
    # Rows of two schemas under one are left to the records.
    check(ByLogicalTableRouter, config, data.draw(events(same=True)))
    check(ByLogicalTableRouter, config, data.draw(events()), always=False)
