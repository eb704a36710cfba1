"""A task that waits until something works again is not taken for one that hangs, however long that takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import RetriableException
from headrace.runtime import appender
from headrace.runtime.hosting.supervision import Limits, Vitals, verdict
from headrace.runtime.source_task import SourceLoop
from headrace.runtime.task_loop import TaskSpec, TaskSurroundings
from headrace.testing.memory_log import MemoryLog
from tests.runtime.task_kit import DEADLINE_S, Listener, Running, Script, fill, record, registry
from tests.runtime.worker_support import Worker

LIMITS = Limits(hang_s=0.7)
"""Over the 0.5 s that the scripted source may spend in `poll`."""
LARGE = 2000


def stages_until(run: Running, condition: Callable[[], Any]) -> set[str]:
    """Watch the task as its worker does, until the condition holds: it must never look hung. All stages seen."""
    seen: set[str] = set()
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        stage, since = run.runner.progress()
        seen.add(stage)
        now = time.monotonic()
        assert verdict(now, Vitals(now, now, stage, now - since, started=True), LIMITS) is None
        assert now < deadline
        assert run.error is None
        time.sleep(0.005)
    return seen


@pytest.mark.parametrize("count", [3, LARGE], ids=["here", "helper"])
def test_an_append_that_is_tried_again(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # The task itself has to wait, too: it looks at the source as long as there is room.
    monkeypatch.setattr(appender, "MOST_UNITS", appender.IN_FLIGHT)
    log = MemoryLog()
    log.fail_next("append", RetriableException("No space left.", code="LOG_DISK_FULL"), times=3)
    with Running("source", log) as run:
        for _ in range(5):
            run.script.feed([record(i) for i in range(count)])
        assert "retry" in stages_until(run, lambda: log.values("t"))


def test_a_batch_that_the_sink_does_not_take_yet() -> None:
    log, script = MemoryLog(), Script("later")

    def refuse(context: Any, records: Any) -> None:
        context.timeout(1500)
        raise RetriableException("not now")

    script.puts = [refuse]
    fill(log, ["a"])
    with Running("sink", log, name="later") as run:
        assert "retry" in stages_until(run, lambda: script.got("put"))


def test_a_record_that_is_tried_again() -> None:
    log = MemoryLog()
    fill(log, ["busy"])
    config = {"errors.retry.timeout": "-1", "value.converter": "kit.TextConverter", "value.converter.busy.times": "3"}
    with Running("sink", log, config) as run:
        assert "retry" in stages_until(run, lambda: run.script.got("put"))


def test_dead_letters_that_cannot_be_written_yet() -> None:
    log = MemoryLog()
    fill(log, ["bad", "b"])
    log.fail_next("append", RetriableException("No space left.", code="LOG_DISK_FULL"), times=4)
    config = {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dlq"}
    with Running("sink", log, config) as run:
        assert "retry" in stages_until(run, lambda: run.script.got("put"))


def test_a_wait_on_another_thread_leaves_the_tasks_stage_alone() -> None:
    config = {"connector.class": "kit.ScriptedSourceConnector"}
    spec = TaskSpec("c", 0, "source", None, config, config, {})
    loop = SourceLoop(spec, TaskSurroundings(MemoryLog(), None, registry(), Listener()))  # type: ignore[arg-type]
    loop.stages.enter("poll")
    entered = loop.progress()
    helper = threading.Thread(target=loop.wait, args=(0.05,))
    helper.start()
    while helper.is_alive():
        assert loop.progress() == entered
    loop.wait(0)
    assert loop.progress()[0] == "poll"
    assert loop.progress() != entered


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(tmp_path, headrace__task__hang__timeout__ms="1000", log__embedded__max__bytes="2000000")
    try:
        yield worker.start()
    finally:
        worker.close()


def test_a_full_log_is_waited_out_by_the_same_process(worker: Worker) -> None:
    worker.create("full", records="5000")
    retries = 'headrace_source_append_retries_total{connector="full",task="0"}'
    worker.until(lambda: worker.metric(retries))
    pid = worker.task_pid("full")
    # Six tries in a row: the wait before the last is longer than the time after which a stage counts as hung.
    worker.until(lambda: (worker.metric(retries) or 0) >= 6, timeout_s=20)
    assert worker.task_pid("full") == pid
    assert worker.states("full") == ("RUNNING", ["RUNNING"])
    assert worker.metric('headrace_restarts_total{connector="full",task="0"}') == 0
