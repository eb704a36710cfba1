"""The frame itself: the neutral form loses nothing, and a comparison sees what it should."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.data import FLOAT32_SCHEMA, Headers, Schema, SourceRecord
from tests.converters.strategies import schemas, values
from tests.parity import neutral
from tests.parity.forms import array, data, f32, i8, i32, i64, mapping, row, schema, struct_schema
from tests.parity.frame.compare import differences
from tests.parity.frame.counts import Counts

PAIR = struct_schema({"a": schema("int32"), "b": schema("string", optional=True)})


@st.composite
def records(draw: Any) -> SourceRecord:
    def datum() -> tuple[Schema, Any]:
        made = draw(schemas())
        return made, draw(values(made))

    headers = Headers()
    for name in draw(st.lists(st.text(max_size=3), max_size=2)):
        made, value = datum()
        headers.add(name, value, made)
    (key_schema, key), (value_schema, value) = datum(), datum()
    number = st.none() | st.integers(0, 2**31)
    return SourceRecord(
        {}, {}, draw(st.text()), draw(number), key_schema, key, value_schema, value, draw(number), headers
    )


@settings(max_examples=100, deadline=None)
@given(records())
def test_a_record_comes_back_as_it_went(made: SourceRecord) -> None:
    form = neutral.record_form(made)
    back = neutral.Reader().record(json.loads(json.dumps(form)))
    assert back.key_schema == made.key_schema
    assert back.value_schema == made.value_schema
    assert (back.topic, back.partition, back.timestamp) == (made.topic, made.partition, made.timestamp)
    assert (back.key, back.value, back.headers) == (made.key, made.value, made.headers)
    assert neutral.record_form(back) == form


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.20", "1.20"),
        ("-0.00", "0.00"),
        ("1E+3", "1E+3"),
        ("12E+3", "1.2E+4"),
        ("0.0000001", "1E-7"),
        ("0.000001", "0.000001"),
    ],
)
def test_decimals_are_written_as_java_writes_them(value: str, text: str) -> None:
    assert neutral.value_form(Decimal(value)) == {"decimal": text}


def test_a_single_is_written_with_its_own_digits() -> None:
    assert neutral.value_form(neutral.single(3.3), FLOAT32_SCHEMA) == {"f32": 3.3}
    assert neutral.value_form(math.inf, FLOAT32_SCHEMA) == {"f32": "Infinity"}


def _answer(*results: Any) -> dict[str, Any]:
    return {"ok": [{"ok": result} for result in results]}


LEFT = {"partition": None, "timestamp": 1, "headers": [], "key": data(None, None)}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (data(None, i8(1)), data(None, i64(1))),
        (data(None, mapping({"a": i32(1), "b": None})), data(None, mapping({"b": None, "a": i64(1)}))),
        (data(None, array(f32(0.1))), data(None, array({"f64": 0.1}))),
        (data(PAIR, row(i32(1), "x")), data(PAIR, row(i32(1), "x"))),
    ],
)
def test_what_does_not_count_is_equal(theirs: Any, ours: Any) -> None:
    assert differences(_answer(theirs), _answer(ours)) == []


@pytest.mark.parametrize(
    ("theirs", "ours", "place"),
    [
        (data(None, i8(1)), data(None, i64(2)), "[0].value.int"),
        (data(None, i8(1)), data(None, {"f64": 1.0}), "[0].value"),
        (data(schema("int8"), i8(1)), data(schema("int8"), i64(1)), "[0].value.i8"),
        (data(schema("int8"), None), data(schema("int8", optional=True), None), "[0].schema.optional"),
        (data(PAIR, row(i32(1), "x")), data(PAIR, row(i32(1), None)), "[0].value.struct[1]"),
        (
            {**LEFT, "topic": "t", "value": data(None, "a")},
            {**LEFT, "topic": "t", "value": data(None, "b")},
            "[0].value.value",
        ),
        (None, data(None, None), "[0]"),
    ],
)
def test_what_counts_is_told_with_its_place(theirs: Any, ours: Any, place: str) -> None:
    found = differences(_answer(theirs), _answer(ours))
    assert found
    assert found[0].startswith(place)


def _failure(kind: str, stage: str = "apply") -> dict[str, Any]:
    return {"error": {"stage": stage, "class": kind, "message": "no", "kinds": [kind, "HeadraceError"]}}


def test_errors_are_compared_by_stage_and_kind() -> None:
    java = _failure("org.apache.kafka.connect.errors.DataException")
    assert differences({"ok": [java]}, {"ok": [_failure("DataException")]}) == []
    assert differences({"ok": [java]}, {"ok": [_failure("ConfigException")]})
    assert differences({"ok": [java]}, {"ok": [_failure("DataException", "configure")]})
    assert differences({"ok": [java]}, _answer(None))
    assert differences(_answer(None), {"ok": [_failure("DataException")]})
    foreign = {"error": {"stage": "apply", "class": "TypeError", "message": "no", "kinds": []}}
    assert differences({"ok": [_failure("java.lang.NullPointerException")]}, {"ok": [foreign]})


def test_counts_are_summed() -> None:
    counts = Counts()
    counts.add("b", results=3, differs=True, explained=True)
    counts.add("a", results=4, differs=False, explained=False)
    counts.add("a", results=5, differs=True, explained=False)
    assert [line.split() for line in counts.table()[1:]] == [
        ["a", "2", "9", "1", "0", "1"],
        ["b", "1", "3", "0", "1", "0"],
        ["all", "3", "12", "1", "1", "1"],
    ]
