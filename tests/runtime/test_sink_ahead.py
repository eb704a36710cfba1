"""A sink task that has polled ahead: what moves, holds back or takes away a partition holds for what lies ready, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headrace.errors import ConnectException, RetriableException
from headrace.native import core
from headrace.runtime import sink_task
from headrace.runtime.sink_ahead import LookAhead
from headrace.spi import TopicPartition
from headrace.testing.memory_log import MemoryLog
from tests.runtime.task_kit import Running, Script, TextConverter, eventually, fill

pytestmark = pytest.mark.skipif(core is None, reason="There are no columns without the Rust core.")

T0 = TopicPartition("t", 0)
TWO_AT_A_TIME = {"consumer.override.max.poll.records": "2"}
QUICK = {"offset.flush.interval.ms": "20"}


@pytest.fixture(autouse=True)
def ahead(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Each batch is followed by a look ahead. Answers what was polled ahead."""
    seen: list[list[str]] = []
    begin = LookAhead.begin

    def noting(self: LookAhead, batches: Any) -> None:
        seen.append([value.decode() for batch in batches for value in batch.values])
        begin(self, batches)

    monkeypatch.setattr(TextConverter, "columns", True)
    monkeypatch.setattr(sink_task, "worth_it", lambda batches: True)
    monkeypatch.setattr(LookAhead, "begin", noting)
    return seen


def puts(run: Running) -> list[list[str]]:
    return [[value for _, _, _, value in batch] for batch in run.script.got("put")]


def values(run: Running) -> list[str]:
    return [value for batch in puts(run) for value in batch]


def run_of(name: str, log: MemoryLog, worker: dict[str, str] | None = None) -> Running:
    return Running("sink", log, TWO_AT_A_TIME, worker=worker or {}, name=name)


NUMBERS = [str(number) for number in range(8)]


def test_a_seek_in_put_drops_what_lies_ready(ahead: list[list[str]]) -> None:
    log, script = MemoryLog(), Script("seek-ahead")
    script.puts = [lambda *_: None, lambda context, records: context.offset({T0: 1}), lambda *_: None]
    fill(log, NUMBERS)
    with run_of("seek-ahead", log) as run:
        eventually(lambda: values(run)[-1:] == ["7"])
        assert puts(run) == [["0", "1"], ["2", "3"], ["1", "2"], ["3", "4"], ["5", "6"], ["7"]]
    assert ["4", "5"] in ahead


def test_a_seek_forward_passes_over_what_lies_ready() -> None:
    log, script = MemoryLog(), Script("forward-ahead")
    script.puts = [lambda context, records: context.offset({T0: 6})]
    fill(log, NUMBERS)
    with run_of("forward-ahead", log) as run:
        eventually(lambda: values(run)[-1:] == ["7"])
        assert puts(run) == [["0", "1"], ["6", "7"]]


@pytest.mark.parametrize("seek", [False, True])
def test_a_refused_batch_comes_again_before_what_lies_ready(seek: bool) -> None:
    log, script = MemoryLog(), Script("refuse-ahead")

    def refuse(context: Any, records: Any) -> None:
        context.timeout(1)
        if seek:
            context.offset({T0: 0})
        raise RetriableException("not now")

    script.puts = [lambda *_: None, refuse]
    fill(log, NUMBERS)
    with run_of("refuse-ahead", log) as run:
        eventually(lambda: values(run)[-1:] == ["7"])
        assert values(run) == (["0", "1", *NUMBERS] if seek else NUMBERS)


def test_a_failed_commit_rewinds_what_lies_ready() -> None:
    log, script = MemoryLog(), Script("rewind-ahead")
    failures = [ConnectException("no")]

    def pre_commit(offsets: Any) -> Any:
        if offsets.get(T0) == 4 and failures:
            raise failures.pop()
        return offsets

    script.pre_commit = pre_commit
    script.puts = [lambda context, records: context.request_commit()] * 8
    fill(log, NUMBERS)
    with run_of("rewind-ahead", log) as run:
        eventually(lambda: values(run)[-1:] == ["7"])
        assert values(run) == ["0", "1", "2", "3", "2", "3", "4", "5", "6", "7"]
        eventually(lambda: log.group_offsets(f"connect-{run.name}").get(T0) == 8)


def test_a_pause_in_put_holds_back_what_lies_ready() -> None:
    log, script = MemoryLog(), Script("pause-ahead")
    script.puts = [lambda context, records: context.pause([T0])]
    fill(log, NUMBERS)
    with run_of("pause-ahead", log, QUICK) as run:
        eventually(lambda: len(run.script.got("idle")) > 0)
        assert values(run) == ["0", "1"]
        assert log.group_offsets(f"connect-{run.name}").get(T0) == 2
        script.task.context.resume([T0])
        eventually(lambda: values(run) == NUMBERS)


def test_offsets_of_what_lies_ready_are_not_offered(ahead: list[list[str]]) -> None:
    log, script = MemoryLog(), Script("offer-ahead")
    reached: Callable[..., Any] = lambda context, records: context.request_commit()  # noqa: E731
    script.puts = [reached] * 8
    fill(log, NUMBERS)
    with run_of("offer-ahead", log) as run:
        eventually(lambda: values(run) == NUMBERS)
    offered = [offsets[T0] for offsets in run.script.got("pre_commit")]
    assert offered[:4] == [2, 4, 6, 8]
    assert ["2", "3"] in ahead


def test_a_failed_put_commits_nothing_of_what_lies_ready() -> None:
    log, script = MemoryLog(), Script("fail-ahead")
    script.puts = [lambda *_: None, ConnectException("broken")]
    fill(log, NUMBERS)
    run = run_of("fail-ahead", log)
    run.start().failed()
    assert log.group_offsets(f"connect-{run.name}").get(T0) == 2


def test_a_stop_while_something_lies_ready_commits_what_was_put() -> None:
    log, script = MemoryLog(), Script("stop-ahead")
    fill(log, NUMBERS)
    with run_of("stop-ahead", log) as run:
        script.puts = []
        eventually(lambda: len(values(run)) >= 2)
    done = len(values(run))
    assert log.group_offsets(f"connect-{run.name}").get(T0) == done
    assert values(run) == NUMBERS[:done]
