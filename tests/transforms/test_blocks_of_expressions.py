"""Filter and ContentBasedRouter by expression on blocks: what comes of a block is what comes of its records, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.data import INT64_SCHEMA, OPTIONAL_STRING_SCHEMA, STRING_SCHEMA, SchemaBuilder
from headrace.native import core
from headrace.transforms.debezium.scripting import ContentBasedRouter, Filter
from headrace.transforms.expressions.language import reads_of
from headrace.transforms.expressions.reads import Read
from tests.transforms.block_rows import compare, maker, record_lists

pytestmark = pytest.mark.skipif(core is None, reason="without the Rust core there are no blocks")

GROOVY = [
    "value.op == 'u'",
    "value.op in ['c', 'r'] && value.after != null",
    "value.after?.status != value.before?.status",
    "value.after.id > 0L || value.op == 'd'",
    "!(value.after == null) && value.after.status?.startsWith('a')",
    "value['op'] == 'd' ? key != null : value.get('after')?.get('status') == null",
    "value.after.tags.any { it == 'a' }",
    "valueSchema.name == 's.t.Envelope' && topic == 't.1'",
    "header.h?.value == 'v'",
    "value.after.nothing == 1",
    "value.after == value.before",
    "value == null",
    "value.op",
]
JAVASCRIPT = [
    "value.op === 'u'",
    "value.after !== null && value.after.status === 'a'",
    "value.after?.id > 0",
    "['c', 'd'].includes(value.op)",
    "value.after.tags.some(x => x === 'a')",
    "value.nothing === undefined",
]
TOPICS = [
    "value.op == 'd' ? 'gone' : null",
    "value.after.status",
    "value.op == 'c' ? 'made-' + value.op : topic",
    "value.after.id == 0L ? 'zero' : 'other'",
]
ROW = (
    SchemaBuilder.struct()
    .optional()
    .field("id", INT64_SCHEMA)
    .field("status", OPTIONAL_STRING_SCHEMA)
    .field("tags", SchemaBuilder.array(STRING_SCHEMA).optional().build())
    .build()
)
EVENT = (
    SchemaBuilder.struct()
    .name("s.t.Envelope")
    .field("before", ROW)
    .field("after", ROW)
    .field("op", STRING_SCHEMA)
    .build()
)
KEY = SchemaBuilder.struct().field("id", INT64_SCHEMA).build()


@st.composite
def events(draw: Any) -> list[Any]:
    records: list[Any] = draw(record_lists(KEY, EVENT, max_size=12))
    for record in records:
        if record.value is not None:
            record.value.values[2] = draw(st.sampled_from("crud"))
            for row in record.value.values[:2]:
                if row is not None:
                    row.values[:2] = draw(st.sampled_from([0, 1, -1])), draw(st.sampled_from([None, "a", "ab", "b"]))
    return records


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events(), st.data())
def test_expressions_of_blocks(records: list[Any], data: Any) -> None:
    language, texts, kind, setting = data.draw(
        st.sampled_from(
            [
                ("groovy", GROOVY, Filter, "condition"),
                ("graal.js", JAVASCRIPT, Filter, "condition"),
                ("groovy", TOPICS, ContentBasedRouter, "topic.expression"),
            ]
        )
    )
    config = {"language": f"jsr223.{language}", setting: data.draw(st.sampled_from(texts))}
    config["null.handling.mode"] = data.draw(st.sampled_from(["keep", "drop", "evaluate"]))
    if data.draw(st.booleans()):
        config["topic.regex"] = data.draw(st.sampled_from(["t.*", "u.*"]))
    compare(maker(kind, config), records)


@pytest.mark.parametrize("condition", GROOVY[:5])
def test_common_conditions_take_blocks(condition: str) -> None:
    records = _plain(40)
    outcome = compare(maker(Filter, {"language": "jsr223.groovy", "condition": condition}), records)
    assert outcome is not None
    assert outcome.taken
    assert not outcome.failed


def _plain(count: int) -> list[Any]:
    from headrace.data import SinkRecord, Struct

    records = []
    for i in range(count):
        rows = [Struct(ROW, [i % 3, "a" if i % 2 else None, ["x"]]) for _ in range(2)]
        value = Struct(EVENT, [*rows, "cru"[i % 3]])
        records.append(SinkRecord("t.1", 2, KEY, Struct(KEY, [i]), EVENT, value, 100 + i, None))
    return records


def test_what_is_read() -> None:
    assert reads_of(
        "value.after?.id > 1 && key == null && x.any { it == value }".replace("x.any", "[1].any"), "groovy", "c"
    ) == {
        Read("value", ("after", "id"), False),
        Read("key", (), True),
        Read("value", (), False),
    }
    assert reads_of("valueSchema.name == topic", "groovy", "c") == {Read("value", (), True)}
