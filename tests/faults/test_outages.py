"""Servers that go away, and a store that is full: tasks wait, nothing fails, everything comes once it is back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.testing.servers import PostgresServer, RedisServer
from tests.faults.kit import Lab, Neighbour, create, laboratory, rows_of, worker_at
from tests.runtime.worker_support import Worker
from tests.support import wait_until


@pytest.fixture(scope="module")
def outer() -> Iterator[PostgresServer]:
    """A server that comes and goes."""
    with PostgresServer(durable=False) as server:
        yield server


@pytest.fixture
def lasting_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that keeps its data over a stop, and a crash."""
    server = RedisServer(tmp_path / "redis", persistent=True)
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_targets_are_gone(
    worker: Worker,
    neighbour: Neighbour,
    postgres: PostgresServer,
    outer: PostgresServer,
    lasting_redis: RedisServer,
    end: str,
) -> None:
    """PostgreSQL and Redis as targets, ended in order or by a crash, away while rows come."""
    with laboratory(postgres, outer) as lab:
        inserted, changed = f"in_{end}", f"up_{end}"
        sinks = {
            f"a{end}": lab.insert_sink(inserted, f"{inserted}_copy"),
            f"b{end}": lab.sink(changed),
            f"c{end}": lab.redis_sink(lasting_redis, inserted, "STREAM", "stream"),
            f"d{end}": lab.redis_sink(lasting_redis, inserted, "LIST", "list"),
        }
        for table in (inserted, changed):
            lab.table(table, 50)
            create(worker, table, lab.source(table))
        for name, config in sinks.items():
            create(worker, name, config)

        def all_there() -> None:
            lab.until_equal(inserted, f"{inserted}_copy")
            lab.until_equal(changed)
            lab.until_in_redis(lasting_redis, inserted, "STREAM", "stream")
            lab.until_in_redis(lasting_redis, inserted, "LIST", "list")

        try:
            all_there()
            pids = [worker.task_pid(name) for name in sinks]
            ends: list[Callable[[], None]] = [getattr(server, end) for server in (outer, lasting_redis)]
            for stop in ends:
                lab.insert(inserted, 10, commits=3)
                stop()
            for _ in range(5):
                lab.insert(inserted, 10)
                lab.insert(changed, 10)
                lab.change(changed)
            for name in sinks:
                line = f'kafka_connect_task_error_metrics_total_retries{{connector="{name}",task="0"}}'
                wait_until(lambda line=line: _retries(worker, line) >= 2, 20, f"{name} tries again")  # type: ignore[misc]
                assert worker.states(name) == ("RUNNING", ["RUNNING"])
            neighbour.check()
            outer.start()
            lasting_redis.start()
            lab.dst = outer.connect(lab.target_db)
            all_there()
            assert [worker.task_pid(name) for name in sinks] == pids
        finally:
            outer.start()
            for name in (*sinks, inserted, changed):
                worker.request("DELETE", f"/connectors/{name}")


def _retries(worker: Worker, line: str) -> float:
    return worker.metric(line) or 0


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_source_server_is_gone(
    worker: Worker, neighbour: Neighbour, postgres: PostgresServer, outer: PostgresServer, end: str
) -> None:
    """The database that is read restarts, or crashes, in the middle of a transaction that is never committed."""
    with laboratory(outer, postgres) as lab:
        table = f"from_{end}"
        names = (f"s{end}", f"t{end}")
        lab.table(table, 50)
        create(worker, names[0], lab.source(table))
        create(worker, names[1], lab.insert_sink(table, f"{table}_copy"))
        try:
            lab.until_equal(table, f"{table}_copy")
            pid = worker.task_pid(names[0])
            lab.insert(table, 20, commits=5)
            lab.src.execute("BEGIN")
            lab.insert(table, 500)
            waits = worker.log().count("Trying again in")
            getattr(outer, end)()
            wait_until(lambda: worker.log().count("Trying again in") > waits, 20, "the source waits")
            neighbour.check()
            outer.start()
            lab.src = outer.connect(lab.source_db)
            lab.insert(table, 20, commits=2)
            lab.until_equal(table, f"{table}_copy")
            assert len(rows_of(lab.src, table)) == 190
            assert worker.states(names[0]) == ("RUNNING", ["RUNNING"])
            assert worker.task_pid(names[0]) == pid
        finally:
            outer.start()
            for name in names:
                worker.request("DELETE", f"/connectors/{name}")


def test_log_is_full(tmp_path: Path, postgres: PostgresServer) -> None:
    """Sources wait, sinks go on, nothing fails; with more room everything comes."""
    with laboratory(postgres) as lab:
        worker = worker_at(tmp_path, log__embedded__max__bytes=str(600_000))
        try:
            worker.start()
            neighbour = Neighbour(worker, lab)
            lab.table("big", 50)
            create(worker, "big", lab.source("big"))
            create(worker, "bigx", lab.insert_sink("big", "big_copy"))
            lab.until_equal("big", "big_copy")
            blocked = 'headrace_source_append_blocked{connector="big",task="0"}'

            def full() -> bool:
                lab.src.execute(
                    "INSERT INTO big SELECT i, md5(i::text) || repeat(md5((i * 7)::text), 30), i FROM generate_series("
                    "(SELECT max(id) + 1 FROM big), (SELECT max(id) + 100 FROM big)) i"
                )
                return worker.metric(blocked) == 1

            wait_until(full, 30, "the log is full")
            log = worker.log()
            assert "[LOG_DISK_FULL]" in log
            assert "Remedy: Raise log.embedded.max.bytes" in log
            # Everybody on this log waits with their records, and nobody fails; status and sinks work.
            for name in ("big", "bigx", *neighbour.names):
                assert worker.states(name) == ("RUNNING", ["RUNNING"])
            lab.insert(neighbour.table, 10)
            worker.request("GET", f"/connectors/{neighbour.names[1]}/offsets", status=200)
            behind = rows_of(lab.dst, "big_copy")
            assert len(behind) < len(rows_of(lab.src, "big"))
            assert worker.terminate() == 0
            worker.properties["log.embedded.max.bytes"] = str(500_000_000)
            worker.start()
            lab.until_equal("big", "big_copy")
            lab.until_equal(neighbour.table)
            for name in ("big", "bigx", *neighbour.names):
                assert worker.states(name) == ("RUNNING", ["RUNNING"])
        finally:
            worker.close()


def test_log_is_full_at_the_first_record(tmp_path: Path, postgres: PostgresServer, lab: Lab) -> None:
    """Not even topics can be made: a connector can still be created and deleted, and the worker answers."""
    worker = worker_at(tmp_path, log__embedded__max__bytes="4096")
    lab.table("early", 2000)
    try:
        worker.start()
        answer = worker.http.post(worker.url + "/connectors", json={"name": "early", "config": lab.source("early")})
        assert answer.status_code in (201, 500), answer.text
        wait_until(lambda: "[LOG_DISK_FULL]" in worker.log(), 20, "the log says that it is full")
        assert worker.request("GET", "/health")["status"] == "healthy"
        assert json.dumps(worker.request("GET", "/connectors?expand=status"))
        assert worker.terminate() == 0
        del worker.properties["log.embedded.max.bytes"]
        worker.start()
        if not worker.request("GET", "/connectors"):
            create(worker, "early", lab.source("early"))
        create(worker, "earlyx", lab.insert_sink("early", "early_copy"))
        lab.until_equal("early", "early_copy")
    finally:
        worker.close()
