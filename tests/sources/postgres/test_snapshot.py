"""Snapshots: marks, order, modes, and the join with the stream under concurrent writes."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, ops
from tests.support import wait_until

from headrace.testing.servers import PostgresServer


def test_marks_offsets_and_source_block(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY)"
    )
    sql.execute("CREATE TABLE d (id int PRIMARY KEY)")
    sql.execute("INSERT INTO a SELECT generate_series(1, 3); INSERT INTO c SELECT generate_series(1, 2)")
    with Runner(props) as run:
        run.count(5)
        run.settle()
        numbers = run.task.numbers.snapshot
        gauges = run.context.metrics
        assert gauges.value("debezium_metrics_RowsScanned", table="public.a") == 3
        assert gauges.value("debezium_metrics_RemainingTableCount", context="snapshot") == 0
        assert gauges.value("debezium_metrics_SnapshotCompleted", context="snapshot") == 1
        assert gauges.value("debezium_metrics_Connected", context="streaming") == 1
    sources = [record.value["source"] for record in run.records]
    assert [s["snapshot"] for s in sources] == [
        "first",
        "true",
        "last_in_data_collection",
        "first_in_data_collection",
        "last",
    ]
    assert {record.value["op"] for record in run.records} == {"r"}
    assert {s["sequence"] for s in sources} == {f'[null,"{sources[0]["lsn"]}"]'}
    first, last = (dict(run.records[i].source_offset) for i in (0, -1))
    assert first == {**first, "snapshot": "INITIAL", "last_snapshot_record": False, "snapshot_completed": False}
    assert last == {**last, "snapshot": "INITIAL", "last_snapshot_record": True, "snapshot_completed": True}
    assert numbers.rows == 5


def test_joins_the_stream_without_gap_or_overlap(
    postgres: PostgresServer, database: str, props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    """Writers insert, update and delete all the time while slot and snapshot are made; replaying the records in order gives
    the table, each row is read or created exactly once."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL)")
    sql.execute("INSERT INTO t SELECT i, 0 FROM generate_series(1, 3000) i")
    stop = threading.Event()

    def write(worker: int) -> None:
        with psycopg.connect(postgres.dsn(database), autocommit=True) as other:
            number = 10_000 * (worker + 1)
            while not stop.is_set():
                number += 1
                with other.transaction():
                    other.execute("INSERT INTO t VALUES (%s, 0)", (number,))
                    other.execute("UPDATE t SET n = n + 1 WHERE id = %s", (number % 3000 + 1,))
                    if number % 3 == 0:
                        other.execute("DELETE FROM t WHERE id = %s", (number - 1,))

    writers = [threading.Thread(target=write, args=(i,)) for i in range(2)]
    for writer in writers:
        writer.start()
    try:
        with Runner({**props, "max.batch.size": "500"}) as run:
            run.count(3500)
            run.until(lambda records: sum(op in "cud" for op in ops(records[3000:])) > 300)
            stop.set()
            for writer in writers:
                writer.join()
            sql.execute("INSERT INTO t VALUES (0, 0)")
            run.until(lambda records: any(r.key["id"] == 0 for r in records))
    finally:
        stop.set()
    born: dict[int, int] = {}
    table: dict[int, int] = {}
    for record, op in zip(run.records, ops(run.records), strict=True):
        key = record.key["id"]
        if op in "rc":
            born[key] = born.get(key, 0) + 1
            assert key not in table
            table[key] = record.value["after"]["n"]
        elif op == "u":
            assert record.value["after"]["n"] == table[key] + 1
            table[key] += 1
        elif op == "d":
            del table[key]
    assert set(born.values()) == {1}
    assert table == dict(sql.execute("SELECT id, n FROM t").fetchall())


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("initial", ["r", "c"]), ("no_data", ["c"]), ("always", ["r", "c"]), ("when_needed", ["r", "c"])],
)
def test_modes_of_a_first_start(
    mode: str, expected: list[str], props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    with Runner({**props, "snapshot.mode": mode}) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (2)")
        run.count(len(expected))
        assert ops(run.records) == expected
        stored = run.offsets.stored
    sql.execute("INSERT INTO t VALUES (3)")
    with Runner({**props, "snapshot.mode": mode}, stored) as run:
        again = ["r", "r", "r"] if mode == "always" else ["c"]
        run.count(len(again))
        run.poll()
        assert ops(run.records) == again


def test_initial_only_reads_and_idles(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    with Runner({**props, "snapshot.mode": "initial_only"}) as run:
        run.count(1)
        wait_until(lambda: run.poll() is not None and run.task._finished)
        stored = run.offsets.stored
    assert sql.execute(
        "SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s", (props["slot.name"],)
    ).fetchone() == (0,)
    with Runner({**props, "snapshot.mode": "initial_only"}, stored) as run:
        wait_until(lambda: run.poll() is not None and run.task._finished)
        assert run.records == []


def test_chosen_tables_and_select_overrides(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(
        "CREATE TABLE a (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id * 2) STORED); CREATE TABLE b (id int PRIMARY KEY)"
    )
    sql.execute(
        "CREATE TABLE c (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 9); INSERT INTO b VALUES (1); INSERT INTO c VALUES (1)"
    )
    more = {
        "snapshot.include.collection.list": "public.b,public.a",
        "snapshot.select.statement.overrides": "public.a",
        "snapshot.select.statement.overrides.public.a": "SELECT * FROM public.a WHERE id > 7 ORDER BY id;",
    }
    with Runner({**props, **more}) as run:
        run.settle()
        assert [(r.topic, r.key["id"]) for r in run.records] == [
            ("srv.public.b", 1),
            ("srv.public.a", 8),
            ("srv.public.a", 9),
        ]
        assert run.records[1].value["after"]["g"] == 16
        sql.execute("INSERT INTO c VALUES (2)")
        assert run.count(4)[3].topic == "srv.public.c"


@pytest.mark.parametrize("via_root", ["true", "false"])
def test_partitions_are_read_as_the_stream_reports_them(
    via_root: str, props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TABLE p (id int, r int, PRIMARY KEY (id, r)) PARTITION BY LIST (r)")
    sql.execute("CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2)")
    sql.execute("INSERT INTO p VALUES (1, 1), (2, 2)")
    with Runner({**props, "publish.via.partition.root": via_root, "publication.autocreate.mode": "filtered"}) as run:
        run.settle()
        sql.execute("INSERT INTO p VALUES (3, 1)")
        run.count(3)
    topics = [r.topic for r in run.records]
    assert topics == (
        ["srv.public.p"] * 3 if via_root == "true" else ["srv.public.p1", "srv.public.p2", "srv.public.p1"]
    )
