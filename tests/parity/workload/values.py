"""Column types of the generated tables, and random values for them as SQL literals."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import NamedTuple

WORDS = (
    "Ann",
    "b c",
    "",
    "it's",
    "é€😀",
    "tab\there",
    "line\nbreak",
    "back\\slash",
    '"quoted"',
    "NULL",
    "{a,b}",
    "x" * 60,
)


class ColumnType(NamedTuple):
    """`sql`: the type; `make`: a literal; `key`: may be part of a key; `large`: may be stored apart (TOAST); `extension`: what has it."""

    sql: str
    make: Callable[[Random], str]
    key: bool = False
    large: bool = False
    extension: str | None = None


def quote(text: str) -> str:
    """As an SQL literal."""
    if "\\" in text:
        return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    return "'" + text.replace("'", "''") + "'"


def _word(rng: Random) -> str:
    return quote(rng.choice(WORDS))


def large_text(rng: Random) -> str:
    """Long and hard to compress, so that it is stored apart."""
    return quote("".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789 ", k=rng.choice((3000, 9000)))))


def _integer(bits: int) -> Callable[[Random], str]:
    def make(rng: Random) -> str:
        top = 2 ** (bits - 1)
        return str(rng.choice((0, 1, -1, top - 1, 1 - top, rng.randrange(-top, top))))

    return make


def _day(rng: Random) -> str:
    return f"{rng.randrange(1900, 2100):04}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"


def _time(rng: Random) -> str:
    fraction = rng.choice(("", ".5", ".123", ".123456", ".999999", ".000001"))
    return f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}{fraction}"


def _zone(rng: Random) -> str:
    return rng.choice(("+00", "+02", "-05:30", "+13"))


def _number(rng: Random, whole: int, scale: int) -> str:
    return f"{rng.choice(('', '-'))}{rng.randrange(10**whole)}" + (
        f".{rng.randrange(10**scale):0{scale}}" if scale else ""
    )


def _json(rng: Random) -> str:
    return quote(
        json.dumps(
            {"k": rng.randrange(99), "t": rng.choice(WORDS), "l": [1.5, None, True]}, ensure_ascii=rng.random() < 0.5
        )
    )


def _hex(rng: Random, size: int) -> str:
    return "'\\x" + rng.randbytes(rng.randrange(size)).hex() + "'"


def _items(make: Callable[[Random], str], type: str) -> Callable[[Random], str]:
    def array(rng: Random) -> str:
        items = [("NULL" if rng.random() < 0.1 else make(rng)) for _ in range(rng.randrange(4))]
        return f"ARRAY[{', '.join(items)}]::{type}[]"

    return array


def _uuid(rng: Random) -> str:
    text = rng.randbytes(16).hex()
    return f"'{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}'"


def _interval(rng: Random) -> str:
    return f"'{rng.randrange(-3, 9)} years {rng.randrange(-9, 12)} mons {rng.randrange(-40, 40)} days {_time(rng)}'"


def _bounds(low: str, high: str, rng: Random) -> str:
    return quote(rng.choice("[(") + f"{low},{high}" + rng.choice("])"))


INT4 = ColumnType("int", _integer(32), key=True)
TEXT = ColumnType("text", _word, key=True)
LARGE = ColumnType("text", large_text, large=True)
LARGE_TYPES = (
    LARGE,
    ColumnType("bytea", lambda r: "'\\x" + r.randbytes(4000).hex() + "'", large=True),
    ColumnType("jsonb", lambda r: "jsonb_build_object('t', " + large_text(r) + ")", large=True),
    ColumnType("varchar(20000)", large_text, large=True),
    ColumnType(
        "int[]", lambda r: f"(SELECT array_agg(i * {r.randrange(1, 9999)}) FROM generate_series(1, 3000) i)", large=True
    ),
)
TYPES: tuple[ColumnType, ...] = (
    ColumnType("boolean", lambda r: r.choice(("true", "false"))),
    ColumnType("smallint", _integer(16), key=True),
    INT4,
    ColumnType("bigint", _integer(64), key=True),
    ColumnType("real", lambda r: r.choice(("0", "1.5", "-2.25e10", "0.1", str(r.random())))),
    ColumnType("double precision", lambda r: r.choice(("0", "1e300", "-0.1", str(r.random() * 10**9)))),
    ColumnType("numeric(12,3)", lambda r: _number(r, 9, 3), key=True),
    ColumnType("numeric(5)", lambda r: _number(r, 5, 0)),
    ColumnType("numeric", lambda r: _number(r, 12, r.randrange(6))),
    TEXT,
    ColumnType("varchar(70)", _word, key=True),
    ColumnType("char(12)", lambda r: quote(r.choice(("a", "éé", "twelve chars")))),
    ColumnType("bytea", lambda r: _hex(r, 12)),
    ColumnType("date", lambda r: quote(_day(r)), key=True),
    ColumnType("time", lambda r: quote(_time(r))),
    ColumnType("time(3)", lambda r: quote(_time(r))),
    ColumnType("timetz", lambda r: quote(_time(r) + _zone(r))),
    ColumnType("timestamp", lambda r: quote(f"{_day(r)} {_time(r)}")),
    ColumnType("timestamp(3)", lambda r: quote(f"{_day(r)} {_time(r)}")),
    ColumnType("timestamptz", lambda r: quote(f"{_day(r)} {_time(r)}{_zone(r)}"), key=True),
    ColumnType("interval", _interval),
    ColumnType("json", _json),
    ColumnType("jsonb", _json),
    ColumnType("uuid", _uuid, key=True),
    ColumnType("bit(1)", lambda r: f"B'{r.randrange(2)}'"),
    ColumnType("bit(11)", lambda r: f"B'{r.randrange(2048):011b}'"),
    ColumnType("varbit(9)", lambda r: f"B'{r.randrange(256):b}'"),
    ColumnType("money", lambda r: f"CAST({_number(r, 6, 2)} AS money)"),
    ColumnType("point", lambda r: f"'({r.randrange(99)},{r.random():.3f})'"),
    ColumnType("inet", lambda r: f"'10.{r.randrange(256)}.0.1'", key=True),
    ColumnType("cidr", lambda r: f"'10.{r.randrange(256)}.0.0/16'"),
    ColumnType("macaddr", lambda r: "'08:00:2b:01:02:" + f"{r.randrange(256):02x}'"),
    ColumnType("int4range", lambda r: _bounds(str(r.randrange(9)), str(r.randrange(9, 20)), r)),
    ColumnType("numrange", lambda r: _bounds("1.5", r.choice(("", "7.25")), r)),
    ColumnType("tstzrange", lambda r: quote(f"[2020-01-01 {_time(r)}+00,2021-01-01 00:00:00+00)")),
    ColumnType("daterange", lambda r: _bounds("2020-01-01", "2021-02-03", r)),
    ColumnType("mood", lambda r: r.choice(("'sad'", "'ok'", "'happy'")), key=True),
    ColumnType("price", lambda r: _number(r, 6, 2)),
    ColumnType("short_text", lambda r: quote(r.choice(("a", "bc", "déf")))),
    ColumnType("hstore", lambda r: quote(f'a=>{r.randrange(9)}, "b c"=>NULL'), extension="hstore"),
    ColumnType("citext", _word, extension="citext"),
    ColumnType("ltree", lambda r: f"'Top.Part{r.randrange(9)}'", extension="ltree"),
    ColumnType("int[]", _items(_integer(32), "int")),
    ColumnType("text[]", _items(_word, "text")),
    ColumnType("numeric(8,2)[]", _items(lambda r: _number(r, 6, 2), "numeric(8,2)")),
    ColumnType("uuid[]", _items(_uuid, "uuid")),
    ColumnType("boolean[]", _items(lambda r: r.choice(("true", "false")), "boolean")),
    ColumnType("date[]", _items(lambda r: quote(_day(r)), "date")),
    ColumnType("tsvector", lambda r: "to_tsvector('simple', 'a quick fox')"),
    ColumnType("pair", lambda r: f"ROW({r.randrange(9)}, 'x')::pair"),
    ColumnType("vector(3)", lambda r: f"'[1,{r.randrange(9)},0.5]'", extension="vector"),
)
PREPARE = (
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
    "CREATE DOMAIN price AS numeric(8,2)",
    "CREATE DOMAIN short_text AS varchar(5)",
    "CREATE TYPE pair AS (a int, b text)",
    "CREATE SCHEMA other",
)
"""What the types need, before the tables are made."""
