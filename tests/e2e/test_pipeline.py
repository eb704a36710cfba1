"""The whole pipeline on real servers: source equals targets, whatever happens on the way."""

from __future__ import annotations

import threading

import pytest
from tests.e2e.pipeline import NAMES, Pipeline
from tests.support import wait_until

from headrace.testing.demo import run_demo
from headrace.testing.demo.compare import redis_rows


@pytest.fixture
def pipeline(tmp_path, postgres, redis, make_database):
    made = Pipeline(tmp_path, postgres, redis, make_database(), make_database())
    yield made
    made.close()


def test_a_snapshot_under_load_and_the_stream_after_it_reach_both_targets(pipeline):
    stop = threading.Event()

    def load():
        while not stop.is_set():
            pipeline.work(1)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        pipeline.start()
        pipeline.worker.wait_running(NAMES)
        before = pipeline.changes
        wait_until(lambda: pipeline.changes > before + 300, 30, "the load goes on after the start")
    finally:
        stop.set()
        thread.join()
    # What happened before the snapshot is in it as the rows it led to, so the stream has fewer entries than there were changes.
    pipeline.wait_rows_equal()
    assert pipeline.client.xlen("orders") <= pipeline.changes


def test_the_demo_ends_with_equal_targets(capsys):
    assert run_demo(load_s=2, transactions_per_s=200) == 0
    assert "Both targets equal the source." in capsys.readouterr().out


def test_the_demo_fails_when_a_target_differs(capsys, monkeypatch):
    def lossy(client, connection, table, columns):
        rows = redis_rows(client, connection, table, columns)
        rows.pop(next(iter(rows), None), None)
        return rows

    monkeypatch.setattr("headrace.testing.demo.run.redis_rows", lossy)
    assert run_demo(load_s=0.5, transactions_per_s=50, catch_up_s=1) == 1
    output = capsys.readouterr().out
    assert "DIFFERS" in output
    assert "do NOT equal" in output
    assert "is missing" in output
