"""Columns written by the Rust core are byte for byte what the Python encoder writes; what that one refuses, the core declines."""

from __future__ import annotations

import math
import random
import struct
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.converters.native_strategies import native_schemas, punched, rows, shaped_column

from headrace.converters.json import JsonConverter
from headrace.data import (
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
    SchemaBuilder,
    Struct,
    Type,
)
from headrace.data.columns import layout_of
from headrace.data.logical import decimal_builder
from headrace.errors import DataException
from headrace.native import core

pytestmark = pytest.mark.skipif(core is None, reason="the Rust core is not built")

SETTINGS = [
    {"schemas.enable": enable, "decimal.format": form, "replace.null.with.default": replace}
    for enable in ("true", "false")
    for form in ("BASE64", "NUMERIC")
    for replace in ("true", "false")
]


def converter(props: dict[str, str] | None = None) -> JsonConverter:
    made = JsonConverter()
    made.configure(props or {})
    return made


def twin(made: JsonConverter, schema: Schema, items: list[Any]) -> list[bytes | None] | None:
    """What the definition writes, None where it refuses."""
    try:
        return list(made.encode_batch("t", [None if item is None else schema for item in items], items))
    except DataException:
        return None


@given(st.data())
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_columns_equal_the_twin(data: Any) -> None:
    schema = data.draw(native_schemas())
    items = data.draw(rows(schema))
    if data.draw(st.integers(0, 4)) == 0:
        items = [punched(data.draw, schema, item) for item in items]
    assume(layout_of(schema) is not None)
    column = shaped_column(data.draw, schema, items)
    made = converter(data.draw(st.sampled_from(SETTINGS)))
    expected = twin(made, schema, items)
    encoded = made.encode_column("t", schema, column)
    assert (None if encoded is None else list(encoded)) == expected


def column(schema: Schema, items: list[Any]) -> Any:
    return core.Column.of(layout_of(schema), items)


def check(schema: Schema, items: list[Any], props: dict[str, str] | None = None) -> None:
    made = converter(props or {"schemas.enable": "false"})
    encoded = made.encode_column("t", schema, column(schema, items))
    assert encoded is not None
    expected = twin(made, schema, items)
    assert expected is not None
    for item, text, wanted in zip(items, encoded, expected, strict=True):
        assert text == wanted, item


def test_doubles_of_all_sizes() -> None:
    numbers = random.Random(5)
    bits = (
        [numbers.getrandbits(64) for _ in range(20_000)]
        + [exponent << 52 for exponent in range(2047)]
        + list(range(50))
    )
    doubles = [struct.unpack("<d", one.to_bytes(8, "little"))[0] for one in bits]
    doubles += [round(numbers.uniform(-1e8, 1e8), numbers.randrange(6)) for _ in range(5_000)]
    doubles += [10.0**e for e in range(-30, 30)] + [0.001, 1e7, math.nextafter(1e7, 0), math.nextafter(0.001, 0), -0.0]
    doubles += [math.inf, -math.inf, math.nan]
    check(Schema(Type.FLOAT64), doubles)


def test_singles_of_all_sizes() -> None:
    numbers = random.Random(6)
    bits = (
        [numbers.getrandbits(32) for _ in range(20_000)] + [exponent << 23 for exponent in range(256)] + list(range(50))
    )
    bits += [(exponent << 23) + delta for exponent in range(1, 255) for delta in (-1, 1)] + [0x15AE43FD, 0x15AE43FE]
    check(Schema(Type.FLOAT32), [struct.unpack("<f", one.to_bytes(4, "little"))[0] for one in bits])


def test_every_character() -> None:
    text = [chr(code) for code in range(0x11_0000) if not 0xD800 <= code < 0xE000]
    check(STRING_SCHEMA, text[:0x1000] + ["".join(text[at : at + 999]) for at in range(0, len(text), 999)])


@pytest.mark.parametrize("form", ["BASE64", "NUMERIC"])
@pytest.mark.parametrize("scale", [-2, 0, 2, 30])
def test_decimals_of_all_sizes(form: str, scale: int) -> None:
    numbers = random.Random(7)
    unscaled = [sign * (2**power + delta) for power in range(0, 300, 3) for delta in (-1, 0, 1) for sign in (1, -1)]
    unscaled += [10**power for power in range(60)] + [numbers.getrandbits(8000)]
    items = [Decimal((int(one < 0), tuple(map(int, str(abs(one)))), -scale)) for one in unscaled]
    check(decimal_builder(scale).build(), items, {"schemas.enable": "false", "decimal.format": form})


def test_a_decimal_of_another_scale_is_no_column() -> None:
    """The twin refuses or keeps its digits; as unscaled bytes they would be lost."""
    layout = layout_of(decimal_builder(2).build())
    for value in (Decimal("1.5"), Decimal("1.500"), Decimal("-0.00"), Decimal("NaN")):
        with pytest.raises(core.DeclinedError):
            core.Column.of(layout, [value])


def test_null_rows_carry_no_schema() -> None:
    made = converter()
    encoded = made.encode_column("t", INT64_SCHEMA, column(INT64_SCHEMA, [1, None, 3]))
    assert encoded is not None
    assert list(encoded) == list(made.encode_batch("t", [INT64_SCHEMA, None, INT64_SCHEMA], [1, None, 3]))
    assert encoded.has_null
    assert encoded.size == len(b"1}3}")
    empty = made.encode_column("t", INT64_SCHEMA, column(INT64_SCHEMA, []))
    assert empty is not None
    assert list(empty) == []


def test_what_the_twin_refuses_is_declined() -> None:
    schema = SchemaBuilder.struct().field("n", INT32_SCHEMA).build()
    assert converter().encode_column("t", schema, column(schema, [Struct(schema, [None])])) is None
    too_large = core.Column.structure(2, [core.Column.ints([1, 2**31])])
    assert converter().encode_column("t", schema, too_large) is None
    assert converter().encode_column("t", schema, core.Column.structure(1, [core.Column.constant(2**31, 1)])) is None
    assert converter().encode_column("t", schema, core.Column.structure(1, [core.Column.constant("text", 1)])) is None


def test_a_column_is_as_good_as_its_size() -> None:
    """Many rows, long texts, and the rows that a filter leaves."""
    schema = SchemaBuilder.struct().field("a", STRING_SCHEMA).field("b", OPTIONAL_STRING_SCHEMA).build()
    items = [
        Struct(schema, ["x" * (i % 70), None if i % 5 == 0 else f'"{i}"' * (i % 3)]) if i % 7 else None
        for i in range(3_000)
    ]
    check(schema, items)
    made = converter()
    keep = [i for i in range(3_000) if i % 3]
    encoded = made.encode_column("t", schema, column(schema, items).take(keep))
    assert encoded is not None
    assert list(encoded) == twin(made, schema, [items[i] for i in keep])
