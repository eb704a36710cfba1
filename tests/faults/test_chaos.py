"""Kills at random moments under load: of tasks, of the fork server, of the worker, of the servers.

A short run always; `make test-chaos` runs several minutes (HEADRACE_LONG_SECONDS), with another seed each time
(HEADRACE_SEED repeats one).
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from headrace.testing.servers import PostgresServer, RedisServer
from tests.faults.kit import Lab, create, laboratory, worker_at
from tests.runtime.worker_support import Worker, alive
from tests.support import wait_until

LONG_S = float(os.environ.get("HEADRACE_LONG_SECONDS", "240"))
TABLES = ("grown", "moved")


class Load:
    """Writes to both tables from a thread, with connections of its own, whatever happens to the server."""

    def __init__(self, lab: Lab, seed: int) -> None:
        self._lab = lab
        self._random = random.Random(seed)
        self._ended = threading.Event()
        self.commits = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with self._lab.server.connect(self._lab.source_db) as connection:
                    while not self._ended.wait(0.01):
                        self._write(connection)
                        self.commits += 1
            except psycopg.Error:
                self._ended.wait(0.05)

    def _write(self, connection: psycopg.Connection) -> None:
        dice = self._random
        with connection.transaction():
            for table in TABLES:
                connection.execute(
                    f"INSERT INTO {table} SELECT i, 'v' || i, i FROM generate_series((SELECT coalesce(max(id), 0) + 1 "
                    f"FROM {table}), (SELECT coalesce(max(id), 0) + {dice.randint(1, 20)} FROM {table})) i"
                )
            if dice.random() < 0.5:
                connection.execute(f"UPDATE moved SET v = v || '.', n = n + 1 WHERE id % 13 = {dice.randint(0, 12)}")
            if dice.random() < 0.3:
                connection.execute(f"DELETE FROM moved WHERE id % 17 = {dice.randint(0, 16)}")
            if dice.random() < 0.1:
                raise psycopg.Rollback

    def end(self) -> None:
        self._ended.set()
        self._thread.join(20)


class Chaos:
    def __init__(self, worker: Worker, lab: Lab, redis: RedisServer, seed: int, victims: list[str]) -> None:
        self.worker, self.lab, self.redis = worker, lab, redis
        self.dice = random.Random(seed)
        self.victims = victims
        self.done: list[str] = []

    def round(self) -> None:
        """One blow, then a while in which things may recover, or not."""
        blows: list[tuple[Callable[[], None], int]] = [
            (self.kill_task, 8),
            (self.kill_fork_server, 2),
            (self.kill_worker, 3),
            (self.restart_worker, 1),
            (self.kill_database, 1),
            (self.kill_redis, 1),
            (self.pause_and_resume, 2),
        ]
        blow = self.dice.choices([b for b, _ in blows], [weight for _, weight in blows])[0]
        self.done.append(blow.__name__)
        blow()
        time.sleep(self.dice.uniform(0.05, 1.0))

    def kill_task(self) -> None:
        tasks = self.worker.children()[1:]
        for pid in self.dice.sample(tasks, k=min(len(tasks), self.dice.randint(1, 2))):
            _kill(pid)

    def kill_fork_server(self) -> None:
        _kill(wait_until(self.worker.children, 10, "there is a fork server")[0])

    def kill_worker(self) -> None:
        children = self.worker.children()
        self.worker.kill()
        if self.dice.random() < 0.5:
            wait_until(lambda: not any(alive(pid) for pid in children), 15, "the dead worker's processes end")
        self.worker.start()

    def restart_worker(self) -> None:
        assert self.worker.terminate() == 0
        self.worker.start()

    def kill_database(self) -> None:
        """The server of both databases crashes and recovers."""
        self.lab.server.kill()
        time.sleep(self.dice.uniform(0, 0.5))
        self.lab.server.start()

    def kill_redis(self) -> None:
        self.redis.kill()
        time.sleep(self.dice.uniform(0, 0.5))
        self.redis.start()

    def pause_and_resume(self) -> None:
        name = self.dice.choice(self.victims)
        rest = self.dice.choice(("pause", "stop"))
        self.worker.request("PUT", f"/connectors/{name}/{rest}")
        time.sleep(self.dice.uniform(0, 0.3))
        self.worker.request("PUT", f"/connectors/{name}/resume")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


@contextmanager
def servers(folder: Path) -> Iterator[tuple[PostgresServer, RedisServer]]:
    with PostgresServer() as postgres:
        redis = RedisServer(folder / "redis", persistent=True)
        try:
            yield postgres, redis.start()
        finally:
            redis.stop()


@pytest.mark.timeout(LONG_S + 300)
@pytest.mark.parametrize(
    "seconds",
    [8.0, pytest.param(LONG_S, marks=pytest.mark.chaos)],
    ids=["short", "long"],
)
def test_kills_at_random_under_load(tmp_path: Path, seconds: float) -> None:
    seed = int(os.environ.get("HEADRACE_SEED", random.SystemRandom().randrange(1 << 30) if seconds == LONG_S else 20))
    with servers(tmp_path) as (postgres, redis), laboratory(postgres) as lab:
        worker = worker_at(tmp_path, headrace__restart__backoff__max__ms="500")
        try:
            worker.start()
            for table in TABLES:
                lab.table(table, 200)
            connectors = {
                "grown": lab.source("grown", slot__max__retries="200"),
                "moved": lab.source("moved", slot__max__retries="200"),
                "growncopy": lab.insert_sink("grown", "grown_copy"),
                "movedcopy": lab.sink("moved", "moved_copy"),
                "stream": lab.redis_sink(redis, "grown", "STREAM", "stream"),
                "list": lab.redis_sink(redis, "grown", "LIST", "list"),
            }
            for name, config in connectors.items():
                create(worker, name, config)
            lab.until_equal("grown", "grown_copy")  # an interrupted snapshot may give rows twice, a stream never
            load = Load(lab, seed)
            chaos = Chaos(worker, lab, redis, seed, list(connectors))
            end = time.monotonic() + seconds
            try:
                while time.monotonic() < end:
                    chaos.round()
            finally:
                load.end()
            print(f"seed {seed}: {len(chaos.done)} blows, {load.commits} commits")
            lab.src, lab.dst = postgres.connect(lab.source_db), postgres.connect(lab.target_db)
            context = f"seed {seed}, blows {chaos.done}"
            try:
                lab.until_equal("grown", "grown_copy", 60)
                lab.until_equal("moved", "moved_copy", 60)
                lab.until_in_redis(redis, "grown", "STREAM", "stream")
                lab.until_in_redis(redis, "grown", "LIST", "list")
            except AssertionError as error:
                states = worker.request("GET", "/connectors?expand=status")
                raise AssertionError(f"{context}: {error}\n{states}\n{worker.log()[-3000:]}") from error
            for name in connectors:
                worker.until_states(name, "RUNNING", "RUNNING", timeout_s=20)
            assert load.commits > 10, context
        finally:
            worker.close()
