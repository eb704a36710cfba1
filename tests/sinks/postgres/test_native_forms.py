"""COPY data made by the Rust core is, byte for byte, what the Python encoders make; what they refuse it declines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.sinks.postgres.kit import struct_schema
from tests.sinks.postgres.test_types import CASES, POINT, VSD, named, point, text, time_schema, vsd

from headrace.data import FLOAT32_SCHEMA, FLOAT64_SCHEMA, INT32_SCHEMA, Schema, SchemaBuilder, Struct
from headrace.data.columns import layout_of
from headrace.data.logical import date_builder, decimal_builder, time_builder, timestamp_builder
from headrace.native import core
from headrace.sinks.postgres.native_forms import native_encoder
from headrace.sinks.postgres.pieces import piece_for
from headrace.sinks.postgres.rowcode import Source, compile_encoder
from headrace.sinks.postgres.tables import TargetColumn
from headrace.sinks.postgres.unchanged import FieldSource

pytestmark = pytest.mark.skipif(core is None, reason="the Rust core is not built")

S, I32, I64, BYTES = SchemaBuilder.string, SchemaBuilder.int32, SchemaBuilder.int64, SchemaBuilder.bytes
plain = SchemaBuilder
ints = st.integers(-(2**63), 2**63 - 1)
iso_zones = st.sampled_from(["Z", "", "+00:00", "+05:30", "-11:45", "+01", "+02:00:10", "+24:00"])
clocks = st.builds("{:02}:{:02}:{:02}{}".format, st.integers(0, 25), st.integers(0, 60), st.integers(0, 60), st.sampled_from(["", ".1", ".123", ".123456", ".123456789", ".1234567891", "."]))  # fmt: skip
days = st.builds("{}-{:02}-{:02}".format, st.sampled_from(["0000", "0001", "1582", "1970", "2000", "2024", "9999", "12024", "-0044"]), st.integers(0, 13), st.integers(0, 32))  # fmt: skip
odd_texts = st.sampled_from(
    ["", "infinity", "-infinity", "NaN", "x", "\x00", " 1 ", "1_0", "٣", "1e5", "-.5", "1.", "1E-7", "0x1"]
)
moments = st.one_of(
    st.builds("{}T{}{}".format, days, clocks, iso_zones), st.datetimes().map(dt.datetime.isoformat), odd_texts, days
)
numbers = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True).map(str), st.integers().map(str), st.floats().map(repr), odd_texts
)
big = st.one_of(ints, st.integers(-(2**31), 2**31 - 1), st.integers(-(10**15), 10**15))
NESTED = struct_schema(
    {"a": plain.int64().optional().build(), "b\"\n": plain.string().optional().build(), "f": FLOAT64_SCHEMA,
     "x": plain.bytes().build(), "l": plain.array(plain.bool().optional().build()).build()}, optional=True)  # fmt: skip
nested = st.tuples(st.none() | ints, st.none() | text, st.floats(), st.binary(max_size=9), st.lists(st.none() | st.booleans(), max_size=3)).map(lambda v: Struct(NESTED, list(v)))  # fmt: skip
chars = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)

# name → (schema, column types, values)
uuids = st.uuids().map(str)
FORMS: dict[str, tuple[Schema, str, st.SearchStrategy[Any]]] = {
    "int8": (plain.int8().optional().build(), "int2 int4 int8 oid float4 float8 numeric text inet", st.integers(-128, 127)),
    "int32": (I32().build(), "int2 int4 int8 oid float4 float8 numeric varchar money", st.integers(-(2**31), 2**31 - 1)),
    "int64": (I64().optional().default(7).build(), "int2 int4 int8 oid float4 float8 numeric text", big),
    "float32": (FLOAT32_SCHEMA, "float4 float8 numeric text money", st.floats(width=32)),
    "float64": (FLOAT64_SCHEMA, "float4 float8 numeric text money", st.floats() | st.sampled_from([1e16, 1e15, 1e-4, 1e-5, 0.1, 1e22, 5e-324])),
    "bool": (plain.bool().build(), "bool int2 int4 int8 oid bit varbit text", st.booleans()),
    "str": (S().optional().build(), "text varchar bpchar name citext xml json jsonb uuid numeric inet tsvector", st.one_of(chars, numbers, st.uuids().map(str), st.uuids().map(lambda u: u.hex.upper()))),
    "str_default": (S().default("it is").build(), "text", chars),
    "uuid": (named(S(), "io.debezium.data.Uuid"), "uuid text", st.uuids().map(str) | chars),
    "json": (named(S(), "io.debezium.data.Json"), "json jsonb text", chars),
    "enum": (named(S(), "io.debezium.data.Enum", allowed="sad,ok"), "ENUM", chars),
    "bytes": (BYTES().optional().build(), "bytea text", st.binary(max_size=20)),
    "decimal": (decimal_builder(6).optional().build(), "numeric text money", st.decimals(places=6, allow_nan=False, allow_infinity=False)),
    "decimal0": (decimal_builder(0).build(), "numeric text", st.integers(-(10**80), 10**80).map(lambda n: decimal(n, 0))),
    "decimal7": (decimal_builder(7).build(), "numeric", st.integers(-(10**40), 10**40).map(lambda n: decimal(n, 7))),
    "decimal-3": (decimal_builder(-3).build(), "numeric", st.integers(-(10**40), 10**40).map(lambda n: decimal(n, -3))),
    "vsd": (VSD, "numeric text", st.one_of(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20).map(vsd))),
    "date": (date_builder().build(), "date timestamp timestamptz text", st.dates()),
    "date_days": (time_schema("Date", I32()), "date timestamp text", st.integers(-(2**31), 2**31 - 1) | st.sampled_from([-2_147_472_692, -2_147_472_691, 2_145_042_904, 2_145_042_905, -2_462_000, -2_462_001])),
    "date_iso": (time_schema("IsoDate", S()), "date timestamp text", st.one_of(days, st.builds("{}{}".format, days, iso_zones), odd_texts)),
    "time": (time_builder().build(), "time text", st.times().map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000))),
    "time_ms": (time_schema("Time", I32()), "time", st.integers(-(2**31), 2**31 - 1)),
    "time_us": (time_schema("MicroTime", I64()), "time", ints),
    "time_ns": (time_schema("NanoTime", I64()), "time", ints),
    "time_iso": (time_schema("IsoTime", S()), "time text", st.builds("{}{}".format, clocks, iso_zones) | odd_texts),
    "time_zoned": (time_schema("ZonedTime", S()), "time timetz text", st.builds("{}{}".format, clocks, iso_zones) | odd_texts),
    "datetime": (timestamp_builder().build(), "timestamp date text", st.datetimes().map(lambda d: d.replace(microsecond=d.microsecond // 1000 * 1000, tzinfo=dt.UTC))),
    "ts_ms": (time_schema("Timestamp", I64()), "timestamp timestamptz date", big),
    "ts_us": (time_schema("MicroTimestamp", I64()), "timestamp date", big | st.sampled_from([9_223_371_331_199_999_999, 9_223_371_331_200_000_000, -210_866_803_200_000_000, -210_866_803_200_000_001])),
    "ts_ns": (time_schema("NanoTimestamp", I64()), "timestamp date", ints | st.sampled_from([2**63 - 1, -(2**63)])),
    "ts_iso": (time_schema("IsoTimestamp", S()), "timestamp date text", moments),
    "ts_zoned": (time_schema("ZonedTimestamp", S()), "timestamp timestamptz text", moments),
    "interval_us": (time_schema("MicroDuration", I64()), "interval text", ints),
    "interval_ns": (time_schema("NanoDuration", I64()), "interval", ints),
    "interval_text": (time_schema("Interval", S()), "interval text", chars),
    "bits": (named(BYTES(), "io.debezium.data.Bits", length="11"), "bit varbit text", st.binary(max_size=4)),
    "bits_open": (named(BYTES(), "io.debezium.data.Bits", length=str(2**31 - 1)), "bit varbit", st.binary(max_size=4)),
    "point": (POINT, "point text", st.builds(point, st.floats(), st.floats())),
    "int_list": (plain.array(I32().optional().build()).optional().build(), "_int4 _int8 _numeric _text jsonb json text", st.lists(st.none() | st.integers(-5, 2**31 - 1), max_size=4)),
    "text_list": (plain.array(S().optional().build()).build(), "_text _varchar _uuid _inet _ENUM jsonb text", st.lists(st.none() | uuids, max_size=3) | st.lists(st.none() | chars | uuids, max_size=3)),
    "numeric_list": (plain.array(decimal_builder(2).build()).build(), "_numeric _money", st.lists(st.decimals(-(10**6), 10**6, places=2), max_size=3)),
    "float_list": (plain.array(FLOAT64_SCHEMA).build(), "_float8 _money vector jsonb", st.lists(st.floats(), max_size=3)),
    "list_list": (plain.array(plain.array(I32().build()).build()).build(), "jsonb text", st.lists(st.lists(st.integers(0, 9), max_size=2), max_size=2)),
    "map": (plain.map(S().build(), S().optional().build()).build(), "hstore jsonb json text", st.dictionaries(chars, st.none() | chars, max_size=3)),
    "struct": (NESTED, "jsonb json text", nested),
    "struct_list": (plain.array(NESTED).build(), "jsonb", st.lists(st.none() | nested, max_size=2)),
}  # fmt: skip
PYTHON_ONLY = {
    ("date", "text"), ("date_days", "text"), ("date_iso", "text"), ("time", "text"), ("datetime", "text"), ("vsd", "text"),
    ("interval_us", "text"), ("bits", "text"), ("point", "text"), ("float_list", "vector"),
}  # fmt: skip
"""Pairs that have no native form; all others have one."""


def decimal(unscaled: int, scale: int) -> Any:
    from headrace.data.logical import bytes_to_decimal, int_to_bytes

    return bytes_to_decimal(int_to_bytes(unscaled), scale)


def column(typname: str) -> TargetColumn:
    enum = "ENUM" in typname
    element = (1007, typname[1:], enum) if typname[0] == "_" else None
    return TargetColumn("c", typname, typname, typname == "ENUM", 9 if typname == "bit" else -1, element, False, False)


def encoders(schema: Schema, typname: str, null_to_default: bool) -> tuple[Any, Any]:
    target = column(typname)
    piece = piece_for(schema, target.typname, target.is_enum, target.typmod, target.element)
    default = schema.default if null_to_default else None
    source = Source("c", "r", 0, piece, not schema.optional and schema.default is None, default)
    field = FieldSource("c", "r", 0, schema)
    return compile_encoder([source]), native_encoder([source], [(field, target)])


def natively(encoder: Any, schema: Schema, values: Sequence[Any]) -> bytes | None:
    row = struct_schema({"c": schema})
    layout = layout_of(row)
    assert layout is not None
    try:
        block = core.Column.of(layout, [Struct(row, [value]) for value in values])
        rules = core.SinkRules(
            envelope=None, key="none", key_fields=[], on_null="error", deletes=False, keep_all=True, marks=[], fields=1
        )
        rows = rules.sort([(len(values), None, block, [])], None)
        return b"".join(encoder.pieces(rows, 0, -1, 16))
    except core.DeclinedError:
        return None


PAIRS = [(name, typname) for name, (_, typnames, _) in FORMS.items() for typname in typnames.split()]


@pytest.mark.parametrize(("name", "typname"), PAIRS)
def test_the_same_bytes(name: str, typname: str) -> None:
    schema, _, strategy = FORMS[name]
    if (name, typname) in PYTHON_ONLY:
        assert encoders(schema, typname, False)[1] is None
        return
    seen = {"same": 0, "tried": 0}

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(st.none() | strategy, min_size=1, max_size=3), st.booleans())
    @example([None], True)
    def check(values: list[Any], null_to_default: bool) -> None:
        python, native = encoders(schema, typname, null_to_default)
        assert native is not None
        ours = natively(native, schema, values)
        seen["tried"] += 1
        try:
            theirs = python([((), [value]) for value in values])
        except Exception:
            assert ours is None
        else:
            assert ours in (None, theirs)
            seen["same"] += ours is not None

    check()
    assert seen["same"] * 20 >= seen["tried"], seen


def test_every_kind_of_the_type_tests_is_native() -> None:
    for name, (schema, sql, _, _) in CASES.items():
        typname = {"boolean": "bool", "bigint": "int8", "int[]": "_int4", "mood": "ENUM", "amount": "numeric"}.get(
            sql, sql
        )
        typname = "_" + typname[:-2] if typname.endswith("[]") else typname
        typname = typname.replace("mood", "ENUM").split("(")[0]
        assert encoders(schema, typname, False)[1] is not None, name


def test_a_null_that_has_to_be_a_value_is_declined() -> None:
    _, native = encoders(INT32_SCHEMA, "int4", True)
    assert natively(native, SchemaBuilder.int32().optional().build(), [1, None]) is None
    assert natively(native, INT32_SCHEMA, [1, 2]) is not None
