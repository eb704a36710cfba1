"""The whole pipeline on real servers: source equals targets, whatever happens on the way."""

from __future__ import annotations

import signal
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


SOURCE_POINTS = (
    "source.after_read",
    "log.before_commit",
    "log.after_commit",
    "source.after_append",
    "source.after_feedback",
)
SINK_POINTS = (
    "sink.after_read",
    "sink.before_put",
    "sink.before_target_commit",
    "sink.after_target_commit",
    "sink.after_put",
    "sink.after_offset_commit",
)


@pytest.mark.parametrize("points", [SOURCE_POINTS, SINK_POINTS], ids=["source", "sink"])
def test_tasks_killed_at_every_named_point_lose_and_double_nothing(pipeline, points):
    pipeline.start()
    pipeline.wait_equal()
    pipeline.worker.stop()
    # Each point kills one process, whichever comes there first; all others must not notice.
    pipeline.start(",".join(f"{point}=kill:1" for point in points))
    missing = set(points)
    for _ in range(3000):
        pipeline.work(3)
        missing = {point for point in missing if not pipeline.fired(point)}
        if not missing:
            break
    assert not missing, f"never reached: {missing}\n{pipeline.log_tail()}"
    pipeline.work(10)
    pipeline.wait_equal()
    pipeline.check_stream()


def test_a_worker_killed_under_load_goes_on_where_it_was(pipeline):
    pipeline.start()
    pipeline.wait_streaming()
    for _ in range(2):
        pipeline.work(40)
        pipeline.kill_worker()
        pipeline.work(20)
        pipeline.start()
    pipeline.work(5)
    pipeline.wait_equal()
    pipeline.check_stream()


def test_targets_that_are_gone_for_a_while_catch_up(pipeline, redis):
    pipeline.start()
    pipeline.wait_streaming()
    pipeline.work(10)
    pipeline.wait_equal()
    redis._process.send(signal.SIGSTOP)
    try:
        pipeline.work(30)
    finally:
        redis._process.send(signal.SIGCONT)
    pipeline.postgres.kill()
    pipeline.postgres.start()
    pipeline.source.close()
    pipeline.source = pipeline.postgres.connect(pipeline.source_db)
    pipeline.target.close()
    pipeline.target = pipeline.postgres.connect(pipeline.target_db)
    pipeline.work(30)
    pipeline.wait_equal()
    pipeline.check_stream()


def test_the_demo_ends_with_equal_targets(capsys):
    assert run_demo(load_s=4, transactions_per_s=100) == 0
    assert "Both targets equal the source." in capsys.readouterr().out


def test_the_demo_fails_when_a_target_differs(capsys, monkeypatch):
    def lossy(client, connection, table, columns):
        rows = redis_rows(client, connection, table, columns)
        rows.pop(next(iter(rows)))
        return rows

    monkeypatch.setattr("headrace.testing.demo.run.redis_rows", lossy)
    assert run_demo(load_s=0.5, transactions_per_s=50, catch_up_s=1) == 1
    output = capsys.readouterr().out
    assert "DIFFERS" in output
    assert "do NOT equal" in output
    assert "is missing" in output
