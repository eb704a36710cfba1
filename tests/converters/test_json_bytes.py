"""JsonConverter: the bytes of Kafka's released converter."""

from __future__ import annotations

import datetime as dt
import math
import struct
from decimal import Decimal
from typing import Any

import pytest

from headrace.converters.json import JsonConverter
from headrace.data import (
    FLOAT32_SCHEMA,
    FLOAT64_SCHEMA,
    INT8_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
    SchemaBuilder,
    Struct,
)
from headrace.data.logical import date_builder, decimal_builder, time_builder, timestamp_builder
from headrace.data.unchanged import UnchangedBytes, UnchangedList, UnchangedText
from headrace.errors import ConfigException, DataException
from headrace.spi.converter import Column


def converter(**settings: str) -> JsonConverter:
    made = JsonConverter()
    made.configure({name.replace("_", "."): value for name, value in settings.items()})
    return made


def payload(schema: Schema | None, value: Any, **settings: str) -> str:
    encoded = converter(schemas_enable="false", **settings).from_connect_data("t", schema, value)
    assert encoded is not None
    return encoded.decode()


STRUCT = (
    SchemaBuilder.struct()
    .optional()
    .name("N")
    .version(2)
    .doc("d")
    .field("a", SchemaBuilder.int32().default(5).build())
    .field("b", SchemaBuilder.string().optional().parameter("p", "q").build())
    .build()
)


def test_tombstone_only_without_schema_and_value() -> None:
    assert converter().from_connect_data("t", None, None) is None
    assert converter(schemas_enable="false").from_connect_data("t", None, None) is None
    assert converter(schemas_enable="false").from_connect_data("t", OPTIONAL_STRING_SCHEMA, None) == b"null"
    assert (
        converter().from_connect_data("t", OPTIONAL_STRING_SCHEMA, None)
        == b'{"schema":{"type":"string","optional":true},"payload":null}'
    )


def test_envelopes() -> None:
    assert converter().from_connect_data("t", None, {"a": 1}) == b'{"schema":null,"payload":{"a":1}}'
    assert converter().from_connect_data("t", STRUCT, Struct(STRUCT, [1, None])) == (
        b'{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"default":5,"field":"a"},'
        b'{"type":"string","optional":true,"parameters":{"p":"q"},"field":"b"}],"optional":true,"name":"N","version":2,'
        b'"doc":"d"},"payload":{"a":1,"b":null}}'
    )


def test_null_with_default() -> None:
    optional = SchemaBuilder.struct().field("c", SchemaBuilder.int32().optional().default(7).build()).build()
    assert payload(optional, Struct(optional, [None])) == '{"c":7}'
    assert payload(optional, Struct(optional, [None]), replace_null_with_default="false") == '{"c":null}'
    required = SchemaBuilder.struct().field("c", SchemaBuilder.int32().default(7).build()).build()
    with pytest.raises(DataException, match="null value for field that is required"):
        payload(required, Struct(required, [None]), replace_null_with_default="false")


def test_decimals() -> None:
    schema = decimal_builder(2).build()
    assert converter().from_connect_data("t", schema, Decimal("1.50")) == (
        b'{"schema":{"type":"bytes","optional":false,"name":"org.apache.kafka.connect.data.Decimal","version":1,'
        b'"parameters":{"scale":"2"}},"payload":"AJY="}'
    )
    assert payload(schema, Decimal("1.50"), decimal_format="numeric") == "1.50"
    assert payload(decimal_builder(-3).build(), Decimal("1E+3"), decimal_format="NUMERIC") == "1E+3"
    assert payload(schema, Decimal("-0.01")) == '"/w=="'
    for other_scale in ("7", "1.5", "1.505", "NaN"):
        with pytest.raises(DataException):
            payload(schema, Decimal(other_scale))
    numeric = converter(decimal_format="NUMERIC").from_connect_data("t", schema, Decimal("1.50"))
    assert converter().to_connect_data("t", numeric).value == Decimal("1.50")


def test_dates_are_integers() -> None:
    assert payload(date_builder().build(), dt.date(1970, 1, 3)) == "2"
    assert payload(time_builder().build(), dt.time(0, 0, 1, 5000)) == "1005"
    assert payload(timestamp_builder().build(), dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC)) == "1000"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (100.0, "100.0"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1e20, "1.0E20"),
        (1e-5, "1.0E-5"),
        (1.23456789e7, "1.23456789E7"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (0.001, "0.001"),
        (0.000999, "9.99E-4"),
        (-1.5e-9, "-1.5E-9"),
        (5e-324, "4.9E-324"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (2e23, "2.0E23"),
        (5, "5.0"),
        (math.nan, '"NaN"'),
        (math.inf, '"Infinity"'),
        (-math.inf, '"-Infinity"'),
    ],
)
def test_doubles(value: float, text: str) -> None:
    schema = SchemaBuilder.struct().field("f", FLOAT64_SCHEMA).build()
    assert payload(FLOAT64_SCHEMA, value) == text
    assert payload(schema, Struct(schema, [value])) == '{"f":' + text + "}"
    if isinstance(value, float):
        assert payload(None, value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (1e10, "1.0E10"),
        (16777216.0, "1.6777216E7"),
        (3.4028234663852886e38, "3.4028235E38"),
        (1.4e-45, "1.4E-45"),
        (1e39, '"Infinity"'),
        (math.nan, '"NaN"'),
        (0.0, "0.0"),
        (123.0, "123.0"),
    ],
)
def test_floats(value: float, text: str) -> None:
    assert payload(FLOAT32_SCHEMA, value) == text


def test_text_escapes() -> None:
    assert payload(STRING_SCHEMA, 'é/ "\\\n\t\x01\x1f\x0b\x7f\u2028\U0001f600') == (
        '"é/ \\"\\\\\\n\\t\\u0001\\u001F\\u000B\x7f\u2028\\uD83D\\uDE00"'
    )
    assert payload(STRING_SCHEMA, "\\u001f") == '"\\\\u001f"'
    odd = SchemaBuilder.struct().field('q"\x1f', STRING_SCHEMA).build()
    encoded = converter().from_connect_data("t", odd, Struct(odd, ["x"]))
    assert encoded is not None
    assert encoded.endswith(b'"payload":{"q\\"\\u001F":"x"}}')
    assert converter().to_connect_data("t", encoded).value == Struct(odd, ["x"])
    with pytest.raises(DataException):
        payload(STRING_SCHEMA, "\ud800")


def test_containers() -> None:
    assert payload(SchemaBuilder.array(OPTIONAL_INT32_SCHEMA).build(), [1, None]) == "[1,null]"
    assert payload(SchemaBuilder.map(STRING_SCHEMA, INT32_SCHEMA).build(), {"a": 1}) == '{"a":1}'
    assert payload(SchemaBuilder.map(INT32_SCHEMA, STRING_SCHEMA).build(), {1: "x"}) == '[[1,"x"]]'
    assert payload(None, {1: "x", "b": b"\x00\x96"}) == '[[1,"x"],["b","AJY="]]'


def test_unchanged_placeholders_are_their_base_type() -> None:
    schema = (
        SchemaBuilder.struct()
        .field("t", STRING_SCHEMA)
        .field("b", SchemaBuilder.bytes().build())
        .field("l", SchemaBuilder.array(STRING_SCHEMA).build())
        .build()
    )
    value = Struct(schema, [UnchangedText("__gone"), UnchangedBytes(b"ab"), UnchangedList(["__gone"])])
    assert payload(schema, value) == '{"t":"__gone","b":"YWI=","l":["__gone"]}'


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (INT32_SCHEMA, "1"),
        (INT32_SCHEMA, 2**31),
        (INT8_SCHEMA, True),
        (INT32_SCHEMA, None),
        (STRING_SCHEMA, 1),
        (STRING_SCHEMA, b"x"),
        (FLOAT64_SCHEMA, "1"),
        (decimal_builder(1).build(), 1.0),
        (date_builder().build(), 3),
        (STRUCT, {"a": 1}),
        (STRUCT, Struct(SchemaBuilder.struct().field("z", INT64_SCHEMA).build(), [1])),
        (None, Decimal(1)),
        (None, Struct(STRUCT, [1, None])),
        (SchemaBuilder.struct().field("i", INT32_SCHEMA).build(), 7),
    ],
)
def test_values_that_do_not_fit(schema: Schema | None, value: Any) -> None:
    with pytest.raises(DataException):
        payload(schema, value)


@pytest.mark.parametrize("field", [INT32_SCHEMA, STRING_SCHEMA, FLOAT64_SCHEMA, decimal_builder(1).build(), STRUCT])
@pytest.mark.parametrize("value", [True, [], {}, object()])
def test_wrong_types_inside_of_a_struct(field: Schema, value: Any) -> None:
    schema = SchemaBuilder.struct().field("f", field).build()
    with pytest.raises(DataException):
        payload(schema, Struct(schema, [value]))


def test_equal_struct_schema_is_accepted() -> None:
    def make() -> Schema:
        return SchemaBuilder.struct().field("i", INT32_SCHEMA).build()

    assert payload(make(), Struct(make(), [3])) == '{"i":3}'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[1]",
        b"1",
        b'{"schema":null}',
        b'{"payload":1}',
        b'{"schema":null,"payload":1,"x":2}',
        b'{"schema":{"type":"int77"},"payload":1}',
        b'{"schema":{"type":"int32"},"payload":null}',
        b'{"schema":{"type":"struct","fields":[{"type":"string","field":"a"}]},"payload":{"a":7}}',
        b'{"schema":{"type":"int32","default":null},"payload":7}',
        b'{"schema":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"1"}},"payload":""}',
        b'{"schema":{"type":"bytes"},"payload":"?"}',
        b'{"schema":{"type":"struct","fields":[{"type":"int32","field":"a"}]},"payload":{}}',
        b'{"schema":{"type":"struct","fields":[{"type":"int32"}]},"payload":{}}',
        b'{"schema":{"type":"array"},"payload":[]}',
        b'{"schema":{},"payload":[]}',
        b"\xff\xfe",
    ],
)
def test_data_that_is_refused(data: bytes) -> None:
    with pytest.raises(DataException):
        converter().to_connect_data("t", data)


def test_decoding_any_layout() -> None:
    made = converter()
    first = made.to_connect_data("t", b'{"schema":{"type":"int32","optional":false},"payload":7}')
    assert first == (INT32_SCHEMA, 7)
    assert made.to_connect_data("t", b'{"schema":{"type":"int32","optional":false},"payload":8}') == (INT32_SCHEMA, 8)
    swapped = b' { "payload" : 9 ,\n "schema" : { "optional" : false, "type" : "int32" } } '
    assert made.to_connect_data("t", swapped) == (INT32_SCHEMA, 9)
    with pytest.raises(DataException):
        made.to_connect_data("t", b'{"schema":{"type":"int32","optional":false},"payload":8,"more":1}')
    # As the original reads what is of another type: zero, false, null, or cut to size.
    assert made.to_connect_data("t", b'{"schema":{"type":"int32","optional":false},"payload":"x"}') == (INT32_SCHEMA, 0)
    assert made.to_connect_data("t", b'{"schema":{"type":"int8"},"payload":300}').value == 44
    assert made.to_connect_data("t", b'{"schema":{"type":"string"},"payload":7}').value is None
    # What Jackson takes beyond the standard.
    for odd in (
        b'{"schema":null,"payload":007}',
        b'{"schema":null,"payload":7} more',
        "\ufeff".encode() + b'{"schema":null,"payload":7}',
    ):
        assert made.to_connect_data("t", odd) == (None, 7)
    assert made.to_connect_data("t", b'{"schema":null,"payload":"\\ud800"}').value == "\ud800"
    assert made.to_connect_data("t", None) == (None, None)


def test_schema_objects_are_shared_between_records() -> None:
    made = converter()
    data = made.from_connect_data("t", STRUCT, Struct(STRUCT, [1, "x"]))
    first, second = made.to_connect_data("t", data), made.to_connect_data("t", data)
    assert first.schema is second.schema
    column = converter().encode_batch("t", [STRUCT] * 3, [Struct(STRUCT, [i, "x"]) for i in range(3)])
    assert len(column.prefixes) == 2
    assert len({id(item.schema) for item in made.decode_batch("t", column)}) == 1


def test_cache_is_bounded() -> None:
    made = converter(schemas_cache_size="2")
    for number in range(10):
        schema = SchemaBuilder.struct().name(f"s{number}").field("i", INT32_SCHEMA).build()
        data = converter().from_connect_data("t", schema, Struct(schema, [number]))
        assert made.to_connect_data("t", data) == (schema, Struct(schema, [number]))
    assert len(made._by_text) == len(made._by_prefix) == 2
    assert len(made._recent) <= 2


def test_unknown_and_missing_payload_fields() -> None:
    data = b'{"schema":' + (
        b'{"type":"struct","fields":[{"type":"int32","optional":true,"field":"a"},'
        b'{"type":"string","optional":true,"default":"d","field":"b"}],"optional":false},"payload":{"zz":[1]}}'
    )
    assert converter().to_connect_data("t", data).value.values == [None, "d"]
    keep = converter(replace_null_with_default="false")
    assert keep.to_connect_data("t", data).value.values == [None, None]


def test_fixed_schema() -> None:
    made = converter(schema_content='{"type":"struct","fields":[{"type":"int32","field":"a"}]}')
    decoded = made.to_connect_data("t", b'{"a":4}')
    assert decoded.value.get("a") == 4
    for schemas_enable in ("true", "false"):
        with pytest.raises(DataException) as refused:
            converter(schema_content='{"type":"nothing"}', schemas_enable=schemas_enable)
        assert refused.value.field == "schema.content"


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigException) as refused:
        converter(decimal_format="HEX")
    assert refused.value.field == "decimal.format"


def test_schemaless_numbers() -> None:
    made = converter(schemas_enable="false")
    assert made.to_connect_data("t", b'{"i":1,"f":1.0,"n":null,"l":[true]}').value == {
        "i": 1,
        "f": 1.0,
        "n": None,
        "l": [True],
    }
    assert isinstance(made.to_connect_data("t", b"1.0").value, float)
    assert made.to_connect_data("t", str(2**70).encode()).value == 2**70
    assert payload(None, 2**70) == str(2**70)


def test_decimals_are_read_in_both_forms_by_either_setting() -> None:
    schema = (
        SchemaBuilder.struct()
        .field("r", decimal_builder(2).build())
        .field("o", decimal_builder(2).optional().build())
        .field("d", decimal_builder(2).optional().default(Decimal("7.00")).build())
        .build()
    )
    head = converter().from_connect_data("t", schema, Struct(schema, [Decimal("1.50")] * 3)).split(b',"payload":')[0]
    for decimal_format in ("BASE64", "NUMERIC"):
        made = converter(decimal_format=decimal_format)
        for body, expected in (
            (b'{"r":"AJY=","o":1.50,"d":2}', ["1.50", "1.50", "2"]),
            (b'{"r":-1e2,"o":null,"d":null}', ["-100", None, "7.00"]),
            (b'{"r":"1234","o":"\\/w=="}', [None, "-0.01", "7.00"]),
        ):
            values = made.to_connect_data("t", head + b',"payload":' + body + b"}").value.values
            if expected[0] is not None:
                assert values[0] == Decimal(expected[0])
            assert values[1:] == [None if text is None else Decimal(text) for text in expected[1:]]
        for bad in (b'{"r":null}', b"{}", b'{"r":true}', b'{"r":[1]}', b'{"r":"?"}', b'{"r":""x}'):
            with pytest.raises(DataException):
                made.to_connect_data("t", head + b',"payload":' + bad + b"}")


def test_too_deep_data_is_refused() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    for enable in ("true", "false"):
        with pytest.raises(DataException):
            converter(schemas_enable=enable).to_connect_data("t", deep)
    with pytest.raises(DataException):
        converter().to_connect_data("t", b'{"schema":null,"payload":' + deep + b"}")
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(DataException):
        payload(None, nested)


def test_a_batch_with_an_empty_or_foreign_datum() -> None:
    column = converter().encode_batch("t", [STRUCT, None], [Struct(STRUCT, [1, "x"]), None])
    assert [item.value for item in converter().decode_batch("t", column)][1] is None
    broken = Column([b""], column.prefixes, [1])
    with pytest.raises(DataException):
        converter().decode_batch("t", broken)
    odd = Column([b'ma":{"type":"int8","optional":false},"payload":5}'], [b"", b'{"sche'], [1])
    assert converter().decode_batch("t", odd)[0].value == 5


@pytest.mark.parametrize(("bits", "text"), [(0x15AE43FD, b"7.038531E-26"), (0x15AE43FE, b"7.0385313E-26")])
def test_a_single_that_must_not_be_rounded_twice(bits: int, text: bytes) -> None:
    """7.038531E-26 as a double lies just between these two singles; the number itself is nearer to the first."""
    (value,) = struct.unpack(">f", bits.to_bytes(4, "big"))
    made = JsonConverter()
    made.configure({"schemas.enable": "true"})
    data = made.from_connect_data("t", FLOAT32_SCHEMA, value)
    assert data is not None
    assert data.endswith(b":" + text + b"}")
    assert made.to_connect_data("t", data).value == value
