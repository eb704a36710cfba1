"""Small things the log tests share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from headrace.log.spi import Consumer, EncodedBatch, HeaderBytes
from headrace.spi.context import TopicPartition
from headrace.spi.converter import Column

Triple = tuple[int, bytes | None, bytes | None]


def batch(
    topic: str,
    values: Iterable[bytes | None],
    *,
    partition: int = 0,
    keys: Iterable[bytes | None] | None = None,
    headers: HeaderBytes = (),
    timestamp: int = 1_700_000_000_000,
) -> EncodedBatch:
    """A batch of these values."""
    data = list(values)
    return EncodedBatch(
        topic,
        partition,
        [timestamp] * len(data),
        Column([None] * len(data) if keys is None else list(keys)),
        Column(data),
        [headers] * len(data),
    )


def numbered(topic: str, first: int, count: int, partition: int = 0) -> EncodedBatch:
    """A batch of the numbers from `first` on, as text."""
    return batch(topic, [b"%d" % n for n in range(first, first + count)], partition=partition)


def triples(found: EncodedBatch) -> list[Triple]:
    """(offset, key, value) of each record."""
    assert found.offsets is not None
    return list(zip(found.offsets, found.keys, found.values, strict=True))


def values_of(batches: Iterable[EncodedBatch]) -> list[bytes | None]:
    return [value for found in batches for value in found.values]


def until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Wait for a condition, or fail saying what did not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.005)


def drain(consumer: Consumer, count: int, max_records: int = 500, seconds: float = 20.0) -> list[EncodedBatch]:
    """Poll until `count` records have come."""
    batches: list[EncodedBatch] = []
    deadline = time.monotonic() + seconds
    while sum(map(len, batches)) < count:
        assert time.monotonic() < deadline, f"only {sum(map(len, batches))} of {count} records within {seconds} s"
        batches += consumer.poll(max_records, 0.2)
    return batches


def tp(topic: str, partition: int = 0) -> TopicPartition:
    return TopicPartition(topic, partition)
