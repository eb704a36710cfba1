"""Columns as Arrow data and back: the Rust core against pyarrow, and data of any producer."""

from __future__ import annotations

import datetime as dt
import gc
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.converters.strategies import schemas, values
from tests.transforms.block_rows import exact

from headrace.data import (
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
    SchemaBuilder,
    Struct,
    Type,
)
from headrace.data import arrow_columns as native
from headrace.data.arrow import ArrowField, SchemaMemo, arrow_field, connect_schema
from headrace.data.arrow_read import from_arrow, imported, truths
from headrace.data.arrow_write import to_arrow, type_of
from headrace.data.columns import column_of, layout_of
from headrace.data.logical import DECIMAL_NAME, decimal_builder, timestamp_builder
from headrace.data.unchanged import UnchangedBytes, UnchangedList, UnchangedMap, UnchangedText
from headrace.errors import DataException
from headrace.native import core

pa = pytest.importorskip("pyarrow")
pytestmark = pytest.mark.skipif(core is None, reason="without the Rust core pyarrow makes all Arrow data")
checked = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def has_layout(schema: Schema) -> bool:
    return layout_of(schema) is not None


@checked
@given(st.data())
def test_the_core_makes_what_pyarrow_makes(data: Any) -> None:
    schema = data.draw(schemas().filter(has_layout))
    items = data.draw(st.lists(st.none() | values(schema), max_size=6))
    field = arrow_field(schema)
    made = pa.array(native.exported(schema, column_of(schema, items)))
    made.validate(full=True)
    wanted = to_arrow(field, schema, items)
    assert made.type == wanted.type == type_of(field)
    assert str(made.type) == str(wanted.type)
    assert made.equals(wanted) or exact(made.to_pylist()) == exact(wanted.to_pylist())


@checked
@given(st.data())
def test_what_goes_out_unchanged_comes_back_unchanged(data: Any) -> None:
    schema = data.draw(schemas().filter(has_layout))
    items = data.draw(st.lists(st.none() | values(schema), min_size=1, max_size=6))
    column = column_of(schema, items)
    layout = layout_of(schema)
    assert layout is not None
    out = pa.array(native.exported(schema, column))
    for given_back in (out, native.exported(schema, column), pa.chunked_array([out, out[:1], out[1:]])):
        found, back = native.imported(given_back, SchemaMemo(), schema, column)
        assert found is schema
        repeated = [*items, *items] if isinstance(given_back, pa.ChunkedArray) else items
        assert [exact(item) for item in back.values(layout)] == [exact(item) for item in repeated]
        found, listed = imported(given_back, SchemaMemo(), schema, items)
        assert found is schema
        assert [exact(item) for item in listed] == [exact(item) for item in repeated]


UTC = dt.UTC
MOMENTS = [dt.datetime(2020, 1, 2, 3, 4, 5, 678000), None, dt.datetime(1900, 1, 1)]
PRODUCED: dict[str, Any] = {
    "null": pa.nulls(3),
    "uint8": pa.array([1, None, 255], pa.uint8()),
    "uint16": pa.array([1, None, 65535], pa.uint16()),
    "uint32": pa.array([1, None, 2**32 - 1], pa.uint32()),
    "uint64": pa.array([1, None, 2**63 - 1], pa.uint64()),
    "float16": pa.array([1.5, None, -0.25, 65504.0, 6e-8, float("inf")], pa.float16()),
    "large_string": pa.array(["a", None, "größe"], pa.large_string()),
    "string_view": pa.array(["a", None, "more than twelve bytes", "", "twelve bytes"], pa.string_view()),
    "large_binary": pa.array([b"a", None, b""], pa.large_binary()),
    "binary_view": pa.array([b"a", None, b"more than twelve bytes"], pa.binary_view()),
    "fixed_binary": pa.array([b"abc", None, b"xyz"], pa.binary(3)),
    "date64": pa.array([dt.date(2020, 1, 2), None], pa.date64()),
    "time_s": pa.array([dt.time(1, 2, 3), None], pa.time32("s")),
    "time_us": pa.array([dt.time(1, 2, 3, 4000), None], pa.time64("us")),
    "time_ns": pa.array([dt.time(1, 2, 3, 4000), None], pa.time64("ns")),
    "stamp_s": pa.array([dt.datetime(2020, 1, 2), None], pa.timestamp("s")),
    "stamp_us": pa.array(MOMENTS, pa.timestamp("us", "Europe/Berlin")),
    "stamp_ns": pa.array(MOMENTS, pa.timestamp("ns")),
    "decimal32": pa.array([Decimal("1.23"), None, Decimal("-9.99")], pa.decimal32(3, 2)),
    "decimal64": pa.array([Decimal("1.23"), None], pa.decimal64(12, 2)),
    "decimal256": pa.array([Decimal("-1." + "9" * 50), None], pa.decimal256(60, 50)),
    "dictionary": pa.array(["a", None, "b", "a"]).dictionary_encode(),
    "dictionary_of_ints": pa.array([7, None, 9, 7], pa.int16()).dictionary_encode(),
    "list": pa.array([[1, None], None, [], [3]], pa.list_(pa.int32())),
    "large_list": pa.array([["a"], None, [None]], pa.large_list(pa.string())),
    "fixed_list": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)),
    "map": pa.array([[("a", 1), ("b", None)], None, []], pa.map_(pa.string(), pa.int64())),
    "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}]),
    "nested": pa.array([[{"a": [1, 2]}], None, [{"a": None}, None]]),
    "struct_of_nulls": pa.StructArray.from_arrays(
        [pa.array([1, 2, 3]), pa.array(["x", "y", "z"])], names=["a", "b"], mask=pa.array([False, True, False])
    ),
    "batch": pa.record_batch({"a": [1, 2], "b": ["x", None]}),
    "table": pa.concat_tables([pa.table({"a": [1, 2]}), pa.table({"a": [3]})]),
    "empty": pa.array([], pa.struct([("a", pa.string()), ("b", pa.list_(pa.int8()))])),
    "no_fields": pa.array([{}, None, {}], pa.struct([])),
    "empty_dictionary": pa.array([None, None], pa.dictionary(pa.int8(), pa.string())),
}


def parts(produced: Any) -> list[Any]:
    """The data, and parts of them, whose buffers begin elsewhere."""
    return [produced, produced.slice(1), produced.slice(0, 1), produced.slice(1, 1), produced.slice(len(produced))]


@pytest.mark.parametrize("name", PRODUCED)
def test_data_of_all_types_are_read_alike(name: str) -> None:
    for produced in parts(PRODUCED[name]):
        expected_field, array = from_arrow(produced)
        field, column = core.arrow_import(produced)
        # Whether the whole may be null says nothing here.
        assert ArrowField.of(field)._replace(nullable=True) == expected_field
        schema = connect_schema(expected_field, None)
        layout = layout_of(schema)
        assert layout is not None
        found = column.fitted(layout).values(layout)
        expected = imported(produced, SchemaMemo(), None, [])[1]
        assert [exact(item) for item in found] == [exact(item) for item in expected]
        assert len(found) == len(array)


REFUSED = {
    "duration": pa.array([1], pa.duration("s")),
    "union": pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])]),
    "run_end": pa.RunEndEncodedArray.from_arrays([2], ["x"]),
    "interval": pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    "uint64": pa.array([2**63], pa.uint64()),
    "time": pa.array([dt.time(0, 0, 0, 1)], pa.time64("us")),
    "stamp": pa.array([1], pa.timestamp("ns")),
    "second": pa.array([2**62], pa.timestamp("s")),
    "date": pa.array([1], pa.int64()).view(pa.date64()),
    "no data": 5,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_counterpart_is_refused(name: str) -> None:
    with pytest.raises(TypeError if name == "no data" else core.DeclinedError):
        core.arrow_import(REFUSED[name])
    with pytest.raises(DataException):
        imported(REFUSED[name], SchemaMemo(), None, [])


@pytest.mark.parametrize("name", ["uint64", "time", "stamp", "date"])
def test_values_of_null_rows_are_not_looked_at(name: str) -> None:
    given_back = pa.compute.if_else(pa.array([False]), REFUSED[name], None)
    assert core.arrow_import(given_back)[1].has_nulls
    assert imported(given_back, SchemaMemo(), None, [])[1] == [None]


def test_truth_values() -> None:
    given_back = pa.array([True, None, False])
    mask = native.chosen(given_back)
    assert [mask[row] for row in range(3)] == truths(given_back) == [True, False, False]
    assert not native.chosen(pa.nulls(2)).any()
    assert truths(pa.nulls(2)) == [False, False]
    with pytest.raises(core.DeclinedError):
        native.chosen(pa.array([1]))
    with pytest.raises(DataException):
        truths(pa.array([1]))


ROW = (
    SchemaBuilder.struct()
    .name("shop.Row")
    .version(3)
    .doc("a row")
    .field("id", INT32_SCHEMA)
    .field("at", SchemaBuilder.int64().name("io.debezium.time.MicroTimestamp").version(1).build())
    .field("note", OPTIONAL_STRING_SCHEMA)
    .field("price", decimal_builder(2).parameter("connect.decimal.precision", "9").optional().build())
    .field("raw", decimal_builder(2).optional().build())
    .build()
)


def test_schemas_of_what_comes_back() -> None:
    field = arrow_field(ROW)
    assert connect_schema(field, ROW) is ROW
    assert connect_schema(field._replace(nullable=True, metadata=()), ROW) is ROW
    # Without what went out, the metadata say it all.
    assert connect_schema(field, None) == ROW
    children = {child.name: child for child in field.children}
    plain = ArrowField("at", False, (), "int64")
    text = ArrowField("at", True, children["at"].metadata, "string")
    renamed = children["at"]._replace(name="when")
    cases = [
        (plain, ROW.fields[1].schema),
        (text, OPTIONAL_STRING_SCHEMA),
        (renamed, ROW.fields[1].schema),
        (ArrowField("new", False, (), "int64"), INT64_SCHEMA),
        (ArrowField("new", True, (), "timestamp"), timestamp_builder().optional().build()),
        (ArrowField("new", True, (), "null"), OPTIONAL_STRING_SCHEMA),
        (ArrowField("price", True, (), "null"), ROW.fields[3].schema),
        (
            ArrowField("price", True, (), "decimal", 12, 3),
            decimal_builder(3).parameter("connect.decimal.precision", "12").optional().build(),
        ),
        (ArrowField("d", True, children["raw"].metadata, "binary"), ROW.fields[4].schema),
        (ArrowField("d", True, children["raw"].metadata, "int64"), Schema(Type.INT64, optional=True)),
    ]
    for given_back, expected in cases:
        made = connect_schema(field._replace(children=(given_back,)), ROW)
        assert (made.name, made.version, made.doc) == ("shop.Row", 3, "a row")
        assert made.fields[0].schema == expected, given_back
    for wrong in ("", "id"):
        with pytest.raises(DataException):
            connect_schema(field._replace(children=(*field.children, plain._replace(name=wrong))), ROW)


def test_metadata_that_pyarrow_keeps() -> None:
    column = column_of(ROW, [Struct(ROW, [1, 2, None, Decimal("1.25"), Decimal("2.50")])])
    batch = pa.record_batch(native.exported(ROW, column))
    assert batch.schema.field("at").metadata[b"connect.name"] == b"io.debezium.time.MicroTimestamp"
    assert batch.schema.field("price").type == pa.decimal128(9, 2)
    assert batch.schema.field("raw").type == pa.binary()
    renamed = batch.rename_columns(["id", "when", "note", "cost", "rest"])
    schema, values_back = native.imported(renamed, SchemaMemo(), ROW, column)
    assert [one.schema for one in schema.fields] == [one.schema for one in ROW.fields]
    assert schema.fields[4].schema.name == DECIMAL_NAME
    layout = layout_of(schema)
    assert layout is not None
    assert values_back.values(layout)[0].values == [1, 2, None, Decimal("1.25"), Decimal("2.50")]


def test_a_missing_required_value_is_refused() -> None:
    schema = SchemaBuilder.struct().optional().field("id", INT32_SCHEMA).build()
    rows = pa.array([{"id": None}, None], pa.struct([pa.field("id", pa.int32())]))
    with pytest.raises(core.DeclinedError):
        native.imported(rows, SchemaMemo(), schema, None)
    with pytest.raises(DataException):
        imported(rows, SchemaMemo(), schema, [])
    assert native.imported(rows.slice(1), SchemaMemo(), schema, None)[0] is schema
    assert imported(rows.slice(1), SchemaMemo(), schema, []) == (schema, [None])


def test_a_decimal_beyond_its_precision_is_refused() -> None:
    schema = decimal_builder(2).parameter("connect.decimal.precision", "4").build()
    for good in ("99.99", "-99.99", "0.00"):
        array = native.exported(schema, column_of(schema, [Decimal(good)]))
        assert pa.array(array).to_pylist() == [Decimal(good)]
    exported = native.exported(schema, column_of(schema, [Decimal("100.00")]))
    with pytest.raises(core.DeclinedError):
        pa.array(exported)
    with pytest.raises(DataException):
        to_arrow(arrow_field(schema), schema, [Decimal("100.00")])


def test_equal_answers_get_the_same_schema() -> None:
    memo = SchemaMemo()
    made = [native.imported(pa.record_batch({"a": [1], "b": ["x"]}), memo, ROW, None)[0] for _ in range(2)]
    assert made[0] is made[1]


def test_memory_is_given_back_in_both_directions() -> None:
    text = "a text that is long enough " * 100
    schema = SchemaBuilder.struct().field("text", STRING_SCHEMA).field("n", INT64_SCHEMA).build()
    column = column_of(schema, [Struct(schema, [text, number]) for number in range(100)])
    gc.collect()
    before = pa.total_allocated_bytes()
    for _ in range(50):
        array = pa.array(native.exported(schema, column))
        capsules = native.exported(schema, column).__arrow_c_array__()
        native.exported(schema, column).__arrow_c_schema__()
        _, back = native.imported(pa.table({"text": [text] * 100}), SchemaMemo(), None, None)
        native.imported(array, SchemaMemo(), schema, column)
        del array, capsules, back
    gc.collect()
    assert pa.total_allocated_bytes() == before
    capsule = pa.array([1, 2]).__arrow_c_array__()

    class Twice:
        def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
            return capsule

    core.arrow_import(Twice())
    with pytest.raises(core.DeclinedError, match="taken already"):
        core.arrow_import(Twice())


def test_another_producer_and_consumer() -> None:
    nanoarrow = pytest.importorskip("nanoarrow")
    column = column_of(ROW, [Struct(ROW, [1, 2, "größe", Decimal("1.25"), Decimal("2.50")])])
    seen = nanoarrow.Array(native.exported(ROW, column))
    assert seen.schema.field(1).metadata[b"connect.version"] == b"1"
    assert next(iter(seen.iter_py()))["note"] == "größe"
    made = nanoarrow.Array([1, None, 3], nanoarrow.int32())
    assert core.arrow_import(made)[1].bounds() == (1, 3)


def test_what_was_not_sent_is_known_as_such_when_it_comes_back() -> None:
    made: dict[str, tuple[Schema, Any, Any]] = {
        "text": (STRING_SCHEMA, UnchangedText("gone"), pa.array(["gone"])),
        "bytes": (Schema(Type.BYTES), UnchangedBytes(b"gone"), pa.array([b"gone"])),
        "list": (SchemaBuilder.array(STRING_SCHEMA).build(), UnchangedList(["gone"]), pa.array([["gone"]])),
        "ints": (
            SchemaBuilder.array(INT32_SCHEMA).build(),
            UnchangedList([1, 2]),
            pa.array([[1, 2]], pa.list_(pa.int32())),
        ),
        "map": (
            SchemaBuilder.map(STRING_SCHEMA, OPTIONAL_STRING_SCHEMA).build(),
            UnchangedMap({"gone": "gone"}),
            pa.array([[("gone", "gone")]], pa.map_(pa.string(), pa.string())),
        ),
    }
    builder = SchemaBuilder.struct()
    for name, (schema, _, _) in made.items():
        builder.field(name, schema)
    row = builder.build()
    items = [Struct(row, [value for _, value, _ in made.values()])]
    column, layout = column_of(row, items), layout_of(row)
    assert layout is not None
    rebuilt = pa.record_batch({name: array for name, (_, _, array) in made.items()})
    for given_back in (native.exported(row, column), rebuilt):
        schema, back = native.imported(given_back, SchemaMemo(), row, column)
        assert schema is row
        for found in (back.values(layout), imported(given_back, SchemaMemo(), row, items)[1]):
            assert [type(value) for value in found[0].values] == [type(value) for value in items[0].values]
    # Of another type it is another value.
    for changed in (
        rebuilt.set_column(3, "ints", pa.array([[1.0, 2.0]])),
        rebuilt.set_column(2, "list", pa.array([[b"gone"]])),
    ):
        schema, back = native.imported(changed, SchemaMemo(), row, column)
        other = layout_of(schema)
        assert other is not None
        listed = imported(changed, SchemaMemo(), row, items)[1]
        assert [exact(one) for one in back.values(other)] == [exact(one) for one in listed]
        assert list in [type(value) for value in listed[0].values]


def test_a_required_field_with_a_default_may_be_unset() -> None:
    schema = SchemaBuilder.struct().field("a", SchemaBuilder.string().default("x").build()).build()
    items = [Struct(schema, [None]), Struct(schema, ["y"])]
    column, layout = column_of(schema, items), layout_of(schema)
    assert layout is not None
    for array in (native.exported(schema, column), to_arrow(arrow_field(schema), schema, items)):
        assert pa.array(array).to_pylist() == [{"a": None}, {"a": "y"}]
        found, back = native.imported(array, SchemaMemo(), schema, column)
        assert found is schema
        assert back.values(layout) == imported(array, SchemaMemo(), schema, items)[1] == items
