"""Copies made by transforms are as independent as `new_record`'s."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.data import INT8_SCHEMA, Header, SchemaBuilder, SinkRecord, Struct
from headrace.transforms.base import SchemaCache, copy_record, derived, struct_like
from tests.transforms.events import ENVELOPE, EVENTS, facts, record, sink_record


@pytest.mark.parametrize("source", [*EVENTS, sink_record(1, INT8_SCHEMA)])
def test_copy_equals_new_record(source: Any) -> None:
    assert facts(copy_record(source)) == facts(source.new_record())
    assert type(copy_record(source)) is type(source)


def test_headers_of_a_copy_are_its_own() -> None:
    source = record(1, None, headers=(Header("h", None, 1),))
    source.headers.add("i", 2)
    copied = copy_record(source)
    copied.headers.add("j", 3)
    assert [header.key for header in source.headers] == ["h", "i"]
    assert [header.key for header in copied.headers] == ["h", "i", "j"]


def test_a_record_class_of_ones_own_keeps_its_attributes() -> None:
    class Marked(SinkRecord):
        __slots__ = ("mark",)

        @classmethod
        def _copied_slots(cls) -> tuple[str, ...]:
            return (*super()._copied_slots(), "mark")

    source = Marked("t", 0, None, None, None, 1, 5)
    source.mark = "x"
    assert copy_record(source).mark == "x"


def test_schema_cache_finds_equal_schemas_and_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    cache: SchemaCache[object] = SchemaCache()

    def make(number: int = 0) -> Any:
        return SchemaBuilder.struct().name(f"n{number}").field("a", INT8_SCHEMA).build()

    first = cache.get(make(), lambda schema: object())
    for _ in range(3000):
        assert cache.get(make(), lambda schema: object()) is first
    assert len(cache._copies) <= 1024
    monkeypatch.setattr("headrace.transforms.base._LIMIT", 100)
    for number in range(300):
        cache.get(make(number), lambda schema: object())
    assert len(cache._by_identity) <= 100
    assert len(cache._by_value) <= 100


def test_schema_cache_holds_the_tables_of_a_large_database() -> None:
    cache: SchemaCache[object] = SchemaCache()
    schemas = [SchemaBuilder.struct().name(f"t{number}").field("a", INT8_SCHEMA).build() for number in range(10_000)]
    made = [cache.get(schema, lambda schema: object()) for schema in schemas]
    assert [cache.get(schema, lambda schema: object()) for schema in schemas] == made


def test_derived_schemas() -> None:
    assert derived(ENVELOPE) == ENVELOPE
    assert derived(ENVELOPE, optional=True).optional
    assert derived(ENVELOPE, optional=True).field("op") == ENVELOPE.field("op")
    other = struct_like(ENVELOPE, [("x", INT8_SCHEMA)])
    assert (other.name, other.version, Struct(other, [1]).get("x")) == (ENVELOPE.name, 2, 1)
