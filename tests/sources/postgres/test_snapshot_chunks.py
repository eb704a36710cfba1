"""Snapshots in chunks: several connections, how tables are cut, marks, and tables of every kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, ops
from tests.support import wait_until

from headrace.errors import ConfigException, HeadraceError
from headrace.sources.postgres.snapshot import factory as snapshot_factory
from headrace.sources.postgres.snapshot.chunks import Chunk
from headrace.sources.postgres.snapshot.spans import Spans
from headrace.testing.servers import PostgresServer


@pytest.fixture
def read_chunks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL of every chunk that is read."""
    seen: list[str] = []
    original = Chunk.copy_statement

    def spy(self: Chunk, columns: Any) -> str:
        seen.append(f"{self.source} {self.where}".strip())
        return original(self, columns)

    monkeypatch.setattr(Chunk, "copy_statement", spy)
    return seen


def _marks(run: Runner) -> list[tuple[str, str]]:
    return [(r.value["source"]["table"], r.value["source"]["snapshot"]) for r in run.records]


def _parallel(threads: int, multiplier: int = 4) -> dict[str, str]:
    return {"snapshot.max.threads": str(threads), "snapshot.max.threads.multiplier": str(multiplier)}


# Connections and marks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_every_row_once_and_every_mark_in_its_place(
    threads: int, props: dict[str, str], sql: psycopg.Connection[Any], read_chunks: list[str]
) -> None:
    counts = {"a": 700, "b": 0, "c": 1, "d": 900, "e": 2}
    for table, count in counts.items():
        sql.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, pad text)")
        sql.execute(f"INSERT INTO {table} SELECT i, repeat('x', 300) FROM generate_series(1, {count}) i")
    with Runner({**props, **_parallel(threads), "max.queue.size.in.bytes": "16384", "max.batch.size": "100"}) as run:
        run.settle()
        numbers = run.task.numbers.snapshot
    keys = {table: sorted(r.key["id"] for r in run.records if r.topic.endswith(f".{table}")) for table in counts}
    assert keys == {table: list(range(1, count + 1)) for table, count in counts.items()}
    assert len(read_chunks) >= threads * 3 * 2
    marks = _marks(run)
    assert marks[0] == ("a", "first")
    assert marks[-1][1] == "last"
    assert Counter(mark for _, mark in marks)["last"] == Counter(mark for _, mark in marks)["first"] == 1
    for table in counts:
        own = [mark for name, mark in marks if name == table]
        assert set(own[1:-1]) <= {"true"}
        if len(own) > 1:
            assert own[0] == ("first" if table == "a" else "first_in_data_collection")
            assert own[-1] in ("last", "last_in_data_collection")
    assert [mark for name, mark in marks if name == "c"] in (["last_in_data_collection"], ["last"])
    assert (numbers.tables, numbers.remaining, numbers.rows, numbers.completed) == (5, 0, 1603, True)
    gauges = run.context.metrics
    assert gauges.value("debezium_metrics_RowsScanned", table="public.d") == 900
    total = gauges.value("debezium_metrics_TableChunkCounts", table="public.d")
    assert total is not None
    assert total >= threads * 3
    assert gauges.value("debezium_metrics_TableChunksCompletedCounts", table="public.d") == total
    final = dict(run.records[-1].source_offset)
    assert final["snapshot_completed"] is True
    assert "snapshot_progress" not in final


def test_no_first_mark_behind_an_empty_first_table(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY)"
    )
    sql.execute("INSERT INTO b VALUES (1), (2); INSERT INTO c VALUES (1)")
    with Runner(props) as run:
        run.settle()
    assert _marks(run) == [("b", "first_in_data_collection"), ("b", "last_in_data_collection"), ("c", "last")]


def test_whole_tables_side_by_side(props: dict[str, str], sql: psycopg.Connection[Any], read_chunks: list[str]) -> None:
    for table in "abc":
        sql.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, pad text)")
        sql.execute(f"INSERT INTO {table} SELECT i, repeat('x', 300) FROM generate_series(1, 200) i")
    with Runner({**props, **_parallel(3), "legacy.snapshot.max.threads": "true"}) as run:
        run.settle()
    assert read_chunks == [f'ONLY "public"."{table}"' for table in "abc"]
    assert len(run.records) == 600
    assert Counter(mark for _, mark in _marks(run))["first"] == 0


def test_all_lanes_read_one_state(
    postgres: PostgresServer, database: str, props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    """What is committed after the snapshot was opened is in no chunk, and comes by the stream."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL, pad text)")
    sql.execute("INSERT INTO t SELECT i, 0, repeat('x', 700) FROM generate_series(1, 500) i")
    with Runner({**props, **_parallel(3, 8), "max.queue.size.in.bytes": "24576", "max.batch.size": "20"}) as run:
        run.count(20)
        sql.execute("UPDATE t SET n = 1; DELETE FROM t WHERE id > 400; INSERT INTO t VALUES (1000, 1)")
        run.until(lambda records: any(r.key["id"] == 1000 for r in records))
    rows = [r for r, op in zip(run.records, ops(run.records), strict=True) if op == "r"]
    assert {r.value["after"]["n"] for r in rows} == {0}
    assert sorted(r.key["id"] for r in rows) == list(range(1, 501))


def test_threads_of_one_table(props: dict[str, str], sql: psycopg.Connection[Any], read_chunks: list[str]) -> None:
    for table in "ab":
        sql.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, pad text)")
        sql.execute(f"INSERT INTO {table} SELECT i, repeat('x', 700) FROM generate_series(1, 300) i")
    with Runner(
        {
            **props,
            **_parallel(2, 2),
            "snapshot.max.threads.multiplier.public.b": "5",
            "snapshot.max.threads.multiplier.public.a": "many",
        }
    ) as run:
        run.settle()
    pieces = Counter("a" if '"a"' in chunk else "b" for chunk in read_chunks)
    assert 3 <= pieces["a"] <= 4
    assert 8 <= pieces["b"] <= 10


# How tables are cut ---------------------------------------------------------------------------------------------------


def test_spans() -> None:
    spans = Spans()
    assert spans.missing() == [(0, None)]
    spans.add(4, 6)
    spans.add(0, 2)
    assert spans.missing() == [(2, 4), (6, None)]
    assert spans.missing(5) == [(2, 4)]
    spans.add(2, 4)
    assert spans.as_lists() == [[0, 6]]
    spans.add(10, None)
    spans.add(8, 12)
    assert spans.as_lists() == [[0, 6], [8, None]]
    assert Spans(spans.as_lists()) == spans
    assert spans.missing() == [(6, 8)]
    for wrong in ([["a", 1]], [[1]], [[None, 2]], [1]):
        with pytest.raises((ValueError, TypeError)):
            Spans(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "key",
    ["id text", "id uuid", "id timestamptz", "id numeric", 'id varchar(20) COLLATE "C"', "id bytea", "id date"],
)
def test_a_select_is_cut_by_ranges_of_the_key(
    key: str, props: dict[str, str], sql: psycopg.Connection[Any], read_chunks: list[str]
) -> None:
    made = {
        "text": "chr(65 + i % 60) || ' ''\\' || i",
        "uuid": "md5(i::text)::uuid",
        "timestamptz": "CASE i WHEN 7 THEN 'infinity' ELSE '2020-01-01'::timestamptz + i * interval '1 h' END",
        "numeric": "i / 7.0",
        "varchar(20)": "'ä' || i",
        "bytea": "decode(md5(i::text), 'hex')",
        "date": "'2020-01-01'::date + i",
    }[key.split()[1]]
    sql.execute(f"CREATE TABLE t ({key}, n int, PRIMARY KEY (id, n))")
    sql.execute(f"INSERT INTO t SELECT {made}, i FROM generate_series(1, 400) i")
    more = {
        "snapshot.select.statement.overrides": "public.t",
        "snapshot.select.statement.overrides.public.t": "SELECT * FROM t WHERE n % 2 = 0;",
    }
    with Runner({**props, **more, **_parallel(2, 3)}) as run:
        run.settle()
    assert sorted(r.value["after"]["n"] for r in run.records) == list(range(2, 401, 2))
    assert len(read_chunks) == 6
    assert all("n % 2 = 0\n) AS chosen" in chunk and '("id", "n")' in chunk for chunk in read_chunks)


@pytest.mark.parametrize("tail", ["ORDER BY n LIMIT 7", "OFFSET 393", "fetch first 7 rows only"])
def test_a_select_that_cannot_be_cut_is_read_once(
    tail: str, props: dict[str, str], sql: psycopg.Connection[Any], read_chunks: list[str]
) -> None:
    sql.execute("CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 400)")
    more = {
        "snapshot.select.statement.overrides": "public.t",
        "snapshot.select.statement.overrides.public.t": f"SELECT * FROM t {tail}",
    }
    with Runner({**props, **more, **_parallel(2, 3)}) as run:
        run.settle()
    assert len(run.records) == 7
    assert len(read_chunks) == 1


def test_a_table_without_a_key_is_cut_too(
    props: dict[str, str], sql: psycopg.Connection[Any], read_chunks: list[str]
) -> None:
    sql.execute(
        "CREATE TABLE t (n int, pad text); INSERT INTO t SELECT i, repeat('x', 700) FROM generate_series(1, 300) i"
    )
    with Runner({**props, **_parallel(2, 4)}) as run:
        run.settle()
    assert sorted(r.value["after"]["n"] for r in run.records) == list(range(1, 301))
    assert len(read_chunks) > 4 or sql.info.server_version < 140_000
    assert {r.key for r in run.records} == {None}


@pytest.mark.parametrize("via_root", ["true", "false"])
def test_partitions_of_partitions_each_row_once(
    via_root: str, props: dict[str, str], sql: psycopg.Connection[Any], read_chunks: list[str]
) -> None:
    """Debezium reads a root and its partitions, and so each row twice."""
    sql.execute("CREATE TABLE p (pad text, id int, r int, PRIMARY KEY (id, r)) PARTITION BY LIST (r)")
    sql.execute("CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)")
    sql.execute("CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2) PARTITION BY RANGE (id)")
    # Its columns stand in another order than the root's.
    sql.execute("CREATE TABLE p2a (r int NOT NULL, gone int, id int NOT NULL, pad text, PRIMARY KEY (id, r))")
    sql.execute("ALTER TABLE p2a DROP COLUMN gone; ALTER TABLE p2 ATTACH PARTITION p2a FOR VALUES FROM (0) TO (200)")
    sql.execute("CREATE TABLE p2b PARTITION OF p2 DEFAULT")
    sql.execute("INSERT INTO p SELECT repeat('x', 500), i, i % 2 + 1 FROM generate_series(1, 400) i")
    settings = {**props, **_parallel(2, 4), "publish.via.partition.root": via_root, "table.include.list": "public.p.*"}
    with Runner({**settings, "publication.autocreate.mode": "filtered"}) as run:
        run.settle()
    assert sorted(r.key["id"] for r in run.records) == list(range(1, 401))
    assert {r.value["after"]["r"] for r in run.records} == {1, 2}
    assert all(r.value["after"]["r"] == r.key["id"] % 2 + 1 for r in run.records)
    topics = {r.topic for r in run.records}
    assert topics == ({"srv.public.p"} if via_root == "true" else {"srv.public.p1", "srv.public.p2a", "srv.public.p2b"})
    assert len(read_chunks) >= 6


@pytest.mark.parametrize("rights", ["p", "columns"])
def test_without_rights_to_every_part_tables_are_read_by_key(
    rights: str, props: dict[str, str], sql: psycopg.Connection[Any], read_chunks: list[str]
) -> None:
    """A role that may read a root, or some columns, need not have the right to partitions and system columns."""
    role = f"reader_{rights}_{sql.info.dbname}"
    sql.execute("CREATE TABLE p (id int PRIMARY KEY, secret text) PARTITION BY HASH (id)")
    sql.execute("CREATE TABLE p0 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 0)")
    sql.execute("CREATE TABLE p1 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 1)")
    sql.execute(
        "INSERT INTO p SELECT i, 's' FROM generate_series(1, 100) i; CREATE PUBLICATION pub FOR ALL TABLES WITH (publish_via_partition_root)"
    )
    sql.execute(f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'x'")
    sql.execute(f"GRANT SELECT{' (id)' if rights == 'columns' else ''} ON p TO {role}")
    try:
        more = {"database.user": role, "database.password": "x", "column.exclude.list": "public.p.secret"}
        with Runner({**props, **more, **_parallel(2, 2), "table.include.list": "public.p"}) as run:
            run.settle()
        assert sorted(r.key["id"] for r in run.records) == list(range(1, 101))
        assert any('("id") >' in chunk for chunk in read_chunks)
    finally:
        sql.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


# Kinds of tables ------------------------------------------------------------------------------------------------------


def test_unlogged_tables_are_read_but_cannot_be_published(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    """As in Debezium: their rows come with the snapshot, changes never."""
    sql.execute("CREATE UNLOGGED TABLE u (id int PRIMARY KEY); INSERT INTO u VALUES (1)")
    with Runner(props) as run:
        run.settle()
        assert [r.topic for r in run.records] == ["srv.public.u"]
    more = {
        "publication.name": "other",
        "publication.autocreate.mode": "filtered",
        "slot.name": props["slot.name"] + "2",
    }
    with Runner({**props, **more}) as run:
        error = run.failure()
    assert isinstance(error, HeadraceError)
    assert "unlogged" in str(error)


def test_views_and_foreign_tables_are_no_tables(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    sql.execute("CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT * FROM t")
    sql.execute(
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE f (id int) SERVER s"
    )
    with Runner(props) as run:
        run.settle()
    assert [r.topic for r in run.records] == ["srv.public.t"]
    assert run.task.numbers.captured == ["public.t"]
    more = {"table.include.list": "public.v,public.m,public.f", "publication.autocreate.mode": "filtered"}
    with Runner({**props, **more, "publication.name": "none", "slot.name": props["slot.name"] + "2"}) as run:
        error = run.failure()
    assert isinstance(error, ConfigException)
    assert error.field == "table.include.list"


def test_the_snapshot_knows_nothing_of_row_filters(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    if sql.info.server_version < 150_000:
        pytest.skip("row filters came with 15")
    sql.execute(
        "CREATE TABLE f (id int PRIMARY KEY); INSERT INTO f VALUES (1), (2); CREATE PUBLICATION pub FOR TABLE f WHERE (id > 1)"
    )
    with Runner(props) as run:
        run.settle()
        sql.execute("INSERT INTO f VALUES (0), (9)")
        run.count(3)
    assert [(r.value["op"], r.key["id"]) for r in run.records] == [("r", 1), ("r", 2), ("c", 9)]


def test_inherited_rows_belong_to_their_own_table(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE base (id int PRIMARY KEY); CREATE TABLE child (x int, PRIMARY KEY (id)) INHERITS (base)")
    sql.execute("INSERT INTO base VALUES (1); INSERT INTO child VALUES (2, 2)")
    with Runner({**props, **_parallel(2)}) as run:
        run.settle()
    assert sorted((r.topic, r.key["id"]) for r in run.records) == [("srv.public.base", 1), ("srv.public.child", 2)]


def test_a_connector_for_each_database_of_a_server(
    make_database: Callable[..., str], postgres: PostgresServer, props: dict[str, str], database: str
) -> None:
    """Same schemas, tables and publication names; slots of their own."""
    names = [database, make_database()]
    for number, name in enumerate(names):
        with psycopg.connect(postgres.dsn(name), autocommit=True) as sql:
            sql.execute(
                "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY); CREATE TABLE public.t (id int PRIMARY KEY)"
            )
            sql.execute(f"INSERT INTO s.t VALUES ({number}), (10); INSERT INTO public.t VALUES ({number + 20})")
    with (
        Runner({**props, **_parallel(2)}) as one,
        Runner(
            {
                **props,
                **_parallel(2),
                "database.dbname": names[1],
                "slot.name": f"slot_{names[1]}",
                "topic.prefix": "two",
            }
        ) as two,
    ):
        one.settle()
        two.settle()
        for number, name in enumerate(names):
            with psycopg.connect(postgres.dsn(name), autocommit=True) as sql:
                sql.execute(f"INSERT INTO s.t VALUES ({number + 100})")
        one.count(4)
        two.count(4)
    for number, (run, prefix) in enumerate([(one, "srv"), (two, "two")]):
        assert sorted((r.topic, r.key["id"]) for r in run.records) == [
            (f"{prefix}.public.t", number + 20),
            *((f"{prefix}.s.t", i) for i in sorted((number, 10, number + 100))),
        ]
        assert {r.value["source"]["db"] for r in run.records} == {names[number]}


# Modes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "stream"), [(True, True), (True, False), (False, True), (False, False)])
def test_the_five_switches(data: bool, stream: bool, props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    based = "snapshot.mode.configuration.based."
    mode = {
        "snapshot.mode": "configuration_based",
        f"{based}snapshot.data": str(data).lower(),
        f"{based}start.stream": str(stream).lower(),
    }
    stored = None
    for start in (1, 2):
        with Runner({**props, **mode}, stored) as run:
            run.until(lambda records: run.task.numbers.connected or run.task._finished)
            assert ops(run.records) == ["r"] * start * data
            if stream:
                sql.execute("INSERT INTO t VALUES (%s)", (start + 1,))
                run.count(start * data + 1)
            else:
                sql.execute("INSERT INTO t VALUES (%s)", (start + 1,))
                assert not run.poll()
            stored = run.offsets.stored


def test_a_lost_position_is_made_good_where_the_switch_says_so(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    based = "snapshot.mode.configuration.based."
    mode = {"snapshot.mode": "configuration_based", f"{based}start.stream": "true"}
    with Runner({**props, **mode}) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (2)")
        run.count(1)
        stored = run.offsets.stored
    drop = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s AND NOT active"
    wait_until(lambda: sql.execute(drop, (props["slot.name"],)).fetchone())
    with Runner({**props, **mode}, stored) as run:
        assert run.failure().code == "PG_SLOT_MISSING"
    with Runner({**props, **mode, f"{based}snapshot.on.data.error": "true"}, stored) as run:
        run.settle()
        assert sorted(r.key["id"] for r in run.records) == [1, 2]


@pytest.mark.parametrize("isolation", ["serializable", "repeatable_read", "read_committed", "read_uncommitted"])
def test_every_isolation_is_met(isolation: str, props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    with Runner({**props, "snapshot.isolation.mode": isolation}) as run:
        run.count(1)


def test_a_shared_lock_is_waited_for_so_long(
    postgres: PostgresServer,
    database: str,
    props: dict[str, str],
    sql: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    settings = {
        **props,
        "snapshot.locking.mode": "shared",
        "snapshot.lock.timeout.ms": "100",
        "errors.max.retries": "0",
    }
    plan = snapshot_factory.plan_snapshot
    with psycopg.connect(postgres.dsn(database)) as other, Runner(settings) as run:

        def locked(*args: Any, **kwargs: Any) -> Any:
            other.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
            return plan(*args, **kwargs)

        monkeypatch.setattr(snapshot_factory, "plan_snapshot", locked)
        assert run.failure().code == "PG_LOCKED"
