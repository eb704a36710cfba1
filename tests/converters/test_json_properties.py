"""JsonConverter: what is written is read back, batches equal single calls, the fast way equals the definition."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.converters.json import JsonConverter
from headrace.converters.json.decoder import compile_decoder
from headrace.converters.json.loose import convert, parse
from headrace.converters.json.schema_json import schema_from_json, schema_to_json
from headrace.errors import DataException
from headrace.spi.converter import Column
from tests.converters.strategies import JSON_VALUES, schemas, values, with_defaults


def converter(**settings: str) -> JsonConverter:
    made = JsonConverter()
    made.configure({name.replace("_", "."): value for name, value in settings.items()})
    return made


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_round_trip_with_schema(data: Any) -> None:
    schema = data.draw(schemas())
    value = data.draw(values(schema))
    for decimal_format in ("BASE64", "NUMERIC"):
        encoded = converter(decimal_format=decimal_format).from_connect_data("t", schema, value)
        assert encoded is not None
        document = json.loads(encoded)
        assert list(document) == ["schema", "payload"]
        decoded = converter().to_connect_data("t", encoded)
        assert decoded.schema == schema
        assert decoded.value == with_defaults(schema, value)


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_batch_equals_single(data: Any) -> None:
    kinds = data.draw(st.lists(schemas(1), min_size=1, max_size=3))
    picked = data.draw(st.lists(st.sampled_from([None, *kinds]), max_size=8))
    items = [None if schema is None else data.draw(values(schema)) for schema in picked]
    for enable in ("true", "false"):
        single, batch = converter(schemas_enable=enable), converter(schemas_enable=enable)
        expected = [single.from_connect_data("t", schema, value) for schema, value in zip(picked, items, strict=True)]
        column = batch.encode_batch("t", picked, items)
        assert list(column) == expected
        assert batch.decode_batch("t", column) == [single.to_connect_data("t", datum) for datum in expected]
        assert batch.decode_batch("t", Column(expected)) == [single.to_connect_data("t", datum) for datum in expected]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_compiled_decoder_equals_the_definition(data: Any) -> None:
    schema = data.draw(schemas())
    node = data.draw(JSON_VALUES)
    text = json.dumps(node).encode()
    compiled = compile_decoder(schema, replace_nulls=True)
    try:
        expected = convert(schema, parse(text), replace_nulls=True)
    except DataException:
        with pytest.raises(DataException):
            compiled(text)
    else:
        assert compiled(text) == expected


@given(schemas())
@settings(max_examples=150, deadline=None)
def test_schema_json_round_trip(schema: Any) -> None:
    assert schema_from_json(parse(schema_to_json(schema))) == schema


@given(JSON_VALUES)
@settings(max_examples=150, deadline=None)
def test_schemaless_round_trip(value: Any) -> None:
    for enable in ("true", "false"):
        encoded = converter(schemas_enable=enable).from_connect_data("t", None, value)
        decoded = converter(schemas_enable=enable).to_connect_data("t", encoded)
        assert decoded.schema is None
        assert decoded.value == value
        assert math.copysign(1, decoded.value) == math.copysign(1, value) if isinstance(value, float) else True
