"""PostgreSQL's binary values in the Rust core, against its texts: a real server sends both, the Python twin says what the texts mean."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.native.test_pg_values import by_twin, shown
from tests.parity.postgres.lab import Lab

from headrace.data.columns import layout_of
from headrace.native import core
from headrace.sources.postgres.types.mapping import plan
from headrace.sources.postgres.types.modes import Modes
from headrace.sources.postgres.types.registry import ResolvedType, TypeRegistry
from headrace.sources.postgres.types.wires import wire_of
from headrace.systems.postgres import introspect
from headrace.systems.postgres.target import TEXT_FORMAT
from headrace.testing.servers import PostgresServer

pytestmark = pytest.mark.skipif(core is None, reason="needs the Rust core")

MODES = [
    *(Modes(decimals=one) for one in ("precise", "string", "double")),
    *(
        Modes(times=one)
        for one in ("adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds")
    ),
    *(Modes(binary=one, include_unknown=True) for one in ("bytes", "base64", "base64-url-safe", "hex")),
    Modes(interval="string"),
]
FLOATS = {"float4", "float8", "_float4", "_float8", "point", "_point"}


class Server:
    """One connection, and what each type of its values is."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.sql = connection
        for name, value in TEXT_FORMAT.items():
            connection.execute(f"SET {name} = '{value}'")  # type: ignore[call-overload]
        self.types = TypeRegistry(lambda oids: introspect.types(connection, oids))

    def both(self, query: str, *values: Any) -> Iterator[tuple[ResolvedType, list[bytes | None], list[bytes | None]]]:
        """Of each column its type, its binary values and its texts."""
        found = []
        for binary in (True, False):
            cursor = self.sql.cursor(binary=binary)
            cursor.execute(query, values)  # type: ignore[arg-type]
            assert cursor.pgresult is not None
            found.append(cursor.pgresult)
        raw, text = found
        for column in range(raw.nfields):
            rows = range(raw.ntuples)
            type = self.types.resolve(raw.ftype(column), raw.fmod(column))
            yield (
                type,
                [raw.get_value(row, column) for row in rows],
                [text.get_value(row, column) for row in rows],
            )


@pytest.fixture(scope="module")
def server(postgres: PostgresServer) -> Iterator[Server]:
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        yield Server(connection)


def wire(type: ResolvedType, connection: psycopg.Connection[Any]) -> str | None:
    return wire_of(type, connection.info.server_version)


def compared(server: Server, query: str, *values: Any, modes: list[Modes] | None = None) -> None:
    """Binary values have the texts that the server shows, and become the cells that the twin makes of those; where the twin refuses a
    value, so does the core."""
    for type, raws, texts in server.both(query, *values):
        form = wire(type, server.sql)
        assert form is not None, type.name
        plain = type.name not in FLOATS
        for raw, text in zip(raws, texts, strict=True):
            if raw is not None and plain:
                assert core.pg_binary_text(form, raw) == text
        for mode in modes or MODES:
            cells(server, type, form, raws, texts, mode)


def cells(
    server: Server, type: ResolvedType, form: str, raws: list[bytes | None], texts: list[bytes | None], modes: Modes
) -> int:
    """How many were compared."""
    made = plan(type, server.types, modes)
    if made is None or made.native is None:
        return 0
    schema = made.builder().optional().build()
    layout = layout_of(schema)
    for raw, text in zip(raws, texts, strict=True):
        try:
            wanted = None if text is None else by_twin(made, schema, text)
        except Exception:
            with pytest.raises(core.DeclinedError):
                core.pg_binaries(made.native, form, [raw])
            continue
        try:
            found = core.pg_binaries(made.native, form, [raw]).values(layout)[0]
        except core.DeclinedError:
            # It goes by its text then; what is common must not.
            assert _rare(type, text), (type.name, text)
            continue
        assert shown(found) == shown(wanted), (type.name, text, modes)
    return len(raws)


def _rare(type: ResolvedType, text: bytes | None) -> bool:
    """A year beyond four digits or before the first, several dimensions, a NULL element, or a number without end."""
    assert text is not None
    return (
        text.startswith((b"{{", b"["))
        or text.endswith(b" BC")
        or len(text) > 900
        or (type.name in ("date", "timestamp", "timestamptz") and text[4:5] != b"-")
        or b"NULL" in text
        or (type.element is not None and (b" BC" in text or b"infinity" in text or b'"1' in text or b"{1" in text))
    )


# The corpus -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(postgres: PostgresServer) -> Iterator[Lab]:
    with contextlib.closing(Lab(postgres)) as made:
        yield made


def test_every_value_of_the_corpus_of_types(lab: Lab) -> None:
    server = Server(lab.sql)
    seen: dict[str, int] = {}
    for name in lab.names:
        # Some types have no binary form at all.
        described = lab.sql.execute(f"SELECT * FROM {name} LIMIT 0").description or ()  # type: ignore[call-overload]
        known = [f'"{c.name}"' for c in described if wire(server.types.resolve(c.type_code, -1), lab.sql) is not None]
        for type, raws, texts in server.both(f"SELECT {', '.join(known)} FROM {name}"):
            form = wire(type, lab.sql)
            assert form is not None
            if type.name not in FLOATS:
                for raw, text in zip(raws, texts, strict=True):
                    if raw is not None:
                        assert core.pg_binary_text(form, raw) == text, (name, type.name)
            for mode in MODES:
                seen[type.name] = seen.get(type.name, 0) + cells(server, type, form, raws, texts, mode)
    assert {
        *("bool", "int2", "int4", "int8", "oid", "float4", "float8", "numeric", "text", "varchar", "bpchar", "bytea", "json", "jsonb"),
        *("uuid", "date", "time", "timetz", "timestamp", "timestamptz", "interval", "inet", "cidr", "macaddr", "macaddr8", "bit"),
        *("varbit", "point", "int4range", "tstzrange", "mood", "_int4", "_text", "_numeric", "_uuid", "_timestamptz", "_jsonb"),
    } <= {name for name, count in seen.items() if count}  # fmt: skip


# Any value --------------------------------------------------------------------------------------------------------------

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
checked = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def _made(server: Server, type: str, texts: list[str | None], modes: list[Modes] | None = None) -> None:
    compared(server, f"SELECT v::{type}, array_agg(v::{type}) OVER () FROM unnest(%s::text[]) v", texts, modes=modes)


def many(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[list[str | None]]:
    return st.lists(strategy | st.none(), min_size=1, max_size=30)


@checked
@given(many(st.decimals(allow_nan=False, allow_infinity=False).map(str) | st.integers(-(10**50), 10**50).map(str)))
@example(
    ["NaN", "Infinity", "-Infinity", "0", "0.000", "-0.00010", "1e400", "1e-400", "9999.9999", "10000", "-10000.0001"]
)
def test_any_numeric(server: Server, texts: list[str | None]) -> None:
    if any(text is not None and text.endswith("nfinity") for text in texts) and server.sql.info.server_version < 140000:
        texts = [text for text in texts if text is None or not text.endswith("nfinity")]
    _made(server, "numeric", [text for text in texts if text is None or _fits(text)])


def _fits(text: str) -> bool:
    """Within 131,072 digits before and 16,383 behind the point."""
    exponent = text.upper().partition("E")[2]
    return not exponent or -400 <= int(exponent) <= 400


@checked
@given(many(st.integers(-(10**9), 10**9).map(str)), st.integers(1, 12), st.integers(0, 12))
def test_any_numeric_of_a_scale(server: Server, texts: list[str | None], more: int, scale: int) -> None:
    _made(server, f"numeric({12 + more + scale},{scale})", texts, [Modes(), Modes(decimals="string")])


@checked
@given(many(st.floats().map(lambda x: {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(repr(x), repr(x)))))
@example(["1e15", "1e-5", "0.0001", "123456789012345680", "-0", "5e-324", "1.7976931348623157e308"])
def test_any_float(server: Server, texts: list[str | None]) -> None:
    _made(server, "float8", texts, [Modes()])
    small = [text for text in texts if text is None or "n" in text or text == "-0" or 1e-37 < abs(float(text)) < 3e38]
    if small:
        _made(server, "float4", small, [Modes()])


DATES = st.integers(-700_000, 2_900_000).map(lambda days: f"'1970-01-01'::date + {days}")
MICROS = st.integers(-(2**55), 2**57)


@checked
@given(st.lists(st.integers(-2_440_000, 100_000_000), min_size=1, max_size=30))
@example([0, -719_163, -719_162, 2_932_896, 2_932_897, -719_528, -2_440_000, 59, 60])
def test_any_date(server: Server, days: list[int]) -> None:
    compared(server, "SELECT '1970-01-01'::date + d FROM unnest(%s::int[]) d", days)


@checked
@given(st.lists(st.integers(-(210 * 10**15), 9 * 10**18), min_size=1, max_size=30))
@example([0, 1, -1, 999_999, -62_135_596_800_000_000, -62_135_596_800_000_001, 253_402_300_800_000_000])
def test_any_timestamp(server: Server, micros: list[int]) -> None:
    moved = "'1970-01-01'::{0} + m / 86400000000 * interval '1 day' + m %% 86400000000 * interval '1 us'"
    query = ", ".join(
        f"({moved.format(type)})::{type}({digits})" for type in ("timestamp", "timestamptz") for digits in (0, 3, 6)
    )
    arrays = ", ".join(f"array_agg({moved.format(type)}) OVER ()" for type in ("timestamp", "timestamptz"))
    compared(server, f"SELECT {query}, {arrays} FROM unnest(%s::bigint[]) m", micros)


@checked
@given(st.lists(st.tuples(st.integers(0, 86_400_000_000), st.integers(-57_540, 57_540)), min_size=1, max_size=30))
@example([(86_400_000_000, 0), (0, 1), (1, -3600), (10, 5400)])
def test_any_time(server: Server, given: list[tuple[int, int]]) -> None:
    clocks = [
        f"{m // 3_600_000_000:02d}:{m // 60_000_000 % 60:02d}:{m // 1_000_000 % 60:02d}.{m % 1_000_000:06d}"
        for m, _ in given
    ]
    zones = [f"{'+-'[z < 0]}{abs(z) // 3600:02d}:{abs(z) // 60 % 60:02d}:{abs(z) % 60:02d}" for _, z in given]
    _made(server, "time", list(clocks))
    _made(server, "time(3)", list(clocks))
    _made(server, "timetz", [clock + zone for clock, zone in zip(clocks, zones, strict=True)])


@checked
@given(
    st.lists(
        st.tuples(st.integers(-9999, 9999), st.integers(-(10**6), 10**6), st.integers(-(10**15), 10**15)), max_size=30
    )
)
@example([(0, 0, 0), (14, -3, 14_706_789_000), (-14, 3, -1), (0, 0, 10**15), (1, 1, 1), (12, 0, -1)])
def test_any_interval(server: Server, given: list[tuple[int, int, int]]) -> None:
    months, days, micros = ([one[at] for one in given] for at in range(3))
    compared(
        server,
        "SELECT m * interval '1 month' + d * interval '1 day' + u * interval '1 us'"
        " FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS v(m, d, u)",
        months,
        days,
        micros,
    )


@checked
@given(many(words))
@example(["NULL", "null", "", " ", "a,b", "{", "}", '"', "\\", "\t", "\x0b", "é", None])
def test_any_text(server: Server, texts: list[str | None]) -> None:
    for type in ("text", "varchar", "bpchar"):
        _made(server, type, texts, [Modes()])
    _made(server, "bytea", [None if text is None else f"\\x{text.encode().hex()}" for text in texts])


@checked
@given(many(st.ip_addresses().map(str)), st.integers(0, 32))
@example(
    ["::", "::1", "::ffff:1.2.3.4", "::1.2.3.4", "1::", "1:0:0:2::", "fe80::1:0:0:1", "0:0:1::", "1:2:3:4:5:6:7:0"], 7
)
def test_any_address(server: Server, texts: list[str | None], bits: int) -> None:
    _made(server, "inet", texts, [Modes()])
    _made(server, "inet", [None if text is None else f"{text}/{bits}" for text in texts], [Modes()])
    compared(server, "SELECT set_masklen(v::cidr, %s::int) FROM unnest(%s::text[]) v", bits, texts, modes=[Modes()])


@checked
@given(
    st.lists(
        st.tuples(st.integers(-999, 999), st.integers(0, 999), st.sampled_from(["[]", "[)", "(]", "()"])), max_size=20
    )
)
def test_any_range(server: Server, given: list[tuple[int, int, str]]) -> None:
    lower, more, bounds = ([one[at] for one in given] for at in range(3))
    query = ", ".join(
        f"{type}range(nullif(a, 5){cast}, nullif(a + b, 7){cast}, c)"
        for type, cast in (("int4", ""), ("int8", ""), ("num", "::numeric / 8"), ("date", " + '2000-01-01'::date"),
                           ("ts", " * interval '1 h' + '2000-01-01'::timestamp"), ("tstz", " * interval '1 h' + '2000-01-01'::timestamptz"))
    )  # fmt: skip
    compared(
        server,
        f"SELECT {query} FROM unnest(%s::int[], %s::int[], %s::text[]) AS v(a, b, c)",
        lower,
        more,
        bounds,
        modes=[Modes()],
    )


@checked
@given(many(st.text("01", max_size=70)))
def test_any_bits(server: Server, texts: list[str | None]) -> None:
    _made(server, "varbit", texts, [Modes()])
    _made(server, "bit(9)", [None if text is None else text[:9].ljust(9, "0") for text in texts], [Modes()])


# Whatever the bytes -----------------------------------------------------------------------------------------------------

FORMS = [
    *("bool", "int2", "int4", "int8", "oid", "float4", "float8", "numeric", "text", "jsonb", "bytea", "uuid", "date", "time"),
    *("timetz", "timestamp", "timestamptz", "interval", "interval_finite", "inet", "macaddr", "macaddr8", "bits", "point"),
    *("array:int4", "array:text", "array:numeric", "array:range:date", "range:int4", "range:numeric"),
]  # fmt: skip


@given(st.sampled_from(FORMS), st.binary(max_size=60))
def test_no_bytes_break_it(form: str, value: bytes) -> None:
    with contextlib.suppress(core.DeclinedError):
        core.pg_binary_text(form, value)
    for spec in (
        "int",
        "float8",
        "numeric text",
        ("text", "text"),
        ("decimal", 2),
        ("timestamptz", 6),
        ("array", "int", True),
    ):
        with contextlib.suppress(core.DeclinedError):
            core.pg_binaries(spec, form, [value])


@given(st.lists(st.binary(max_size=40), max_size=6), st.booleans())
def test_no_stream_breaks_it(chunks: list[bytes], binary: bool) -> None:
    for make in (lambda chunk: chunk, lambda chunk: b"d" + (len(chunk) + 4).to_bytes(4, "big") + chunk):
        reader = _reader(binary)
        with contextlib.suppress(core.DeclinedError):
            for chunk in chunks:
                reader.feed(make(chunk))
                while reader.decode(3, 100, True) or reader.message():
                    pass


def _reader(binary: bool) -> Any:
    null = core.Column.constant(None, 1)
    rows = core.RowPlan(
        2, [(0, "int", None, False, null, null, False), (1, ("text", "text"), None, False, null, null, False)], 2
    )
    return core.CopyReader(rows, [0, 1], ["int4", "text"] if binary else None)


@given(st.lists(st.tuples(st.integers(-9, 9) | st.none(), words | st.none()), max_size=9), st.data())
def test_however_the_stream_is_cut(rows: list[tuple[int | None, str | None]], data: st.DataObject) -> None:
    def field(value: bytes | None) -> bytes:
        return b"\xff\xff\xff\xff" if value is None else len(value).to_bytes(4, "big") + value

    bodies = [
        b"\0\2" + field(None if n is None else n.to_bytes(4, "big", signed=True)) + field(None if t is None else t.encode())
        for n, t in rows
    ]  # fmt: skip
    head = b"PGCOPY\n\xff\r\n\0" + bytes(8)
    bodies = [head + bodies[0], *bodies[1:]] if bodies and data.draw(st.booleans()) else [head, *bodies]
    whole = b"".join(b"d" + (len(body) + 4).to_bytes(4, "big") + body for body in [*bodies, b"\xff\xff"]) + b"c\0\0\0\4"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    reader, found = _reader(True), []
    ints, texts = (
        layout_of(plan(_named(name), TypeRegistry(lambda oids: {}), Modes()).builder().optional().build())
        for name in ("int4", "text")
    )  # type: ignore[union-attr]
    for start, end in itertools.pairwise([0, *cuts, len(whole)]):
        reader.feed(whole[start:end])
        while piece := reader.decode(4, 1 << 20, data.draw(st.booleans())):
            count, columns, lines, _ = piece
            assert lines is None
            found += list(zip(columns[0].values(ints), columns[1].values(texts), strict=True))
            assert count <= 4
    assert found == rows
    assert reader.message() == (ord("c"), b"")


def _named(name: str) -> ResolvedType:
    return ResolvedType(7, name, name, "pg_catalog", -1, False, None, None)


def test_lines_of_rows_that_are_not_taken() -> None:
    def make(number: int, text: bytes) -> bytes:
        return b"\0\2\0\0\0\4" + number.to_bytes(4, "big") + len(text).to_bytes(4, "big") + text

    bodies = [b"PGCOPY\n\xff\r\n\0" + bytes(8), make(1, b"a"), make(2, b"\xff\t"), make(3, b"\xfe\\"), make(4, b"d")]
    reader = _reader(True)
    reader.feed(b"".join(b"d" + (len(body) + 4).to_bytes(4, "big") + body for body in bodies))
    assert reader.decode(9, 1 << 20, False)[0] == 1
    assert reader.decode(9, 1 << 20, False)[2] == [b"2\t\xff\\t", b"3\t\xfe\\\\"]
    reader.go_on(None)
    assert reader.decode(9, 1 << 20, False)[2] == [b"4\td"]
