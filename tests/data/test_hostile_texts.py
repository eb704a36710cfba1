"""Texts that are long or deeply nested, as anyone who may write to a topic or table can make them: read in time, or refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from headrace.converters.json import JsonConverter
from headrace.data import STRING_SCHEMA, SchemaBuilder, SourceRecord, Struct, Type
from headrace.data.date_format import JavaDateFormat
from headrace.data.values import parse_text
from headrace.errors import DataException
from headrace.transforms.cast import Value as Cast
from headrace.transforms.debezium.json_data import JsonData, parse_document
from headrace.transforms.debezium.wkb import swap


def _in_time(action: Callable[[], Any], seconds: float = 5.0) -> Any:
    start = time.monotonic()
    result = action()
    assert time.monotonic() - start < seconds
    return result


def test_a_long_number_that_is_none_is_a_text() -> None:
    digits = "1" * 50_000
    assert _in_time(lambda: parse_text(digits + "x")).schema is STRING_SCHEMA
    assert _in_time(lambda: parse_text("1e" + digits)).schema is STRING_SCHEMA


@pytest.mark.parametrize("text", ["[" * 5000, "[" * 5000 + "]" * 5000, "{1:" * 5000])
def test_deep_header_texts_are_refused(text: str) -> None:
    with pytest.raises(DataException):
        _in_time(lambda: parse_text(text))


@pytest.mark.parametrize("target", ["int8", "int64", "float32", "float64"])
@pytest.mark.parametrize("text", ["9" * 5000, "1" * 50_000 + "x"])
def test_casts_of_long_texts(target: str, text: str) -> None:
    schema = SchemaBuilder.struct().field("a", STRING_SCHEMA).build()
    cast: Cast[SourceRecord] = Cast()
    cast.configure({"spec": f"a:{target}"})
    record = SourceRecord({}, {}, "t", value_schema=schema, value=Struct(schema, [text]))
    if target.startswith("float") and text[-1] == "9":
        cast_record = _in_time(lambda: cast.apply(record))
        assert cast_record.value.get("a") == float("inf")
        return
    with pytest.raises(DataException):
        _in_time(lambda: cast.apply(record))


@pytest.mark.parametrize(("text", "number"), [("+0007", 7), ("-0", 0), ("0" * 5000 + "12", 12), ("-128", -128)])
def test_zeros_before_a_number(text: str, number: int) -> None:
    cast: Cast[SourceRecord] = Cast()
    cast.configure({"spec": "int8"})
    result = cast.apply(SourceRecord({}, {}, "t", value_schema=STRING_SCHEMA, value=text))
    assert result is not None
    assert result.value == number


def test_a_year_of_thousands_of_digits() -> None:
    form = JavaDateFormat("y-MM", "format")
    assert form.parse("9" * 5000 + "-01") == form.parse("9" * 400 + "-01")
    assert form.parse("0" * 5000 + "2024-01") == form.parse("2024-01")


@pytest.mark.parametrize("depth", [600, 5000])
def test_deep_json_is_refused(depth: int) -> None:
    converter = JsonConverter()
    schema = b'{"type":"array","items":' * depth + b'{"type":"string"}' + b"}" * depth
    data = b'{"schema":' + schema + b',"payload":' + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(DataException):
        converter.to_connect_data("t", data)
    nested = STRING_SCHEMA
    for _ in range(depth):
        nested = SchemaBuilder(Type.ARRAY, value_schema=nested).build()
    with pytest.raises(DataException):
        converter.from_connect_data("t", nested, [])


@pytest.mark.parametrize("document", ["[" * 600 + "1" + "]" * 600, '{"a":' * 600 + "1" + "}" * 600])
def test_deep_payloads_of_an_outbox_are_refused(document: str) -> None:
    with pytest.raises(DataException):
        JsonData(False, lambda name: name).convert("payload", parse_document(document))


def test_deep_geometries_are_refused() -> None:
    collection = b"\x01\x07\x00\x00\x00\x01\x00\x00\x00"
    with pytest.raises(DataException):
        swap(collection * 2000 + b"\x01\x07\x00\x00\x00\x00\x00\x00\x00")
