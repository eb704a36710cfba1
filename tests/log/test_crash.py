"""A writer killed at any moment leaves all it was told is stored, and nothing half."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.errors import IllegalStateException, RetriableException
from headrace.log.embedded.log import EmbeddedLog
from headrace.log.embedded.stores import EmbeddedOffsetStore
from headrace.log.spi import TopicSpec
from tests.log.children import Child
from tests.log.helpers import numbered, segment_files, segment_rows, tp, until, values_of

OpenLog = Callable[..., EmbeddedLog]
LARGE = 10_000
"""Numbers enough for a segment."""


def stored(log: EmbeddedLog) -> int:
    """How many numbers are in the log; fails unless both partitions and the source offset agree and none is missing."""
    ends = log.end_offsets([tp("t", 0), tp("t", 1)])
    count = ends[tp("t", 0)]
    assert ends[tp("t", 1)] == count
    for partition in ends:
        found = log.read(partition, 0, count + 1) if count else None
        assert values_of([found] if found else []) == [b"%d" % n for n in range(count)]
    (offset,) = EmbeddedOffsetStore(log.database).get("c", [{"server": "s"}])
    assert (offset or {"next": 0})["next"] == count
    return count


@pytest.mark.parametrize(
    ("point", "size", "committed"),
    [
        ("log.before_commit", 50, False),
        ("log.after_commit", 50, True),
        ("log.segment_written", LARGE, False),
        ("log.segment_synced", LARGE, False),
        ("log.before_commit", LARGE, False),
        ("log.after_commit", LARGE, True),
    ],
)
def test_killed_at_a_named_point(open_log: OpenLog, folder: Path, point: str, size: int, committed: bool) -> None:
    log = open_log()
    log.create_topics([TopicSpec("t", 2)])
    with Child("append", folder, size, HEADRACE_FAILPOINTS=f"{point}=kill:3") as child:
        assert child.wait() == -signal.SIGKILL
    assert [event["acked"] for event in child.events] == [size, 2 * size, 3 * size]
    end = 4 * size if committed else 3 * size
    assert stored(log) == end
    assert log.producer("p").append([numbered("t", end, size)]) == [end]
    log.maintain()
    assert segment_files(folder) == segment_rows(log)
    assert bool(segment_files(folder)) == (size == LARGE)


@pytest.mark.parametrize("size", [300, LARGE])
def test_killed_at_any_moment_again_and_again(open_log: OpenLog, folder: Path, size: int) -> None:
    log = open_log()
    log.create_topics([TopicSpec("t", 2)])
    chance = random.Random(11)
    before = 0
    for _ in range(5):
        with Child("append", folder, size) as child:
            least = chance.randint(2, 12)
            until(lambda child=child, least=least: len(child.events) >= least, "the child appends")  # type: ignore[misc]
        acked = child.events[-1]["acked"]
        now = stored(log)
        assert now in (acked, acked + size)
        assert now > before
        before = now
    log.maintain()
    assert segment_files(folder) == segment_rows(log)


def test_a_failure_before_the_commit_appends_nothing(
    open_log: OpenLog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headrace.foundation import failpoints

    log = open_log()
    producer = log.producer("p")
    monkeypatch.setattr(failpoints, "_active", failpoints._parse("log.before_commit=raise"))
    with pytest.raises(RetriableException):
        producer.append([numbered("new", 0, 5)])
    assert log.topics() == {}
    assert producer.append([numbered("other", 0, 5), numbered("new", 0, 5)]) == [0, 0]
    assert log.topics() == {"other": 1, "new": 1}


def test_a_writer_that_hangs_in_its_transaction_makes_the_others_say_busy(open_log: OpenLog, folder: Path) -> None:
    log = open_log(lock_timeout_s=0.3)
    log.producer("p").append([numbered("t", 0, 1)])
    with Child("hold", folder) as child:
        until(lambda: bool(child.events), "the child holds the lock")
        with pytest.raises(RetriableException) as caught:
            log.producer("p").append([numbered("t", 1, 1)])
        assert caught.value.code == "LOG_BUSY"
        assert log.read(tp("t"), 0, 5) is not None
    assert log.producer("p").append([numbered("t", 1, 1)]) == [1]


def test_a_log_carried_over_a_fork_refuses_and_harms_nothing(open_log: OpenLog) -> None:
    log = open_log()
    producer = log.producer("p")
    producer.append([numbered("t", 0, 1)])
    consumer = log.consumer("g", "c")
    consumer.subscribe(["t"], None)
    consumer.poll(1, 0)
    child = os.fork()
    if child == 0:
        codes = []
        for call in (
            lambda: producer.append([numbered("t", 1, 1)]),
            lambda: log.read(tp("t"), 0, 1),
            lambda: consumer.poll(1, 0),
        ):
            try:
                call()
            except IllegalStateException as error:
                codes.append(error.code)
        consumer.close()
        log.close()
        os._exit(0 if codes == ["LOG_FORKED"] * 3 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    producer.append([numbered("t", 1, 1)])
    consumer.commit({tp("t"): 1})
    assert values_of(consumer.poll(5, 5)) == [b"1"]
    consumer.close()
