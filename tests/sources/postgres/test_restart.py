"""What a restart at any point brings: every change once, none twice, whatever was committed."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, ops
from tests.support import wait_until

from headrace.data import SourceRecord
from headrace.sources.postgres.offsets import Position


def shown(records: list[SourceRecord]) -> list[tuple[str, str, Any, Any]]:
    return [
        (r.topic, op, r.key.values if r.key else None, None if r.value is None else r.value["source"]["lsn"])
        for r, op in zip(records, ops(records), strict=True)
    ]


def make_history(sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text)")


def write_history(sql: psycopg.Connection[Any]) -> None:
    """Transactions of several changes, key changes, deletes, rows that share a position (COPY), changes of tables left out."""
    with sql.transaction():
        sql.execute("INSERT INTO a VALUES (1, 'x'), (2, 'y'), (3, 'z')")
        sql.execute("INSERT INTO left_out VALUES (1)")
        sql.execute("UPDATE a SET v = 'xx' WHERE id = 1")
    with sql.transaction():
        sql.execute("UPDATE a SET id = 10 WHERE id = 2")
        sql.execute("DELETE FROM a WHERE id = 3")
    with sql.cursor() as cursor, cursor.copy("COPY b FROM STDIN") as copy:
        for i in range(6):
            copy.write_row((i, str(i)))
    with sql.transaction():
        sql.execute("INSERT INTO left_out VALUES (2)")
    sql.execute("INSERT INTO a VALUES (4, 'w')")
    with sql.transaction():
        sql.execute("SAVEPOINT s")
        sql.execute("INSERT INTO a VALUES (5, 'v')")
        sql.execute("SAVEPOINT t")
        sql.execute("INSERT INTO a VALUES (6, 'u')")


@pytest.fixture
def history_props(props: dict[str, str], sql: psycopg.Connection[Any]) -> dict[str, str]:
    make_history(sql)
    sql.execute("CREATE TABLE left_out (id int PRIMARY KEY)")
    return {**props, "table.exclude.list": "public.left_out", "snapshot.mode": "no_data"}


def test_resumes_behind_every_record(history_props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    """A task that committed the first n records, for each n, goes on with exactly the rest; records of one change that were cut
    apart come again as a whole."""
    with Runner(history_props) as first:
        first.settle()
    slot = history_props["slot.name"]
    write_history(sql)
    with Runner({**history_props, "max.batch.size": "1"}) as run:
        whole = list(run.count(18, commit=False))
        cut = sql.execute("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = %s", (slot,))
        assert cut.fetchone() is not None
    expected = shown(whole)
    assert [op for _, op, *_ in expected] == list("cccu" + "d-c" + "d-" + "cccccc" + "c" + "cc")
    for taken in range(len(whole)):
        offset = dict(whole[taken].source_offset)
        with Runner(history_props, offset) as run:
            after = expected[taken + 1 :]
            # The delete and tombstone of a change carry the offset before it: the change comes again from its beginning.
            begin = taken + 1
            while begin > 0 and dict(whole[begin - 1].source_offset) != offset:
                begin -= 1
            first_same = next(i for i, r in enumerate(whole) if dict(r.source_offset) == offset)
            repeat = expected[first_same + 1 :] if ops(whole)[first_same] in "cu-" else after
            wanted = repeat if len(repeat) >= len(after) else after
            got = shown(run.count(len(wanted), commit=False)) if wanted else []
            assert got == wanted, f"after record {taken}"
            run.poll(commit=False)
            assert len(run.records) == len(wanted)


def test_a_debezium_offset_in_the_middle_of_a_transaction(
    history_props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    with Runner(history_props) as first:
        first.settle()
    write_history(sql)
    with Runner({**history_props, "max.batch.size": "1"}) as run:
        whole = list(run.count(18, commit=False))
    old = {k: v for k, v in whole[1].source_offset.items() if k != "lsn_events_processed"}
    assert old["messageType"] == "INSERT"
    with Runner(history_props, old) as run:
        assert shown(run.count(16, commit=False)) == shown(whole)[2:]


def test_offset_keys_are_debeziums(history_props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    with Runner(history_props) as run:
        run.settle()
        sql.execute("INSERT INTO a VALUES (1, 'x')")
        run.count(1)
        offset = run.offsets.stored
    assert offset is not None
    assert set(offset) == {"lsn", "lsn_proc", "lsn_commit", "messageType", "txId", "ts_usec"}
    assert offset["messageType"] == "COMMIT"
    assert offset["lsn"] == offset["lsn_proc"] == offset["lsn_commit"]
    assert Position.of(offset) == Position(offset["lsn"])


def test_a_broken_connection_loses_and_repeats_nothing(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    """The server ends our sessions again and again while rows are written."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    with Runner({**props, "snapshot.mode": "no_data", "max.batch.size": "7"}) as run:
        run.settle()
        for part in range(4):
            sql.execute("INSERT INTO t SELECT generate_series(%s::int, %s::int)", (part * 30, part * 30 + 29))
            run.count(part * 30 + 10)
            sql.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'headrace test'"
            )
        run.count(120)
        sql.execute("INSERT INTO t VALUES (120)")
        run.count(121)
        assert [r.key["id"] for r in run.records] == list(range(121))
        assert run.task.numbers.reconnects >= 2


_SENDER = "SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s"


def test_a_slow_consumer_keeps_its_connection(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    """Nobody polls for longer than wal_sender_timeout; the feedback thread keeps the connection."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    sql.execute("ALTER DATABASE " + str(sql.info.dbname) + " SET wal_sender_timeout = '1s'")
    with Runner({**props, "snapshot.mode": "no_data"}) as run:
        run.settle()
        before = sql.execute(_SENDER, [props["slot.name"]]).fetchone()
        sql.execute("INSERT INTO t SELECT generate_series(1, 10)")
        started = sql.execute("SELECT clock_timestamp()").fetchone()
        assert started is not None
        wait_until(
            lambda: (sql.execute("SELECT clock_timestamp() - %s > interval '2.5 s'", started).fetchone() or [0])[0]
        )
        run.count(10)
        assert sql.execute(_SENDER, [props["slot.name"]]).fetchone() == before
        assert run.task.numbers.reconnects == 0


def test_a_slow_transform_keeps_a_connection_whose_server_cannot_send(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    """The task's thread computes without a pause, while more has come than all buffers hold: the server hears from us all the same."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    sql.execute("ALTER DATABASE " + str(sql.info.dbname) + " SET wal_sender_timeout = '3s'")
    with Runner({**props, "snapshot.mode": "no_data", "status.update.interval.ms": "250"}) as run:
        run.settle()
        before = sql.execute(_SENDER, [props["slot.name"]]).fetchone()
        sql.execute("INSERT INTO t SELECT g, repeat(md5(g::text), 100) FROM generate_series(1, 15000) g")
        run.count(1)
        look = "SELECT wait_event, r.reply_time FROM pg_stat_activity JOIN pg_stat_replication r USING (pid) WHERE pid = %s"
        heard = set()
        while len(heard) < 4:
            sum(number * number for number in range(100_000))
            row = sql.execute(look, before).fetchone()
            assert row is not None, "the session has ended"
            event, reply_time = row
            if event == "WalSenderWriteData":
                heard.add(reply_time)
        run.count(15000)
        assert sql.execute(_SENDER, [props["slot.name"]]).fetchone() == before
        assert run.task.numbers.reconnects == 0


@pytest.mark.parametrize("skipped", ["none", "c"])
def test_only_the_last_record_of_a_key_change_lies_behind_it(
    skipped: str, props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    """An offset of the first ones would, committed alone, leave out the others."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    sql.execute("INSERT INTO t VALUES (1)")
    with Runner({**props, "snapshot.mode": "no_data", "skipped.operations": skipped}) as run:
        run.settle()
        sql.execute("UPDATE t SET id = 2")
        records = run.count(2 if skipped == "c" else 3)
    *first, last = (dict(record.source_offset)["lsn"] for record in records)
    assert all(lsn < last for lsn in first)
