"""Keeping the log small, in steps short enough that writers hardly notice: deletions, retention, compaction, free pages."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, TypeAlias

from headrace.log.embedded.catalog import Topic
from headrace.log.embedded.compaction import compact_partition
from headrace.log.embedded.file_lock import FileLock
from headrace.log.embedded.segment_upkeep import tend_segments
from headrace.log.embedded.segment_writer import SegmentWriter
from headrace.log.embedded.tables import PAGE_SIZE, row_id

if TYPE_CHECKING:
    from headrace.log.embedded.log import EmbeddedLog

_Row: TypeAlias = tuple[int, int, int, int, int]
"""id, count, bytes, appended_ms, first_offset"""
_STEP_BYTES = 16 << 20
_STEP_ROWS = 500
_STEP_PAGES = 512


def maintain(log: EmbeddedLog) -> dict[str, int]:
    """One round over all topics. Counts: batches, records and bytes removed; all 0 while another process is at it."""
    totals = {"batches_removed": 0, "records_removed": 0, "bytes_removed": 0}
    lock = FileLock(log.database.folder / "maintain.lock")
    try:
        if not lock.acquire(0):
            return totals
        try:
            _add(totals, collect_garbage(log))
            with log.reading() as (_, catalog):
                topics = list(catalog.topics().values())
            writer = SegmentWriter(log.database.segments, log.database.segment_limit)
            try:
                for topic in topics:
                    for part_id in topic.parts:
                        if topic.config.delete:
                            _add(totals, _retain(log, topic, part_id))
                        if topic.config.compact:
                            _add(totals, compact_partition(log, writer, topic, part_id))
                tend_segments(log, writer)
            finally:
                writer.close()
            _give_back_pages(log)
            log.liveness.sweep()
            log.wakes.sweep()
        finally:
            lock.release()
    finally:
        lock.close()
    return totals


def collect_garbage(log: EmbeddedLog) -> dict[str, int]:
    """Remove the batches of deleted topics."""
    totals = {"batches_removed": 0, "records_removed": 0, "bytes_removed": 0}
    with log.database.read() as connection:
        parts = [part_id for (part_id,) in connection.execute("SELECT part_id FROM garbage")]
    for part_id in parts:
        while True:
            with log.writing() as (connection, _):
                rows = _oldest(connection, part_id)
                if not rows:
                    connection.execute("DELETE FROM garbage WHERE part_id = ?", (part_id,))
                    break
                connection.executemany("DELETE FROM batches WHERE id = ?", [(row[0],) for row in rows])
            _add(totals, _counts(rows))
    return totals


def _oldest(connection: sqlite3.Connection, part_id: int) -> list[_Row]:
    """The first batches of a partition, as many as one step may remove."""
    rows: list[_Row] = []
    size = 0
    for row in connection.execute(
        "SELECT id, count, bytes, appended_ms, first_offset FROM batches WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (row_id(part_id, 0), row_id(part_id + 1, 0), _STEP_ROWS),
    ):
        rows.append(row)
        size += row[2]
        if size >= _STEP_BYTES:
            break
    return rows


def _retain(log: EmbeddedLog, topic: Topic, part_id: int) -> dict[str, int]:
    """Remove the oldest batches that are too old, or that the partition has too many bytes for.

    Age counts from the append: a record with an old timestamp of its own is not removed before it could be read."""
    totals = {"batches_removed": 0, "records_removed": 0, "bytes_removed": 0}
    config = topic.config
    oldest_kept = -1
    if config.retention_ms >= 0:
        oldest_kept = time.time_ns() // 1_000_000 - config.retention_ms
    while True:
        with log.database.read() as connection:
            if not _expired(connection, part_id, oldest_kept, config.retention_bytes):
                return totals
        with log.writing() as (connection, _):
            rows = _expired(connection, part_id, oldest_kept, config.retention_bytes)
            if not rows:
                return totals
            counts = _counts(rows)
            connection.executemany("DELETE FROM batches WHERE id = ?", [(row[0],) for row in rows])
            begin = rows[-1][0] - row_id(part_id, 0) + 1
            connection.execute(
                "UPDATE parts SET begin_offset = ?, bytes = bytes - ?, cleaned_to = max(cleaned_to, ?) WHERE id = ?",
                (begin, counts["bytes_removed"], begin, part_id),
            )
        _add(totals, counts)


def _expired(connection: sqlite3.Connection, part_id: int, oldest_kept: int, most_bytes: int) -> list[_Row]:
    row = connection.execute("SELECT bytes FROM parts WHERE id = ?", (part_id,)).fetchone()
    if row is None:
        return []
    size = row[0]
    expired: list[_Row] = []
    for candidate in _oldest(connection, part_id):
        too_old = candidate[3] < oldest_kept
        # As with segments: a batch goes only if without it there is still as much as was asked for.
        too_many = 0 <= most_bytes <= size - candidate[2]
        if not (too_old or too_many):
            break
        expired.append(candidate)
        size -= candidate[2]
    return expired


def _give_back_pages(log: EmbeddedLog) -> None:
    """Give free pages back to the file system, but for some that the next appends will take."""
    while True:
        with log.writing() as (connection, _):
            free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
            surplus = min(free - log.database.spare_bytes // PAGE_SIZE, _STEP_PAGES)
            if surplus <= 0:
                return
            connection.execute(f"PRAGMA incremental_vacuum({surplus})").fetchall()


def _counts(rows: list[_Row]) -> dict[str, int]:
    return {
        "batches_removed": len(rows),
        "records_removed": sum(row[1] for row in rows),
        "bytes_removed": sum(row[2] for row in rows),
    }


def _add(totals: dict[str, int], counts: dict[str, int]) -> None:
    for name, count in counts.items():
        totals[name] += count
