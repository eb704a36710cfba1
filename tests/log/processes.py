"""Roles for child processes of the log tests: `python -m tests.log.processes ROLE FOLDER …`, one JSON line per event."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace.errors import RetriableException
from headrace.log.embedded.log import EmbeddedLog
from headrace.log.spi import RebalanceListener, SourceOffsetEntry
from headrace.spi.context import TopicPartition
from tests.log import helpers
from tests.log.helpers import numbered

SMALL_QUOTA = 24 << 20
OFFSET_KEY = b'["c",{"server":"s"}]'


def say(**event: Any) -> None:
    """One event for the parent, stamped with the machine's monotonic clock."""
    sys.stdout.write(json.dumps({**event, "at": time.monotonic_ns()}) + "\n")
    sys.stdout.flush()


def append(folder: str, size: str) -> None:
    """Append the same numbers to two partitions, with the next number as source offset, until killed."""
    log = EmbeddedLog(Path(folder))
    producer = log.producer("p", "tx")
    number = log.end_offsets([TopicPartition("t", 0)])[TopicPartition("t", 0)]
    while True:
        count = int(size)
        end = number + count
        offset = SourceOffsetEntry(OFFSET_KEY, b'{"next":%d}' % end)
        producer.append([numbered("t", number, count), numbered("t", number, count, partition=1)], [offset])
        number = end
        say(acked=number)


def produce(folder: str, first: str, total: str, partitions: str) -> None:
    """Append `total` numbers to each partition, in small batches, then end."""
    log = EmbeddedLog(Path(folder))
    producer = log.producer("p")
    for number in range(int(first), int(first) + int(total), 10):
        producer.append([numbered("t", number, 10, partition=p) for p in range(int(partitions))])
    say(done=True)
    log.close()


def consume(folder: str, session_ms: str) -> None:
    """Read group g and commit after each poll, until killed or the input ends; tells all it does."""
    log = EmbeddedLog(Path(folder))
    consumer = log.consumer("g", "c", session_timeout_ms=int(session_ms))

    def assigned(partitions: Sequence[TopicPartition]) -> None:
        say(event="assigned", partitions=[p.partition for p in partitions])

    def revoked(partitions: Sequence[TopicPartition]) -> None:
        say(event="revoked", partitions=[p.partition for p in partitions])

    def lost(partitions: Sequence[TopicPartition]) -> None:
        say(event="lost", partitions=[p.partition for p in partitions])

    consumer.subscribe(["t"], None, RebalanceListener(assigned, revoked, lost))
    while True:
        batches = consumer.poll(100, 0.5)
        for batch in batches:
            assert batch.offsets is not None
            say(
                event="read",
                partition=batch.partition,
                first=batch.offsets[0],
                values=[int(v or 0) for v in batch.values],
            )
        if batches:
            # As a sink that takes its time: partitions are asked back while it is at work.
            time.sleep(0.02)
            positions = {p: consumer.position(p) for b in batches for p in [TopicPartition(b.topic, b.partition)]}
            try:
                consumer.commit(positions)
            except RetriableException:
                say(event="refused")


def maintain(folder: str) -> None:
    """One round of upkeep."""
    log = EmbeddedLog(Path(folder))
    log.maintain()
    say(done=True)
    log.close()


def flood(folder: str, partition: str, count: str) -> None:
    """Append `count` numbers, each in a large value, to a partition of a log with small segments; wait while it is full."""
    log = EmbeddedLog(Path(folder), max_bytes=SMALL_QUOTA)
    producer = log.producer(f"p{partition}")
    for number in range(0, int(count), 4):
        values = [b"%d:" % n + b"x" * 60_000 for n in range(number, number + 4)]
        while True:
            try:
                producer.append([helpers.batch("t", values, partition=int(partition))])
                break
            except RetriableException:
                time.sleep(0.01)
    say(done=True)
    log.close()


def tidy(folder: str) -> None:
    """Upkeep without end."""
    log = EmbeddedLog(Path(folder), max_bytes=SMALL_QUOTA)
    while True:
        say(**log.maintain())


def hold(folder: str) -> None:
    """Hold the write lock until killed."""
    with EmbeddedLog(Path(folder)).database.write():
        say(held=True)
        time.sleep(600)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
