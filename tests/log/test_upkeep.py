"""Compaction beside writers and readers, threads on one log, and what the dead leave behind."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.errors import IllegalStateException
from headrace.log.embedded.log import EmbeddedLog
from headrace.log.spi import TopicSpec
from tests.log.children import Child
from tests.log.helpers import batch, drain, numbered, only_segments, tp, triples, until, values_of

OpenLog = Callable[..., EmbeddedLog]
COMPACT = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0"}

steps = st.lists(
    st.one_of(
        st.none(),
        st.lists(st.tuples(st.integers(0, 4), st.one_of(st.none(), st.integers(0, 99))), min_size=1, max_size=6),
    ),
    max_size=12,
)


@pytest.mark.parametrize("in_segments", [False, True])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_compaction_equals_its_model(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    in_segments: bool,
    steps: list[list[tuple[int, int | None]] | None],
) -> None:
    """None is a round of upkeep, a list an append of (key, value)."""
    if in_segments:
        only_segments(monkeypatch)
    log = EmbeddedLog(tmp_path_factory.mktemp("log"))
    log.create_topics([TopicSpec("t", 1, COMPACT)])
    producer = log.producer("p")
    all_records: list[tuple[int, bytes, bytes | None]] = []
    for step in steps:
        if step is None:
            log.maintain()
            continue
        keys = [b"k%d" % key for key, _ in step]
        values = [None if value is None else b"%d" % value for _, value in step]
        (first,) = producer.append([batch("t", values, keys=keys)])
        all_records += zip(range(first, first + len(step)), keys, values, strict=True)
    log.maintain()
    last = {key: offset for offset, key, _ in all_records}
    expected = [record for record in all_records if last[record[1]] == record[0]]
    found = log.read(tp("t"), 0, 1000)
    assert (triples(found) if found else []) == expected
    with log.database.read() as connection:
        recorded = connection.execute("SELECT bytes FROM parts").fetchone()[0]
        assert recorded == connection.execute("SELECT coalesce(sum(bytes), 0) FROM batches").fetchone()[0]
    log.close()


@pytest.mark.parametrize("in_segments", [False, True])
def test_a_reader_beside_appends_and_compaction_misses_no_last_value(
    open_log: OpenLog, monkeypatch: pytest.MonkeyPatch, in_segments: bool
) -> None:
    if in_segments:
        only_segments(monkeypatch)
    log, other = open_log(), open_log()
    log.create_topics([TopicSpec("t", 1, COMPACT)])
    chance = random.Random(3)
    consumer = log.consumer("g", "c")
    consumer.subscribe(["t"], None)
    producer = other.producer("p")
    state: dict[bytes, bytes] = {}
    seen: dict[bytes | None, bytes | None] = {}
    read_to = 0
    for n in range(150):
        keys = [b"%d" % chance.randrange(20) for _ in range(10)]
        values = [b"%d-%d" % (n, i) for i in range(10)]
        producer.append([batch("t", values, keys=keys)])
        state |= zip(keys, values, strict=True)
        if n % 7 == 0:
            other.maintain()
        for found in consumer.poll(chance.randrange(1, 12), 0):
            for offset, key, value in triples(found):
                assert offset >= read_to
                read_to = offset + 1
                seen[key] = value
    until(lambda: not [seen.update(zip(b.keys, b.values, strict=True)) for b in consumer.poll(100, 0)], "all is read")
    assert seen == state
    assert consumer.position(tp("t")) == 1500
    consumer.close()


def test_threads_share_one_log(open_log: OpenLog) -> None:
    log = open_log()
    log.create_topics([TopicSpec("t", 3)])
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def write(partition: int) -> None:
        producer = log.producer(f"p{partition}")
        for n in range(0, 500, 10):
            producer.append([numbered("t", n, 10, partition=partition)])

    def read(group: str) -> None:
        consumer = log.consumer(group, "c")
        consumer.subscribe(["t"], None)
        found = drain(consumer, 1500)
        for partition in range(3):
            mine = values_of(b for b in found if b.partition == partition)
            assert mine == [b"%d" % n for n in range(500)]
        consumer.close()

    threads = [guarded(lambda n=n: write(n)) for n in range(3)]  # type: ignore[misc]
    threads += [guarded(lambda n=n: read(f"g{n}")) for n in range(2)]  # type: ignore[misc]
    for thread in threads:
        thread.join(30)
    assert failures == []


def test_upkeep_sweeps_what_the_dead_left(open_log: OpenLog, folder: Path) -> None:
    log = open_log()
    log.producer("p").append([numbered("t", 0, 1)])
    with Child("consume", folder, 60_000) as child:
        until(lambda: bool(child.events), "the child reads")
        child.signal(signal.SIGKILL)
    log.maintain()
    left = [path for place in ("wake", "members") for path in (folder / place).rglob("*") if not path.is_dir()]
    assert left == []
    log.alter_group_offsets("g", {tp("t"): 0})


def test_a_closed_log_says_so(open_log: OpenLog) -> None:
    log = open_log()
    producer = log.producer("p")
    consumer = log.consumer("g", "c")
    consumer.subscribe(["t"], None)
    consumer.poll(1, 0)
    log.close()
    for call in (lambda: producer.append([numbered("t", 0, 1)]), lambda: consumer.poll(1, 0), log.topics):
        with pytest.raises(IllegalStateException):
            call()
    consumer.close()
    log.close()
