"""Blocking snapshots: rows in their place between changes, whatever happens meanwhile; and what initial snapshots tell."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, plain
from tests.sources.postgres.test_incremental import SIGNALS, notes, rows, settings, signal
from tests.sources.postgres.test_incremental_truth import TABLE, Copy, Writers, truth

from headrace.testing.servers import PostgresServer


def completed(records: Any, times: int = 1) -> bool:
    return [type for type, _ in notes(records)].count("COMPLETED") == times


def test_rows_marks_and_notes(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(SIGNALS)
    sql.execute(
        "CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int);"
        "INSERT INTO a SELECT g, 'v' || g FROM generate_series(1, 5) g; INSERT INTO c VALUES (1)"
    )
    filters = [
        {"data-collection": "public.a", "filter": "SELECT id, upper(v) AS v FROM public.a WHERE id < 4 ORDER BY id"}
    ]
    with Runner(settings(props)) as run:
        run.settle()
        with sql.transaction():
            sql.execute("INSERT INTO b VALUES (7)")
            signal(
                sql,
                "s-1",
                "execute-snapshot",
                type="Blocking",
                data_collections=["public.[AB]", "public.nix"],
                additional_conditions=filters,
            )
            sql.execute("INSERT INTO b VALUES (8)")
        run.until(completed)
        sql.execute("INSERT INTO b VALUES (9)")
        run.until(lambda found: ("c", 9) in rows(found, "b"))
        assert run.offsets.stored is not None
        assert "blocking_snapshot_signal" not in run.offsets.stored
    marks = [r.value["source"]["snapshot"] for r in run.records if r.topic == "srv.public.a"]
    assert marks == ["first", "true", "last_in_data_collection"]
    assert rows(run.records, "a") == [("r", 1, "V1"), ("r", 2, "V2"), ("r", 3, "V3")]
    assert rows(run.records, "b") == [("c", 7), ("c", 8), ("r", 7), ("r", 8), ("c", 9)]
    assert rows(run.records, "c") == []
    both = "public.a,public.b"

    def progress(table: str) -> tuple[str, dict[str, str]]:
        return ("IN_PROGRESS", {"current_collection_in_progress": table, "data_collections": both})

    def scanned(table: str, count: str) -> tuple[str, dict[str, str]]:
        told = {"scanned_collection": table, "total_rows_scanned": count, "status": "SUCCEEDED"}
        return ("TABLE_SCAN_COMPLETED", {**told, "data_collections": both})

    assert notes(run.records)[1:] == [
        ("STARTED", {}),
        progress("public.a"),
        scanned("public.a", "3"),
        progress("public.b"),
        scanned("public.b", "2"),
        ("COMPLETED", {}),
    ]
    told = [plain(r.value) for r in run.records if r.topic == "notes"]
    assert {note["aggregate_type"] for note in told} == {"Initial Snapshot"}
    assert len({note["id"] for note in told}) == len(told)


def test_a_select_the_server_refuses(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)")
    wrong = [{"data-collection": "public.a", "filter": "SELECT nothing FROM nowhere"}]
    with Runner(settings(props)) as run:
        run.settle()
        signal(
            sql, "s-1", "execute-snapshot", type="blocking", data_collections=["public.a"], additional_conditions=wrong
        )
        signal(sql, "s-2", "execute-snapshot", type="blocking", data_collections=["public.a"])
        run.until(completed)
    told = [type for type, _ in notes(run.records) if type not in ("IN_PROGRESS", "TABLE_SCAN_COMPLETED")]
    assert told == ["SKIPPED", "STARTED", "ABORTED", "STARTED", "COMPLETED"]
    assert rows(run.records, "a") == [("r", 1)]


def test_a_transaction_that_holds_the_snapshot_up(
    props: dict[str, str], sql: psycopg.Connection[Any], postgres: PostgresServer
) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)")
    with psycopg.connect(postgres.dsn(sql.info.dbname)) as slow, Runner(settings(props)) as run:
        run.settle()
        slow.execute("INSERT INTO a VALUES (2)")
        signal(sql, "s-1", "execute-snapshot", type="blocking", data_collections=["public.a"])
        run.until(lambda found: notes(found)[-1] == ("STARTED", {}))
        sql.execute("INSERT INTO a VALUES (3)")
        # Polls come back meanwhile, so that the task can be stopped.
        for _ in range(3):
            started = time.monotonic()
            assert run.poll() == []
            assert time.monotonic() - started < 1
        slow.commit()
        run.until(completed)
        run.until(lambda found: len(rows(found, "a")) == 5)
    found = rows(run.records, "a")
    assert sorted(found) == [("c", 2), ("c", 3), ("r", 1), ("r", 2), ("r", 3)]
    assert found[0][0] == "c"


@pytest.mark.parametrize("end", ["crash", "cut"])
def test_one_that_breaks_is_taken_again(props: dict[str, str], sql: psycopg.Connection[Any], end: str) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 3000)")
    given = settings(props, max__batch__size="500")
    run = Runner(given)
    run.settle()
    signal(sql, "s-1", "execute-snapshot", type="blocking", data_collections=["public.a"])
    run.until(lambda found: len(rows(found, "a")) >= 500)
    assert run.offsets.stored is not None
    assert run.offsets.stored["snapshot"] == "BLOCKING"
    assert not run.offsets.stored["snapshot_completed"]
    [pending] = json.loads(run.offsets.stored["blocking_snapshot_signal"])
    assert (pending["id"], pending["data"]["data-collections"]) == ("s-1", ["public.a"])
    sql.execute("DELETE FROM a WHERE id = 1; UPDATE a SET id = 4000 WHERE id = 2")
    copy = Copy()
    copy.take(run.records)
    if end == "crash":
        run.close()
        copy.crash()
        run = Runner(given, run.offsets.stored)
    else:
        sql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
    with run:
        run.until(completed)
        sql.execute("INSERT INTO a VALUES (5000)")
        run.until(lambda found: found[-1].topic == "srv.public.a" and found[-1].key["id"] == 5000)
        assert run.offsets.stored is not None
        assert "blocking_snapshot_signal" not in run.offsets.stored
    copy.take(run.records)
    assert set(copy.rows) == {row[0] for row in sql.execute("SELECT id FROM a").fetchall()}


@pytest.mark.parametrize("attempt", range(2))
def test_the_records_say_what_the_table_has(
    postgres: PostgresServer, props: dict[str, str], sql: psycopg.Connection[Any], attempt: int
) -> None:
    sql.execute(SIGNALS)
    sql.execute(TABLE)
    sql.execute("INSERT INTO a SELECT g * 2, 0, repeat('o', 3000) FROM generate_series(1, 150) g")
    given = settings(props, max__batch__size="40")
    seed = random.randrange(1 << 30)
    copy = Copy()
    with Runner(given) as run:
        run.settle()
        with Writers(postgres.dsn(sql.info.dbname), seed):
            for number in range(3):
                signal(sql, f"s-{number}", "execute-snapshot", type="blocking", data_collections=["public.a"])
            deadline = time.monotonic() + 30
            while not completed(run.records, 3):
                assert time.monotonic() < deadline, (seed, notes(run.records)[-3:])
                run.poll()
                copy.take(run.records)
        sql.execute("INSERT INTO a VALUES (100000, 0, '')")
        run.until(lambda found: any(r.topic == "srv.public.a" and r.key["id"] == 100000 for r in found))
        copy.take(run.records)
    assert copy.rows == truth(sql), seed


def test_what_an_initial_snapshot_tells(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(SIGNALS)
    sql.execute(
        "INSERT INTO sig VALUES ('old', 'log', '{}'); CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);"
        "INSERT INTO a SELECT generate_series(1, 3); INSERT INTO b SELECT generate_series(1, 2)"
    )
    given = settings(props, snapshot__mode="initial", table__include__list="public.a,public.b")
    given["notification.enabled.channels"] = "sink,jmx,log"
    with Runner(given) as run:
        run.until(completed)
        run.settle()
        stored = run.offsets.stored
    shown = [
        (r.value["type"] if r.topic == "notes" else r.value["source"]["snapshot"], r.topic.rpartition(".")[2])
        for r in run.records
    ]
    assert shown == [
        ("STARTED", "notes"),
        ("IN_PROGRESS", "notes"),
        ("first", "a"),
        ("true", "a"),
        ("TABLE_SCAN_COMPLETED", "notes"),
        ("IN_PROGRESS", "notes"),
        ("last_in_data_collection", "a"),
        ("first_in_data_collection", "b"),
        ("TABLE_SCAN_COMPLETED", "notes"),
        ("last", "b"),
        ("COMPLETED", "notes"),
    ]
    # The signalling table is captured and not read; Debezium names it where a table is done, and only there.
    told = [data["data_collections"] for type, data in notes(run.records) if "data_collections" in data]
    assert told == ["public.a,public.b", "public.a,public.b,public.sig"] * 2
    assert [note["type"] for note in run.context.notifications] == [type for type, _ in notes(run.records)]
    with Runner(given, stored) as again:
        again.until(lambda found: len(notes(found)) == 1)
    assert notes(again.records) == [("SKIPPED", {})]
