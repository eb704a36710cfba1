"""Changes that other connectors lost or repeated when they were restarted. Which tickets: docs/loss-tickets.md."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from headrace.errors import HeadraceError
from headrace.systems.postgres import lsn_to_int
from tests.sources.postgres.kit import Runner, ops
from tests.support import wait_until

Sql = psycopg.Connection[Any]


@pytest.fixture
def stream(props: dict[str, str], sql: Sql) -> dict[str, str]:
    """Settings of a source without snapshot whose slot is there already."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE other (id int PRIMARY KEY)")
    settings = {**props, "snapshot.mode": "no_data", "table.include.list": "public.t"}
    with Runner(settings) as run:
        run.settle()
    return settings


@contextmanager
def second(sql: Sql) -> Iterator[Sql]:
    with psycopg.connect(sql.info.dsn, password="postgres") as connection:
        yield connection


def keys(run: Runner) -> list[Any]:
    return [record.key["id"] for record in run.records if record.topic == "srv.public.t"]


def confirmed(sql: Sql, settings: dict[str, str]) -> int:
    query = "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = %s"
    row = sql.execute(query, (settings["slot.name"],)).fetchone()
    assert row is not None
    return lsn_to_int(row[0])


def test_a_transaction_that_was_open_at_the_restart(stream: dict[str, str], sql: Sql) -> None:
    """It began before, others committed meanwhile and were confirmed; its rows lie before what was confirmed."""
    with second(sql) as slow:
        slow.execute("INSERT INTO t VALUES (1, 'early')")
        with Runner(stream) as run:
            sql.execute("INSERT INTO t VALUES (2, 'quick')")
            run.count(1)
            stored = run.offsets.stored
        slow.execute("INSERT INTO t VALUES (3, 'late')")
        slow.commit()
    with Runner(stream, stored) as run:
        run.count(2)
        run.poll()
        assert keys(run) == [1, 3]


@pytest.mark.parametrize("done", [1, 2, 3])
def test_stopped_within_interleaved_transactions(stream: dict[str, str], sql: Sql, done: int) -> None:
    """Their changes lie mixed in the log, and come by transaction; a stop after any change leaves exactly the rest."""
    with second(sql) as one, second(sql) as two:
        one.execute("INSERT INTO t VALUES (1)")
        two.execute("INSERT INTO t VALUES (2)")
        one.execute("INSERT INTO t VALUES (3)")
        two.execute("INSERT INTO t VALUES (4)")
        two.commit()
        one.commit()
    with Runner({**stream, "max.batch.size": "1"}) as run:
        while len(run.records) < done:
            run.poll()
        first, stored = keys(run), run.offsets.stored
    with Runner(stream, stored) as run:
        run.count(4 - done)
        run.poll()
        assert first + keys(run) == [2, 4, 1, 3]


def test_rows_of_one_copy_that_share_a_position(stream: dict[str, str], sql: Sql) -> None:
    with sql.cursor() as cursor, cursor.copy("COPY t FROM STDIN") as copy:
        for number in range(50):
            copy.write_row((number, "x"))
    stored, seen = None, list[Any]()
    while len(seen) < 50:
        with Runner({**stream, "max.batch.size": "7"}, stored) as run:
            run.count(1)
            seen += keys(run)
            stored = run.offsets.stored
    assert seen == list(range(50))


def test_a_change_behind_a_logical_message_of_its_transaction(stream: dict[str, str], sql: Sql) -> None:
    if sql.info.server_version < 140000:
        pytest.skip("messages need PostgreSQL 14")
    with sql.transaction():
        sql.execute("SELECT pg_logical_emit_message(true, 'note', 'x')")
        sql.execute("INSERT INTO t VALUES (1)")
        sql.execute("SELECT pg_logical_emit_message(true, 'note', 'y')")
        sql.execute("INSERT INTO t VALUES (2)")
    with Runner({**stream, "max.batch.size": "1"}) as whole:
        whole.count(4, commit=False)
        offsets = [dict(record.source_offset) for record in whole.records]
    assert ops(whole.records) == ["m", "c", "m", "c"]
    for index, stored in enumerate(offsets[:-1]):
        with Runner(stream, stored) as run:
            run.count(3 - index, commit=False)
            run.poll(commit=False)
            assert ops(run.records) == ["m", "c", "m", "c"][index + 1 :], index


def test_a_change_right_behind_the_last_commit(stream: dict[str, str], sql: Sql) -> None:
    """The next transaction may begin at the very position the last one ended at."""
    stored = None
    for number in range(20):
        sql.execute("INSERT INTO t VALUES (%s)", (number,))
        with Runner(stream, stored) as run:
            run.count(1)
            assert keys(run) == [number]
            stored = run.offsets.stored


@pytest.mark.parametrize("taken", [1, 2, 3])
def test_a_change_of_key_that_ends_its_transaction(stream: dict[str, str], sql: Sql, taken: int) -> None:
    """Delete, tombstone and create of one update: a stop between them repeats all three, and what follows comes."""
    sql.execute("INSERT INTO t VALUES (1, 'a')")
    with Runner({**stream, "max.batch.size": "1"}) as run:
        run.count(1)
        stored = run.offsets.stored
    sql.execute("UPDATE t SET id = 2")
    sql.execute("INSERT INTO t VALUES (3)")
    with Runner(stream, stored) as run:
        run.count(4, commit=False)
        assert [*zip(ops(run.records), keys(run), strict=True)] == [("d", 1), ("-", 1), ("c", 2), ("c", 3)]
        stored = dict(run.records[taken - 1].source_offset)
    with Runner(stream, stored) as run:
        wanted = ["c"] if taken == 3 else ["d", "-", "c", "c"]
        run.count(len(wanted))
        run.poll()
        assert ops(run.records) == wanted


def test_nothing_is_confirmed_that_is_not_committed(stream: dict[str, str], sql: Sql) -> None:
    """Records that were handed over and never stored must come again, however long the stream went on."""
    before = confirmed(sql, stream)
    settings = {**stream, "status.update.interval.ms": "50", "heartbeat.interval.ms": "50"}
    with Runner(settings) as run:
        for number in range(10):
            sql.execute("INSERT INTO t VALUES (%s)", (number,))
            run.until(lambda records, n=number: n in keys(run), commit=False)
        wait_until(lambda: run.poll(commit=False) is None or run.written() > before)
        assert confirmed(sql, stream) == before
    with Runner(stream) as run:
        run.count(10)
        assert keys(run) == list(range(10))


def test_a_position_without_last_commit_is_kept(stream: dict[str, str], sql: Sql) -> None:
    """An offset of an old release, or of a first transaction, has no lsn_commit: nothing behind its lsn comes again."""
    with sql.transaction():
        sql.execute("INSERT INTO t VALUES (1)")
        sql.execute("INSERT INTO t VALUES (2)")
        sql.execute("INSERT INTO t VALUES (3)")
    with Runner({**stream, "max.batch.size": "1"}) as run:
        run.count(3, commit=False)
        stored = {key: value for key, value in run.records[1].source_offset.items() if key != "lsn_commit"}
    with Runner(stream, stored) as run:
        run.count(1)
        run.poll()
        assert keys(run) == [3]


def test_a_slot_without_stored_offset_is_read_from_its_place(stream: dict[str, str], sql: Sql) -> None:
    """Not from the end of the log: what was written since the slot was made is wanted."""
    sql.execute("INSERT INTO t SELECT generate_series(1, 5)")
    with Runner(stream) as run:
        run.count(5)
        assert keys(run) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("mode", ["no_data", "initial", "when_needed"])
def test_a_slot_that_was_made_anew_behind_our_back(stream: dict[str, str], sql: Sql, mode: str) -> None:
    """What was written between the two slots is in neither: an error, or a new snapshot that has it."""
    with Runner(stream) as run:
        sql.execute("INSERT INTO t VALUES (1)")
        run.count(1)
        stored = run.offsets.stored
    idle = "SELECT NOT active FROM pg_replication_slots WHERE slot_name = %s"
    wait_until(lambda: (sql.execute(idle, (stream["slot.name"],)).fetchone() or [False])[0])
    sql.execute("SELECT pg_drop_replication_slot(%s)", (stream["slot.name"],))
    sql.execute("INSERT INTO t VALUES (2)")
    sql.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (stream["slot.name"],))
    sql.execute("INSERT INTO t VALUES (3)")
    with Runner({**stream, "snapshot.mode": mode}, stored) as run:
        if mode == "when_needed":
            run.count(3)
            assert ops(run.records) == ["r", "r", "r"]
        else:
            with pytest.raises(HeadraceError) as caught:
                run.count(1)
            assert caught.value.code == "PG_SLOT_BEHIND_POSITION"


def test_a_connection_lost_within_a_transaction(stream: dict[str, str], sql: Sql) -> None:
    with sql.transaction():
        sql.execute("INSERT INTO t SELECT generate_series(1, 400)")
    with Runner({**stream, "max.batch.size": "30"}) as run:
        for _ in range(5):
            run.count(len(run.records) + 30)
            sql.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active")
        run.count(400)
        run.poll()
        assert keys(run) == list(range(1, 401))


def test_foreign_traffic_lets_the_slot_move_on(stream: dict[str, str], sql: Sql) -> None:
    """Skipped changes count as done: else the server keeps its log for ever, until it drops the slot."""
    with Runner({**stream, "status.update.interval.ms": "50"}) as run:
        before = confirmed(sql, stream)
        sql.execute("INSERT INTO other SELECT generate_series(1, 1000)")
        row = sql.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        assert row is not None
        wait_until(lambda: run.poll() is None or confirmed(sql, stream) >= lsn_to_int(row[0]))
        assert confirmed(sql, stream) > before
        sql.execute("INSERT INTO t VALUES (1)")
        run.count(1)
        stored = run.offsets.stored
    sql.execute("INSERT INTO t VALUES (2)")
    with Runner({**stream, "offset.mismatch.strategy": "trust_greater_lsn"}, stored) as run:
        run.count(1)
        assert keys(run) == [2]


def test_heartbeat_messages_behind_a_restart(stream: dict[str, str], sql: Sql) -> None:
    """heartbeat.action.query that emits a logical message: it comes before and after a restart."""
    if sql.info.server_version < 140000:
        pytest.skip("messages need PostgreSQL 14")
    settings = {
        **stream,
        "heartbeat.interval.ms": "50",
        "heartbeat.action.query": "SELECT pg_logical_emit_message(false, 'beat', now()::text)",
    }
    stored = None
    for _ in range(3):
        with Runner(settings, stored) as run:
            run.until(lambda records: "m" in [r.value["op"] for r in records if r.topic == "srv.message"])
            stored = run.offsets.stored
