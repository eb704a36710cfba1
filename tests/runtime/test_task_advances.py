"""Offsets without records: `SourceTaskContext.advance`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from headrace.data import SourceRecord
from headrace.errors import DataException, RetriableException
from headrace.log.embedded.log import EmbeddedLog
from headrace.log.embedded.stores import EmbeddedOffsetStore
from headrace.runtime import source_task
from headrace.testing.memory_log import MemoryLog, MemoryOffsetStore
from tests.runtime.task_kit import Running, eventually, record

LARGE = 500
"""More than is appended on the task's own thread."""


def advancing(
    run: Running, n: int, *, records: Sequence[SourceRecord] = (), urgent: bool = False, partition: str = "p"
) -> Callable[[], Any]:
    """A poll that moves the partition on to `n` and returns the records."""

    def poll() -> Any:
        run.script.task.context.advance({"part": partition}, {"n": n}, urgent=urgent)
        return list(records)

    return poll


def stored(log: MemoryLog, name: str, partition: str = "p") -> Any:
    return MemoryOffsetStore(log).get(name, [{"part": partition}])[0]


def told(run: Running) -> list[int]:
    return [offset["n"] for offsets in run.script.got("offsets") for _, offset in offsets]


def test_an_offset_is_committed_without_a_record_and_told() -> None:
    log = MemoryLog()
    with Running("source", log) as run:
        eventually(lambda: run.script.task)
        run.script.feed(advancing(run, 7))
        eventually(lambda: told(run) == [7])
        assert stored(log, run.name) == {"n": 7}
        assert run.script.got("commit")
        assert log.append_count == 1
        assert log.topics() == {}


def test_it_stands_behind_the_records_of_its_poll() -> None:
    log = MemoryLog()
    with Running("source", log) as run:
        eventually(lambda: run.script.task)
        run.script.feed(advancing(run, 9, records=[record(i) for i in range(3)], urgent=True))
        eventually(lambda: stored(log, run.name) == {"n": 9})
        eventually(lambda: told(run)[-1:] == [9])
        assert told(run) == sorted(told(run))
    assert log.values("t") == [b"v0", b"v1", b"v2"]


def test_it_is_not_committed_before_the_records_handed_over_earlier() -> None:
    log = MemoryLog()
    log.fail_next("append", RetriableException("busy"), times=3)
    with Running("source", log) as run:
        eventually(lambda: run.script.task)
        run.script.feed([record(i) for i in range(LARGE)], advancing(run, 1000, urgent=True))
        eventually(lambda: log.faults_left("append") < 3)
        assert stored(log, run.name) is None
        eventually(lambda: told(run)[-1:] == [1000])
    assert len(log.values("t")) == LARGE
    assert told(run) in ([1000], [LARGE - 1, 1000])


def test_records_take_it_along() -> None:
    log = MemoryLog()
    with Running("source", log) as run:
        eventually(lambda: run.script.task)
        run.script.feed(advancing(run, 1))
        eventually(lambda: told(run) == [1])
        run.script.feed(advancing(run, 5), [record(2, partition="q")])
        eventually(lambda: len(run.script.got("offsets")) == 2)
        assert log.append_count == 2
        assert sorted(told(run)) == [1, 2, 5]


def test_commits_of_offsets_alone_are_rare_unless_urgent() -> None:
    log = MemoryLog()
    with Running("source", log) as run:
        eventually(lambda: run.script.task)
        run.script.feed(*(advancing(run, n) for n in range(50)))
        eventually(lambda: not run.script.polls)
        eventually(lambda: told(run) == [0])
        assert log.append_count == 1
        run.script.feed(advancing(run, 60), advancing(run, 61, urgent=True), advancing(run, 62))
        eventually(lambda: told(run) == [0, 61])
        assert log.append_count == 2
    assert told(run) == [0, 61, 62], "the end commits what is left"


def test_the_interval_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_task, "ADVANCE_INTERVAL_S", 0.02)
    log = MemoryLog()
    with Running("source", log) as run:
        eventually(lambda: run.script.task)
        run.script.feed(*(advancing(run, n) for n in range(3)))
        eventually(lambda: told(run)[-1:] == [2])


def test_a_map_changed_afterwards_does_not_change_what_is_stored() -> None:
    log = MemoryLog()
    with Running("source", log) as run:
        eventually(lambda: run.script.task)
        shared = {"n": 1}

        def poll() -> Any:
            run.script.task.context.advance({"part": "p"}, shared, urgent=True)
            shared["n"] = 999

        run.script.feed(poll)
        eventually(lambda: told(run) == [1])


def test_an_offset_that_cannot_be_stored_fails_the_task() -> None:
    run = Running("source", MemoryLog()).start()
    eventually(lambda: run.script.task)
    run.script.feed(lambda: run.script.task.context.advance({"part": "p"}, {"n": object()}))
    assert isinstance(run.failed(), DataException)


def test_on_the_embedded_log(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path)
    try:
        with Running("source", log) as run:
            eventually(lambda: run.script.task)
            run.script.feed(advancing(run, 7, urgent=True))
            eventually(lambda: told(run) == [7])
            assert EmbeddedOffsetStore(log.database).get(run.name, [{"part": "p"}]) == [{"n": 7}]
    finally:
        log.close()
