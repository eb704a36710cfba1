"""Values of records as columns again: only what is certain to be the same, and not tried in vain for ever."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.converters.strategies import schemas, values
from tests.transforms.block_rows import exact

from headrace.data import INT32_SCHEMA, STRING_SCHEMA, Schema, SchemaBuilder, Struct, Type
from headrace.data.columns import gathered, layout_of
from headrace.data.logical import date_builder, decimal_builder, time_builder, timestamp_builder
from headrace.data.unchanged import UnchangedBytes, UnchangedList, UnchangedMap, UnchangedText
from headrace.native import core

pytestmark = pytest.mark.skipif(core is None, reason="without the Rust core there are no columns")
ROW = SchemaBuilder.struct().optional().field("id", INT32_SCHEMA).field("text", STRING_SCHEMA).build()


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """What did not fit in another test."""
    for schema in (ROW, STRING_SCHEMA):
        schema.cache.pop("native.skipped", None)


FEW = 8


def rows(count: int) -> list[Any]:
    return [Struct(ROW, [number, f"t{number}"]) for number in range(count)]


@given(st.data())
def test_what_goes_in_comes_out(data: Any) -> None:
    schema = data.draw(schemas())
    items = data.draw(st.lists(values(schema), min_size=FEW, max_size=FEW + 2))
    of_items = [None if item is None else schema for item in items]
    found = gathered(of_items, items)
    if found is not None:
        layout = layout_of(schema)
        assert layout is not None
        assert [exact(item) for item in found[1].values(layout)] == [exact(item) for item in items]


MARKED = [
    (Schema(Type.STRING), UnchangedText("x"), "x"),
    (Schema(Type.BYTES), UnchangedBytes(b"x"), b"x"),
    (SchemaBuilder.array(STRING_SCHEMA).build(), UnchangedList(["x"]), ["x"]),
    (SchemaBuilder.map(STRING_SCHEMA, STRING_SCHEMA).build(), UnchangedMap({"x": "y"}), {"x": "y"}),
]


@pytest.mark.parametrize(("schema", "marked", "plain"), MARKED)
def test_marks_are_kept(schema: Schema, marked: Any, plain: Any) -> None:
    items = [marked, plain] * (FEW // 2)
    found = gathered([schema] * FEW, items)
    layout = layout_of(schema)
    assert found is not None
    assert layout is not None
    assert [exact(item) for item in found[1].values(layout)] == [exact(item) for item in items]
    assert found[1].take([0, 0]).has_unchanged


class Text(str):
    pass


class Row(Struct):
    pass


NOT_HELD = [
    (decimal_builder(2).build(), Decimal("1.5")),
    (decimal_builder(2).build(), Decimal("-0.00")),
    (decimal_builder(0).build(), Decimal("NaN")),
    (date_builder().build(), dt.datetime(2020, 1, 1, tzinfo=dt.UTC)),
    (time_builder().build(), dt.time(1, 2, 3, 4)),
    (time_builder().build(), dt.time(1, 2, 3, tzinfo=dt.UTC)),
    (timestamp_builder().build(), dt.datetime(2020, 1, 1)),
    (timestamp_builder().build(), dt.datetime(2020, 1, 1, microsecond=7, tzinfo=dt.UTC)),
    (timestamp_builder().build(), dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))),
    (Schema(Type.INT8), 128),
    (Schema(Type.INT8), -129),
    (Schema(Type.INT64), 2**63),
    (Schema(Type.INT32), True),
    (Schema(Type.BOOLEAN), 1),
    (Schema(Type.FLOAT64), 1),
    (Schema(Type.FLOAT32), 0.1),
    (Schema(Type.STRING), "\ud800"),
    (Schema(Type.STRING), Text("x")),
    (Schema(Type.BYTES), bytearray(b"x")),
    (SchemaBuilder.array(STRING_SCHEMA).build(), ("x",)),
    (SchemaBuilder.array(STRING_SCHEMA).build(), [1]),
    (ROW, Struct(SchemaBuilder.struct().field("id", INT32_SCHEMA).build(), [1])),
    (ROW, Struct(ROW, [1])),
    (ROW, Row(ROW, [1, "x"])),
    (ROW, {"id": 1}),
]


@pytest.mark.parametrize(("schema", "value"), NOT_HELD)
def test_what_a_column_does_not_hold_as_it_is(schema: Schema, value: Any) -> None:
    assert gathered([schema] * FEW, [value] * FEW) is None


def test_a_struct_of_an_equal_schema_is_taken() -> None:
    equal = SchemaBuilder.struct().optional().field("id", INT32_SCHEMA).field("text", STRING_SCHEMA).build()
    assert equal is not ROW
    assert gathered([ROW] * FEW, [Struct(equal, [1, "x"]), *rows(FEW - 1)]) is not None


def test_nulls_without_schema_and_no_others() -> None:
    more = [ROW] * (FEW - 4)
    found = gathered([ROW, None, ROW, None, *more], [rows(1)[0], None, rows(1)[0], None, *rows(FEW - 4)])
    assert found is not None
    assert found[1].valid().count() == FEW - 2
    assert gathered([ROW, None, ROW, ROW, *more], [rows(1)[0], None, rows(1)[0], None, *rows(FEW - 4)]) is None
    assert gathered([ROW, None, ROW, ROW, *more], [None, rows(1)[0], *rows(FEW - 2)]) is None
    assert gathered([ROW] * (FEW - 1) + [STRING_SCHEMA], [*rows(FEW - 1), "x"]) is None
    assert gathered([None] * FEW, [None] * FEW) is None
    assert gathered([ROW], rows(1)) is None
    assert gathered([ROW] * FEW, rows(FEW)) is not None


def test_what_does_not_fit_is_tried_ever_more_seldom() -> None:
    schema = SchemaBuilder.struct().field("n", Schema(Type.INT8)).build()
    good, bad = [Struct(schema, [1])] * FEW, [Struct(schema, ["x"])] * FEW

    def taken(items: list[Any], times: int) -> int:
        return sum(gathered([schema] * FEW, items) is not None for _ in range(times))

    assert taken(bad, 1) == 0
    assert taken(good, 1) == 0
    assert taken(good, 3) == 3
    assert taken(bad, 3) == 0
    assert taken(good, 3) == 0
    assert taken(good, 3) == 3
    assert taken(bad, 1000) == 0
    # However long it went on.
    assert taken(good, 256) >= 1
