"""The slot: what is confirmed and when, and that a lost or foreign slot is an error, never a gap."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, ops
from tests.support import wait_until

from headrace.systems.postgres import lsn_to_int


@pytest.fixture(autouse=True)
def table(sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE other (id int)")


def confirmed(sql: psycopg.Connection[Any], props: dict[str, str]) -> int:
    row = sql.execute(
        "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = %s", (props["slot.name"],)
    ).fetchone()
    assert row is not None
    return lsn_to_int(row[0])


def slot_is_free(sql: psycopg.Connection[Any], props: dict[str, str]) -> bool:
    row = sql.execute("SELECT NOT active FROM pg_replication_slots WHERE slot_name = %s", (props["slot.name"],))
    return row.fetchone() == (True,)


def drop(sql: psycopg.Connection[Any], props: dict[str, str]) -> None:
    wait_until(lambda: slot_is_free(sql, props))
    sql.execute("SELECT pg_drop_replication_slot(%s)", (props["slot.name"],))


def test_only_committed_offsets_are_confirmed(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    with Runner(props) as run:
        run.settle()
        before = confirmed(sql, props)
        sql.execute("INSERT INTO t VALUES (1)")
        records = run.count(1, commit=False)
        for _ in range(5):
            run.poll(commit=False)
        assert confirmed(sql, props) == before
        run.commit(records[0])
        wait_until(lambda: confirmed(sql, props) == run.offsets.stored["lsn_commit"], 5)  # type: ignore[index]


def test_manual_flush_mode_never_confirms(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    with Runner({**props, "lsn.flush.mode": "manual"}) as run:
        run.settle()
        before = confirmed(sql, props)
        sql.execute("INSERT INTO t VALUES (1)")
        run.count(1)
        for _ in range(5):
            run.poll()
        assert confirmed(sql, props) == before


FILTERED = {"table.include.list": "public.t", "publication.autocreate.mode": "filtered"}
"""The server itself leaves out all other tables, and tells of what it left out by keepalives only."""


def end_of_log(sql: psycopg.Connection[Any]) -> int:
    row = sql.execute("SELECT pg_current_wal_lsn()::text").fetchone()
    assert row is not None
    return lsn_to_int(row[0])


def test_an_idle_source_moves_offset_and_slot_without_records(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    """Foreign traffic moves the offset; the slot follows it exactly, and only once it is committed."""
    props = {**props, **FILTERED, "status.update.interval.ms": "100"}
    with Runner(props) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (1)")
        run.count(1)
        first = run.offsets.stored
        assert first is not None
        sql.execute("INSERT INTO other SELECT generate_series(1, 2000)")
        target = end_of_log(sql)
        wait_until(lambda: run.poll(commit=False) is not None and run.reached() >= target, 10)
        assert confirmed(sql, props) <= first["lsn_commit"]
        run.commit_advances()
        stored = run.offsets.stored
        assert stored is not None
        wait_until(lambda: confirmed(sql, props) == stored["lsn_commit"], 5)
        sql.execute("INSERT INTO t VALUES (2)")
        run.count(2)
    assert len(run.records) == 2
    assert stored["messageType"] == "COMMIT"
    # Up to version 14 the server sends transactions that have nothing for us, as a begin and a commit.
    last_is_ours = sql.info.server_version >= 150000
    assert (stored["txId"], stored["ts_usec"]) == (first["txId"], first["ts_usec"]) or not last_is_ours
    assert stored["lsn"] == stored["lsn_proc"] == stored["lsn_commit"] >= target


def test_an_offset_committed_but_not_confirmed_loses_and_repeats_nothing(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    """The crash between the commit and the confirmation: the slot stands behind the offset."""
    props = {**props, **FILTERED, "status.update.interval.ms": "100"}
    with Runner(props) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (1)")
        run.count(1)
        sql.execute("INSERT INTO other SELECT generate_series(1, 2000)")
        target = end_of_log(sql)
        wait_until(lambda: run.poll(commit=False) is not None and run.reached() >= target, 10)
        *_, stored = (offset for _, offset, _ in run.context.advances)
        sql.execute("INSERT INTO t VALUES (2)")
    assert confirmed(sql, props) < stored["lsn_commit"]
    with Runner(props, stored) as run:
        assert [r.key["id"] for r in run.count(1)] == [2]


def test_offsets_behind_one_without_a_record_never_lie_before_it(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    """A delete's first record carries the offset before the delete: that is the one last handed over, with or without a
    record; after a stop between it and the tombstone the slot is not ahead."""
    props = {
        **props,
        **FILTERED,
        "status.update.interval.ms": "100",
    }
    with Runner(props) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (1)")
        run.count(1)
        sql.execute("INSERT INTO other SELECT generate_series(1, 2000)")
        target = end_of_log(sql)
        wait_until(lambda: run.poll() is not None and run.reached() >= target, 10)
        sql.execute("DELETE FROM t WHERE id = 1")
        assert ops(run.count(3, commit=False)) == ["c", "d", "-"]
        stored = dict(run.records[1].source_offset)
        assert stored["lsn_commit"] >= target
    with Runner(props, stored) as run:
        assert ops(run.count(2)) == ["d", "-"]


def test_foreign_traffic_costs_few_commits(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    """The server asks for a reply after each transaction it leaves out; that alone is no hurry."""
    with Runner({**props, **FILTERED, "snapshot.mode": "no_data"}) as run:
        run.settle()
        wait_until(lambda: run.poll() is not None and bool(run.context.advances))
        before = len(run.context.advances)
        for i in range(30):
            sql.execute("INSERT INTO other VALUES (%s)", (i,))
            target = end_of_log(sql)
            wait_until(lambda target=target: run.poll() is not None and run.written() >= target)  # type: ignore[misc]
        assert len(run.context.advances) == before


def test_the_end_of_an_empty_snapshot_is_remembered(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    with Runner(props) as run:
        run.settle()
        wait_until(lambda: run.poll() is not None and run.offsets.stored is not None)
        stored = run.offsets.stored
    sql.execute("INSERT INTO t VALUES (1)")
    with Runner(props, stored) as run:
        assert ops(run.count(1)) == ["c"]


def test_a_slot_ahead_of_an_offset_without_record_is_an_error(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    with Runner({**props, "status.update.interval.ms": "100"}) as run:
        run.settle()
        wait_until(lambda: run.poll() is not None and run.offsets.stored is not None)
        stored = run.offsets.stored
    assert stored is not None
    sql.execute("INSERT INTO t VALUES (1)")
    wait_until(lambda: slot_is_free(sql, props))
    sql.execute("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (props["slot.name"],))
    with Runner(props, stored) as run:
        assert run.failure().code == "PG_SLOT_BEHIND_POSITION"


def test_heartbeats_move_the_stored_offset(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE beats (n int)")
    props = {
        **props,
        "table.include.list": "public.t",
        "heartbeat.interval.ms": "50",
        "heartbeat.action.query": "INSERT INTO beats VALUES (1)",
    }
    with Runner(props) as run:
        run.settle()
        sql.execute("INSERT INTO other SELECT generate_series(1, 2000)")
        target = lsn_to_int(str(sql.execute("SELECT pg_current_wal_lsn()::text").fetchone()[0]))  # type: ignore[index]
        wait_until(lambda: run.poll() is not None and (run.offsets.stored or {}).get("lsn_commit", 0) >= target)
        wait_until(lambda: run.poll() is not None and confirmed(sql, props) >= target)
        beat = run.records[-1]
    assert beat.topic == "__debezium-heartbeat.srv"
    assert beat.partition == 0
    assert beat.key["serverName"] == "srv"
    assert beat.value["ts_ms"] > 0
    assert sql.execute("SELECT count(*) > 0 FROM beats").fetchone() == (True,)


def run_once(props: dict[str, str], sql: psycopg.Connection[Any]) -> dict[str, Any]:
    with Runner(props) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (1)")
        run.count(1)
        assert run.offsets.stored is not None
        return run.offsets.stored


def test_a_missing_slot_is_an_error(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    stored = run_once(props, sql)
    drop(sql, props)
    with Runner(props, stored) as run:
        error = run.failure()
    assert error.code == "PG_SLOT_MISSING"
    assert error.remedy is not None
    assert "when_needed" in error.remedy


def test_a_slot_made_anew_is_an_error(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    stored = run_once(props, sql)
    drop(sql, props)
    sql.execute("INSERT INTO t VALUES (2)")
    sql.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (props["slot.name"],))
    with Runner(props, stored) as run:
        error = run.failure()
    assert error.code == "PG_SLOT_BEHIND_POSITION"
    assert error.field == "slot.name"
    with Runner({**props, "offset.mismatch.strategy": "trust_slot"}, stored) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (3)")
        run.count(1)
        assert [r.key["id"] for r in run.records] == [3]


@pytest.mark.parametrize("again", [False, True])
def test_when_needed_takes_a_new_snapshot(props: dict[str, str], sql: psycopg.Connection[Any], again: bool) -> None:
    stored = run_once(props, sql)
    drop(sql, props)
    sql.execute("INSERT INTO t VALUES (2)")
    if again:
        sql.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (props["slot.name"],))
    with Runner({**props, "snapshot.mode": "when_needed"}, stored) as run:
        run.count(2)
        sql.execute("INSERT INTO t VALUES (3)")
        run.count(3)
    assert ops(run.records) == ["r", "r", "c"]


def test_a_position_ahead_of_the_server_is_an_error(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    stored = run_once(props, sql)
    ahead = {**stored, "lsn_commit": stored["lsn"] + (1 << 40), "lsn": stored["lsn"] + (1 << 40)}
    with Runner(props, ahead) as run:
        assert run.failure().code == "PG_POSITION_AHEAD"


def test_a_slot_in_use_is_waited_for_then_an_error(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    with Runner(props) as first:
        first.settle()
        with Runner({**props, "slot.max.retries": "1", "slot.retry.delay.ms": "200"}, first.offsets.stored) as second:
            error = second.failure()
    assert error.code == "PG_SLOT_IN_USE"
    assert error.field == "slot.name"


def test_slot_is_dropped_on_stop_when_asked(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    with Runner({**props, "slot.drop.on.stop": "true"}) as run:
        run.settle()
    assert sql.execute(
        "SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s", (props["slot.name"],)
    ).fetchone() == (0,)


def test_a_heartbeat_before_any_change_has_a_position(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    with Runner({**props, "snapshot.mode": "no_data", "heartbeat.interval.ms": "20"}) as run:
        [beat, *_] = run.count(2)
        stored = run.offsets.stored
    assert beat.topic == "__debezium-heartbeat.srv"
    sql.execute("INSERT INTO t VALUES (1)")
    with Runner(props, stored) as run:
        assert [r.key["id"] for r in run.count(1)] == [1]


def test_a_heartbeat_query_on_a_table_that_is_not_there_ends_the_task(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    beats = {"heartbeat.interval.ms": "20", "heartbeat.action.query": "INSERT INTO no_such_table VALUES (1)"}
    with Runner({**props, **beats}) as run:
        assert run.failure().code == "PG_TABLE_MISSING"
    beats["heartbeat.action.query"] = "SELECT 1 / 0"
    with Runner({**props, **beats}) as run:
        run.until(lambda records: sum(r.topic.startswith("__debezium-heartbeat") for r in records) > 1)
