"""What a poll of many partitions gives, and what it holds meanwhile."""

from __future__ import annotations

import tracemalloc

import pytest

from headrace.log.embedded import readings
from headrace.log.embedded.log import EmbeddedLog
from headrace.log.spi import FETCH_MAX_BYTES, TopicSpec
from tests.log.helpers import batch

MIB = 1 << 20


def test_memory_stays_bounded_with_large_records_in_many_partitions(open_log: type[EmbeddedLog]) -> None:
    partitions, each, size = 20, 40, 200_000
    log = open_log()
    log.create_topics([TopicSpec("t", partitions)])
    producer = log.producer("p")
    for _ in range(each // 4):
        producer.append([batch("t", [bytes(size)] * 4, partition=partition) for partition in range(partitions)])
    consumer = log.consumer("g", "c")
    consumer.subscribe(["t"], None)
    counts = dict.fromkeys(range(partitions), 0)
    tracemalloc.start()
    try:
        while sum(counts.values()) < partitions * each:
            found = consumer.poll(5000, 1)
            assert sum(one.values.size for one in found) <= FETCH_MAX_BYTES
            for one in found:
                assert list(one.offsets or ()) == list(range(counts[one.partition], counts[one.partition] + len(one)))
                counts[one.partition] += len(one)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 80 * MIB
    consumer.close()


@pytest.mark.parametrize("busy", [0, 2])
def test_with_much_held_a_partition_that_is_always_behind_leaves_the_others_their_turn(
    open_log: type[EmbeddedLog], monkeypatch: pytest.MonkeyPatch, busy: int
) -> None:
    """More is held than may be at once, and one partition never runs dry: its batches and the polls are such that something is left of
    it after each, and it has more in the log."""
    monkeypatch.setattr(readings, "_MOST_HELD", 500)
    log = open_log()
    log.create_topics([TopicSpec("t", 5)])
    producer, consumer = log.producer("p"), log.consumer("g", "c")
    consumer.subscribe(["t"], None)
    producer.append([batch("t", [b"x" * 1000], partition=busy)])
    for _ in range(4):
        producer.append([batch("t", [b"x" * 1000] * 4, partition=busy)])
    assert [one.partition for one in consumer.poll(6, 1)] == [busy]
    producer.append([batch("t", [b"x"], partition=p) for p in range(5) if p != busy])
    waiting = set(range(5)) - {busy}
    for _ in range(30):
        producer.append([batch("t", [b"x" * 1000] * 4, partition=busy)])
        producer.append([batch("t", [b"x" * 1000] * 4, partition=busy)])
        waiting -= {one.partition for one in consumer.poll(6, 1)}
    assert not waiting
    consumer.close()
