"""A primary fails, its standby takes over: the connector goes on there through its failover slot, without loss or repetition."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner
from tests.support import wait_until

from headrace.sources.postgres.config import PostgresConfig
from headrace.systems.postgres import ReplicationConnection
from headrace.systems.postgres.connect import connect_and_tell
from headrace.testing.postgres_server import PostgresServer
from headrace.testing.processes import unprivileged_user

_SLOT, _STANDBY = "kept", "standby"


@pytest.fixture
def primary(postgres: PostgresServer) -> Iterator[PostgresServer]:
    with postgres.connect() as sql:
        if sql.info.server_version < 170000:
            pytest.skip("failover slots need a server of version 17")
    options = {"synchronized_standby_slots": _STANDBY, "hot_standby": "on"}
    with PostgresServer(options=options, durable=False) as server:
        yield server


@pytest.fixture
def standby(primary: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A copy of the primary that follows it and keeps its failover slots."""
    with primary.connect() as sql:
        sql.execute("SELECT pg_create_physical_replication_slot(%s, true)", (_STANDBY,))
    base = _folder(primary)
    _base_backup(primary, base / "data")
    follow = f"host={primary.host} port={primary.port} user={primary.user} password={primary.password} dbname=postgres"
    options = {
        "primary_conninfo": follow,
        "primary_slot_name": _STANDBY,
        "hot_standby_feedback": "on",
        "sync_replication_slots": "on",
        "wal_receiver_status_interval": "1",
    }
    server = PostgresServer(base, options=options, durable=False)
    try:
        yield server.start()
    finally:
        server.kill()


def _folder(primary: PostgresServer) -> Path:
    """A place for the standby's data that the servers' account may write to."""
    base = primary.base_dir / "standby"
    (base / "socket").mkdir(parents=True)
    account = unprivileged_user()
    if account is not None:
        for path in (base, base / "socket"):
            os.chown(path, account.pw_uid, account.pw_gid)
    return base


def _base_backup(primary: PostgresServer, data: Path) -> None:
    account = unprivileged_user()
    ids: dict[str, Any] = {}
    if account is not None:
        ids = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    command = ["pg_basebackup", "-D", str(data), "-R", "-X", "stream", "-c", "fast", "-h", primary.host]
    command += ["-p", str(primary.port), "-U", primary.user]
    subprocess.run(
        [primary.bin_dir / command[0], *command[1:]],
        check=True,
        cwd="/",
        env={**os.environ, "PGPASSWORD": primary.password},
        **ids,
    )


def _replayed(standby: psycopg.Connection[Any], lsn: str) -> bool:
    return standby.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (lsn,)).fetchone() == (True,)


def _props(server: PostgresServer) -> dict[str, str]:
    return {
        "name": "test",
        "topic.prefix": "srv",
        "database.hostname": server.host,
        "database.port": str(server.port),
        "database.user": server.user,
        "database.password": server.password,
        "database.dbname": "postgres",
        "plugin.name": "pgoutput",
        "slot.name": _SLOT,
        "slot.failover": "true",
        "publication.name": "pub",
        "poll.interval.ms": "50",
        "status.update.interval.ms": "200",
        "retriable.restart.connector.wait.ms": "50",
        "provide.transaction.metadata": "true",
    }


def _ids(run: Runner) -> list[int]:
    return [record.key["id"] for record in run.records if record.topic == "srv.public.t"]


def _wait_for_sync(run: Runner, primary: psycopg.Connection[Any], standby: psycopg.Connection[Any]) -> None:
    """Until the standby's copy of the slot can take over."""

    def synced() -> bool:
        run.poll()
        # Slots are synchronized only behind what the standby has replayed, and the next record of the log shows how far that is.
        primary.execute("SELECT pg_log_standby_snapshot()")
        query = "SELECT synced AND NOT temporary AND invalidation_reason IS NULL FROM pg_replication_slots WHERE slot_name = %s"
        return standby.execute(query, (_SLOT,)).fetchone() == (True,)

    wait_until(synced, 60, "the slot on the standby")


def _holds_back(sql: psycopg.Connection[Any]) -> bool:
    query = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'WaitForStandbyConfirmation'"
    return sql.execute(query).fetchone() is not None


def test_the_connector_goes_on_at_the_promoted_standby(primary: PostgresServer, standby: PostgresServer) -> None:
    with primary.connect() as sql, standby.connect() as copy:
        sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        sql.execute("INSERT INTO t VALUES (0, 'snapshot')")
        with Runner(_props(primary)) as run:
            run.settle()
            sql.execute("INSERT INTO t SELECT g, 'before' FROM generate_series(1, 100) g")
            run.until(lambda _: len(_ids(run)) == 101)
            _wait_for_sync(run, sql, copy)
            # In the middle of a transaction: the offset that is stored lies inside it.
            sql.execute("INSERT INTO t SELECT g, 'on the way' FROM generate_series(101, 5000) g")
            run.until(lambda _: 101 < len(_ids(run)) < 5001)
            stored, first = run.offsets.stored, _ids(run)
            row = sql.execute("SELECT pg_current_wal_lsn()").fetchone()
            assert row is not None
        sql.execute("INSERT INTO t SELECT g, 'while away' FROM generate_series(5001, 5100) g")
        row = sql.execute("SELECT pg_current_wal_lsn()").fetchone()
        assert row is not None
        end = row[0]
        wait_until(lambda: _replayed(copy, end), 30, "the standby's replay")
        primary.kill()
        copy.execute("SELECT pg_promote(true, 60)")
        copy.execute("INSERT INTO t SELECT g, 'after' FROM generate_series(5101, 5200) g")
        assert stored is not None
        assert stored["transaction_id"] == str(stored["txId"])
        with Runner(_props(standby), stored) as again:
            again.until(lambda _: len(first) + len(_ids(again)) >= 5201)
            ends = [r.value for r in again.records if r.topic == "srv.transaction" and r.value["status"] == "END"]
        assert first + _ids(again) == list(range(5201))
        assert [end["event_count"] for end in ends][:2] == [4900, 100]


def _sessions(sql: psycopg.Connection[Any]) -> int:
    row = sql.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'headrace test'").fetchone()
    assert row is not None
    return int(row[0])


def test_of_several_servers_the_primary_is_found_before_and_after_a_failover(
    primary: PostgresServer, standby: PostgresServer
) -> None:
    hosts = f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}"
    props = {**_props(primary), "database.hostname": hosts, "driver.targetServerType": "primary"}
    with primary.connect() as sql, standby.connect() as copy:
        sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        target = PostgresConfig.parse(props).target("doors")
        for attrs, server in (("primary", primary), ("read-write", primary), ("standby", standby),
                              ("read-only", standby), ("prefer-standby", standby), ("any", standby)):  # fmt: skip
            wanted = replace(target, session_attrs=attrs)
            connection, chosen = connect_and_tell(wanted)
            connection.close()
            with ReplicationConnection(wanted) as session:
                assert (chosen.port, session.target.port) == (server.port, server.port)
        with Runner(props) as run:
            run.settle()
            assert (_sessions(sql) >= 2, _sessions(copy)) == (True, 0)
            sql.execute("INSERT INTO t SELECT g, 'before' FROM generate_series(1, 10) g")
            run.until(lambda _: len(_ids(run)) == 10)
            _wait_for_sync(run, sql, copy)
            primary.kill()
            run.poll()
            copy.execute("SELECT pg_promote(true, 60)")
            copy.execute("INSERT INTO t SELECT g, 'after' FROM generate_series(11, 20) g")
            run.until(lambda _: len(_ids(run)) >= 20)
            assert _ids(run) == list(range(1, 21))
            assert _sessions(copy) >= 2


@pytest.mark.parity
def test_what_the_standby_lacks_is_never_streamed_before_it_has_it(
    primary: PostgresServer, standby: PostgresServer
) -> None:
    with primary.connect() as sql, standby.connect() as copy:
        sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        with Runner(_props(primary)) as run:
            run.settle()
            _wait_for_sync(run, sql, copy)
            standby.kill()
            sql.execute("INSERT INTO t VALUES (1, 'only on the primary')")
            wait_until(lambda: run.poll() == [] and _holds_back(sql))
            assert _ids(run) == []
            standby.start()
            run.until(lambda _: _ids(run) == [1])


@pytest.mark.parity
def test_a_standby_can_be_the_source(primary: PostgresServer, standby: PostgresServer) -> None:
    with primary.connect() as sql, standby.connect() as copy:
        sql.execute("ALTER SYSTEM RESET synchronized_standby_slots")
        sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        sql.execute("INSERT INTO t VALUES (0, 'snapshot')")
        row = sql.execute("SELECT pg_current_wal_lsn()").fetchone()
        assert row is not None
        wait_until(lambda: _replayed(copy, row[0]), 30, "the standby's replay")
        with Runner(_props(standby)) as run:
            assert run.failure().code == "PG_STANDBY_READ_ONLY"
        sql.execute("CREATE PUBLICATION pub FOR ALL TABLES")
        row = sql.execute("SELECT pg_current_wal_lsn()").fetchone()
        assert row is not None
        wait_until(lambda: _replayed(copy, row[0]), 30, "the standby's replay")
        # The slot is made once the primary has told of its running transactions, as it does by itself now and then.
        nudge = _Nudge(primary)
        with nudge, Runner(_props(standby)) as run:
            run.settle()
            sql.execute("INSERT INTO t VALUES (1, 'streamed')")
            run.until(lambda _: _ids(run) == [0, 1])


class _Nudge:
    """Has the primary log a snapshot of its running transactions, over and over."""

    def __init__(self, primary: PostgresServer) -> None:
        self._primary = primary
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with self._primary.connect() as sql:
            while not self._stop.wait(0.1):
                sql.execute("SELECT pg_log_standby_snapshot()")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
