"""Values of PostgreSQL's texts in the Rust core, against the Python expressions of the same type plans, which define them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.native.same import shown

from headrace.data import Schema
from headrace.data.columns import layout_of
from headrace.native import core
from headrace.sources.postgres.types.mapping import PLAIN_TEXT, plan
from headrace.sources.postgres.types.modes import Modes
from headrace.sources.postgres.types.registry import ResolvedType, TypeRegistry
from headrace.sources.postgres.types.type_plan import TypePlan

pytestmark = pytest.mark.skipif(core is None, reason="needs the Rust core")

REGISTRY = TypeRegistry(lambda oids: {})
LABELS = ("sad", "ok", "ünwell", "with,comma")


def resolved(name: str, typmod: int = -1, labels: tuple[str, ...] | None = None) -> ResolvedType:
    return ResolvedType(7, name, name, "pg_catalog", typmod, False, labels, None)


def array_of(name: str, typmod: int = -1, labels: tuple[str, ...] | None = None) -> ResolvedType:
    return ResolvedType(8, f"_{name}", f"_{name}", "pg_catalog", typmod, False, None, resolved(name, typmod, labels))


def planned(type: ResolvedType, **modes: Any) -> tuple[TypePlan, Schema]:
    made = plan(type, REGISTRY, Modes(**modes))
    assert made is not None
    return made, made.builder().optional().build()


def by_twin(made: TypePlan, schema: Schema, text: bytes) -> Any:
    return eval(made.bytes_code, {**made.names, "SCHEMA": schema, "x": text})


def by_core(made: TypePlan, schema: Schema, text: bytes) -> Any:
    assert made.native is not None
    return core.pg_texts(made.native, [None, text]).values(layout_of(schema))[1]


def compared(type: ResolvedType, text: str, *, must: bool = True, **modes: Any) -> None:
    """The core answers what the twin does; where the twin fails, or with `must` unset, it may decline."""
    made, schema = planned(type, **modes)
    try:
        wanted = by_twin(made, schema, text.encode())
    except Exception:
        with pytest.raises(core.DeclinedError):
            by_core(made, schema, text.encode())
        return
    try:
        found = by_core(made, schema, text.encode())
    except core.DeclinedError:
        assert not must, f"{text!r} of {type.name} is declined"
        return
    assert shown(found) == shown(wanted)


times = st.sampled_from(
    ["adaptive", "adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds"]
)
fractions = st.integers(0, 999_999).map(lambda micros: f".{micros:06d}".rstrip("0").rstrip(".")) | st.just("")
dates = st.dates().map(str)
clocks = st.builds(lambda t, f: f"{t:%H:%M:%S}{f}", st.times(), fractions)
offsets = st.sampled_from(["+00", "+01", "-03:30", "+05:45", "-12", "+14", "+00:19:32"])
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
infinities = st.sampled_from(["infinity", "-infinity"])
odd = st.sampled_from([
    "", " ", "NaN", "0044-03-15 BC", "10000-01-01", "0000-01-01", "2020-02-30", "24:00:00", "24:00:01", "1_0", "+1", " 1",
    "-", "1.", ".5", "1e5", "t ", "T", "\\x0", "\\xzz", "{", "{}", "{{1},{2}}", "{1,}", "[0:1]={1,2}", "NULL", "12:60:00",
    "0044-03-15 10:00:00 BC", "2020-01-01 24:00:00", "1 day 1", "99999-01-01 00:00:00+00", "-0", "-0.00", "٣", "12:00", "1 fortnight",
])  # fmt: skip


@given(st.sampled_from(["int2", "int4", "int8", "oid"]), st.integers(-(2**63), 2**63 - 1).map(str))
def test_integers(name: str, text: str) -> None:
    compared(resolved(name), text)


@given(st.floats().map(repr).map(lambda t: {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(t, t)))
def test_floats(text: str) -> None:
    compared(resolved("float8"), text)
    compared(resolved("float4"), text)


@given(st.sampled_from(sorted(PLAIN_TEXT | {"json", "jsonb", "xml", "uuid", "ltree", "tsvector"})), words)
def test_texts(name: str, text: str) -> None:
    compared(resolved(name), text)


@given(st.binary(max_size=8))
@example(b"\xff")
def test_text_that_is_not_utf8_is_declined(raw: bytes) -> None:
    made, schema = planned(resolved("text"))
    try:
        raw.decode()
    except UnicodeDecodeError:
        with pytest.raises(core.DeclinedError):
            by_core(made, schema, raw)
    else:
        assert by_core(made, schema, raw) == raw.decode()


def test_truth_values_bits_and_labels() -> None:
    for text in ("t", "f"):
        compared(resolved("bool"), text)
    for text in ("0", "1"):
        compared(resolved("bit", 1), text)
        compared(resolved("varbit", 1), text)
    compared(resolved("varbit", 1), "")
    for text in (*LABELS, "", "unknown"):
        compared(resolved("mood", labels=LABELS), text)


@given(st.text("01", max_size=70))
def test_bit_strings(text: str) -> None:
    compared(resolved("varbit", 100), text)


decimals = st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.integers(-(10**60), 10**60).map(Decimal)


@given(decimals, st.integers(0, 8))
@example(Decimal("0.000"), 3)
@example(Decimal(-(10**300)), 2)
def test_decimals(number: Decimal, scale: int) -> None:
    text = f"{number:f}"
    places = len(text.partition(".")[2])
    fixed = (400 << 16 | places) + 4
    compared(resolved("numeric", fixed), text)
    compared(resolved("numeric", (400 << 16 | scale) + 4), text, must=False)
    for mode in ("precise", "string", "double"):
        compared(resolved("numeric"), text, decimals=mode)


@given(st.integers(-(10**12), 10**12))
@example(0)
def test_decimals_of_negative_scale(number: int) -> None:
    compared(resolved("numeric", (20 << 16 | (-3 & 0x7FF)) + 4), f"{number * 1000}")


@given(
    st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, 2, 3, 4]), st.sampled_from(["precise", "string", "double"])
)
@example(5, 2, "precise")
@example(-99999, 0, "double")
def test_money(cents: int, digits: int, mode: str) -> None:
    sign = "-" if cents < 0 else ""
    for text in (
        f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}",
        f"{sign}{abs(cents)} Ft.",
        f"({abs(cents)},5)",
    ):
        compared(resolved("money"), text, must=digits < 4, money_digits=digits, decimals=mode)


@given(st.binary(max_size=40), st.sampled_from(["bytes", "base64", "base64-url-safe", "hex"]))
def test_bytes(raw: bytes, mode: str) -> None:
    compared(resolved("bytea"), f"\\x{raw.hex()}", binary=mode)


@given(words, st.sampled_from(["bytes", "base64", "base64-url-safe", "hex"]))
def test_unknown_types(text: str, mode: str) -> None:
    compared(resolved("pg_snapshot"), text, binary=mode, include_unknown=True)


@given(dates, clocks, offsets, times, st.integers(-1, 6))
@example("0001-01-01", "00:00:00", "+01", "isostring", -1)
@example("9999-12-31", "23:59:59.999999", "-01", "nanoseconds", 6)
def test_dates_and_times(day: str, clock: str, offset: str, mode: str, typmod: int) -> None:
    compared(resolved("date"), day, times=mode)
    compared(resolved("time", typmod), clock, times=mode)
    compared(resolved("timetz"), clock + offset, times=mode)
    compared(resolved("timestamp", typmod), f"{day} {clock}", times=mode)
    compared(resolved("timestamptz", typmod), f"{day} {clock}+00", times=mode)
    compared(resolved("timestamptz", typmod), f"{day} {clock}{offset}", times=mode, must="0002" < day < "9998")


@given(infinities, times, st.integers(-1, 6))
def test_infinity_and_the_end_of_the_day(text: str, mode: str, typmod: int) -> None:
    for name in ("date", "timestamp", "timestamptz"):
        compared(resolved(name, typmod), text, times=mode)
    compared(resolved("time", typmod), "24:00:00", times=mode)
    compared(resolved("timetz"), "24:00:00+01", times=mode)


def _interval(parts: tuple[int, int, int, int, int]) -> str:
    years, months, days, seconds, micros = parts
    found = [
        f"{number} {unit}{'' if number == 1 else 's'}"
        for number, unit in ((years, "year"), (months, "mon"), (days, "day"))
        if number
    ]
    total = abs(seconds) * 1_000_000 + micros
    if total or not found:
        whole, fraction = divmod(total, 1_000_000)
        clock = f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
        clock += f".{fraction:06d}".rstrip("0") if fraction else ""
        found.append(("-" if seconds < 0 else "") + clock)
    return " ".join(found)


intervals = st.tuples(
    st.integers(-300, 300),
    st.integers(-11, 11),
    st.integers(-900, 900),
    st.integers(-(10**7), 10**7),
    st.integers(0, 999_999),
).map(_interval)


@given(intervals | infinities, st.sampled_from(["numeric", "string"]))
@example("00:00:00", "string")
@example("1 year 2 mons -3 days +04:05:06.789", "string")
@example("178000000 years", "numeric")
def test_intervals(text: str, mode: str) -> None:
    compared(resolved("interval"), text, interval=mode)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(
    st.lists(st.tuples(words, st.none() | words), max_size=14, unique_by=lambda pair: pair[0]),
    st.sampled_from(["json", "map"]),
)
def test_hstore(pairs: list[tuple[str, str | None]], mode: str) -> None:
    text = ", ".join(f"{quoted(k)}=>{'NULL' if v is None else quoted(v)}" for k, v in pairs)
    compared(resolved("hstore"), text, hstore=mode)


ELEMENTS: dict[str, st.SearchStrategy[str]] = {
    "int4": st.integers(-(2**31), 2**31 - 1).map(str),
    "text": words,
    "bool": st.sampled_from("tf"),
    "float8": st.floats(allow_nan=False, allow_infinity=False).map(repr),
    "numeric": decimals.map(lambda d: f"{d:f}"),
    "date": dates,
    "timestamptz": st.builds(lambda d, c: f"{d} {c}+00", dates, clocks),
    "uuid": st.uuids().map(str),
    "bytea": st.binary(max_size=9).map(lambda raw: f"\\x{raw.hex()}"),
    "tsvector": words,
}


@given(st.data(), st.sampled_from(sorted(ELEMENTS)))
def test_arrays(data: st.DataObject, name: str) -> None:
    items = data.draw(st.lists(st.none() | ELEMENTS[name], max_size=6))

    def item(text: str | None) -> str:
        if text is None:
            return "NULL"
        plain = text and text.upper() != "NULL" and not set(text) & set('{}," \\\t\n\r\v\f')
        return text if plain else quoted(text)

    for text in (f"{{{','.join(map(item, items))}}}", f"[3:{len(items) + 2}]={{{','.join(map(item, items))}}}"):
        if items or text.startswith("{"):
            compared(array_of(name), text, must=not (name == "tsvector" and None in items))


def test_arrays_of_labels_and_of_what_is_unknown() -> None:
    compared(array_of("mood", labels=LABELS), '{sad,"with,comma"}')
    compared(array_of("mood", labels=LABELS), "{sad,unknown}")
    compared(array_of("pg_snapshot"), '{1:2:,"3"}', include_unknown=True)
    compared(array_of("pg_snapshot"), '{1:2:,"3"}', include_unknown=True, binary="hex")


@given(st.floats(), st.floats())
def test_points_and_vectors(x: float, y: float) -> None:
    def number(value: float) -> str:
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(repr(value), repr(value))

    compared(resolved("point"), f"({number(x)},{number(y)})")
    compared(resolved("vector"), f"[{number(x)},{number(y)}]")


def test_geometries() -> None:
    for ewkb in (
        "010100000000000000000045C00000000000000040",
        "0101000020E610000000000000000045C00000000000000040",
        "00200000010000116140080000000000004010000000000000",
        "01",
        "0",
        "0101000020",
    ):
        compared(resolved("geometry"), ewkb)
        compared(resolved("geography"), ewkb)


NAMES = [
    *sorted(PLAIN_TEXT), "int4", "oid", "bool", "float8", "float4", "numeric", "money", "bytea", "bit", "varbit", "hstore", "point",
    "geometry", "vector", "date", "time", "timetz", "timestamp", "timestamptz", "interval", "json", "uuid",
]  # fmt: skip


@given(odd | words | dates | clocks, st.sampled_from(NAMES), st.integers(-1, 3), times)
def test_whatever_the_text_the_core_is_right_or_declines(text: str, name: str, typmod: int, mode: str) -> None:
    typmod = (6 << 16 | typmod) + 4 if name == "numeric" and typmod >= 0 else typmod
    made, schema = planned(resolved(name, typmod), times=mode)
    try:
        found = by_core(made, schema, text.encode())
    except core.DeclinedError:
        return
    assert shown(found) == shown(by_twin(made, schema, text.encode()))


@given(odd | words, st.sampled_from(["int4", "text", "numeric", "date", "bool"]))
def test_whatever_the_array_the_core_is_right_or_declines(text: str, name: str) -> None:
    for whole in (text, f"{{{text}}}", f"{{{text},{text}}}", f'{{"{text}"}}'):
        made, schema = planned(array_of(name))
        try:
            found = by_core(made, schema, whole.encode())
        except core.DeclinedError:
            continue
        assert shown(found) == shown(by_twin(made, schema, whole.encode()))


@given(words, st.integers(0, 12), words)
def test_masks(text: str, most: int, stars: str) -> None:
    from headrace.cdc.masks import ColumnMasks

    cut = ColumnMasks({f"column.truncate.to.{most}.chars": ".*"}).mask("a.b.c")
    assert cut is not None
    found = core.pg_texts(("masked", ("text", "text"), "text", most), [text.encode()])
    assert found.values(layout_of(planned(resolved("text"))[1])) == [cut.apply(text)]
    raw = text.encode()
    found = core.pg_texts(("masked", ("bytea", "bytes"), "bytes", most), [f"\\x{raw.hex()}".encode()])
    assert found.values(layout_of(planned(resolved("bytea"))[1])) == [raw[:most]]
    found = core.pg_texts(("masked", ("text", "text"), "stars", stars), [raw, None])
    assert found.values(layout_of(planned(resolved("text"))[1])) == [stars, None]


def test_wide_values_are_still_theirs() -> None:
    """Beyond Python's range a Connect value is one that knows its own number."""
    made, schema = planned(resolved("timestamp"), times="connect")
    assert shown(by_core(made, schema, b"infinity")) == shown(by_twin(made, schema, b"infinity"))
    assert by_core(made, schema, b"2020-01-02 03:04:05") == dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
