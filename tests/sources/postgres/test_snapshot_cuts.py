"""However a table or a SELECT is cut into chunks, together they give each of its rows once: keys of any type, order and value."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sources.postgres.kit import Runner

from headrace.sources.postgres.shapes import Catalog
from headrace.sources.postgres.snapshot.chunks import Chunk, ChunkPlanner, SnapshotTable
from headrace.sources.postgres.snapshot.progress import PartialTable, Progress
from headrace.systems.postgres import introspect
from headrace.systems.postgres.introspect import TableName
from headrace.testing.servers import PostgresServer

_WORDS: Final = ["", " ", "a", "A", "ab", "AB", "a ", "ä", "Ä", "z", "Z", "ß", "ss", "É", "e\u0301", "\u00e9", "_a", "-a", "10", "9", "a'b", "a\\b", "a\tb",
                 "\U0001f600", "\uffff", "prefix" * 50 + "1", "prefix" * 50 + "2"]  # fmt: skip
_TIMES: Final = [
    "infinity",
    "-infinity",
    "4713-01-01 BC",
    "0044-03-15 BC",
    "0001-01-01",
    "1969-12-31",
    "2020-02-29",
    "29999-12-31",
]

VALUES: Final[dict[str, list[str]]] = {
    "smallint": ["-32768", "-1", "0", "1", "32767", *map(str, range(2, 30))],
    "int": ["-2147483648", "-10", "-9", "0", "9", "10", "100", "2147483647"],
    "bigint": ["-9223372036854775808", "-1", "0", "9", "10", "9007199254740993", "9223372036854775807"],
    "numeric": ["NaN", "Infinity", "-Infinity", "-1.5", "0", "0.10", "1.0", "9", "10", "1e30", "-1e-30"],
    "numeric(6,2)": ["NaN", "-9.99", "0", "1", "10", "9"],
    "float4": ["NaN", "Infinity", "-Infinity", "-0", "0.1", "1e-45", "3.4028235e38", "9", "10"],
    "float8": ["NaN", "Infinity", "-Infinity", "-0", "0.1", "0.30000000000000004", "5e-324", "9", "10"],
    "text": _WORDS,
    'text COLLATE "C"': _WORDS,
    'text COLLATE icu': _WORDS,
    "text COLLATE loose": _WORDS,
    "varchar(400)": _WORDS,
    "char(4)": ["", "a", "A", "ab", "a\t", "ä", "10", "9"],
    "name": ["a", "A", "ab", "10", "9", "ä"],
    '"char"': ["", "a", "A", "z", "0"],
    "d_word": _WORDS,
    "citext": _WORDS,
    "mood": ["sad", "ok", "10", "9", "it''s".replace("''", "'")],
    "bool": ["t", "f"],
    "uuid": [f"{i:08x}-0000-4000-8000-00000000000{i % 10}" for i in (0, 1, 9, 10, 255, 4294967295)],
    "bytea": ["\\x", "\\x00", "\\x0000", "\\x5c", "\\x61", "\\x7f", "\\x80", "\\xff", "\\xff00"],
    "date": ["infinity", "-infinity", "4713-01-01 BC", "0044-03-15 BC", "2020-02-29", "12020-01-01", "5874897-12-31"],
    "timestamp": _TIMES,
    "timestamptz": _TIMES,
    "time": ["00:00", "24:00", "23:59:59.999999", "12:00"],
    "timetz": ["00:00+15", "00:00-15", "12:00Z", "14:00+02", "24:00Z"],
    "interval": ["-1 year", "1 mon -30 days", "30 days", "1 mon", "720:00:00", "-00:00:00.000001", "1780000 years"],
    "inet": ["10.0.0.1", "9.0.0.1", "10.0.0.0/8", "::1", "fe80::/10", "255.255.255.255"],
    "cidr": ["10.0.0.0/8", "9.0.0.0/8", "::/0"],
    "macaddr": ["00:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "08:00:2b:01:02:03"],
    "bit(3)": ["000", "001", "100", "111"],
    "varbit": ["", "0", "1", "10", "100", "01"],
    "money": ["-1", "0", "9", "10", "1234567.89"],
    "oid": ["0", "9", "10", "4294967295"],
    "pg_lsn": ["0/0", "0/9", "0/10", "F/0", "10/0"],
    "int[]": ["{}", "{1}", "{9}", "{10}", "{NULL}", "{1,NULL}", "{{1},{2}}"],
    "jsonb": ["null", "1", "9", "10", '"a"', "[]", "{}", '{"a": 1}'],
    "int4range": ["empty", "(,)", "[1,9)", "[1,10)", "(,5)"],
    "pair": ["(1,a)", "(9,a)", "(10,)", "(,)", "(,b)"],
}  # fmt: skip

SELECTS: Final = [
    "SELECT * FROM t",
    "SELECT * FROM t WHERE n % 3 <> 0 -- not all",
    "SELECT {texts}, n FROM t",
    "SELECT {c_texts}, n FROM t",
    "SELECT {lowered}, n FROM t;",
    "SELECT {some_null}, n FROM t",
    "SELECT {first_null}, n FROM t",
    "SELECT {last_null}, n FROM t",
    "SELECT {all_null}, n FROM t",
    "SELECT * FROM t UNION ALL SELECT * FROM t",
    "SELECT {lengths}, n FROM t",
]


@pytest.fixture(scope="module")
def server(postgres: PostgresServer) -> Iterator[psycopg.Connection[Any]]:
    postgres.create_database("cuts")
    with psycopg.connect(postgres.dsn("cuts"), autocommit=True) as connection:
        connection.execute("CREATE TYPE mood AS ENUM ('sad', '9', 'ok', '10', 'it''s'); CREATE DOMAIN d_word AS text")
        connection.execute("CREATE TYPE pair AS (a int, b text)")
        try:
            connection.execute(
                "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false)"
            )
            connection.execute("CREATE COLLATION icu (provider = icu, locale = 'und')")
        except psycopg.errors.FeatureNotSupported:
            connection.execute('CREATE COLLATION loose FROM "C"; CREATE COLLATION icu FROM "C"')
        connection.execute("CREATE EXTENSION citext")
        yield connection
    postgres.drop_database("cuts")


def _forms(keys: list[str]) -> dict[str, str]:
    def each(form: str) -> str:
        return ", ".join(form.format(k=k) + f" AS {k}" for k in keys)

    return {
        "texts": each("{k}::text"),
        "c_texts": each('{k}::text COLLATE "C"'),
        "lowered": each("lower({k}::text)"),
        "some_null": ", ".join(f"CASE WHEN n % {2 + at} <> 0 THEN {k} END AS {k}" for at, k in enumerate(keys)),
        "first_null": ", ".join([f"CASE WHEN n % 2 <> 0 THEN {keys[0]} END AS {keys[0]}", *keys[1:]]),
        "last_null": ", ".join([*keys[:-1], f"CASE WHEN n % 2 <> 0 THEN {keys[-1]} END AS {keys[-1]}"]),
        "all_null": each("nullif({k}, {k})"),
        "lengths": each("length({k}::text)"),
    }


def _table(sql: psycopg.Connection[Any], query: str | None) -> SnapshotTable:
    info = introspect.table(sql, TableName("public", "t"))
    assert info is not None
    [shape] = Catalog(sql).shapes([info])
    return SnapshotTable(shape, query, only=info.kind == "r", oid=info.oid, kind=info.kind)


def _given(sql: psycopg.Connection[Any], chunk: Chunk, keys: list[str]) -> Counter[bytes]:
    with sql.cursor() as cursor, cursor.copy(chunk.copy_statement([*keys, "n"])) as copy:
        return Counter(b"".join(bytes(part) for part in copy).splitlines())


@st.composite
def _tables(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, ...]]]:
    types = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3))
    rows = draw(st.lists(st.tuples(*(st.sampled_from(VALUES[one]) for one in types)), max_size=40))
    return types, rows


@settings(max_examples=250)
@given(
    _tables(),
    st.sampled_from([None, *SELECTS]),
    st.integers(1, 4),
    st.integers(1, 8),
    st.lists(st.booleans(), max_size=32),
)
def test_the_chunks_are_the_whole(
    server: psycopg.Connection[Any],
    table: tuple[list[str], list[tuple[str, ...]]],
    select: str | None,
    threads: int,
    multiplier: int,
    done: list[bool],
) -> None:
    """Those that are done when the snapshot breaks, and those that are made of the rest."""
    types, values = table
    if server.info.server_version < 140_000:
        # There numbers are not infinite.
        values = [row for row in values if not any("Infinity" in one for one in row)]
    keys = [f"k{at}" for at in range(len(types))]
    with server.transaction(force_rollback=True):
        columns = ", ".join(f"{k} {one}" for k, one in zip(keys, types, strict=True))
        server.execute(f"CREATE TABLE t ({columns}, n int, PRIMARY KEY ({', '.join(keys)}))")
        for n, row in enumerate(values):
            server.execute(f"INSERT INTO t VALUES ({'%s, ' * len(keys)}{n}) ON CONFLICT DO NOTHING", row)
        query = None if select is None else select.format(**_forms(keys))
        wanted = _table(server, query)
        first = Progress({})
        seen: Counter[bytes] = Counter()
        broken = ChunkPlanner(server, threads, lambda _: multiplier, first).chunks(wanted)
        begun = first.partial.get(wanted.id)
        for chunk, is_done in zip(broken, done, strict=False):
            if is_done and begun is not None:
                seen += _given(server, chunk, keys)
                begun.parts[chunk.part].add(chunk.start, chunk.end)
        then = Progress({})
        if begun is not None:
            then.partial[wanted.id] = PartialTable.of_json(json.loads(json.dumps(begun.as_json())))
        for chunk in ChunkPlanner(server, threads, lambda _: multiplier, then).chunks(wanted):
            seen += _given(server, chunk, keys)
        whole = Chunk(wanted, "", 0, None, wanted.source, "", 1, 1)
        assert seen == _given(server, whole, keys)


_READS: Final = {
    "by their text": ("SELECT id::text AS id, n FROM t", 1),
    "with NULLs": ("SELECT CASE WHEN id % 7 <> 0 THEN id END AS id, n FROM t -- a comment", 1),
    "twice": ("SELECT * FROM t UNION ALL SELECT * FROM t", 2),
    "numbered": ("SELECT row_number() OVER () AS id, n FROM t", 1),
}


@pytest.mark.parametrize("how", _READS)
@pytest.mark.parametrize("threads", [1, 3])
def test_lanes_give_a_select_s_rows_as_often_as_it_does(
    how: str, threads: int, props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    query, times = _READS[how]
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT i, i FROM generate_series(1, 300) i")
    more = {
        "snapshot.select.statement.overrides": "public.t",
        "snapshot.select.statement.overrides.public.t": query,
        "snapshot.max.threads": str(threads),
        "snapshot.max.threads.multiplier": "4",
        # A key of the SELECT may be NULL where the table's is not.
        "message.key.columns": "public.t:n",
        "column.exclude.list": "public.t.id" if "NULL" in how else "",
    }
    with Runner({**props, **more}) as run:
        run.settle()
    assert Counter(record.value["after"]["n"] for record in run.records) == dict.fromkeys(range(1, 301), times)


def test_a_table_of_which_some_columns_may_be_read_is_not_read_as_empty(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    """Rewritten between the snapshot and its turn, it is empty for the snapshot."""
    role = f"reader_{sql.info.dbname}"
    sql.execute(
        "CREATE TABLE a (id int PRIMARY KEY, pad text); CREATE TABLE b (id int PRIMARY KEY, n int, secret text)"
    )
    sql.execute(
        "INSERT INTO a SELECT i, repeat('x', 700) FROM generate_series(1, 300) i; INSERT INTO b VALUES (1, 1), (2, 2)"
    )
    sql.execute("CREATE PUBLICATION pub FOR ALL TABLES")
    sql.execute(
        f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'x'; GRANT SELECT ON a TO {role}; GRANT SELECT (id, n) ON b TO {role}"
    )
    more = {"database.user": role, "database.password": "x", "column.exclude.list": "public.b.secret"}
    try:
        with Runner({**props, **more, "max.queue.size.in.bytes": "8192", "max.batch.size": "20"}) as run:
            run.count(20)
            sql.execute("ALTER TABLE b ALTER n TYPE bigint")
            run.settle()
            assert {record.key["id"] for record in run.records if record.topic.endswith(".b")} == {1, 2}
            assert run.task.numbers.reconnects == 1
    finally:
        sql.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
