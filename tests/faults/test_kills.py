"""SIGKILL of a task, and of the worker, at every named point: all goes on by itself, nothing is lost, nothing is there twice."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from headrace.native import core
from headrace.testing.servers import PostgresServer, RedisServer
from tests.faults.kit import Lab, Neighbour, create, laboratory, read_all, worker_at
from tests.runtime.worker_support import Worker, alive
from tests.support import wait_until

SOURCE_POINTS = (
    "source.after_read",
    "log.before_commit",
    "log.after_commit",
    "source.after_append",
    "source.after_feedback",
)
SNAPSHOT_POINTS = (
    "snapshot.chunk_started",
    "snapshot.chunk_done",
    "snapshot.catch_up",
    "snapshot.before_last",
)
BESIDE_POINTS = ("source.blocking.rows_read", "source.incremental.chunk_read")
"""Killed at in `test_signals`."""
SINK_POINTS = (
    "sink.after_read",
    "sink.before_put",
    "sink.before_target_commit",
    "sink.after_target_commit",
    "sink.after_put",
    "sink.after_offset_commit",
)
TARGETS = ("insert", "upsert", "STREAM", "LIST")
"""Sinks that would show a record that is written twice, and one that follows updates and deletes."""


@dataclass(frozen=True)
class Victim:
    """One connector and where it dies."""

    name: str
    point: str
    target: str | None = None

    def failpoint(self, action: str) -> str:
        # Not at the first hit: the snapshot's or the first batch's is an easy one.
        return f"{self.mark}={action}:1"

    @property
    def mark(self) -> str:
        return f"{self.point}@{self.name}"


SOURCES = tuple(Victim(f"src{i}", point) for i, point in enumerate(SOURCE_POINTS))
SINKS = tuple(
    Victim(f"{target[0].lower()}{i}", point, target) for target in TARGETS for i, point in enumerate(SINK_POINTS)
)


class Arena:
    """All victims in one worker: each source with its own table and inserting sink, and many sinks of two common sources."""

    def __init__(
        self,
        folder: Path,
        lab: Lab,
        redis: RedisServer,
        victims: tuple[Victim, ...],
        action: str,
        neighbour: bool,
        env: Mapping[str, str],
    ) -> None:
        self.lab, self.redis, self.victims = lab, redis, victims
        self.marks = folder / "marks"
        self.marks.mkdir(parents=True)
        self.env = {
            **env,
            "HEADRACE_FAILPOINTS": ",".join(victim.failpoint(action) for victim in victims),
            "HEADRACE_FAILPOINTS_DIR": str(self.marks),
        }
        self.sources = [victim for victim in victims if victim.target is None]
        self.sinks = [victim for victim in victims if victim.target is not None]
        self.worker = worker_at(folder)
        self.worker.start(env=self.env)
        self.neighbour = Neighbour(self.worker, lab) if neighbour else None

    def build(self) -> None:
        lab = self.lab
        for victim in self.sources:
            lab.table(victim.name, 50)
            create(self.worker, victim.name, lab.source(victim.name))
            create(self.worker, f"{victim.name}x", lab.insert_sink(victim.name, f"{victim.name}_copy"))
        if self.sinks:
            for table in ("inserted", "changed"):
                lab.table(table, 50)
                create(self.worker, table, lab.source(table))
            for victim in self.sinks:
                create(self.worker, victim.name, self._sink(victim))

    def _sink(self, victim: Victim) -> Mapping[str, str] | dict[str, str]:
        into = f"{victim.name}_copy"
        if victim.target == "insert":
            return self.lab.insert_sink("inserted", into)
        if victim.target == "upsert":
            return self.lab.sink("changed", into)
        return self.lab.redis_sink(self.redis, "inserted", str(victim.target), into)

    def load(self) -> None:
        """Something new at each call, so that every point is reached again."""
        for victim in self.sources:
            self.lab.insert(victim.name, 20)
        if self.sinks:
            self.lab.insert("inserted", 20)
            self.lab.insert("changed", 20)
            self.lab.change("changed")

    def until_all_hit(self) -> None:
        """Load until every victim has met its point."""

        def hit() -> bool:
            self.load()
            return all((self.marks / victim.mark).exists() for victim in self.victims)

        try:
            wait_until(hit, 40, "every point is hit")
        except AssertionError as error:
            missed = [victim.mark for victim in self.victims if not (self.marks / victim.mark).exists()]
            raise AssertionError(f"not hit: {missed}\n{self.worker.log()[-3000:]}") from error

    def until_all_equal(self) -> None:
        for victim in self.sources:
            self.lab.until_equal(victim.name, f"{victim.name}_copy")
        for victim in self.sinks:
            into = f"{victim.name}_copy"
            if victim.target in ("insert", "upsert"):
                self.lab.until_equal("inserted" if victim.target == "insert" else "changed", into)
            else:
                self.lab.until_in_redis(self.redis, "inserted", str(victim.target), into)


@contextmanager
def arena(
    folder: Path,
    postgres: PostgresServer,
    redis: RedisServer,
    victims: tuple[Victim, ...],
    action: str,
    *,
    neighbour: bool = False,
    env: Mapping[str, str] | None = None,
) -> Iterator[Arena]:
    with laboratory(postgres) as lab:
        built = Arena(folder, lab, redis, victims, action, neighbour, env or {})
        try:
            built.build()
            yield built
        finally:
            built.worker.close()


@pytest.mark.parametrize(
    ("victims", "env"),
    [(SOURCES, {}), (SINKS, {}), (SOURCES, {"HEADRACE_IMPL": "python"})],
    ids=["sources", "sinks", "sources by the twins"],
)
def test_tasks_are_killed(
    tmp_path: Path, postgres: PostgresServer, redis: RedisServer, victims: tuple[Victim, ...], env: dict[str, str]
) -> None:
    if env and core is None:
        pytest.skip("everything is done by the twins")
    with arena(tmp_path, postgres, redis, victims, "kill", neighbour=True, env=env) as arena_:
        arena_.until_all_hit()
        arena_.load()
        arena_.until_all_equal()
        for victim in victims:
            worker = arena_.worker
            line = f'headrace_failures_total{{connector="{victim.name}",task="0",code="TASK_CRASHED"}}'
            assert worker.metric(line) == 1, victim
            assert worker.metric(f'headrace_restarts_total{{connector="{victim.name}",task="0"}}') == 1, victim
            worker.until_states(victim.name, "RUNNING", "RUNNING")
        assert arena_.neighbour is not None
        arena_.neighbour.check()


NO_LOCK = tuple(victim for victim in (*SOURCES, *SINKS) if victim.point != "log.before_commit")
IN_LOCK = tuple(victim for victim in SOURCES if victim.point == "log.before_commit")


@pytest.mark.parametrize("victims", [NO_LOCK, IN_LOCK], ids=["everywhere", "in_the_log_commit"])
def test_worker_is_killed(
    tmp_path: Path, postgres: PostgresServer, redis: RedisServer, victims: tuple[Victim, ...]
) -> None:
    """The tasks stop dead at their points, then the worker is killed: its processes end, and the next worker goes on."""
    with arena(tmp_path, postgres, redis, victims, "hang") as arena_:
        arena_.until_all_hit()
        worker: Worker = arena_.worker
        children = worker.children()
        assert len(children) > len(victims)
        worker.kill()
        wait_until(lambda: not any(alive(pid) for pid in children), 15, "the dead worker's processes end")
        arena_.load()
        worker.start(env=arena_.env)
        arena_.load()
        arena_.until_all_equal()
        for victim in victims:
            assert worker.states(victim.name) == ("RUNNING", ["RUNNING"])


def test_source_is_killed_within_its_snapshot(tmp_path: Path, postgres: PostgresServer, redis: RedisServer) -> None:
    """The snapshot goes on: rows of the chunk that was begun come twice, and an upserting target is equal all the same."""
    points = ("source.after_read", "log.before_commit", "log.after_commit", "source.after_append")
    victims = tuple(Victim(f"snap{i}", point) for i, point in enumerate(points))
    with laboratory(postgres) as lab:
        built = Arena(tmp_path, lab, redis, victims, "kill", neighbour=False, env={})
        try:
            for victim in victims:
                lab.table(victim.name, 5000)
                create(built.worker, victim.name, lab.source(victim.name, max__batch__size="1000"))
                lab.change(victim.name)
                create(built.worker, f"{victim.name}x", lab.sink(victim.name))
            for victim in victims:
                wait_until((built.marks / victim.mark).exists, 20, f"{victim.mark} is hit")
                lab.change(victim.name)
                lab.until_equal(victim.name)
        finally:
            built.worker.close()


def _unchanged(key: bytes | None) -> bool:
    """Whether `Lab.change` leaves the row of this key alone."""
    number = int(json.loads(key or b"")["payload"]["id"])
    return number > 0 and number % 3 != 0 and number % 7 != 0


def test_source_is_killed_between_chunks(tmp_path: Path, postgres: PostgresServer, redis: RedisServer) -> None:
    """While rows are changed, deleted and moved: the target is equal in the end, and no chunk that was done is read again."""
    rows, chunks = 3000, 10
    victims = tuple(Victim(f"chunk{i}", point) for i, point in enumerate(SNAPSHOT_POINTS))
    kills = [f"{victim.mark}=kill{':3' if 'chunk' in victim.point else ''}" for victim in victims]
    # To catch up there must be something to catch up with.
    kills += [f"snapshot.chunk_done@{victim.name}=kill:2" for victim in victims if victim.point == "snapshot.catch_up"]
    with laboratory(postgres) as lab:
        folder = tmp_path / "worker"
        marks = tmp_path / "marks"
        marks.mkdir()
        worker = worker_at(folder)
        worker.start(env={"HEADRACE_FAILPOINTS": ",".join(kills), "HEADRACE_FAILPOINTS_DIR": str(marks)})
        try:
            for victim in victims:
                lab.table(victim.name, rows)
                more = {"snapshot__max__threads": "2", "snapshot__max__threads__multiplier": str(chunks // 2)}
                small = {"max__batch__size": "100", "max__queue__size__in__bytes": "16384"}
                create(worker, victim.name, lab.source(victim.name, **more, **small))
                create(worker, f"{victim.name}x", lab.sink(victim.name))
            for victim in victims:
                wait_until((marks / victim.mark).exists, 30, f"{victim.mark} is hit")
                lab.change(victim.name)
            for victim in victims:
                lab.change(victim.name)
                lab.until_equal(victim.name)
                read = read_all(worker, lab.topic(victim.name))
                assert read is not None
                # Rows that never change: what is updated comes to lie elsewhere, and is read there.
                again = [
                    key
                    for key, value in zip(read.keys, read.values, strict=True)
                    if value is not None and b'"op":"r"' in value and _unchanged(key)
                ]
                deaths = 2 if victim.point == "snapshot.catch_up" else 1
                # Two lanes: at most two chunks are begun when it dies.
                assert len(again) - len(set(again)) <= deaths * 2 * (rows // chunks + 50), victim
        finally:
            worker.close()


LOG_POINTS = {f"log.segment_{what}" for what in ("written", "synced", "sealed", "moved", "forgotten")}
"""Of the embedded log: its own tests kill at them."""


def test_no_point_is_forgotten() -> None:
    """Every failpoint in the code is one of those killed at."""
    import re

    import headrace

    root = Path(next(iter(headrace.__path__)))
    named = {
        name
        for file in root.rglob("*.py")
        for name in re.findall(r"(?<![\w.])failpoint\(\"([^\"]+)\"\)", file.read_text())
    }
    assert named == {*SOURCE_POINTS, *SNAPSHOT_POINTS, *BESIDE_POINTS, *SINK_POINTS, *LOG_POINTS}
    assert os.environ.get("HEADRACE_FAILPOINTS") is None
