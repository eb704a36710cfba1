"""What the recorded answers of the originals cannot tell: schemas made once, input left alone, batches, refusals with field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.data import INT32_SCHEMA, OPTIONAL_STRING_SCHEMA, Header, SchemaBuilder, Struct
from headrace.errors import ConfigException, DataException
from headrace.transforms import extract_field, flatten, header_from, hoist_field, set_schema_metadata
from headrace.transforms.drop_headers import DropHeaders
from headrace.transforms.insert_header import InsertHeader
from headrace.transforms.patterns import java_pattern
from headrace.transforms.value_to_key import ValueToKey
from tests.transforms.events import EVENTS, facts, made, record

INNER = SchemaBuilder.struct().field("a", INT32_SCHEMA).field("b", OPTIONAL_STRING_SCHEMA).build()
ROW = SchemaBuilder.struct().name("shop.Row").field("id", INT32_SCHEMA).field("in", INNER).build()
SOURCE = record(Struct(ROW, [1, Struct(INNER, [2, "x"])]), ROW, headers=(Header("h", None, 1),))
TRANSFORMS: list[tuple[Any, dict[str, str]]] = [
    (DropHeaders, {"headers": "h"}),
    (extract_field.Value, {"field": "in.a", "field.syntax.version": "V2"}),
    (flatten.Value, {}),
    (header_from.Value, {"fields": "id", "headers": "i", "operation": "move"}),
    (hoist_field.Value, {"field": "f"}),
    (InsertHeader, {"header": "h", "value.literal": "[1,2]"}),
    (set_schema_metadata.Value, {"schema.name": "n"}),
    (ValueToKey, {"fields": "id"}),
]


@pytest.mark.parametrize(("transform", "settings"), TRANSFORMS)
def test_schemas_are_made_once_and_the_input_is_left_alone(transform: Any, settings: dict[str, str]) -> None:
    before = facts(SOURCE)
    instance = made(transform, **settings)
    first, second = instance.apply(SOURCE), instance.apply(SOURCE)
    assert first.value_schema is second.value_schema
    assert first.key_schema is second.key_schema
    first.headers.add("late", 1)
    assert all(header.key != "late" for header in second.headers)
    assert facts(SOURCE) == before


@pytest.mark.parametrize(("transform", "settings"), [pair for pair in TRANSFORMS if "field" not in pair[1]])
@given(picked=st.lists(st.sampled_from(EVENTS[:-1]), max_size=5))
def test_batches_are_what_single_records_are(transform: Any, settings: dict[str, str], picked: list[Any]) -> None:
    def single(item: Any) -> Any:
        try:
            return facts(made(transform, **settings).apply(item))
        except DataException as error:
            return error.message

    if all(isinstance(single(item), tuple) for item in picked):
        assert [facts(item) for item in made(transform, **settings).apply_batch(picked)] == [single(i) for i in picked]


def test_flatten_reads_nested_values() -> None:
    flat = made(flatten.Value, delimiter="_").apply(SOURCE)
    assert [(field.name, field.schema.optional) for field in flat.value_schema.fields] == [
        ("id", False), ("in_a", False), ("in_b", True),
    ]  # fmt: skip
    assert flat.value.values == [1, 2, "x"]


@pytest.mark.parametrize(
    ("transform", "settings", "field"),
    [
        (DropHeaders, {"headers": ""}, "headers"),
        (extract_field.Value, {"field": "`a", "field.syntax.version": "V2"}, "field"),
        (header_from.Value, {"fields": "a,b", "headers": "h", "operation": "copy"}, "headers"),
        (header_from.Value, {"fields": "a", "headers": "h", "operation": "swap"}, "operation"),
        (set_schema_metadata.Value, {}, "schema.name"),
        (ValueToKey, {"fields": "a,,b"}, "fields"),
    ],
)
def test_refusals_name_the_setting(transform: Any, settings: dict[str, str], field: str) -> None:
    with pytest.raises(ConfigException) as refused:
        made(transform, **settings)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("regex", "text", "matches"),
    [
        ("[a-z&&[^aeiou]]+", "xyz", True), ("[a-z&&[^aeiou]]+", "xyaz", False), (r"\p{L}+", "größe", True),
        ("a(?i)b|C", "aB", True), ("a(?i)b|C", "c", True), ("a(?i)b|C", "Ab", False), ("a{2}{3}", "aa", True),
        ("(?<=a|bc)", "", False), (r"a\R", "a\r\n", True), (".", "\u2028", False), ("(?x) a b # c", "ab", True),
        (r"\x{1F600}", "\U0001f600", True), ("[[a-c]x-z]+", "abxz", True),
    ],
)  # fmt: skip
def test_java_expressions(regex: str, text: str, matches: bool) -> None:
    assert (java_pattern(regex, "regex").fullmatch(text) is not None) is matches
