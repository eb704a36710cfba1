"""Snapshots by the Rust core: the records are those of the Python decoder, whatever the rows are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner

from headrace.data import SourceRecord
from headrace.data.batch import Block, SourceBatch
from headrace.errors import DataException
from headrace.native import core
from headrace.sources.postgres.snapshot import copied
from headrace.sources.postgres.snapshot.copied import NativeCopy, Piece
from headrace.sources.postgres.types.registry import TypeRegistry

pytestmark = pytest.mark.skipif(core is None, reason="needs the Rust core")

TYPES = {
    "b": ("bool", "i % 2 = 0"),
    "i2": ("smallint", "i"),
    "i8": ("bigint", "i * 10000000000"),
    "o": ("oid", "i"),
    "f4": ("real", "i / 3.0"),
    "f8": ("float8", "i / 7.0"),
    "n": ("numeric", "i / 8.0"),
    "n2": ("numeric(12,2)", "i / 8.0"),
    "t": ("text", "'row ' || i || E'\\t\\\\ü'"),
    "v": ("varchar(40)", "md5(i::text)"),
    "c": ("char(12)", "'c' || i"),
    "j": ("json", "json_build_object('a', i)"),
    "jb": ("jsonb", "jsonb_build_object('a', i)"),
    "y": ("bytea", "decode(md5(i::text), 'hex')"),
    "u": ("uuid", "md5(i::text)::uuid"),
    "d": ("date", "date '1999-12-30' + i"),
    "ti": ("time", "time '00:00' + i * interval '1.001 s'"),
    "tz": ("timetz", "timetz '00:00+02' + i * interval '1.001 s'"),
    "ts": ("timestamp", "timestamp '1969-12-31 23:59:59' + i * interval '0.9 s'"),
    "tstz": ("timestamptz", "timestamptz '1969-12-31 23:59:59Z' + i * interval '0.9 s'"),
    "ts3": ("timestamp(3)", "timestamp '1969-12-31 23:59:59' + i * interval '0.9 s'"),
    "iv": ("interval", "i * interval '1 month 2 days 3.5 s'"),
    "ip": ("inet", "inet '10.0.0.0' + i"),
    "bi": ("bit(9)", "(i % 512)::bit(9)"),
    "p": ("point", "point(i, -i)"),
    "r": ("int4range", "int4range(i, i + 5)"),
    "ai": ("int[]", "ARRAY[i, NULL, -i]"),
    "at": ("text[]", "ARRAY['a', NULL, 'b c', '', i::text]"),
    "m": ("mood", "(ARRAY['sad', 'ok']::mood[])[1 + i % 2]"),
    "dm": ("d_num", "i / 8.0"),
}
BY_TEXT = {**TYPES, "mo": ("money", "i::money"), "x": ("tsvector", "('w' || i)::tsvector")}


def _create(sql: psycopg.Connection[Any], name: str, types: dict[str, tuple[str, str]], rows: int) -> None:
    columns = ", ".join(f"{column} {type}" for column, (type, _) in types.items())
    sql.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, {columns})")  # type: ignore[call-overload]
    # Every column is NULL in some rows, and one row is NULL in all.
    values = ", ".join(
        f"CASE WHEN i % {len(types)} <> {at} AND i <> 5 THEN {value} END"
        for at, (_, value) in enumerate(types.values())
    )
    sql.execute(f"INSERT INTO {name} SELECT i, {values} FROM generate_series(1, {rows}) i")  # type: ignore[call-overload]


@pytest.fixture
def types(sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN d_num AS numeric(10,2)")


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, bool]]:
    """Of every piece that arrives whether it is of columns, and whether it came in binary format."""
    seen: list[tuple[bool, bool]] = []
    original = NativeCopy._piece

    def spy(self: NativeCopy, *given: Any) -> Piece:
        made = original(self, *given)
        seen.append((made.columns is not None, self.statement.endswith("(FORMAT binary)")))
        return made

    monkeypatch.setattr(NativeCopy, "_piece", spy)
    return seen


def _told(records: list[SourceRecord], *, place: bool = True) -> list[Any]:
    """All of the records but what differs from run to run."""
    told = []
    for record in records:
        source = [v for f, v in zip(record.value["source"].schema.fields, record.value["source"].values, strict=True)
                  if not f.name.startswith(("ts_", "lsn", "txId", "sequence", *(() if place else ("snapshot",))))]  # fmt: skip
        rest = [record.value[name] for name in ("before", "after", "transaction", "op")]
        offset = {k: v for k, v in dict(record.source_offset).items() if k.startswith(("snapshot", "last"))}
        offset.pop("snapshot_progress", None)
        # One of them tells the task's life.
        headers = [(h.key, h.schema) for h in record.header_items]
        told.append(
            (record.topic, record.key_schema, record.key, record.value_schema, rest, source, headers, place and offset)
        )
    return told


def _both(
    props: dict[str, str], monkeypatch: pytest.MonkeyPatch, more: dict[str, str] | None = None, *, ordered: bool = True
) -> list[SourceRecord]:
    """The records by the core, which are those by the twin."""
    found = []
    for core_or_none, name in ((core, "a"), (None, "b")):
        with monkeypatch.context() as patch:
            patch.setattr(copied, "core", core_or_none)
            with Runner({**props, "slot.name": f"{props['slot.name']}_{name}", **(more or {})}) as run:
                run.settle()
        found.append(run.records)
    by_core, by_twin = (_told(records, place=ordered) for records in found)
    if not ordered:
        by_core, by_twin = (sorted(one, key=lambda told: str((told[0], told[2]))) for one in (by_core, by_twin))
    assert repr(by_core) == repr(by_twin)
    for one, other in zip(*found, strict=True) if ordered else ():
        assert (one.key_schema, one.value_schema) == (other.key_schema, other.value_schema)
    return found[0]


MODES = [
    {},
    {"decimal.handling.mode": "string", "time.precision.mode": "connect", "binary.handling.mode": "base64"},
    {"decimal.handling.mode": "double", "time.precision.mode": "isostring", "interval.handling.mode": "string"},
    {"time.precision.mode": "nanoseconds", "extended.headers.enabled": "true", "column.truncate.to.4.chars": r"public\.\w+\.(t|v|y)"},
    {"column.exclude.list": r"public\.\w+\.(id|f8)", "message.key.columns": r"public\.[ab]:id,u", "column.mask.with.3.chars": r".*\.v"},
    {"column.mask.hash.SHA-256.with.salt.x": r".*\.t"},
]  # fmt: skip


@pytest.mark.parametrize("mode", range(len(MODES)))
def test_every_type_is_as_by_the_twin(
    mode: int, props: dict[str, str], sql: psycopg.Connection[Any], types: None, pieces: list[tuple[bool, bool]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    _create(sql, "a", TYPES, 120)
    _create(sql, "b", BY_TEXT, 120)
    sql.execute("CREATE TABLE c (id int); CREATE TABLE d (id int); INSERT INTO d VALUES (1)")
    records = _both(props, monkeypatch, {**MODES[mode], "max.batch.size": "64"})
    assert len(records) == 241
    # A digest is the twin's alone.
    assert set(pieces) == ({(True, True)} if "hash" in str(MODES[mode]) else {(True, True), (True, False)})


def test_lanes_give_every_row_once(
    props: dict[str, str], sql: psycopg.Connection[Any], types: None, pieces: list[tuple[bool, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    _create(sql, "a", TYPES, 900)
    more = {"snapshot.max.threads": "4", "snapshot.max.threads.multiplier": "3", "max.batch.size": "70"}
    records = _both(props, monkeypatch, more, ordered=False)
    assert sorted(record.key["id"] for record in records) == list(range(1, 901))
    assert set(pieces) == {(True, True)}


def test_values_of_a_select_are_those_it_gives(
    props: dict[str, str], sql: psycopg.Connection[Any], types: None, pieces: list[tuple[bool, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Its columns may be of other types than the table's."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, n numeric(6,2), x text, d date)")
    sql.execute("INSERT INTO t VALUES (1, 1.5, 'a', '2020-01-02'), (2, 2.5, 'b', NULL)")
    select = "SELECT id::bigint AS id, n::text AS n, (x || 1)::varchar AS x, d::timestamp::date AS d FROM t"
    more = {"snapshot.select.statement.overrides": "public.t", "snapshot.select.statement.overrides.public.t": select}
    records = _both(props, monkeypatch, more)
    assert [record.value["after"]["x"] for record in records] == ["a1", "b1"]
    assert set(pieces) == {(True, False)}


def test_statements_of_the_users_may_change_how_values_look(
    props: dict[str, str],
    sql: psycopg.Connection[Any],
    pieces: list[tuple[bool, bool]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, w timestamptz, y bytea)")
    sql.execute("INSERT INTO t VALUES (1, '2020-01-02 03:04:05Z', '\\x00ff')")
    _both(props, monkeypatch, {"database.initial.statements": "SET TIME ZONE 'Asia/Kolkata'"})
    assert set(pieces) == {(True, False)}


# Rows that are not taken ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["binary", "text"])
@pytest.mark.parametrize("every", [1, 2, 50, 999])
def test_rows_that_are_left_to_the_twin(
    form: str, every: int, props: dict[str, str], sql: psycopg.Connection[Any], pieces: list[tuple[bool, bool]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """NaN has no decimal: the value is left out, with a warning; years beyond four digits are the twin's."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, n numeric(6,2), x text, w timestamptz)")
    sql.execute(
        f"INSERT INTO t SELECT i, CASE WHEN i % {every} = 0 THEN 'NaN' ELSE i::numeric END, E'\\t\\\\' || i || E'\\n',"
        f" CASE WHEN i % {every} = 1 THEN '12020-01-01Z' ELSE '2020-01-01Z' END::timestamptz FROM generate_series(1, 700) i"
    )
    if form == "text":
        sql.execute("ALTER TABLE t ADD m money DEFAULT 1")
    records = _both(props, monkeypatch, {"max.batch.size": "100"})
    assert [record.key["id"] for record in records] == list(range(1, 701))
    assert {binary for _, binary in pieces} == {form == "binary"}
    # Where it is all in vain, the chunk goes the other way soon.
    assert sum(not columns for columns, _ in pieces) < 40


def test_a_row_that_cannot_be_carried(
    props: dict[str, str],
    sql: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, n numeric(6,2) NOT NULL)")
    sql.execute(
        "INSERT INTO t SELECT i, CASE WHEN i IN (7, 20) THEN 'NaN' ELSE i::numeric END FROM generate_series(1, 20) i"
    )
    with Runner(props) as run:
        assert run.failure().code == "DECIMAL_NOT_FINITE"
    records = _both(props, monkeypatch, {"event.processing.failure.handling.mode": "warn"})
    assert [record.key["id"] for record in records] == [i for i in range(1, 20) if i != 7]
    assert records[-1].value["source"]["snapshot"] == "last"
    assert "left out of the snapshot" in caplog.text


def test_labels_that_came_since_are_learnt(
    props: dict[str, str], sql: psycopg.Connection[Any], types: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, m mood)")
    sql.execute(
        "INSERT INTO t SELECT i, (CASE WHEN i < 150 THEN 'sad' ELSE 'ok' END)::mood FROM generate_series(1, 300) i"
    )
    load = TypeRegistry.load

    def stale(self: TypeRegistry, oids: Any) -> None:
        load(self, oids)
        for oid, info in list(self._types.items()):
            if info.labels == ("sad", "ok") and oid not in told:
                told.add(oid)
                self._types[oid] = type(info)(
                    info.oid, info.schema, info.name, info.kind, info.category, 0, 0, -1, ("sad",)
                )

    for batch in ("1000", "40"):
        told: set[int] = set()
        with monkeypatch.context() as patch:
            patch.setattr(TypeRegistry, "load", stale)
            with Runner({**props, "slot.name": f"{props['slot.name']}_{batch}", "max.batch.size": batch}) as run:
                run.settle()
        allowed = [r.value["after"].schema.field("m").schema.parameters["allowed"] for r in run.records]
        assert allowed == ["sad"] * 149 + ["sad,ok"] * 151
        assert [r.value["after"]["m"] for r in run.records] == ["sad"] * 149 + ["ok"] * 151


# Size -------------------------------------------------------------------------------------------------------------------


def _batches(run: Runner, monkeypatch: pytest.MonkeyPatch) -> list[SourceBatch]:
    """What the polls gave that was no list, as it was before anybody looked."""
    seen: list[SourceBatch] = []
    poll: Callable[[], Any] = run.task.poll

    def spy() -> Any:
        found = poll()
        if isinstance(found, SourceBatch):
            seen.append(found.with_parts(found.parts))
        return found

    monkeypatch.setattr(run.task, "poll", spy)
    return seen


def test_large_rows_come_few_at_a_time(
    props: dict[str, str], sql: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, x text)")
    sql.execute("INSERT INTO t SELECT i, repeat(md5(i::text), 2000 + i) FROM generate_series(1, 400) i")
    sql.execute("INSERT INTO t SELECT i, repeat(md5(i::text), 300000) FROM generate_series(401, 403) i")
    with Runner(props) as run:
        batches = _batches(run, monkeypatch)
        run.settle()
    assert [record.key["id"] for record in run.records] == list(range(1, 404))
    assert all(len(record.value["after"]["x"]) == 32 * (2000 + i) for i, record in enumerate(run.records[:400], 1))
    sizes = [
        sum(part.value.size for part in batch.parts if isinstance(part, Block) and part.value) for batch in batches
    ]
    # Four megabytes, what was held back before, and the row that goes beyond.
    assert max(sizes) < (4 + 1 + 10) << 20
    assert len([size for size in sizes if size > 1 << 20]) > 4


def test_wide_tables_and_batches(
    props: dict[str, str], sql: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = [f"c{i} {('int', 'text', 'timestamptz', 'numeric(8,2)')[i % 4]}" for i in range(1200)]
    sql.execute(f"CREATE TABLE t (id int PRIMARY KEY, {', '.join(columns)})")  # type: ignore[call-overload]
    sql.execute(
        "INSERT INTO t (id, c0, c1, c2, c3) SELECT i, i, i::text, '2020-01-01Z', i FROM generate_series(1, 300) i"
    )
    with Runner({**props, "max.batch.size": "128"}) as run:
        batches = _batches(run, monkeypatch)
        run.settle()
    assert [record.value["after"]["c3"] for record in run.records] == [record.key["id"] for record in run.records]
    assert len(run.records) == 300
    assert max(map(len, batches)) <= 128 + 1
    assert all(isinstance(part, Block) for batch in batches for part in batch.parts)
    for batch in batches:
        assert [ordinal for part in batch.parts for ordinal in part.ordinals] == list(range(len(batch)))
        assert len(batch.offsets) == len(batch)


def test_what_is_no_copy_is_an_error(
    props: dict[str, str], sql: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A type whose bytes are not what they are taken for: nothing wrong is handed out."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, x text); INSERT INTO t VALUES (1, 'abc')")
    monkeypatch.setattr(copied, "wires_of", lambda types, version: ["numeric"] * len(types))
    with Runner(props) as run:
        failure = run.failure()
    assert failure.code == "PG_COPY_UNREADABLE"
    assert "HEADRACE_IMPL=python" in (failure.remedy or "")
    assert not isinstance(failure, DataException)
    assert not run.records
