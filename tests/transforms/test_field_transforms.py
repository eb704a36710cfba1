"""InsertField, ReplaceField, MaskField, Cast: schemas, maps, nulls, wrong types."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.data import (
    BYTES_SCHEMA,
    FLOAT32_SCHEMA,
    FLOAT64_SCHEMA,
    INT8_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
    SchemaBuilder,
    Struct,
    Type,
)
from headrace.data.logical import TIMESTAMP_NAME, date_builder, decimal_builder, timestamp_builder
from headrace.errors import ConfigException, DataException
from headrace.transforms import cast, insert_field, mask_field, replace_field, timestamp_converter
from headrace.transforms.casting import cast_value
from headrace.transforms.filter import Filter
from headrace.transforms.regex_router import RegexRouter
from tests.transforms.events import EVENTS, ROW, facts, made, record, sink_record

VALUE = Struct(ROW, [1, None, "n"])
STRUCTURED = record(VALUE, ROW)
MAPPED = record({"id": 1, "status": None, "note": "n"}, None)


def names(schema: Schema) -> list[str]:
    return [field.name for field in schema.fields]


def test_insert_field() -> None:
    transform = made(
        insert_field.Value,
        **{
            "topic.field": "t!",
            "partition.field": "p",
            "timestamp.field": "ts?",
            "static.field": "s",
            "static.value": "x",
        },
    )
    result = transform.apply(STRUCTURED)
    assert names(result.value_schema) == ["id", "status", "note", "t", "p", "ts", "s"]
    assert result.value.values[:5] == [1, "new", "n", "s.public.orders", None]
    assert result.value.values[5:] == [dt.datetime(2020, 9, 13, 12, 26, 40, tzinfo=dt.UTC), "x"]
    fields = result.value_schema.fields
    assert (fields[3].schema, fields[6].schema) == (STRING_SCHEMA, OPTIONAL_STRING_SCHEMA)
    assert fields[5].schema.name == TIMESTAMP_NAME
    assert not result.value_schema.optional
    assert transform.apply(MAPPED).value == {
        "id": 1, "status": None, "note": "n", "t": "s.public.orders", "ts": 1_600_000_000_000, "s": "x",
    }  # fmt: skip
    assert STRUCTURED.value.values == [1, None, "n"]
    assert MAPPED.value == {"id": 1, "status": None, "note": "n"}


def test_insert_field_offset_key_and_null() -> None:
    offset = made(insert_field.Value, offset_field="o!")
    assert offset.apply(sink_record(VALUE, ROW)).value.values[-1] == 17
    with pytest.raises(DataException):
        offset.apply(STRUCTURED)
    null = record(None, ROW)
    assert offset.apply(null) is null
    key = made(insert_field.Key, topic_field="t").apply(STRUCTURED)
    assert key.key.values == [1, "s.public.orders"]
    assert key.value is STRUCTURED.value
    assert made(insert_field.Value, partition_field="p!").apply(STRUCTURED).value.values[-1] is None
    with pytest.raises(DataException):
        made(insert_field.Value, topic_field="id").apply(STRUCTURED)
    keep = made(insert_field.Value, topic_field="t", **{"replace.null.with.default": "false"})
    assert keep.apply(STRUCTURED).value.values[1] is None
    for settings in ({}, {"static.field": "s"}):
        with pytest.raises(ConfigException):
            made(insert_field.Value, **settings)


def test_replace_field() -> None:
    result = made(replace_field.Value, exclude="note", renames="status:state").apply(STRUCTURED)
    assert (names(result.value_schema), result.value.values) == (["id", "state"], [1, "new"])
    assert (result.value_schema.name, result.value_schema.optional) == (ROW.name, False)
    result = made(replace_field.Value, include="id,note", exclude="note").apply(MAPPED)
    assert result.value == {"id": 1}
    assert made(replace_field.Value, renames="id:a").apply(MAPPED).value == {"a": 1, "status": None, "note": "n"}
    assert made(replace_field.Key, renames="id:a").apply(STRUCTURED).key_schema.fields[0].name == "a"
    null = record(None, ROW)
    assert made(replace_field.Value).apply(null) is null
    for bad in ("a", "a:b:c", "a:", ":"):
        with pytest.raises(ConfigException) as refused:
            made(replace_field.Value, renames=bad)
        assert refused.value.field == "renames"
    with pytest.raises(DataException):
        made(replace_field.Value, renames="id:note").apply(STRUCTURED)


MASKED = (
    SchemaBuilder.struct()
    .field("i", INT8_SCHEMA)
    .field("f", FLOAT64_SCHEMA)
    .field("s", OPTIONAL_STRING_SCHEMA)
    .field("d", decimal_builder(2).build())
    .field("t", timestamp_builder().build())
    .field("day", date_builder().build())
    .field("b", SchemaBuilder.bool().build())
    .field("l", SchemaBuilder.array(INT8_SCHEMA).build())
    .field("x", BYTES_SCHEMA)
    .build()
)
MOMENT = dt.datetime(2020, 1, 1, 5, tzinfo=dt.UTC)
SECRET = Struct(MASKED, [7, 1.5, "x", Decimal("9.99"), MOMENT, MOMENT.date(), True, [1], b"x"])


def test_mask_field() -> None:
    result = made(mask_field.Value, fields="i,f,s,d,t,day,b,l").apply(record(SECRET, MASKED))
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert result.value.values == [0, 0.0, "", Decimal(0), epoch, epoch.date(), False, [], b"x"]
    result.value.validate()
    assert SECRET.values[0] == 7
    result = made(mask_field.Value, fields="i,s,d", replacement="42").apply(record(SECRET, MASKED))
    assert [result.value.get(name) for name in "isd"] == [42, "42", Decimal(42)]
    assert made(mask_field.Value, fields="note,status").apply(STRUCTURED).value.values == [1, "", ""]
    assert made(mask_field.Value, fields="note,none").apply(MAPPED).value == {
        "id": 1, "status": None, "note": "", "none": None,
    }  # fmt: skip
    assert made(mask_field.Key, fields="id").apply(STRUCTURED).key.values == [0]


@pytest.mark.parametrize(
    ("value", "schema", "settings"),
    [
        (None, ROW, {"fields": "id"}),
        (None, None, {"fields": "id"}),
        ("text", STRING_SCHEMA, {"fields": "id"}),
        (["x"], None, {"fields": "id"}),
        (SECRET, MASKED, {"fields": "x"}),
        (SECRET, MASKED, {"fields": "i", "replacement": "abc"}),
        (SECRET, MASKED, {"fields": "b", "replacement": "true"}),
    ],
)
def test_mask_field_refuses(value: Any, schema: Schema | None, settings: dict[str, str]) -> None:
    with pytest.raises(DataException):
        made(mask_field.Value, **settings).apply(record(value, schema))


def test_mask_field_needs_fields() -> None:
    for settings in ({}, {"fields": ""}):
        with pytest.raises(ConfigException) as refused:
            made(mask_field.Value, **settings)
        assert refused.value.field == "fields"


@pytest.mark.parametrize(
    ("source", "value", "target", "expected"),
    [
        (INT64_SCHEMA, 300, Type.INT8, 44),
        (INT64_SCHEMA, -(2**31) - 1, Type.INT32, 2**31 - 1),
        (FLOAT64_SCHEMA, 1e20, Type.INT32, 2**31 - 1),
        (FLOAT64_SCHEMA, -1.9, Type.INT32, -1),
        (FLOAT64_SCHEMA, float("nan"), Type.INT64, 0),
        (FLOAT64_SCHEMA, float("inf"), Type.INT64, 2**63 - 1),
        (FLOAT64_SCHEMA, 1e20, Type.INT8, -1),
        (STRING_SCHEMA, "+7", Type.INT8, 7),
        (STRING_SCHEMA, "1.5", Type.FLOAT32, 1.5),
        (STRING_SCHEMA, "1e3d", Type.FLOAT64, 1000.0),
        (STRING_SCHEMA, "TRUE", Type.BOOLEAN, True),
        (FLOAT64_SCHEMA, 0.5, Type.BOOLEAN, False),
        (INT32_SCHEMA, 2, Type.BOOLEAN, True),
        (None, True, Type.INT16, 1),
        (None, True, Type.STRING, "true"),
        (FLOAT64_SCHEMA, 1e10, Type.STRING, "1.0E10"),
        (FLOAT32_SCHEMA, 0.10000000149011612, Type.STRING, "0.1"),
        (FLOAT64_SCHEMA, 0.1, Type.FLOAT32, 0.10000000149011612),
        (BYTES_SCHEMA, b"\x00\x96", Type.STRING, "AJY="),
        (decimal_builder(2).build(), Decimal("12.50"), Type.STRING, "12.50"),
        (decimal_builder(2).build(), Decimal("12.50"), Type.INT32, 12),
        (date_builder().build(), dt.date(1970, 1, 3), Type.INT32, 2),
        (timestamp_builder().build(), MOMENT, Type.INT64, 1577854800000),
        (timestamp_builder().build(), MOMENT, Type.STRING, "2020-01-01T05:00:00.000Z"),
        (STRING_SCHEMA, None, Type.INT8, None),
    ],
)
def test_cast_values(source: Schema | None, value: Any, target: Type, expected: Any) -> None:
    result = cast_value(source, value, target)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("value", "target"),
    [("300", Type.INT8), ("x", Type.INT32), ("1.5", Type.INT32), ("1_0", Type.FLOAT64),
     (b"x", Type.INT8), ([1], Type.STRING), (VALUE, Type.STRING)],
)  # fmt: skip
def test_cast_refuses(value: Any, target: Type) -> None:
    with pytest.raises(DataException):
        cast_value(None, value, target)


def test_cast() -> None:
    result = made(cast.Value, spec="id:string,status:string,none:int8").apply(STRUCTURED)
    assert result.value.values == ["1", "new", "n"]
    assert result.value_schema.fields[0].schema == STRING_SCHEMA
    assert result.value_schema.fields[1].schema == ROW.fields[1].schema
    assert made(cast.Value, spec="id:string,none:int8").apply(MAPPED).value == {
        "id": "1", "status": None, "note": "n", "none": None,
    }  # fmt: skip
    whole = made(cast.Value, spec="int8").apply(
        record("7", SchemaBuilder.string().name("x").optional().default("3").build())
    )
    assert (whole.value, whole.value_schema) == (7, SchemaBuilder.int8().name("x").optional().default(3).build())
    assert made(cast.Key, spec="string").apply(record(None, None, key=5, key_schema=INT8_SCHEMA)).key == "5"
    null = record(None, ROW)
    assert made(cast.Value, spec="int8").apply(null) is null
    for bad in ("", "a:b", "bytes", "int8,int16", "a:int8,int8"):
        with pytest.raises(ConfigException) as refused:
            made(cast.Value, spec=bad)
        assert refused.value.field == "spec"
    with pytest.raises(DataException):
        made(cast.Value, spec="a:int8").apply(record("text", STRING_SCHEMA))


@pytest.mark.parametrize(
    ("transform", "settings"),
    [
        (insert_field.Value, {"topic.field": "t", "timestamp.field": "ts"}),
        (replace_field.Value, {"exclude": "op", "renames": "a:z"}),
        (cast.Value, {"spec": "op:string,a:string"}),
        (timestamp_converter.Value, {"field": "ts_ms", "target.type": "Timestamp"}),
        (RegexRouter, {"regex": r"(\w+)\.(.*)", "replacement": "$2"}),
        (Filter, {}),
    ],
)
@given(picked=st.lists(st.sampled_from(EVENTS[:-1]), max_size=6))
def test_batch_equals_single_and_leaves_its_input(transform: Any, settings: dict[str, str], picked: list[Any]) -> None:
    before = [facts(item) for item in picked]
    batch = [facts(item) for item in made(transform, **settings).apply_batch(picked)]
    single = made(transform, **settings)
    assert batch == [facts(single.apply(item)) for item in picked]
    assert [facts(item) for item in picked] == before
