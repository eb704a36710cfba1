"""Giving back the space of segments: cutting what a crash left behind, moving the rest out of nearly empty ones, unlinking.

Done under the maintenance lock only, so that who holds that lock may copy the files. A segment of which the owner is gone is
sealed: nobody adds to it any more.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from headrace.foundation.failpoints import failpoint
from headrace.log.embedded.segment_files import SegmentGone
from headrace.log.embedded.segment_writer import Blob, SegmentWriter

if TYPE_CHECKING:
    from headrace.log.embedded.log import EmbeddedLog

_logger = logging.getLogger(__name__)
_STEP_BYTES = 16 << 20
_MANY_SMALL = 16


class _Segment(NamedTuple):
    """`live`: bytes to which the index refers."""

    id: int
    name: str
    size: int
    live: int


class _Row(NamedTuple):
    batch_id: int
    position: int
    size: int


def tend_segments(log: EmbeddedLog, writer: SegmentWriter) -> None:
    """One round. `writer`: for what is moved."""
    _seal(log)
    sealed = _sealed(log)
    small = [one for one in sealed if 0 < one.live < writer.limit // 8]
    for one in sealed:
        if 0 < 2 * one.live < one.size or (len(small) >= _MANY_SMALL and one in small):
            _move_out(log, writer, one)
    _remove_empty(log)
    _remove_unknown(log)


def _seal(log: EmbeddedLog) -> None:
    """Take over the segments whose owners are gone, and cut off what they had not committed."""
    folder = log.database.segments
    with log.database.read() as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM segments WHERE sealed = 0")]
    for name in names:
        owned = folder.own(name)
        if owned is None and folder.exists(name):
            continue
        try:
            with log.database.write() as connection:
                # As it is now: the owner may have committed once more before it went.
                row = connection.execute("SELECT size FROM segments WHERE name = ?", (name,)).fetchone()
                connection.execute("UPDATE segments SET sealed = 1 WHERE name = ?", (name,))
            failpoint("log.segment_sealed")
            if owned is not None and row is not None:
                owned.cut(row[0])
        finally:
            if owned is not None:
                owned.close()


def _sealed(log: EmbeddedLog) -> list[_Segment]:
    with log.database.read() as connection:
        rows = connection.execute(
            "SELECT s.id, s.name, s.size, coalesce(sum(p.bytes), 0) FROM segments s "
            "LEFT JOIN places p ON p.segment_id = s.id WHERE s.sealed = 1 GROUP BY s.id"
        ).fetchall()
    return [_Segment(*row) for row in rows]


def _move_out(log: EmbeddedLog, writer: SegmentWriter, segment: _Segment) -> None:
    """Copy the blobs still needed to another segment, in steps."""
    with log.database.read() as connection:
        found = connection.execute(
            "SELECT batch_id, position, bytes FROM places WHERE segment_id = ? ORDER BY position", (segment.id,)
        )
        rows = [_Row(*row) for row in found]
    step: list[_Row] = []
    for number, row in enumerate(rows, 1):
        step.append(row)
        if number == len(rows) or sum(one.size for one in step) >= _STEP_BYTES:
            _move(log, writer, segment, step)
            step = []


def _move(log: EmbeddedLog, writer: SegmentWriter, segment: _Segment, rows: list[_Row]) -> None:
    try:
        parts = [log.database.segments.read(segment.name, row.position, row.size) for row in rows]
    except SegmentGone:
        _logger.error("The log's segment file %s is missing; records in it cannot be read.", segment.name)
        return
    with (
        writer.staged([Blob([part], len(part)) for part in parts]) as staged,
        log.database.write() as connection,
        staged.places(connection) as places,
    ):
        for row, part, place in zip(rows, parts, places, strict=True):
            _refer(connection, segment, row, part, place)
        failpoint("log.segment_moved")


def _refer(
    connection: sqlite3.Connection, segment: _Segment, row: _Row, blob: bytes, place: tuple[int, int] | None
) -> None:
    """Let a row refer to the copy, unless it was removed or replaced meanwhile."""
    old = (row.batch_id, segment.id, row.position)
    if place is not None:
        connection.execute(
            "UPDATE places SET segment_id = ?, position = ? WHERE batch_id = ? AND segment_id = ? AND position = ?",
            (*place, *old),
        )
        return
    cursor = connection.execute("DELETE FROM places WHERE batch_id = ? AND segment_id = ? AND position = ?", old)
    if cursor.rowcount:
        connection.execute("UPDATE batches SET data = ? WHERE id = ?", (blob, row.batch_id))


def _remove_empty(log: EmbeddedLog) -> None:
    """Remove sealed segments to which nothing refers. Who has read the index before finds the file gone and reads it again."""
    for segment in _sealed(log):
        if not segment.live:
            with log.database.write() as connection:
                connection.execute("DELETE FROM segments WHERE id = ?", (segment.id,))
            failpoint("log.segment_forgotten")
            log.database.segments.unlink(segment.name)


def _remove_unknown(log: EmbeddedLog) -> None:
    """Remove files that the index does not know: their owners died before the first commit, or upkeep did before the unlink."""
    folder = log.database.segments
    names = folder.names()
    if not names:
        return
    for name in set(names) - _known(log):
        owned = folder.own(name)
        if owned is None:
            continue
        try:
            with log.database.write() as connection:
                # A commit that failed is undone for good once another has taken its place in the write-ahead log.
                connection.execute("UPDATE meta SET value = value WHERE name = 'topics_version'")
            # Asked again now that nobody else can commit to it.
            if name not in _known(log):
                owned.remove()
        finally:
            owned.close()


def _known(log: EmbeddedLog) -> set[str]:
    with log.database.read() as connection:
        return {name for (name,) in connection.execute("SELECT name FROM segments")}
