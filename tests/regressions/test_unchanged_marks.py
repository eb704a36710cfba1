"""What stands for "unchanged" is known again by the Redis sink, whatever the type."""

from __future__ import annotations

import pytest

from headrace.cdc import semantic
from headrace.data import SchemaBuilder
from headrace.data.logical import decimal_builder
from headrace.data.unchanged import unchanged_value
from headrace.sinks.redis.fields import Placeholder

TEXT = "__debezium_unavailable_value"
ELEMENTS = {
    "int16": SchemaBuilder.int16,
    "int64": SchemaBuilder.int64,
    "float": SchemaBuilder.float32,
    "double": SchemaBuilder.float64,
    "bool": SchemaBuilder.bool,
    "bytes": SchemaBuilder.bytes,
    "text": SchemaBuilder.string,
    "decimal": lambda: decimal_builder(2),
    "variable decimal": semantic.variable_scale_decimal,
}


@pytest.mark.parametrize("name", ELEMENTS)
def test_arrays(name):
    schema = SchemaBuilder.array(ELEMENTS[name]().optional().build()).build()
    # As a converter gives it back: without its class.
    mark = list(unchanged_value(schema, TEXT.encode()))
    assert Placeholder(TEXT).matches(mark)
    assert not Placeholder(TEXT).matches(mark[:-1])


@pytest.mark.parametrize("builder", [lambda: decimal_builder(3), semantic.variable_scale_decimal])
def test_decimals(builder):
    assert Placeholder(TEXT).matches(unchanged_value(builder().build(), TEXT.encode()))


def test_decimals_too_small_to_be_stored_apart_have_no_mark():
    assert (
        unchanged_value(decimal_builder(2).parameter("connect.decimal.precision", "12").build(), TEXT.encode()) is None
    )
