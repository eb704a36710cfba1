"""Small things the log tests share."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from headrace.log.embedded import segment_writer
from headrace.log.embedded.database import FILE_NAME, Database
from headrace.log.embedded.log import EmbeddedLog
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


def only_segments(monkeypatch: pytest.MonkeyPatch, segment_bytes: int = 300) -> None:
    """Let everything go to segment files, to many small ones."""
    monkeypatch.setattr(segment_writer, "SEGMENT_FROM", 1)
    monkeypatch.setattr(segment_writer, "SEGMENT_BLOB_FROM", 1)
    monkeypatch.setattr(Database, "segment_limit", segment_bytes)


def segment_files(folder: Path) -> dict[str, int]:
    """Size of each segment file."""
    return {path.name: path.stat().st_size for path in (folder / "segments").glob("*")}


def segment_rows(log: EmbeddedLog) -> dict[str, int]:
    """Size of each segment by the index."""
    with log.database.read() as connection:
        return dict(connection.execute("SELECT name, size FROM segments"))


def make_format_1(folder: Path) -> None:
    """Take back what format 2 added to a log without segments."""
    with sqlite3.connect(folder / FILE_NAME) as connection:
        for kind, name in (("TRIGGER", "batch_removed"), ("TABLE", "places"), ("TABLE", "segments")):
            connection.execute(f"DROP {kind} {name}")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
