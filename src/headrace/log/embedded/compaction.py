"""Compaction: of each key the last record stays; its tombstone goes after delete.retention.ms.

A round takes the records appended since the last one, learns the last offset of each of their keys, and walks the
partition once to drop what they supersede. Offsets stay as they are, with gaps. Every batch is replaced in a step of its own.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.log.batch_slices import pick
from headrace.log.embedded.batch_codec import decode_batch
from headrace.log.embedded.batch_rows import encode, replace, stored
from headrace.log.embedded.catalog import Topic
from headrace.log.embedded.fetcher import reading_anew
from headrace.log.embedded.segment_writer import SegmentWriter
from headrace.log.embedded.tables import row_id
from headrace.log.spi import EncodedBatch

if TYPE_CHECKING:
    from headrace.log.embedded.log import EmbeddedLog

_MOST_KEYS = 500_000
"""A round learns at most about this many keys; the rest waits for the next."""


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    first_offset: int
    appended_ms: int
    size: int
    tombstones: int


def compact_partition(log: EmbeddedLog, writer: SegmentWriter, topic: Topic, part_id: int) -> dict[str, int]:
    """One round over a partition if enough of it is new; returns what was removed. `writer`: for what stays of large batches."""
    totals = {"batches_removed": 0, "records_removed": 0, "bytes_removed": 0}
    with log.database.read() as connection:
        row = connection.execute("SELECT cleaned_to, next_offset FROM parts WHERE id = ?", (part_id,)).fetchone()
        if row is None:
            return totals
        cleaned_to, next_offset = row
        rows = _rows(connection, part_id)
    deadline_ms = time.time_ns() // 1_000_000 - topic.config.delete_retention_ms
    base = row_id(part_id, 0)
    dirty = [row for row in rows if row.id - base >= cleaned_to]
    whole = sum(row.size for row in rows)
    is_dirty = bool(dirty) and sum(row.size for row in dirty) >= topic.config.dirty_ratio * whole
    if not is_dirty and not any(
        row.tombstones and row.appended_ms < deadline_ms and row.id - base < cleaned_to for row in rows
    ):
        return totals
    last, learned_to = _learn(log, topic, part_id, dirty) if is_dirty else ({}, cleaned_to)
    if is_dirty and learned_to > dirty[-1].id - base:
        learned_to = next_offset
    for row in rows:
        if row.id - base >= learned_to:
            break
        if not last and not row.tombstones:
            continue
        _clean(log, writer, topic, part_id, row, last, deadline_ms, totals)
    with log.database.write() as connection:
        connection.execute("UPDATE parts SET cleaned_to = max(cleaned_to, ?) WHERE id = ?", (learned_to, part_id))
    return totals


def _rows(connection: sqlite3.Connection, part_id: int) -> list[_Row]:
    found = connection.execute(
        "SELECT id, first_offset, appended_ms, bytes, tombstones FROM batches WHERE id >= ? AND id < ? ORDER BY id",
        (row_id(part_id, 0), row_id(part_id + 1, 0)),
    )
    return [_Row(*row) for row in found]


def _learn(log: EmbeddedLog, topic: Topic, part_id: int, dirty: list[_Row]) -> tuple[dict[bytes | None, int], int]:
    """Key → last offset over the new batches, and the offset up to which it was learned."""
    last: dict[bytes | None, int] = {}
    learned_to = dirty[0].first_offset
    for row in dirty:
        batch = _load(log, topic, part_id, row)
        if batch is not None and batch.offsets is not None:
            last.update(zip(batch.keys, batch.offsets, strict=True))
        learned_to = row.id - row_id(part_id, 0) + 1
        if len(last) >= _MOST_KEYS:
            break
    return last, learned_to


def _clean(
    log: EmbeddedLog,
    writer: SegmentWriter,
    topic: Topic,
    part_id: int,
    row: _Row,
    last: dict[bytes | None, int],
    deadline_ms: int,
    totals: dict[str, int],
) -> None:
    """Drop from one batch the superseded records, and tombstones past their time."""
    batch = _load(log, topic, part_id, row)
    if batch is None or batch.offsets is None:
        return
    keys = list(batch.keys)
    drop_tombstones = bool(row.tombstones) and row.appended_ms < deadline_ms
    values = batch.values.data if drop_tombstones else ()
    kept = [
        position
        for position, (key, offset) in enumerate(zip(keys, batch.offsets, strict=True))
        if last.get(key, offset) <= offset and not (drop_tombstones and values[position] is None)
    ]
    if len(kept) == len(keys):
        return
    totals["records_removed"] += len(keys) - len(kept)
    freed = row.size
    if kept:
        rest = pick(batch, kept)
        blob = encode(rest, compress=log.compress)
        freed -= blob.size
        assert rest.offsets is not None
        with (
            writer.staged([blob]) as staged,
            log.database.write() as connection,
            staged.places(connection) as places,
        ):
            replace(connection, row.id, (rest.offsets[0], len(kept)), rest.values.has_null, blob, places[0])
            connection.execute("UPDATE parts SET bytes = bytes - ? WHERE id = ?", (freed, part_id))
    else:
        with log.database.write() as connection:
            connection.execute("DELETE FROM batches WHERE id = ?", (row.id,))
            connection.execute("UPDATE parts SET bytes = bytes - ? WHERE id = ?", (freed, part_id))
        totals["batches_removed"] += 1
    totals["bytes_removed"] += freed


def _load(log: EmbeddedLog, topic: Topic, part_id: int, row: _Row) -> EncodedBatch | None:
    """The batch of a row, None if retention or a deletion has taken it meanwhile."""

    def read() -> tuple[int, bytes] | None:
        with log.database.read() as connection:
            found = stored(connection, row.id)
            return None if found is None else (found.first_offset, found.blob(log.database.segments))

    found = reading_anew(read)
    return None if found is None else decode_batch(topic.name, topic.parts.index(part_id), *found)
