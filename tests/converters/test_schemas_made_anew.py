"""A schema that is made anew for every record costs no compilation each time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.converters.json import JsonConverter
from headrace.converters.json.encoder import compile_encoder
from headrace.data import INT32_SCHEMA, STRING_SCHEMA, Schema, SchemaBuilder, Struct
from headrace.transforms.debezium.json_data import JsonData


def _fresh(name: str = "a") -> Schema:
    return SchemaBuilder.struct().field(name, INT32_SCHEMA).field("b", STRING_SCHEMA).build()


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[Schema]:
    seen: list[Schema] = []

    def counted(schema: Schema, **settings: Any) -> Any:
        seen.append(schema)
        return compile_encoder(schema, **settings)

    monkeypatch.setattr("headrace.converters.json.converter.compile_encoder", counted)
    return seen


def test_equal_schemas_are_compiled_once(compilations: list[Schema]) -> None:
    made = JsonConverter()
    schemas = [_fresh() for _ in range(200)]
    column = made.encode_batch("t", schemas, [Struct(schema, [n, "x"]) for n, schema in enumerate(schemas)])
    assert [json.loads(datum or b"")["payload"]["a"] for datum in column] == list(range(200))
    assert len(compilations) == 1


def test_what_is_kept_has_a_bound(compilations: list[Schema]) -> None:
    made = JsonConverter()
    made.configure({"schemas.cache.size": "2"})
    for name in ("x", "y", "z", "x"):
        schema = _fresh(name)
        assert made.from_connect_data("t", schema, Struct(schema, [1, "x"])) is not None
    assert len(compilations) == 4
    assert len(made._by_schema) == 2


def test_documents_of_one_form_share_their_schema() -> None:
    data = JsonData(False, lambda name: name)
    first, _ = data.convert("payload", {"id": 1, "lines": [{"sku": "a"}]})
    second, value = data.convert("payload", {"id": 2, "lines": [{"sku": "b"}]})
    assert first is second
    assert value.schema is first
    for n in range(3000):
        data.convert("payload", {f"f{n}": 1})
    assert len(data._known) <= 1024
