"""The converters of single values on columns: what they write and read is what they do value by value, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.converters.native_strategies import native_schemas, rows

from headrace.converters.byte_array import ByteArrayConverter
from headrace.converters.primitives import (
    BooleanConverter,
    DoubleConverter,
    FloatConverter,
    IntegerConverter,
    LongConverter,
    ShortConverter,
)
from headrace.converters.string import StringConverter
from headrace.data import (
    BOOLEAN_SCHEMA,
    BYTES_SCHEMA,
    FLOAT32_SCHEMA,
    FLOAT64_SCHEMA,
    INT16_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    STRING_SCHEMA,
    Schema,
    SchemaAndValue,
)
from headrace.data.columns import layout_of
from headrace.errors import DataException
from headrace.native import core
from headrace.spi.columns import Column
from headrace.spi.converter import Converter

pytestmark = pytest.mark.skipif(core is None, reason="the Rust core is not built")

OWN: list[tuple[type[Converter], Schema]] = [
    (StringConverter, STRING_SCHEMA),
    (ByteArrayConverter, BYTES_SCHEMA),
    (ShortConverter, INT16_SCHEMA),
    (IntegerConverter, INT32_SCHEMA),
    (LongConverter, INT64_SCHEMA),
    (FloatConverter, FLOAT32_SCHEMA),
    (DoubleConverter, FLOAT64_SCHEMA),
    (BooleanConverter, BOOLEAN_SCHEMA),
]


def made(kind: type[Converter]) -> Converter:
    converter = kind()
    converter.configure({})
    return converter


@given(st.data())
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_columns_equal_single_values(data: Any) -> None:
    kind, own = data.draw(st.sampled_from(OWN))
    schema = own if data.draw(st.booleans()) else data.draw(native_schemas(1))
    items = data.draw(rows(schema))
    layout = layout_of(schema)
    assume(layout is not None)
    converter = made(kind)
    encoded = converter.encode_column("t", schema, core.Column.of(layout, items))
    try:
        expected = list(converter.encode_batch("t", [None if item is None else schema for item in items], items))
    except DataException:
        assert encoded is None
        return
    assert encoded is not None or schema is not own
    assert encoded is None or list(encoded) == expected
    if encoded is not None:
        check(converter, Column(expected), None not in expected)


def check(converter: Converter, column: Column, readable: bool | None = None) -> None:
    runs = converter.decode_column("t", column)
    try:
        expected = converter.decode_batch("t", column)
    except DataException:
        assert runs is None
        return
    assert runs is not None or not readable
    if runs is not None:
        found = [
            SchemaAndValue(run.schema, value) for run in runs for value in run.values.values(layout_of(run.schema))
        ]
        assert found == expected or "nan" in repr(expected)
        assert repr(found) == repr(expected)


@given(
    st.sampled_from(OWN), st.lists(st.none() | st.binary(max_size=9) | st.text(max_size=5).map(str.encode), max_size=4)
)
@settings(max_examples=300, deadline=None)
def test_any_data(own: tuple[type[Converter], Schema], data: list[bytes | None]) -> None:
    check(made(own[0]), Column(data))


def test_numbers_as_text() -> None:
    column = core.Column.of(layout_of(INT32_SCHEMA), [-5, 0, 7])
    encoded = made(StringConverter).encode_column("t", INT32_SCHEMA, column)
    assert encoded is not None
    assert list(encoded) == [b"-5", b"0", b"7"]


def test_other_character_sets_are_not_for_columns() -> None:
    converter = StringConverter()
    converter.configure({"converter.encoding": "utf-16"})
    column = core.Column.of(layout_of(STRING_SCHEMA), ["a"])
    assert converter.encode_column("t", STRING_SCHEMA, column) is None
    assert converter.decode_column("t", Column([b"a"])) is None


def test_shared_prefixes_are_part_of_the_data() -> None:
    assert made(LongConverter).decode_column("t", Column([bytes(4)], [b"", bytes(4)], [1])) is None
