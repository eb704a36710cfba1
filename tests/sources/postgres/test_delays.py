"""Delays on purpose: poll comes back while they run, so that the task is seen to live."""

from __future__ import annotations

import time
from typing import Any

import psycopg
from tests.sources.postgres.kit import Runner

HOUR_MS = "3600000"


def polls_come_back(runner: Runner) -> None:
    for _ in range(2):
        started = time.monotonic()
        assert runner.poll() == []
        assert time.monotonic() - started < 10
    assert not runner.task.numbers.connected


def test_the_delay_before_the_snapshot(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    sql.execute("INSERT INTO t VALUES (1)")
    runner = Runner({**props, "snapshot.delay.ms": HOUR_MS})
    try:
        polls_come_back(runner)
        assert runner.records == []
        sql.execute("INSERT INTO t VALUES (2)")
        runner.task._snapshot_at = runner.task._wait_until = 0.0
        assert len(runner.count(2)) == 2
        runner.settle()
    finally:
        runner.close()


def test_the_delay_before_the_stream(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    sql.execute("INSERT INTO t VALUES (1)")
    runner = Runner({**props, "streaming.delay.ms": HOUR_MS})
    try:
        runner.count(1)
        runner.until(lambda _: runner.task._next is not None)
        sql.execute("INSERT INTO t VALUES (2)")
        polls_come_back(runner)
        assert len(runner.records) == 1
        runner.task._wait_until = 0.0
        assert len(runner.count(2)) == 2
    finally:
        runner.close()


def test_a_short_delay_passes_by_itself(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    sql.execute("INSERT INTO t VALUES (1)")
    started = time.monotonic()
    runner = Runner({**props, "snapshot.delay.ms": "300", "streaming.delay.ms": "300"})
    try:
        runner.settle()
        assert len(runner.records) == 1
        assert time.monotonic() - started > 0.6
    finally:
        runner.close()
