"""Changes that other connectors lost, repeated or reordered where a snapshot meets the stream. Which tickets: docs/loss-tickets.md."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from tests.sources.postgres.kit import Runner, ops
from tests.support import wait_until

Sql = psycopg.Connection[Any]


def state(run: Runner, topic: str) -> dict[Any, Any]:
    """The table as a target would have it that applies the records in their order."""
    rows: dict[Any, Any] = {}
    for record in run.records:
        if record.topic == topic:
            if record.value is None:
                rows.pop(record.key["id"], None)
            elif record.value["op"] != "d":
                rows[record.key["id"]] = record.value["after"]["v"]
    return rows


def test_a_transaction_open_while_the_snapshot_is_taken(props: dict[str, str], sql: Sql) -> None:
    """Its rows are not in the snapshot, so the stream must have them. The slot waits for the transaction to end."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)")
    with psycopg.connect(sql.info.dsn, password="postgres") as slow, Runner(props) as run:
        slow.execute("INSERT INTO t VALUES (2, 2)")
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type = 'walsender'"
        failures: list[Exception] = []

        def finish() -> None:
            try:
                with psycopg.connect(sql.info.dsn, password="postgres", autocommit=True) as watch:
                    wait_until(lambda: (watch.execute(waiting).fetchone() or [0])[0])
                slow.execute("UPDATE t SET v = 10 WHERE id = 1")
                slow.commit()
            except Exception as error:
                failures.append(error)

        thread = threading.Thread(target=finish)
        thread.start()
        run.until(lambda records: state(run, "srv.public.t") == {1: 10, 2: 2})
        thread.join()
        assert not failures
        run.poll()
        seen = [(op, record.key["id"]) for op, record in zip(ops(run.records), run.records, strict=True)]
        assert sorted(seen) in ([("r", 1), ("r", 2)], [("c", 2), ("r", 1), ("u", 1)])


@pytest.mark.parametrize("threads", ["1", "4"])
def test_every_change_once_while_tables_are_written(props: dict[str, str], sql: Sql, threads: str) -> None:
    """Counters are raised while they are read: each value comes once and in order, the first by snapshot or stream."""
    tables = [f"t{number}" for number in range(5)]
    for table in tables:
        sql.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, v int)")
        sql.execute(f"INSERT INTO {table} SELECT g, 0 FROM generate_series(1, 20) g")
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(sql.info.dsn, password="postgres", autocommit=True) as writer:
            while not stop.is_set():
                for table in tables:
                    writer.execute(f"UPDATE {table} SET v = v + 1 WHERE id = %s", (writer.info.backend_pid % 20 + 1,))

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        with Runner({**props, "snapshot.max.threads": threads}) as run:
            run.count(500)
            stop.set()
            for writer in writers:
                writer.join()
            expected = {table: dict(sql.execute(f"SELECT id, v FROM {table}").fetchall()) for table in tables}
            run.until(lambda _: all(state(run, f"srv.public.{table}") == expected[table] for table in tables))
            for table in tables:
                values: dict[int, list[int]] = {}
                for record in run.records:
                    if record.topic == f"srv.public.{table}":
                        values.setdefault(record.key["id"], []).append(record.value["after"]["v"])
                for row in values.values():
                    assert row == list(range(row[0], row[-1] + 1))
    finally:
        stop.set()


def test_a_broken_snapshot_leaves_no_gap(props: dict[str, str], sql: Sql) -> None:
    """Stopped in its midst, with changes before and after the stop: nothing that the first run read is trusted too far."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT g, 0 FROM generate_series(1, 300) g")
    with Runner({**props, "max.batch.size": "50"}) as run:
        run.count(60)
        sql.execute("UPDATE t SET v = 1 WHERE id IN (5, 280)")
        sql.execute("DELETE FROM t WHERE id IN (6, 281)")
        stored = run.offsets.stored
    sql.execute("UPDATE t SET v = 2 WHERE id IN (5, 7, 282)")
    with Runner(props, stored) as run:
        expected = dict(sql.execute("SELECT id, v FROM t").fetchall())
        run.until(lambda _: {**state(run, "srv.public.t")}.keys() >= expected.keys())
        sql.execute("UPDATE t SET v = 3 WHERE id = 300")
        run.until(lambda _: state(run, "srv.public.t").get(300) == 3)
        got = state(run, "srv.public.t")
        assert {id: got[id] for id in expected} == {**expected, 300: 3}


def test_a_lost_slot_is_recovered_with_all_rows(props: dict[str, str], sql: Sql) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)")
    settings = {**props, "snapshot.mode": "when_needed"}
    with Runner(settings) as run:
        run.settle()
        stored = run.offsets.stored
    idle = "SELECT NOT active FROM pg_replication_slots WHERE slot_name = %s"
    wait_until(lambda: (sql.execute(idle, (props["slot.name"],)).fetchone() or [False])[0])
    sql.execute("SELECT pg_drop_replication_slot(%s)", (props["slot.name"],))
    sql.execute("INSERT INTO t VALUES (2, 2)")
    with Runner(settings, stored) as run:
        run.count(2)
        assert state(run, "srv.public.t") == {1: 1, 2: 2}
        sql.execute("INSERT INTO t VALUES (3, 3)")
        run.count(3)
        assert ops(run.records) == ["r", "r", "c"]
