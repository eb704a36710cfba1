"""A converter made from another does not inherit forms that know nothing of what it changed."""

from __future__ import annotations

from typing import Any

from headrace.converters.json import JsonConverter
from headrace.converters.primitives import BooleanConverter
from headrace.data import INT64_SCHEMA, STRING_SCHEMA, Schema, SchemaAndValue
from headrace.spi.converter import Column, Converter


class Shouting(JsonConverter):
    def from_connect_data(self, topic: str, schema: Schema | None, value: Any) -> bytes | None:
        data = super().from_connect_data(topic, schema, value)
        return None if data is None else data.upper()


class Counting:
    """A mix-in: it is no converter itself."""

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        return SchemaAndValue(INT64_SCHEMA, len(data or b""))


class Mixed(Counting, JsonConverter):
    pass


class Quicker(Shouting):
    def encode_batch(self, topic: str, schemas: Any, values: Any) -> Column:
        return Column([b"quick"] * len(values))


def test_an_overridden_definition_is_what_batches_do() -> None:
    made = Shouting()
    made.configure({"schemas.enable": "false"})
    assert list(made.encode_batch("t", [STRING_SCHEMA], ["a"])) == [b'"A"']
    assert Shouting.encode_column is Converter.encode_column
    assert Shouting.decode_batch is JsonConverter.decode_batch
    assert Shouting.decode_column is JsonConverter.decode_column


def test_one_that_a_mix_in_overrides() -> None:
    assert Mixed().decode_batch("t", Column([b"abc"])) == [SchemaAndValue(INT64_SCHEMA, 3)]
    assert Mixed.decode_column is Converter.decode_column
    assert Mixed.encode_column is JsonConverter.encode_column


def test_a_faster_form_of_its_own_is_kept() -> None:
    assert list(Quicker().encode_batch("t", [STRING_SCHEMA], ["a"])) == [b"quick"]
    assert Quicker.encode_column is Converter.encode_column
    assert BooleanConverter.encode_column is not Converter.encode_column
