"""The server's fast shutdown: it waits until we have confirmed all it wrote, so that must not take long, whatever we do then."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
import pytest
from tests.support import wait_until

from headrace.log.offset_codec import parse_value
from headrace.runtime.herder import State
from headrace.runtime.task_runner import TaskRunner, TaskSpec
from headrace.spi.plugins import PluginRegistry
from headrace.systems.postgres import lsn_to_int
from headrace.testing.memory_log import MemoryLog, MemoryOffsetStore
from headrace.testing.servers import PostgresServer

PROMPT_S = 4.0
"""A shutdown that nobody delays takes some tenths of a second, one that runs into wal_sender_timeout a minute."""


class Listener:
    def on_state(self, state: State) -> None: ...
    def on_topics(self, topics: Sequence[str]) -> None: ...


class Attached:
    """The source in the real task loop, on a log in memory, attached to a server of its own."""

    def __init__(self, server: PostgresServer, log: MemoryLog, changes: dict[str, str]) -> None:
        self.log = log
        config = {
            "name": "shut",
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "topic.prefix": "srv",
            "database.hostname": server.host,
            "database.port": str(server.port),
            "database.user": server.user,
            "database.password": server.password,
            "database.dbname": "postgres",
            "plugin.name": "pgoutput",
            "slot.name": "shut",
            "publication.name": "shut",
            "table.include.list": "public.t",
            "publication.autocreate.mode": "filtered",
            "retriable.restart.connector.wait.ms": "100",
            "max.batch.size": "500",
            **changes,
        }
        converter = {"converter": "org.apache.kafka.connect.json.JsonConverter", "converter.schemas.enable": "false"}
        worker = {f"{side}.{key}": value for side in ("key", "value") for key, value in converter.items()}
        spec = TaskSpec("shut", 0, "source", None, {**config, "task.class": "x"}, config, worker)
        self.runner = TaskRunner(
            spec,
            log=self.log,
            offsets=MemoryOffsetStore(self.log),
            registry=PluginRegistry.discover(),
            listener=Listener(),
        )
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.runner.run()
        except BaseException as error:
            self.error = error

    def ids(self) -> list[int]:
        assert self.error is None, self.error
        keys = (entry[1] for entry in self.log.records("srv.public.t")) if "srv.public.t" in self.log.topics() else ()
        return [parse_value(key)["id"] for key in keys if key is not None]  # type: ignore[index]

    def stored(self) -> int:
        offset = MemoryOffsetStore(self.log).get("shut", [{"server": "srv"}])[0] or {}
        return int(offset.get("lsn_commit", offset.get("lsn", 0)))

    def has(self, *ids: int) -> None:
        wait_until(lambda: self.ids() == list(ids), 20, f"{len(ids)} records, once each")

    def close(self) -> None:
        self.runner.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()
        assert self.error is None, self.error


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer(durable=False) as server:
        yield server


@pytest.fixture
def attach(server: PostgresServer) -> Iterator[Callable[..., Attached]]:
    """`attach(**settings)`: a source on table t, streaming; each later one goes on in the log of the one before."""
    made: list[Attached] = []
    log = MemoryLog()
    server.start()
    with server.connect() as sql:
        sql.execute("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int)")

    def make(**changes: str) -> Attached:
        run = Attached(server, log, changes)
        made.append(run)
        wait_until(lambda: run.error is not None or is_streaming(server), 20, "the stream")
        return run

    yield make
    for each in made:
        each.close()
    server.start()
    with server.connect() as sql:
        sql.execute("DROP PUBLICATION IF EXISTS shut; DROP TABLE t, other")
        wait_until(lambda: sql.execute("SELECT count(pg_drop_replication_slot('shut'))").fetchone())


def is_streaming(server: PostgresServer) -> bool:
    with server.connect() as sql:
        row = sql.execute("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'").fetchone()
    return row == (1,)


def confirmed(sql: psycopg.Connection[Any]) -> int:
    row = sql.execute("SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = 'shut'").fetchone()
    assert row is not None
    return lsn_to_int(row[0])


def shut_down(server: PostgresServer) -> None:
    """What `pg_ctl stop -m fast` does, SIGINT and nothing else; asserts that it was enough."""
    assert server._process is not None
    process = server._process
    started = time.monotonic()
    process.send(signal.SIGINT)
    try:
        wait_until(lambda: not process.running(), PROMPT_S, "the end of the server")
    except AssertionError:
        server.kill()
        raise
    assert process.returncode() == 0
    assert time.monotonic() - started < PROMPT_S
    assert "database system is shut down" in process.log_path.read_text(errors="replace")[-2000:]


def test_while_idle(server: PostgresServer, attach: Callable[..., Attached]) -> None:
    run = attach()
    with server.connect() as sql:
        sql.execute("INSERT INTO t VALUES (1)")
        run.has(1)
    shut_down(server)
    server.start()
    with server.connect() as sql:
        assert confirmed(sql) <= run.stored()
        sql.execute("INSERT INTO t VALUES (2)")
        run.has(1, 2)


def test_before_anything_was_captured(server: PostgresServer, attach: Callable[..., Attached]) -> None:
    run = attach()
    shut_down(server)
    server.start()
    with server.connect() as sql:
        sql.execute("INSERT INTO t VALUES (1)")
    run.has(1)


def test_with_changes_still_under_way(server: PostgresServer, attach: Callable[..., Attached]) -> None:
    run = attach(**{"snapshot.mode": "no_data"})
    with server.connect() as sql:
        sql.execute("INSERT INTO t SELECT generate_series(1, 4000)")
        sql.execute("INSERT INTO other SELECT generate_series(1, 4000)")
        sql.execute("INSERT INTO t VALUES (4001)")
    shut_down(server)
    server.start()
    with server.connect() as sql:
        sql.execute("INSERT INTO t VALUES (4002)")
    run.has(*range(1, 4003))


def test_after_foreign_traffic(server: PostgresServer, attach: Callable[..., Attached]) -> None:
    """The stored offset has just moved, and is behind the server's position again when the shutdown comes."""
    run = attach()
    with server.connect() as sql:
        sql.execute("INSERT INTO t VALUES (1)")
        run.has(1)
        sql.execute("INSERT INTO other VALUES (-1)")
        row = sql.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        assert row is not None
        wait_until(lambda: run.stored() >= lsn_to_int(row[0]), 20, "the offset to follow")
        for i in range(20):
            sql.execute("INSERT INTO other VALUES (%s)", (i,))
    shut_down(server)
    server.start()
    with server.connect() as sql:
        sql.execute("INSERT INTO t VALUES (2)")
    run.has(1, 2)


def test_while_paused(server: PostgresServer, attach: Callable[..., Attached]) -> None:
    """Nobody reads the stream then, so nobody could confirm what the shutdown waits for."""
    run = attach()
    with server.connect() as sql:
        sql.execute("INSERT INTO t VALUES (1)")
        run.has(1)
        run.runner.pause()
        wait_until(lambda: not is_streaming(server), 20, "the end of the stream")
        sql.execute("INSERT INTO t VALUES (2)")
    shut_down(server)
    server.start()
    run.runner.resume()
    run.has(1, 2)


def test_with_manual_flush(server: PostgresServer, attach: Callable[..., Attached]) -> None:
    run = attach(**{"lsn.flush.mode": "manual"})
    with server.connect() as sql:
        before = confirmed(sql)
        sql.execute("INSERT INTO t VALUES (1)")
        run.has(1)
    shut_down(server)
    server.start()
    with server.connect() as sql:
        assert confirmed(sql) == before
        sql.execute("INSERT INTO t VALUES (2)")
    run.has(1, 2)


def test_a_new_task_goes_on_behind_the_shutdown(server: PostgresServer, attach: Callable[..., Attached]) -> None:
    """What the shutdown left in the store and in the slot fits together for another process."""
    run = attach()
    with server.connect() as sql:
        sql.execute("INSERT INTO t VALUES (1)")
        run.has(1)
    shut_down(server)
    run.close()
    server.start()
    with server.connect() as sql:
        sql.execute("INSERT INTO t VALUES (2)")
    again = attach()
    again.has(1, 2)
