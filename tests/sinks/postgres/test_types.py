"""Every kind of value arrives as it was, in tables the sink makes and in tables with richer types. The server is the judge."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.sinks.postgres.kit import UPSERT, Sink, Topic, struct_schema

from headrace.data import (
    FLOAT32_SCHEMA,
    FLOAT64_SCHEMA,
    INT16_SCHEMA,
    INT32_SCHEMA,
    Schema,
    SchemaBuilder,
    Struct,
)
from headrace.data.logical import (
    bytes_to_decimal,
    date_builder,
    decimal_builder,
    int_to_bytes,
    time_builder,
    timestamp_builder,
)
from headrace.systems.postgres import PgTarget, connect
from headrace.testing.servers import PostgresServer


def named(builder: SchemaBuilder, name: str, **parameters: str) -> Schema:
    return builder.name(name).parameters(parameters).optional().build()


def time_schema(name: str, builder: SchemaBuilder) -> Schema:
    return named(builder, f"io.debezium.time.{name}")


S, I32, I64 = SchemaBuilder.string, SchemaBuilder.int32, SchemaBuilder.int64
VSD = struct_schema(
    {"scale": INT32_SCHEMA, "value": SchemaBuilder.bytes().build()}, "io.debezium.data.VariableScaleDecimal", True
)
POINT = struct_schema({"x": FLOAT64_SCHEMA, "y": FLOAT64_SCHEMA}, "io.debezium.data.geometry.Point", True)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
US = dt.timedelta(microseconds=1)


def micros(value: dt.datetime) -> int:
    return (value - EPOCH) // US


def point(x: float, y: float) -> Struct:
    return Struct(POINT, [x, y])


def vsd(value: Decimal) -> Struct:
    _, digits, exponent = value.as_tuple()
    unscaled = int("".join(map(str, digits))) * (-1 if value < 0 else 1)
    return Struct(VSD, [-int(exponent), int_to_bytes(unscaled)])


finite = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**25), max_value=10**25)
text = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
moments = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)).map(lambda d: d.replace(tzinfo=dt.UTC))
times = st.times()
dates = st.dates()

# name → (schema, column type of an existing table, values, what reading the column back must give)
Case = tuple[Schema, str, st.SearchStrategy[Any], Callable[[Any], Any]]


def same(value: Any) -> Any:
    return value


def naive(value: dt.datetime) -> dt.datetime:
    return value.replace(tzinfo=None)


CASES: dict[str, Case] = {
    "int8": (SchemaBuilder.int8().optional().build(), "int2", st.integers(-128, 127), same),
    "int16": (SchemaBuilder.int16().optional().build(), "int8", st.integers(-(2**15), 2**15 - 1), same),
    "int32": (I32().optional().build(), "numeric(20,2)", st.integers(-(2**31), 2**31 - 1), same),
    "int64": (I64().optional().build(), "bigint", st.integers(-(2**63), 2**63 - 1), same),
    "int_text": (I64().optional().build(), "bigint", st.integers(-(2**63), 2**63 - 1), same),
    "float64": (SchemaBuilder.float64().optional().build(), "float8", st.floats(allow_nan=False), same),
    "bool": (SchemaBuilder.bool().optional().build(), "boolean", st.booleans(), same),
    "str": (S().optional().build(), "varchar", text, same),
    "bytes": (SchemaBuilder.bytes().optional().build(), "bytea", st.binary(max_size=40), same),
    "decimal": (decimal_builder(6).optional().build(), "numeric(40,6)", finite, same),
    "vsd": (VSD, "numeric", finite.map(vsd), lambda v: bytes_to_decimal(v.values[1], v.values[0])),
    "date": (date_builder().optional().build(), "date", dates, same),
    "date_days": (time_schema("Date", I32()), "date", dates.map(lambda d: d.toordinal() - 719163), lambda v: dt.date.fromordinal(v + 719163)),
    "date_iso": (time_schema("IsoDate", S()), "date", dates.map(lambda d: d.isoformat() + "Z"), lambda v: dt.date.fromisoformat(v[:10])),
    "time": (time_builder().optional().build(), "time", times.map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000)), same),
    "time_us": (time_schema("MicroTime", I64()), "time", times.map(lambda t: (dt.datetime.combine(EPOCH, t) - dt.datetime(1970, 1, 1)) // US), lambda v: (dt.datetime(1970, 1, 1) + v * US).time()),
    "time_iso": (time_schema("IsoTime", S()), "time", times.map(lambda t: t.isoformat() + "Z"), lambda v: dt.time.fromisoformat(v[:-1])),
    "timetz": (time_schema("ZonedTime", S()), "timetz", times.map(lambda t: t.isoformat() + "Z"), lambda v: dt.time.fromisoformat(v)),
    "datetime": (timestamp_builder().optional().build(), "timestamp", moments.map(lambda d: d.replace(microsecond=d.microsecond // 1000 * 1000)), naive),
    "ts_ms": (time_schema("Timestamp", I64()), "timestamp", moments.map(lambda d: micros(d) // 1000), lambda v: naive(EPOCH + v * 1000 * US)),
    "ts_us": (time_schema("MicroTimestamp", I64()), "timestamp", moments.map(micros), lambda v: naive(EPOCH + v * US)),
    "ts_ns": (time_schema("NanoTimestamp", I64()), "timestamp", moments.map(lambda d: micros(d) * 1000), lambda v: naive(EPOCH + v // 1000 * US)),
    "ts_zoned": (time_schema("ZonedTimestamp", S()), "timestamptz", moments.map(lambda d: d.isoformat().replace("+00:00", "Z")), lambda v: dt.datetime.fromisoformat(v)),
    "interval": (time_schema("MicroDuration", I64()), "interval", st.integers(-(10**15), 10**15), lambda v: v * US),
    "uuid": (named(S(), "io.debezium.data.Uuid"), "uuid", st.uuids().map(str), uuid.UUID),
    "json": (named(S(), "io.debezium.data.Json"), "jsonb", st.dictionaries(text, st.integers() | text, max_size=3).map(json.dumps), json.loads),
    "bits": (named(SchemaBuilder.bytes(), "io.debezium.data.Bits", length="11"), "bit(11)", st.integers(0, 2047).map(lambda n: n.to_bytes(2, "little")), lambda v: format(int.from_bytes(v, "little"), "011b")),
    "enum": (named(S(), "io.debezium.data.Enum", allowed="sad,ok"), "mood", st.sampled_from(["sad", "ok"]), same),
    "ints": (SchemaBuilder.array(I32().optional().build()).optional().build(), "int[]", st.lists(st.none() | st.integers(0, 99), max_size=5), same),
    "texts": (SchemaBuilder.array(S().optional().build()).optional().build(), "text[]", st.lists(st.none() | text, max_size=5), same),
    "moods": (SchemaBuilder.array(S().build()).optional().build(), "mood[]", st.lists(st.sampled_from(["sad", "ok"]), max_size=3), same),
    "numerics": (SchemaBuilder.array(decimal_builder(2).build()).optional().build(), "numeric[]", st.lists(st.decimals(-(10**6), 10**6, places=2), max_size=3), same),
    "inet": (S().optional().build(), "inet", st.ip_addresses(v=4).map(str), same),
    "map": (SchemaBuilder.map(S().build(), S().build()).optional().build(), "jsonb", st.dictionaries(text, text, max_size=3), same),
    "domain": (decimal_builder(6).optional().build(), "amount", finite, same),
}  # fmt: skip
READ_AS_TEXT = {"inet": "host({})", "enum": "{}::text", "moods": "{}::text[]", "bits": "{}::text"}

ROW = {"id": INT32_SCHEMA, **{name: case[0] for name, case in CASES.items()}}
rows = st.fixed_dictionaries({name: st.none() | case[2] for name, case in CASES.items()})


class Bench:
    def __init__(self, server: PostgresServer, dbname: str, existing: bool) -> None:
        self.sql = connect(PgTarget(server.host, server.port, dbname, server.user, server.password))
        self.sql.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
        self.sql.execute("CREATE DOMAIN amount AS numeric(40,6) CHECK (VALUE > -1e30)")
        if existing:
            columns = ", ".join(f'"{name}" {case[1]}' for name, case in CASES.items())
            self.sql.execute(f"CREATE TABLE t (id int PRIMARY KEY, {columns})")  # type: ignore[arg-type]
        self.existing = existing
        self.topic = Topic(row=ROW)
        self.sink = Sink(server, dbname, UPSERT)
        self.id = 0

    def check(self, values: dict[str, Any]) -> None:
        self.id += 1
        self.sink.put(self.topic.flat(self.id, *(values[name] for name in CASES)))
        shown = ", ".join(
            READ_AS_TEXT.get(name, "{}").format(f'"{name}"') if self.existing or name in ("bits",) else f'"{name}"'
            for name in CASES
        )
        found = self.sql.execute(f"SELECT {shown} FROM t WHERE id = {self.id}").fetchone()  # type: ignore[arg-type]
        assert found is not None
        for (name, case), got in zip(CASES.items(), found, strict=True):
            value = values[name]
            assert got == (None if value is None else case[3](value)), name


@pytest.mark.parametrize("existing", [False, True], ids=["created", "existing"])
def test_round_trip(postgres: PostgresServer, make_database: Callable[..., str], existing: bool) -> None:
    bench = Bench(postgres, make_database(), existing)

    @settings(
        max_examples=30,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(rows)
    def every_row(values: dict[str, Any]) -> None:
        bench.check(values)

    every_row()
    bench.sink.stop()
    bench.sql.close()


@pytest.mark.parametrize(
    ("schema", "column", "value", "shown"),
    [
        (time_schema("ZonedTimestamp", S()), "timestamptz", "+294247-01-10T04:00:54.775807Z", "infinity"),
        (time_schema("ZonedTimestamp", S()), "timestamptz", "2024-05-06T07:08:09.5+02:00", "2024-05-06 05:08:09.5+00"),
        (time_schema("ZonedTimestamp", S()), "timestamptz", "+12024-05-06T07:08:09.123456Z", "12024-05-06 07:08:09.123456+00"),
        (time_schema("ZonedTimestamp", S()), "timestamptz", "-0043-03-15T10:00:00Z", "0044-03-15 10:00:00+00 BC"),
        (time_schema("MicroTimestamp", I64()), "timestamp", 9223372036825200000, "infinity"),
        (time_schema("MicroTimestamp", I64()), "timestamp", -9223372036832400000, "-infinity"),
        (time_schema("MicroTime", I64()), "time", 86_400_000_000, "24:00:00"),
        (time_schema("ZonedTime", S()), "timetz", "10:11:12.5+05:30", "10:11:12.5+05:30"),
        (time_schema("Interval", S()), "interval", "P1Y2M3DT4H5M6.789S", "1 year 2 mons 3 days 04:05:06.789"),
        (decimal_builder(2).optional().build(), "numeric", Decimal("12345678901234567890123456789012345678.90"), "12345678901234567890123456789012345678.90"),
        (decimal_builder(0).optional().build(), "numeric", Decimal(0), "0"),
        (decimal_builder(3).optional().build(), "numeric", Decimal("-0.001"), "-0.001"),
        (decimal_builder(2).optional().build(), "money", Decimal("12.30"), "$12.30"),
        (decimal_builder(2).optional().build(), "text", Decimal("12.30"), "12.30"),
        (S().optional().build(), "numeric", "NaN", "NaN"),
        (S().optional().build(), "numeric", "-Infinity", "-Infinity"),
        (S().optional().build(), "int4range", "[1,5)", "[1,5)"),
        (S().optional().build(), "char(5)", "ab", "ab"),
        (SchemaBuilder.bool().optional().build(), "bit(1)", True, "1"),
        (SchemaBuilder.bool().optional().build(), "int", True, "1"),
        (named(SchemaBuilder.bytes(), "io.debezium.data.Bits", length="2147483647"), "varbit", b"\x05", "00000101"),
        (POINT, "point", Struct(POINT, [1.5, -2.0]), "(1.5,-2)"),
        (POINT, "text", Struct(POINT, [1.5, -2.0]), "(1.5,-2.0)"),
        (named(S(), "io.debezium.data.Tsvector"), "tsvector", "'fat':1 'rat':2", "'fat':1 'rat':2"),
        (SchemaBuilder.array(FLOAT64_SCHEMA).name("io.debezium.data.DoubleVector").optional().build(), "float8[]", [1.5, 2.0], "{1.5,2}"),
        (SchemaBuilder.array(FLOAT32_SCHEMA).optional().build(), "real[]", [1.5], "{1.5}"),
        (SchemaBuilder.array(named(S(), "io.debezium.data.Uuid")).optional().build(), "uuid[]", ["12345678-1234-1234-1234-123456789012"], "{12345678-1234-1234-1234-123456789012}"),
        (SchemaBuilder.array(S().build()).optional().build(), "inet[]", ["10.0.0.1", "::1"], "{10.0.0.1,::1}"),
        (SchemaBuilder.array(S().build()).optional().build(), "jsonb", ["a"], '["a"]'),
        (struct_schema({"a": INT16_SCHEMA}, None, True), "json", Struct(struct_schema({"a": INT16_SCHEMA}), [1]), '{"a":1}'),
        (I64().optional().build(), "oid", 4294967295, "4294967295"),
        (I64().optional().build(), "varchar", 12, "12"),
        (time_schema("Date", I32()), "text", 1, "1970-01-02"),
        (time_schema("Date", I32()), "timestamp", 1, "1970-01-02 00:00:00"),
        (time_schema("MicroTimestamp", I64()), "text", 1, "1970-01-01T00:00:00.000001+00:00"),
    ],
)  # fmt: skip
def test_special_values(
    postgres: PostgresServer, make_database: Callable[..., str], schema: Schema, column: str, value: Any, shown: str
) -> None:
    name = make_database()
    with connect(PgTarget(postgres.host, postgres.port, name, postgres.user, postgres.password)) as sql:
        sql.execute("SET lc_monetary = 'C'")
        sql.execute(f"CREATE TABLE t (id int PRIMARY KEY, v {column})")  # type: ignore[arg-type]
        sink = Sink(postgres, name, UPSERT)
        sink.put(Topic(row={"id": INT32_SCHEMA, "v": schema}).flat(1, value))
        sink.stop()
        assert sql.execute("SELECT v::text FROM t").fetchone() == (shown,)


def test_types_of_created_columns(postgres: PostgresServer, make_database: Callable[..., str]) -> None:
    bench = Bench(postgres, make_database(), existing=False)
    bench.check(dict.fromkeys(CASES))
    found = dict(
        bench.sql.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0"
        ).fetchall()
    )
    expected = {
        "id": "integer", "int16": "smallint", "int64": "bigint", "float64": "double precision", "bool": "boolean", "str": "text",
        "bytes": "bytea", "decimal": "numeric", "vsd": "numeric", "date_days": "date", "time": "time(3) without time zone",
        "time_us": "time(6) without time zone", "timetz": "time with time zone", "ts_ms": "timestamp(3) without time zone",
        "ts_zoned": "timestamp with time zone", "interval": "interval", "uuid": "uuid", "json": "jsonb", "bits": "bit(11)",
        "enum": "text", "ints": "integer[]", "texts": "text[]", "map": "jsonb",
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    bench.sink.stop()
    bench.sql.close()
