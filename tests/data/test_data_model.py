"""Schemas, structs, logical types, records and the texts of numbers."""

from __future__ import annotations

import datetime as dt
import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.data import (
    INT8_SCHEMA,
    INT32_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Header,
    Headers,
    SchemaBuilder,
    SinkRecord,
    SourceRecord,
    Struct,
)
from headrace.data.logical import (
    bytes_to_decimal,
    date_to_days,
    datetime_to_millis,
    days_to_date,
    decimal_to_bytes,
    int_to_bytes,
    millis_to_datetime,
    millis_to_time,
    time_to_millis,
)
from headrace.data.text import java_double, java_float, temporal_text, to_single
from headrace.errors import DataException, SchemaBuilderException

POINT = SchemaBuilder.struct().name("p").field("x", INT32_SCHEMA).field("n", OPTIONAL_STRING_SCHEMA).build()


def test_builder_refuses_contradictions() -> None:
    for broken in (
        lambda: SchemaBuilder.int32().optional().required(),
        lambda: SchemaBuilder.int32().parameter("a", "1").parameter("a", "2"),
        lambda: SchemaBuilder.struct().field("a", INT32_SCHEMA).field("a", INT32_SCHEMA),
        lambda: SchemaBuilder.int32().field("a", INT32_SCHEMA),
        lambda: SchemaBuilder.struct().field("", INT32_SCHEMA),
        lambda: SchemaBuilder.int8().default(300).build(),
        lambda: SchemaBuilder.string().default(1).build(),
    ):
        with pytest.raises(SchemaBuilderException):
            broken()


def test_schema_equality_covers_everything() -> None:
    def make(doc: str = "d", default: str = "x", name: str = "n") -> object:
        return SchemaBuilder.string().doc(doc).default(default).name(name).parameter("a", "b").build()

    assert make() == make()
    assert hash(make()) == hash(make())
    assert make() != make(doc="other")
    assert make() != make(default="other")
    assert make() != make(name="other")
    assert STRING_SCHEMA != OPTIONAL_STRING_SCHEMA


def test_struct() -> None:
    value = Struct(POINT).put("x", 1)
    assert (value["x"], value["n"], "x" in value, "z" in value) == (1, None, True, False)
    value.validate()
    assert repr(value) == "Struct{x=1}"
    assert value.to_dict() == {"x": 1, "n": None}
    assert value == Struct(POINT, [1, None])
    for name, bad in (("x", "1"), ("x", None), ("x", True), ("x", 2**31), ("z", 1), ("n", 1)):
        with pytest.raises(DataException):
            value.put(name, bad)
    with pytest.raises(DataException):
        Struct(POINT).validate()
    with pytest.raises(DataException):
        Struct(INT32_SCHEMA)
    with_default = SchemaBuilder.struct().field("d", SchemaBuilder.int8().default(3).build()).build()
    assert Struct(with_default).get("d") == 3
    assert Struct(with_default).get_without_default("d") is None
    Struct(with_default).validate()


def test_records_share_headers_until_changed() -> None:
    shared = (Header("a", None, 1),)
    record = SourceRecord({"s": 1}, {"o": 2}, "t", headers=shared)
    copy = record.new_record(topic="u", value=5, value_schema=INT8_SCHEMA)
    copy.headers.add("b", 2).add("a", 3)
    assert record.header_items is shared
    assert (copy.topic, copy.value, copy.source_offset) == ("u", 5, {"o": 2})
    assert [header.value for header in copy.headers.retain_latest()] == [2, 3]
    assert len(copy.headers.remove("a")) == 1
    assert Headers(shared).last_with_name("a") == shared[0]
    assert Headers(shared).all_with_name("z") == []
    sink = SinkRecord("t", 1, None, None, None, None, 9).new_record(topic="x", partition=4)
    assert (sink.topic, sink.original_topic, sink.original_partition, sink.offset) == ("x", "t", 1, 9)


@given(st.integers(-(10**40), 10**40), st.integers(-3, 12))
def test_decimals(unscaled: int, scale: int) -> None:
    value = bytes_to_decimal(int_to_bytes(unscaled), scale)
    assert value.as_tuple().exponent == -scale
    assert decimal_to_bytes(value, scale) == int_to_bytes(unscaled)
    assert int("".join(map(str, value.as_tuple().digits))) == abs(unscaled)


def test_decimal_scale_is_kept() -> None:
    assert decimal_to_bytes(Decimal("1.5"), 2) == b"\x00\x96"
    assert int_to_bytes(0) == b"\x00"
    assert int_to_bytes(-128) == b"\x80"
    for bad in ("1.555", "NaN"):
        with pytest.raises(DataException):
            decimal_to_bytes(Decimal(bad), 2)


@given(st.dates(), st.integers(0, 86_399_999), st.integers(-(10**13), 10**14))
def test_dates(day: dt.date, time: int, moment: int) -> None:
    assert days_to_date(date_to_days(day)) == day
    assert time_to_millis(millis_to_time(time)) == time
    assert datetime_to_millis(millis_to_datetime(moment)) == moment


def test_a_date_has_no_time_part() -> None:
    assert date_to_days(dt.datetime(1970, 1, 2)) == 1
    with pytest.raises(DataException):
        date_to_days(dt.datetime(1970, 1, 2, 3))
    assert temporal_text(dt.datetime(1969, 12, 31, 23, 0, 0, 1000, tzinfo=dt.UTC)) == "1969-12-31T23:00:00.001Z"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_double_text_reads_back(value: float) -> None:
    text = java_double(value)
    assert float(text) == value
    mantissa, _, exponent = text.partition("E")
    assert "." in mantissa
    assert not mantissa.endswith(".")
    if exponent:
        assert not (1e-3 <= abs(value) < 1e7)
        assert 1 <= abs(float(mantissa)) < 10


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float_text_reads_back_and_is_short(value: float) -> None:
    text = java_float(value)
    assert to_single(float(text)) == value
    assert len(text.partition("E")[0].replace(".", "").strip("-0")) <= 9
    assert struct.pack(">f", float(text)) == struct.pack(">f", value)
