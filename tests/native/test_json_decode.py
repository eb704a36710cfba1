"""Data read by the Rust core are what the Python decoder makes of them; data that may mean something else, the core declines."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.converters.native_strategies import PLAIN_NAMES, native_schemas, rows

from headrace.converters.json import JsonConverter
from headrace.converters.json.schema_json import schema_to_json
from headrace.data import (
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
    SchemaAndValue,
    SchemaBuilder,
    Struct,
    Type,
)
from headrace.data.columns import layout_of
from headrace.data.logical import date_builder, decimal_builder, time_builder, timestamp_builder
from headrace.data.text import is_halfway
from headrace.errors import DataException
from headrace.native import core
from headrace.spi.columns import Column, PackedColumn
from headrace.spi.converter import DecodedRun

pytestmark = pytest.mark.skipif(core is None, reason="the Rust core is not built")


def converter(**props: str) -> JsonConverter:
    made = JsonConverter()
    made.configure({name.replace("_", "."): value for name, value in props.items()})
    return made


def spelled(runs: list[DecodedRun]) -> list[SchemaAndValue]:
    """What the runs stand for, one by one."""
    results: list[SchemaAndValue] = []
    for length, schema, values in runs:
        layout = None if schema is None else layout_of(schema)
        found = [None] * length if values is None else values.values(layout)
        assert len(found) == length
        results += [SchemaAndValue(None if value is None else schema, value) for value in found]
    return results


def twin(made: JsonConverter, column: Column) -> list[SchemaAndValue] | None:
    """What the definition reads, None where it refuses."""
    try:
        return made.decode_batch("t", column)
    except DataException:
        return None


def native(made: JsonConverter, column: Column) -> list[SchemaAndValue] | None:
    runs = made.decode_column("t", column)
    return None if runs is None else spelled(runs)


def same(one: Any, other: Any) -> bool:
    """Equal, down to classes and the sign of zero."""
    return bool(one == other) and repr(one) == repr(other)


def check(column: Column, **props: str) -> bool:
    """Whether the column is read natively; if so, as the twin does."""
    expected, found = twin(converter(**props), column), native(converter(**props), column)
    if found is None:
        return False
    assert expected is not None
    assert same(found, expected)
    return True


def is_certain(value: Any) -> bool:
    """Without the floats that JSON has no number for, and those whose single only the definition rounds for certain."""
    if isinstance(value, Struct):
        return all(map(is_certain, value.values))
    if isinstance(value, list | dict):
        return all(map(is_certain, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or (math.isfinite(value) and not is_halfway(value))


def defaults(schema: Schema) -> list[Any]:
    parts = [field.schema for field in schema.fields] + [schema.key_schema, schema.value_schema]
    return [schema.default] + [one for part in parts if part is not None for one in defaults(part)]


@given(st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_connect_writes_is_read_natively(data: Any) -> None:
    schema = data.draw(native_schemas(names=PLAIN_NAMES))
    items = data.draw(rows(schema))
    assume(layout_of(schema) is not None)
    replace = data.draw(st.sampled_from(["true", "false"]))
    column = converter().encode_batch("t", [None if item is None else schema for item in items], items)
    shape = data.draw(st.sampled_from(["prefixed", "packed", "whole"]))
    if shape == "whole":
        column = Column(list(column))
    elif shape == "packed":
        column = column.packed()
    done = check(column, replace_null_with_default=replace)
    assert done or not is_certain(items) or not is_certain(defaults(schema))


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_data_without_schema_of_their_own(data: Any) -> None:
    """`schema.content`: the schema is a setting."""
    schema = data.draw(native_schemas(names=PLAIN_NAMES))
    items = data.draw(rows(schema))
    assume(layout_of(schema) is not None)
    props = {"schema_content": schema_to_json(schema).decode(), "schemas_enable": "true"}
    data_only = converter(schemas_enable="false").encode_batch(
        "t", [None if item is None else schema for item in items], items
    )
    done = check(data_only, **props)
    assert done or not is_certain(items) or not is_certain(defaults(schema))


def rewritten(draw: Any, node: Any) -> Any:
    """The same JSON in another order, or nearly the same: fields missing, more of them, other kinds of values."""
    if isinstance(node, dict):
        pairs = [(name, rewritten(draw, value)) for name, value in node.items()]
        change = draw(st.integers(0, 7))
        if change < 3:
            pairs = draw(st.permutations(pairs))
        elif change == 3 and pairs:
            pairs = pairs[1:]
        elif change == 4:
            pairs.append(("more", draw(st.sampled_from([None, 1, "x", {}, [1]]))))
        return dict(pairs)
    if isinstance(node, list):
        return [rewritten(draw, value) for value in node]
    if draw(st.integers(0, 15)) == 0:
        return draw(st.sampled_from([None, True, False, 0, -1, 300, 2**31, 2**63, 1.5, 1e300, "", "x", "AQ==", [], {}]))
    return node


def damaged(draw: Any, text: bytes) -> bytes:
    """With a few bytes changed, cut out, doubled or put in."""
    text = bytearray(text)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        piece = draw(
            st.sampled_from(
                [
                    *(
                        b" ",
                        b"\n",
                        b",",
                        b'"',
                        b"{",
                        b"}",
                        b"[",
                        b"]",
                        b":",
                        b"0",
                        b"-",
                        b".",
                        b"e",
                        b"\\",
                        b"\\u00e9",
                        b"\\/",
                    ),
                    *(
                        b"null",
                        b"true",
                        b"\xff",
                        b"\xc3",
                        b"\xc3\xa9",
                        b"\x00",
                        b"\\ud83d",
                        b"=",
                        b"1e3",
                        b"-0",
                        b"00",
                        b"1.0",
                    ),
                ]
            )
        )
        match draw(st.integers(0, 3)):
            case 0:
                text[at : at + 1] = piece
            case 1:
                text[at:at] = piece
            case 2:
                del text[at : at + draw(st.integers(1, 4))]
            case 3:
                text[at:at] = text[at : at + draw(st.integers(1, 20))]
    return bytes(text)


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_names_that_need_escapes(data: Any) -> None:
    """Such a struct is read by the definition alone, which knows more numbers."""
    schema = data.draw(native_schemas())
    items = data.draw(rows(schema))
    check(converter().encode_batch("t", [None if item is None else schema for item in items], items))


READ_ANYWAY = {"native": 0, "declined": 0, "refused": 0}


@given(st.data())
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_other_forms_are_read_alike_or_declined(data: Any) -> None:
    schema = data.draw(native_schemas(names=PLAIN_NAMES))
    items = [item for item in data.draw(rows(schema, 3)) if item is not None]
    assume(items and layout_of(schema) is not None)
    draw = data.draw
    plain = converter(schemas_enable="false")
    payloads = []
    for item in items:
        text = plain.from_connect_data("t", schema, item)
        assert text is not None
        if draw(st.booleans()):
            node = rewritten(draw, json.loads(text))
            gap = draw(st.sampled_from(["", " ", "\n\t"]))
            text = json.dumps(node, ensure_ascii=draw(st.booleans()), separators=("," + gap, ":" + gap)).encode(
                errors="surrogatepass"
            )
        if draw(st.booleans()):
            text = damaged(draw, text)
        payloads.append(text)
    prefix = b'{"schema":' + schema_to_json(schema) + b',"payload":'
    tail = draw(st.sampled_from([b"}", b"}", b"}", b" }", b"", b"}}", b"} "]))
    if draw(st.booleans()):
        column = Column([payload + tail for payload in payloads], [b"", prefix], [1] * len(payloads))
    else:
        column = Column([prefix + payload + tail for payload in payloads])
    replace = draw(st.sampled_from(["true", "false"]))
    done = check(column, replace_null_with_default=replace)
    refused = twin(converter(replace_null_with_default=replace), column) is None
    READ_ANYWAY["native" if done else "refused" if refused else "declined"] += 1


def test_more_than_the_common_form_was_read() -> None:
    """Of the test before: if all of it were declined, it would have compared nothing."""
    if sum(READ_ANYWAY.values()):
        assert READ_ANYWAY["native"] > sum(READ_ANYWAY.values()) // 10, READ_ANYWAY


def one(schema: Schema, payload: bytes) -> bool:
    """Whether a payload is read natively; if so, as the twin does."""
    prefix = b'{"schema":' + schema_to_json(schema) + b',"payload":'
    return check(Column([payload + b"}"], [b"", prefix], [1]))


@pytest.mark.parametrize(
    ("schema", "read", "declined"),
    [
        (
            INT32_SCHEMA,
            ["0", "-1", "2147483647", " 7 "],
            ["2147483648", "-0", "01", "1.0", "1e3", '"1"', "true", "null", ""],
        ),
        (INT64_SCHEMA, [str(2**63 - 1), str(-(2**63))], [str(2**63), str(-(2**63) - 1), "1" * 30]),
        (
            Schema(Type.FLOAT64),
            ["1.5", "-0.0", "1E5", "1e-7", "12", "4.9E-324"],
            ["1e400", "-0", "1.", '"NaN"', "1" * 25],
        ),
        (
            Schema(Type.FLOAT32),
            ["0.1", "1E38", "16777219.5", "1e300", "0"],
            ["1e400", "null", "7.038531E-26", "16777217"],
        ),
        (Schema(Type.BOOLEAN), ["true", "false"], ["1", '"true"', "tru", "null"]),
        (STRING_SCHEMA, ['""', '"\\u00e9\\ud83d\\ude00\\/\\n"', '"é😀"'], ['"\\ud83d"', '"\x01"', '"a', "1", '"\\x"']),
        (Schema(Type.BYTES), ['""', '"AQ=="', '"AQID"'], ['"AQ"', '"AR=="', '"A Q="', "1", '"AQ\\u003d="']),
        (
            decimal_builder(2).build(),
            ['"AQ=="', '"AAE="', "1.50", "-0.01", "0.00", "-0.00"],
            ['""', "1.5", "1", "1e2", '"x"', "true"],
        ),
        (decimal_builder(0).build(), ["0", "-12", '"/w=="'], ["1.0", "00", "1" * 40]),
        (date_builder().build(), ["0", "-719162", "2932896"], ["-719163", "2932897", '"1"', "1.0"]),
        (time_builder().build(), ["0", "86399999"], ["86400000", "-1"]),
        (
            timestamp_builder().build(),
            ["-62135596800000", "253402300799999"],
            ["-62135596800001", "253402300800000", str(2**63 - 1)],
        ),
        (
            SchemaBuilder.array(INT32_SCHEMA).build(),
            ["[]", "[1,2]", "[ 1 , 2 ]"],
            ["[1,]", "[,1]", "[1", "{}", "[null]", "1"],
        ),
        (
            SchemaBuilder.map(STRING_SCHEMA, INT32_SCHEMA).build(),
            ["{}", '{"a":1,"b":2}', '{ "a" : 1 }', '{"\\u0061":1}'],
            ['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"a":1,}', "[]", '{"a"}', "{1:1}"],
        ),
    ],
)
def test_forms_of_values(schema: Schema, read: list[str], declined: list[str]) -> None:
    for text in read:
        assert one(schema, text.encode()), text
    for text in declined:
        assert not one(schema, text.encode()), text


def pair() -> Schema:
    builder = SchemaBuilder.struct().field("a", INT32_SCHEMA).field("b", OPTIONAL_STRING_SCHEMA)
    return builder.field("c", SchemaBuilder.string().default("z").build()).build()


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{"a":1,"b":"x","c":"y"}', True),
        ('{"c":"y","b":"x","a":1}', True),
        ('{ "a" : 1 , "b" : null , "c":null }', True),
        ('{"a":1}', True),
        ('{"a":1,"c":"y"}', True),
        ('{"b":"x"}', False),
        ('{"a":null}', False),
        ('{"a":1,"a":2}', False),
        ('{"a":1,"more":2}', False),
        ('{"\\u0061":1}', False),
        ('{"a":1,}', False),
        ('{"a":1 "b":"x"}', False),
        ("{}", False),
        ("[]", False),
        ("null", False),
    ],
)
def test_forms_of_structs(text: str, read: bool) -> None:
    assert one(pair(), text.encode()) is read


def test_runs_of_several_schemas() -> None:
    """Null data belong to the run they are in, whatever they are made of."""
    schemas = [INT64_SCHEMA, pair()]
    items = [None, 1, None, 2, Struct(pair(), [1, None, "q"]), None, Struct(pair(), [2, "x", "q"]), 5, None]
    of = [schemas[0] if isinstance(item, int) else None if item is None else schemas[1] for item in items]
    column = converter().encode_batch("t", of, items)
    for shape in (column, column.packed(), Column(list(column)), Column(list(column)).packed()):
        runs = converter().decode_column("t", shape)
        assert runs is not None
        assert [run.length for run in runs] == [4, 3, 2]
        assert check(shape)
        assert check(shape.slice(2, 8))
    assert converter().decode_column("t", Column([])) == []
    assert converter().decode_column("t", Column([None, None])) == [DecodedRun(2, None, None)]
    alternating = converter().encode_batch("t", of[3:5] * 40, items[3:5] * 40)
    assert converter().decode_column("t", alternating) is None


def test_what_has_no_column() -> None:
    assert converter(schemas_enable="false").decode_column("t", Column([b"1"])) is None
    assert converter().decode_column("t", Column([b'{"schema":null,"payload":1}'])) is None
    assert converter().decode_column("t", Column([b'{"payload":1}'])) is None
    assert converter().decode_column("t", Column([b"nothing"])) is None
    assert converter().decode_column("t", Column([b'{"payload":1,"schema":{"type":"int32"}}'])) is None
    assert converter().decode_column("t", Column([b"1}"], [b"", b'{"schema":{"type":"no"},"payload":'], [1])) is None


def test_a_default_that_a_column_would_change() -> None:
    """A float may be given as an int, a moment with microseconds: the twin hands on just that object."""
    text = b'{"schema":{"type":"double","optional":true,"default":1},"payload":null}'
    assert check(Column([text]))
    schema = SchemaBuilder.float64().default(1).build()
    column = converter(replace_null_with_default="false").encode_batch("t", [schema], [2.5])
    assert check(column)


def test_long_columns() -> None:
    """Texts that stay the same, and change late; nulls in the meantime."""
    schema = SchemaBuilder.struct().field("s", OPTIONAL_STRING_SCHEMA).field("n", pair()).build()
    numbers = random.Random(3)
    for changed in (0, 1, 500, 1999, None):
        items = []
        for i in range(2_000):
            text = "other" if i == changed else "same"
            inner = Struct(pair(), [numbers.randrange(-(2**31), 2**31), text if i % 3 else None, "x" * (i % 40)])
            items.append(Struct(schema, [text if numbers.random() < 0.9 else None, inner]))
        column = converter().encode_batch("t", [schema] * 2_000, items)
        assert check(column)
        made = converter().decode_column("t", column)
        assert made is not None
        (run,) = made
        assert run.values is not None
        encoded = converter().encode_column("t", schema, run.values)
        assert encoded == column
        assert isinstance(encoded, PackedColumn)
