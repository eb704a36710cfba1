"""String, byte array, primitive and simple header converters."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.converters.byte_array import ByteArrayConverter
from headrace.converters.primitives import (
    BooleanConverter,
    DoubleConverter,
    FloatConverter,
    IntegerConverter,
    LongConverter,
    ShortConverter,
)
from headrace.converters.simple_header import SimpleHeaderConverter
from headrace.converters.string import StringConverter
from headrace.data import (
    BOOLEAN_SCHEMA,
    BYTES_SCHEMA,
    FLOAT32_SCHEMA,
    INT8_SCHEMA,
    INT16_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_BYTES_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
    SchemaBuilder,
    Struct,
    Type,
)
from headrace.data.logical import DATE_NAME, DECIMAL_NAME, TIME_NAME, TIMESTAMP_NAME
from headrace.data.values import parse_text, to_text
from headrace.errors import ConfigException, DataException
from headrace.spi.converter import Column

ROW = SchemaBuilder.struct().field("a", INT32_SCHEMA).field("b", STRING_SCHEMA).field("f", FLOAT32_SCHEMA).build()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("é", "é"),
        (5, "5"),
        (True, "true"),
        (1e10, "1.0E10"),
        (Decimal("1.50"), "1.50"),
        ([1, None, "x"], "[1, null, x]"),
        ({"a": 1, "b": [2]}, "{a=1, b=[2]}"),
        (Struct(ROW, [1, "x", None]), "Struct{a=1,b=x}"),
        (Struct(ROW, [1, None, 0.10000000149011612]), "Struct{a=1,f=0.1}"),
        (dt.date(1970, 1, 1), "Thu Jan 01 00:00:00 UTC 1970"),
        (dt.datetime(2026, 11, 23, 1, 2, 3, tzinfo=dt.UTC), "Mon Nov 23 01:02:03 UTC 2026"),
        (dt.time(1, 2, 3), "Thu Jan 01 01:02:03 UTC 1970"),
    ],
)
def test_string_converter_writes_java_text(value: Any, text: str) -> None:
    assert StringConverter().from_connect_data("t", None, value) == text.encode()


def test_string_converter() -> None:
    made = StringConverter()
    assert made.from_connect_data("t", STRING_SCHEMA, None) is None
    assert made.to_connect_data("t", None) == (OPTIONAL_STRING_SCHEMA, None)
    assert made.to_connect_data("t", "é".encode()) == (OPTIONAL_STRING_SCHEMA, "é")
    made.configure({"converter.encoding": "ISO-8859-1", "converter.type": "value"})
    assert made.from_connect_header("t", "h", None, "é") == b"\xe9"
    assert made.to_connect_header("t", "h", b"\xe9").value == "é"
    assert made.from_connect_data("t", None, "€") == b"?"
    assert made.from_connect_data("t", BYTES_SCHEMA, b"x") == b"java.nio.HeapByteBuffer[pos=0 lim=1 cap=1]"
    assert StringConverter().to_connect_data("t", b"a\xff").value == "a\ufffd"
    made.configure({"converter.encoding": "UTF-16"})
    assert made.from_connect_data("t", None, "é") == b"\xfe\xff\x00\xe9"
    assert made.to_connect_data("t", b"\x00\xe9").value == made.to_connect_data("t", b"\xff\xfe\xe9\x00").value == "é"
    for unknown in ("klingon", "rot13", "utf-8-sig"):
        with pytest.raises(ConfigException) as refused:
            made.configure({"converter.encoding": unknown})
        assert refused.value.field == "converter.encoding"


def test_byte_array_converter() -> None:
    made = ByteArrayConverter()
    assert made.from_connect_data("t", None, b"\x00\xff") == b"\x00\xff"
    assert made.from_connect_data("t", BYTES_SCHEMA, bytearray(b"x")) == b"x"
    assert made.from_connect_data("t", OPTIONAL_BYTES_SCHEMA, None) is None
    assert made.to_connect_data("t", b"x") == (OPTIONAL_BYTES_SCHEMA, b"x")
    for schema, value in ((STRING_SCHEMA, b"x"), (None, "x")):
        with pytest.raises(DataException):
            made.from_connect_data("t", schema, value)


@pytest.mark.parametrize(
    ("kind", "value", "data"),
    [
        (ShortConverter, -2, b"\xff\xfe"),
        (IntegerConverter, 258, b"\x00\x00\x01\x02"),
        (LongConverter, -1, b"\xff" * 8),
        (FloatConverter, 1.5, b"\x3f\xc0\x00\x00"),
        (DoubleConverter, 1.5, b"\x3f\xf8" + b"\x00" * 6),
        (BooleanConverter, True, b"\x01"),
        (BooleanConverter, False, b"\x00"),
    ],
)
def test_primitive_converters(kind: Any, value: Any, data: bytes) -> None:
    made = kind()
    made.configure({"converter.type": "key"})
    assert made.from_connect_data("t", None, value) == data
    assert made.to_connect_data("t", data).value == value
    assert made.to_connect_data("t", data).schema.optional
    assert made.from_connect_data("t", None, None) is None
    assert made.to_connect_data("t", None).value is None
    assert made.decode_batch("t", made.encode_batch("t", [None, None], [value, None])) == [
        made.to_connect_data("t", data),
        made.to_connect_data("t", None),
    ]
    for bad in ("x", 10**400):
        with pytest.raises(DataException):
            made.from_connect_data("t", None, bad)
    if kind is BooleanConverter:
        with pytest.raises(DataException):
            made.from_connect_data("t", BYTES_SCHEMA, value)
    else:
        assert made.from_connect_data("t", BYTES_SCHEMA, value) == data
    with pytest.raises(DataException):
        made.to_connect_data("t", data + b"\x00")


def test_a_boolean_is_no_number_and_a_number_no_boolean() -> None:
    with pytest.raises(DataException):
        IntegerConverter().from_connect_data("t", None, True)
    with pytest.raises(DataException):
        BooleanConverter().from_connect_data("t", None, 1)
    with pytest.raises(DataException):
        BooleanConverter().to_connect_data("t", b"\x02")


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("1", INT8_SCHEMA, 1),
        ("128", INT16_SCHEMA, 128),
        ("70000", INT32_SCHEMA, 70000),
        ("3000000000", INT64_SCHEMA, 3000000000),
        ("1.5", FLOAT32_SCHEMA, 1.5),
        ("-5", INT8_SCHEMA, -5),
        ("true", BOOLEAN_SCHEMA, True),
        ("false", BOOLEAN_SCHEMA, False),
        ("", STRING_SCHEMA, ""),
        ("abc", STRING_SCHEMA, "abc"),
        ("true}", STRING_SCHEMA, "true}"),
        ("[1", STRING_SCHEMA, "[1"),
        ("[1,,2]", STRING_SCHEMA, "[1,,2]"),
        ('{"a":}', STRING_SCHEMA, '{"a":}'),
        ("12 monkeys", STRING_SCHEMA, "12 monkeys"),
        ("1:2", INT8_SCHEMA, 1),
        ("+", STRING_SCHEMA, "+"),
        (" {", STRING_SCHEMA, " "),
        ("  ", STRING_SCHEMA, "  "),
        ("٣", INT8_SCHEMA, 3),
        ("[1,2]", SchemaBuilder.array(INT8_SCHEMA).build(), [1, 2]),
        ("[ 1 , 300 ]", SchemaBuilder.array(INT16_SCHEMA).build(), [1, 300]),
        ("[1,null]", STRING_SCHEMA, "[1,null]"),
        ("[null]", Schema(Type.ARRAY), [None]),
        ('[1,"a"]', Schema(Type.ARRAY), [1, "a"]),
        ('{"a":null}', Schema(Type.MAP, key_schema=STRING_SCHEMA), {"a": None}),
        ("{[1]:2}", STRING_SCHEMA, "{[1]:2}"),
        ("0001-01-01", STRING_SCHEMA, "0001-01-01"),
        ("25:00:00.000Z", STRING_SCHEMA, "25:00:00.000Z"),
        ('{"a":1}', SchemaBuilder.map(STRING_SCHEMA, INT8_SCHEMA).build(), {"a": 1}),
        ('{"a":{"b":[true]}}', None, {"a": {"b": [True]}}),
    ],
)
def test_header_text_is_read_with_the_smallest_type(text: str, schema: Any, value: Any) -> None:
    read = SimpleHeaderConverter().to_connect_header("t", "h", text.encode())
    assert read.value == value
    assert type(read.value) is type(value)
    if schema is not None:
        assert read.schema == schema


def test_header_dates() -> None:
    read = parse_text("2020-01-02")
    assert (read.schema.name, read.value) == (DATE_NAME, dt.date(2020, 1, 2))
    read = parse_text("10:11:12.345Z")
    assert (read.schema.name, read.value) == (TIME_NAME, dt.time(10, 11, 12, 345000))
    read = parse_text("2020-01-02T10:11:12.345Z")
    assert (read.schema.name, read.value) == (
        TIMESTAMP_NAME,
        dt.datetime(2020, 1, 2, 10, 11, 12, 345000, tzinfo=dt.UTC),
    )
    assert parse_text("2020-13-02").value == dt.date(2021, 1, 2)
    read = parse_text("99999999999999999999")
    assert (read.schema.name, read.value) == (DECIMAL_NAME, Decimal("99999999999999999999"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain, text", "plain, text"),
        (1, "1"),
        (1.5, "1.5"),
        (True, "true"),
        (b"\x01\x02", "AQI="),
        (["a", 1], '["a",1]'),
        ({"k": 'v"x'}, '{"k":"v\\"x"}'),
        (dt.date(2020, 1, 2), "2020-01-02"),
        (dt.time(10, 11, 12), "10:11:12.000Z"),
        (dt.date(1969, 1, 2), "00:00:00.000Z"),
        (dt.date(1970, 1, 1), "00:00:00.000Z"),
        (dt.date(1970, 1, 2), "1970-01-02"),
        (dt.datetime(2020, 1, 2, 3, 4, 5, 6000, tzinfo=dt.UTC), "2020-01-02T03:04:05.006Z"),
        (Struct(SchemaBuilder.struct().field("id", INT32_SCHEMA).build(), [2]), '{"id":2}'),
    ],
)
def test_header_text_written(value: Any, text: str) -> None:
    assert SimpleHeaderConverter().from_connect_header("t", "h", None, value) == text.encode()


def test_null_headers_and_refusals() -> None:
    made = SimpleHeaderConverter()
    assert made.from_connect_header("t", "h", STRING_SCHEMA, None) is None
    assert made.to_connect_header("t", "h", None) == (None, None)
    with pytest.raises(DataException):
        made.from_connect_header("t", "h", None, object())
    assert made.to_connect_header("t", "h", b"\xff").value == "�"


@settings(max_examples=1000, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.text('[]{}:,"\\ 1atrue', max_size=14))
def test_any_text_is_read_without_failing(text: str) -> None:
    read = parse_text(text)
    if read.schema is not None and read.schema.type is Type.STRING and not text[:1].isspace():
        assert read.value == text


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1) | st.integers(-(2**63), 2**63 - 1) | st.booleans())
def test_header_round_trip(value: Any) -> None:
    assert parse_text(to_text(None, value)).value == value


@given(st.lists(st.none() | st.binary(max_size=5)))
def test_byte_array_batches(data: list[bytes | None]) -> None:
    made = ByteArrayConverter()
    assert list(made.encode_batch("t", [None] * len(data), data)) == data
    assert [item.value for item in made.decode_batch("t", Column(data))] == data
