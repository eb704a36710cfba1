"""Signals and the snapshots they ask for when connections break, slots wait and the task rests: nothing taken is lost."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, ops
from tests.sources.postgres.test_incremental import SIGNALS, done, notes, rows, settings, signal
from tests.support import wait_until

from headrace.sources.postgres.offsets import SIGNALS_KEY
from headrace.sources.postgres.snapshot import factory as snapshot_factory
from headrace.testing.servers import PostgresServer

_OURS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'headrace test'"


def _break_catalog_connection(sql: psycopg.Connection[Any]) -> None:
    """As a firewall does to a connection that is idle for long; the stream lives."""
    found = sql.execute(f"SELECT pg_terminate_backend(pid) {_OURS} AND backend_type = 'client backend'").fetchall()
    assert found == [(True,)]
    wait_until(lambda: not sql.execute(f"SELECT {_OURS} AND backend_type = 'client backend'").fetchall(), 5, "its end")


@pytest.mark.parametrize("channel", ["source", "rest", "file"])
@pytest.mark.parametrize("kind", ["incremental", "blocking"])
def test_a_signal_meets_a_broken_connection(
    props: dict[str, str], sql: psycopg.Connection[Any], tmp_path: Path, kind: str, channel: str
) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 5)")
    file = tmp_path / "signals"
    more = {
        "signal__enabled__channels": "source,file,jmx",
        "signal__file": str(file),
        "signal__poll__interval__ms": "1",
    }
    data = {"data-collections": ["public.a"], "type": kind}
    with Runner(settings(props, **more)) as run:
        run.settle()
        # The stream knows the signalling table already and has nothing to ask of the catalog.
        signal(sql, "s-0", "log", message="hello")
        run.until(lambda found: len(rows(found, "sig")) == 1)
        _break_catalog_connection(sql)
        if channel == "rest":
            run.task.signal("s-1", "execute-snapshot", json.dumps(data))
        elif channel == "file":
            file.write_text(json.dumps({"id": "s-1", "type": "execute-snapshot", "data": data}) + "\n")
        else:
            signal(sql, "s-1", "execute-snapshot", data_collections=["public.a"], type=kind)
        run.until(done)
    assert rows(run.records, "a") == [("r", n) for n in range(1, 6)]


def test_an_accepted_signal_outlives_the_stream(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    """The signal is taken, its snapshot begun, and the connection breaks before an offset tells of it."""
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 5)")
    more = {"signal__enabled__channels": "source,jmx", "notification__enabled__channels": "jmx"}
    with Runner(settings(props, **more)) as run:
        run.settle()
        sql.execute(f"SELECT pg_terminate_backend(pid) {_OURS} AND backend_type = 'walsender'")
        wait_until(lambda: not sql.execute(f"SELECT {_OURS} AND backend_type = 'walsender'").fetchall(), 5, "its end")
        run.task.signal("s-1", "execute-snapshot", '{"data-collections": ["public.a"]}')
        run.until(lambda found: len(rows(found, "a")) == 5)
    assert rows(run.records, "a") == [("r", n) for n in range(1, 6)]


def test_a_name_the_server_cannot_take(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)")
    with Runner(settings(props, signal__enabled__channels="source,jmx")) as run:
        run.settle()
        for type in ("incremental", "blocking"):
            for name in ("public.\0", "public." + "x" * 300, "public.\"'; DROP TABLE a; --", "public.a\\"):
                run.task.signal("bad", "execute-snapshot", json.dumps({"data-collections": [name], "type": type}))
        run.task.signal("bad", "stop-snapshot", json.dumps({"data-collections": ["public.\0"]}))
        run.task.signal("good", "execute-snapshot", json.dumps({"data-collections": ["public.a"]}))
        run.until(lambda found: rows(found, "a") == [("r", 1)])
    assert sql.execute("SELECT count(*) FROM a").fetchone() == (1,)


def test_a_blocking_snapshot_outlives_a_pause_while_it_waits(
    postgres: PostgresServer, database: str, props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE w (id int PRIMARY KEY); INSERT INTO a VALUES (1)")
    with Runner(settings(props)) as run, psycopg.connect(postgres.dsn(database)) as writer:
        run.settle()
        writer.execute("INSERT INTO w VALUES (1)")
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.a"], type="blocking")
        run.until(lambda _: run.task._beside is not None and run.task._beside.signalling.blocking.opening)
        _temporary_slots(sql, 1)
        run.task.paused()
        run.until(lambda _: run.task._beside is not None and run.task._beside.signalling.blocking.opening)
        _temporary_slots(sql, 1)
        writer.commit()
        run.until(done)
        assert rows(run.records, "a") == [("r", 1)]
        _nothing_left(sql, connections=2)


def _temporary_slots(sql: psycopg.Connection[Any], count: int) -> None:
    query = "SELECT count(*) FROM pg_replication_slots WHERE slot_name ~ '_snapshot' AND active"
    wait_until(lambda: sql.execute(query).fetchone() == (count,), 10, f"{count} slots that wait")


def _nothing_left(sql: psycopg.Connection[Any], connections: int) -> None:
    """Only catalog connection and stream are left, and no open transaction."""
    wait_until(lambda: len(sql.execute(f"SELECT {_OURS}").fetchall()) == connections, 10, "connections to be closed")
    assert not sql.execute(f"SELECT query {_OURS} AND state LIKE 'idle in%'").fetchall()
    _temporary_slots(sql, 0)


def test_nothing_is_left_open_when_a_snapshot_cannot_begin(
    props: dict[str, str], sql: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lanes are open already when the tables cannot be locked."""
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)")
    more = {
        "snapshot__max__threads": "3",
        "retriable__restart__connector__wait__ms": "2000",
    }
    failures: list[Exception] = []

    def fail(*_: Any, **__: Any) -> Any:
        monkeypatch.undo()
        failures.append(psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"))
        raise failures[0]

    monkeypatch.setattr(snapshot_factory, "plan_snapshot", fail)
    with Runner(settings(props, **more)) as run:
        run.settle()
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.a"], type="blocking")
        run.until(lambda _: run.task.numbers.reconnects == 1)
        _nothing_left(sql, connections=0)
        run.until(done)
    assert rows(run.records, "a") == [("r", 1)]


def test_two_signals_of_one_id(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
    sql.execute("INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)")
    with Runner(settings(props, signal__enabled__channels="source,jmx")) as run:
        run.settle()
        for table in ("a", "b"):
            data = {"data-collections": [f"public.{table}"], "type": "blocking"}
            run.task.signal("ad-hoc", "execute-snapshot", json.dumps(data))
        run.until(lambda found: [type for type, _ in notes(found)].count("COMPLETED") == 2)
    assert (rows(run.records, "a"), rows(run.records, "b")) == ([("r", 1)], [("r", 2)])


def test_a_signalling_table_outside_the_publication_is_told(
    props: dict[str, str], sql: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE PUBLICATION pub FOR TABLE a")
    with caplog.at_level(logging.WARNING), Runner(settings(props, publication__autocreate__mode="disabled")) as run:
        run.settle()
        run.poll()
    assert "Signalling table public.sig is not in publication pub" in caplog.text
    caplog.clear()
    sql.execute("ALTER PUBLICATION pub ADD TABLE sig")
    with caplog.at_level(logging.WARNING), Runner(settings(props, publication__autocreate__mode="disabled")) as run:
        run.settle()
        run.poll()
    assert "Signalling table" not in caplog.text


def test_a_topic_is_acknowledged_with_what_it_asked_for(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    """Offsets of records that were handed over before the signal was read say nothing of it."""
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
    more = {
        "signal__enabled__channels": "kafka",
        "signal__data__collection": "",
        "read__only": "true",
        "signal__poll__interval__ms": "1",
        "publication__autocreate__mode": "all_tables",
    }
    with Runner(settings(props, **more)) as run:
        run.settle()
        sql.execute("INSERT INTO b VALUES (1)")
        run.until(lambda found: bool(rows(found, "b")), commit=False)
        before = run.records[-1]
        sql.execute("INSERT INTO a VALUES (1)")
        told = {"type": "execute-snapshot", "data": {"data-collections": ["public.a"]}}
        run.context.topics["srv-signal"] = [(b"srv", json.dumps(told).encode())]
        run.until(lambda found: any(type == "STARTED" and data for type, data in notes(found)), commit=False)
        run.commit(before)
        assert run.context.topics_committed.get("srv-signal", 0) == 0
        run.commit(run.records[-1])
        run.until(done)
        run.poll()
        assert run.context.topics_committed["srv-signal"] == 1


def test_no_thread_outlives_the_task(
    postgres: PostgresServer, database: str, props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE w (id int PRIMARY KEY)")
    with psycopg.connect(postgres.dsn(database)) as writer:
        with Runner(settings(props)) as run:
            run.settle()
            writer.execute("INSERT INTO w VALUES (1)")
            signal(sql, "s-1", "execute-snapshot", data_collections=["public.a"], type="blocking")
            run.until(lambda _: run.task._beside is not None and run.task._beside.signalling.blocking.opening)
            _temporary_slots(sql, 1)
        wait_until(
            lambda: not any(t.name.startswith("headrace-open") for t in threading.enumerate()), 5, "its thread's end"
        )
        _nothing_left(sql, connections=0)


@pytest.mark.parametrize(("skipped", "left"), [("d", ["c"]), ("c", ["d", "-"])])
def test_the_part_of_a_key_change_that_is_skipped(
    props: dict[str, str], sql: psycopg.Connection[Any], skipped: str, left: list[str]
) -> None:
    """With signals as without them."""
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
    sql.execute("INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)")
    with Runner(settings(props, skipped__operations=skipped)) as run:
        run.settle()
        sql.execute("UPDATE a SET id = 2; UPDATE b SET id = 1")
        run.until(lambda found: ("u", 1) in rows([r for r in found if r.value is not None], "b"))
    assert ops([r for r in run.records if r.topic == "srv.public.a"]) == left


def test_signals_that_come_while_a_snapshot_is_broken(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    """The snapshot breaks, a signal comes, the snapshot catches up and breaks again: the signal is heard in the end, once."""
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY, pad text); CREATE TABLE b (id int PRIMARY KEY)")
    sql.execute(
        "INSERT INTO a SELECT g, repeat('x', 700) FROM generate_series(1, 400) g; INSERT INTO b VALUES (1), (2)"
    )
    more = {
        "snapshot__mode": "initial",
        "max__batch__size": "40",
        "max__queue__size__in__bytes": "8192",
        "snapshot__max__threads__multiplier": "8",
        "table__include__list": "public.a,public.b",
        "snapshot__include__collection__list": "public.b,public.a",
        "notification__enabled__channels": "jmx",
    }
    with Runner(settings(props, **more)) as run:
        run.until(lambda found: len(rows(found, "a")) > 150)
        stored = run.offsets.stored
    signal(sql, "s-1", "execute-snapshot", data_collections=["public.b"])
    with Runner(settings(props, **more), stored) as run:
        run.until(lambda found: bool(rows(found, "a")))
        stored = run.offsets.stored
        assert stored is not None
        assert "s-1" in stored[SIGNALS_KEY]
    with Runner(settings(props, **more), stored) as run:
        run.until(lambda found: len(rows(found, "b")) == 2)
        run.until(
            lambda _: run.offsets.stored is not None and "incremental_snapshot_collections" not in run.offsets.stored
        )
        stored = run.offsets.stored
        assert stored is not None
        assert SIGNALS_KEY not in stored
        assert [r.value["source"]["snapshot"] for r in run.records if r.topic == "srv.public.b"] == ["incremental"] * 2
    with Runner(settings(props, **more), stored) as run:
        run.settle()
        sql.execute("INSERT INTO b VALUES (3)")
        run.until(lambda found: ("c", 3) in rows(found, "b"))
        assert rows(run.records, "b") == [("c", 3)]


def test_a_blocking_snapshot_while_a_window_waits_for_a_position(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    """The stream stands still before the first change that is newer than the snapshot, with an incremental window open."""
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
    sql.execute("INSERT INTO a SELECT generate_series(1, 40)")
    with Runner(settings(props, signal__enabled__channels="source,jmx", read__only="true")) as run:
        run.settle()
        for n, kind in enumerate(("incremental", "blocking")):
            data = {"data-collections": ["public.a"], "type": kind}
            run.task.signal(f"s-{n}", "execute-snapshot", json.dumps(data))
        beside = run.task._beside
        assert beside is not None
        run.until(lambda _: beside.signalling.blocking.opening)
        opening = beside.signalling.blocking._opening
        assert opening is not None
        assert opening.done.wait(10)
        for n in range(20):
            sql.execute("INSERT INTO b VALUES (%s)", (n,))
        run.until(lambda found: [type for type, _ in notes(found)].count("COMPLETED") == 2, timeout_s=10)
    assert len(rows(run.records, "a")) == 80
    assert rows(run.records, "b") == [("c", n) for n in range(20)]
