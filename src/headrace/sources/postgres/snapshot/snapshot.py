"""Reads tables as they were at one position of the log: chunks side by side, by COPY, remembered one by one.

The rows see exactly the transactions that committed before `lsn`. All lanes read under the one snapshot. A row is handed out when
the next one of its table is known, for the last of a table and the last of all carry a mark: rows that came as columns are held back
together, of rows in a list the last one. The records of one table go in the order in which its chunks arrive.

How a broken snapshot goes on. An offset says which chunks are done (F) and up to which position P of the stream changes have been handed
out for them. The exported snapshot is gone with its connections, so a new one is made, at a later position Q, and before anything is
read the stream is followed from P to Q (`snapshot_catch_up`). Then the other chunks are read, under Q, and the stream goes on at Q.

- No row is lost. A row that the new snapshot has is in a chunk that is still read; or in the blocks (or key range) of F: then either that very
  version (or key) was there before, so it was read with F and its changes came since, or it came there by a change between P and Q,
  which was handed out. Blocks of a table whose file was exchanged do not count as done. A change from P to Q that leaves
  out a long value is completed from the new snapshot, where the table is only partly done: the target may not have the row yet.
- No row outlives its deletion. A row handed out before and deleted between P and Q is deleted by the stream: deletions are handed out for
  all tables, read or not.
- No row goes back in time. What is handed out for a key is in the order of commits: rows as of P, changes from P to Q, rows as of Q, changes
  from Q on. Of a table of which nothing is done only deletions are taken from P to Q, the rest is in its rows.
- If the way breaks again, the offset holds the same F with a later P, or more of F with P = Q, and all of this holds again.

This needs that inserts and updates reach the stream as they are made; where the settings or the publication leave some out, a partly read
table is read anew (see `snapshot_factory`). A table without a key is cut by blocks as well; what it gave of an unfinished chunk comes twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from headrace.cdc.notifications import TableNotices
from headrace.data import SourceRecord
from headrace.errors import RetriableException
from headrace.foundation.failpoints import failpoint
from headrace.sources.postgres.events import Clock, Offset, RecordMaker, sequence
from headrace.sources.postgres.failures import raise_as_ours
from headrace.sources.postgres.offsets import snapshot_offset
from headrace.sources.postgres.shapes import TableShape
from headrace.sources.postgres.signals.snapshot_signals import HeldSignals
from headrace.sources.postgres.snapshot.chunks import Chunk, ChunkPlanner, SnapshotTable
from headrace.sources.postgres.snapshot.copied import Copies
from headrace.sources.postgres.snapshot.counts import SnapshotCounts
from headrace.sources.postgres.snapshot.decode import RowDecoder
from headrace.sources.postgres.snapshot.handing import PLAIN, Columnar, Handed, Listed, Lump, RowMaker
from headrace.sources.postgres.snapshot.lanes import Lane, Lanes
from headrace.sources.postgres.snapshot.progress import Progress, SnapshotOffset
from headrace.sources.postgres.snapshot.row import present_row
from headrace.sources.postgres.tables import TableCodec
from headrace.systems.postgres import PgTarget

__all__ = ["Snapshot", "SnapshotCounts", "SnapshotTable", "present_row"]

logger = logging.getLogger(__name__)

_LINES_PER_LOOK: Final = 256
_BATCH_BYTES: Final = 4 << 20
"""A batch of rows that came in so many bytes is full."""
_WAIT_S: Final = 0.5
_CHANGED: Final = frozenset({"PG_TABLE_MISSING", "PG_COLUMN_MISSING"})


class Phase(Protocol):
    """Something that comes before the rows."""

    def poll(self, limit: int) -> Sequence[SourceRecord] | None:
        """Records, none when there are none now; None when it is over."""

    @property
    def signals(self) -> HeldSignals:
        """To be heard when the snapshot is complete."""

    def close(self) -> None: ...


class _Reading:
    """A table that is being read. `left`: chunks that are not at their end; `held`: what is held back, `mark` what its first row would
    be marked with; `ended`: chunks that are done once that is handed out."""

    __slots__ = ("codec", "ended", "held", "left", "mark", "opened", "table")

    def __init__(self, table: SnapshotTable, codec: TableCodec, chunks: int) -> None:
        self.table = table
        self.codec = codec
        self.left = chunks
        self.opened = False
        self.held: Lump | None = None
        self.mark = PLAIN
        self.ended: list[Chunk] = []


class Snapshot:
    """`tables`: what is still to be read, in order. `copies`: how. `open_table` compiles a shape; `refresh_enum` as in the stream. `before`: what is handed
    out ahead of the rows. `offset`, `final_offset`: what all records but the last carry, and the last; None for those of an initial
    snapshot with its progress. `mark_first`: the very first record is marked so."""

    def __init__(
        self,
        lanes: Lanes,
        copies: Copies,
        planner: ChunkPlanner,
        target: PgTarget,
        tables: Sequence[SnapshotTable],
        open_table: Callable[[TableShape], TableCodec],
        refresh_enum: Callable[[int, bool], None],
        maker: RecordMaker,
        lsn: int,
        xid: int | None,
        counts: SnapshotCounts,
        progress: Progress,
        *,
        on_failure: str = "fail",
        before: Phase | None = None,
        offset: Mapping[str, Any] | None = None,
        final_offset: Mapping[str, Any] | None = None,
        mark_first: bool = True,
    ) -> None:
        self._lanes = lanes
        self._copies = copies
        self._planner = planner
        self._target = target
        self._decoder = RowDecoder(open_table, refresh_enum, counts, on_failure)
        self._partition = maker.partition
        self.lsn = lsn
        self._counts = counts
        self._progress = progress
        self._before = before
        self._clock = Clock.at(time.time_ns())
        self._base = snapshot_offset(lsn, xid, self._clock.us, last=False)
        self._fixed = offset
        self._keep = bool(progress.stream)
        self._offset: Offset = offset if offset is not None else self._base
        last = snapshot_offset(lsn, xid, self._clock.us, last=True)
        self.final_offset: Mapping[str, Any] = last if final_offset is None else final_offset
        source = maker.block.template(self._clock.us, xid, None, None)
        source[6] = sequence(None, lsn)
        source[12] = lsn
        self._rows = RowMaker(maker, source)
        fresh = mark_first and not progress.done and not progress.partial
        self._first_table = tables[0].id if tables and fresh else None
        self._work = self._plan(tables)
        self._readings: dict[str, _Reading] = {}
        self._ending: _Reading | None = None
        self._started = self._over = False
        self.tables = [table.shape.name for table in tables]
        self.notices: TableNotices | None = None
        """Told of the progress, and asked for the records of that."""
        counts.begin(len(tables) + len(progress.done), len(tables))
        self._set_offset()

    def poll(self, limit: int) -> Sequence[SourceRecord] | None:
        """About `limit` records, fewer or none when no more have arrived yet; None when the snapshot is complete and everything was
        handed out. PG_TABLE_CHANGED and lost connections are to be answered with a new snapshot that goes on."""
        try:
            if self._before is not None:
                records = self._before.poll(limit)
                if records is not None:
                    return records
                held = self._before.signals.keys()
                self._base, self.final_offset = {**self._base, **held}, {**self.final_offset, **held}
                self._before = None
                self._set_offset()
            return self._poll(limit)
        except Exception as error:
            self._counts.abort()
            if getattr(error, "code", None) in _CHANGED and all(r.table.query is None for r in self._readings.values()):
                raise RetriableException(
                    f"A table was altered between the snapshot and its reading: {error}",
                    code="PG_TABLE_CHANGED",
                    remedy="Nothing: the snapshot goes on under a new one.",
                ) from error
            raise_as_ours(error, self._target)

    @property
    def offset(self) -> Offset:
        """What the next record carries, unless it is the last."""
        return self._offset

    @offset.setter
    def offset(self, offset: Mapping[str, Any]) -> None:
        self._fixed = self._offset = offset

    @property
    def resumable(self) -> bool:
        """What has been handed out need not be read again when this ends early."""
        return self._keep and self._fixed is None

    def close(self) -> None:
        """Give up what is left, and close the lanes."""
        if self._before is not None:
            self._before.close()
        self._lanes.close()
        self._counts.abort()

    # Chunks -------------------------------------------------------------------------------------------------------

    def _plan(self, tables: Sequence[SnapshotTable]) -> Iterator[Chunk]:
        for table in tables:
            chunks = self._planner.chunks(table)
            self._counts.scanned.setdefault(table.shape.name, 0)
            self._counts.chunks[table.shape.name] = (len(chunks), 0)
            reading = _Reading(table, self._decoder.open_table(table.shape), len(chunks))
            self._readings[table.id] = reading
            if self.notices is not None:
                self.notices.begun(table.shape.name)
            if not chunks:
                self._finish(reading, Handed(self._partition))
            yield from chunks

    def _poll(self, limit: int) -> Sequence[SourceRecord] | None:
        if self._over:
            return None
        out = Handed(self._partition)
        while len(out) < limit and out.size < _BATCH_BYTES:
            self._assign(limit)
            if self.notices is not None:
                out += self.notices.take()
            if not self._lanes.busy:
                self._complete(out)
                return out.batch() or None
            lane = self._lanes.ready(0.0 if len(out) else _WAIT_S)
            if lane is None:
                if not len(out):
                    # What is slow to come keeps no more than one row from its way.
                    for reading in self._readings.values():
                        self._part(reading, out)
                break
            if lane.has_rows:
                self._take(lane, min(_LINES_PER_LOOK, limit - len(out)), out)
            if lane.exhausted:
                self._end_chunk(lane, out)
                if self.notices is not None:
                    out += self.notices.take()
        return out.batch()

    def _assign(self, rows: int) -> None:
        while (lane := self._lanes.idle()) is not None:
            chunk = next(self._work, None)
            if chunk is None:
                return
            failpoint("snapshot.chunk_started")
            if self.notices is not None and chunk.total > 1:
                name = chunk.table.shape.name
                self.notices.chunk_begun(name, chunk.number, chunk.total, self._counts.scanned[name])
            codec = self._readings[chunk.table.id].codec
            lane.start(chunk, codec, self._copies.copy(chunk, codec, rows))

    def _end_chunk(self, lane: Lane, out: Handed) -> None:
        chunk = lane.chunk
        assert chunk is not None
        lane.chunk = None
        reading = self._readings[chunk.table.id]
        name = chunk.table.shape.name
        reading.left -= 1
        total, done = self._counts.chunks[name]
        self._counts.chunks[name] = (total, done + 1)
        if chunk.total > 1:
            logger.info("Snapshot: chunk %d of %d of %s, %d rows.", chunk.number, chunk.total, name, lane.rows)
            if self.notices is not None:
                self.notices.chunk_ended(name, chunk.number, chunk.total)
        # What is held back belongs to a chunk that has ended: it is done only with that.
        reading.ended.append(chunk)
        if not reading.left:
            self._finish(reading, out)
        elif reading.held is None:
            self._settle(reading)
        failpoint("snapshot.chunk_done")

    def _settle(self, reading: _Reading) -> None:
        """What has ended of the table is handed out."""
        begun = self._progress.partial.get(reading.table.id)
        for chunk in reading.ended:
            if begun is not None:
                begun.parts[chunk.part].add(chunk.start, chunk.end)
        reading.ended.clear()
        if not reading.left:
            self._progress.finish_table(reading.table.id, reading.table.oid)
        self._set_offset()

    def _set_offset(self) -> None:
        if self._fixed is None and self._keep:
            self._offset = SnapshotOffset(self._base, self._progress.mark())

    def _finish(self, reading: _Reading, out: Handed) -> None:
        """All rows of a table have arrived: its last waits for whatever comes next, which tells whether it is the last of all."""
        counts, name = self._counts, reading.table.shape.name
        del self._readings[reading.table.id]
        counts.remaining -= 1
        logger.info("Snapshot: %d rows of %s read, %d tables left.", counts.scanned[name], name, counts.remaining)
        if self.notices is not None:
            self.notices.ended(name, counts.scanned[name])
        if reading.held is None:
            self._settle(reading)
            return
        self._part(reading, out)
        if self._ending is not None:
            self._end_table(self._ending, out)
        self._ending = reading

    def _complete(self, out: Handed) -> None:
        """Everything is read: hand out the last record, under the final offset."""
        self._over = True
        self._lanes.close()
        self._counts.complete()
        reading, self._ending = self._ending, None
        if reading is None or reading.held is None:
            return
        failpoint("snapshot.before_last")
        before, self._offset = self._offset, self.final_offset
        self._emit(out, reading.held, before, reading.mark, "last")

    # Rows ---------------------------------------------------------------------------------------------------------

    def _take(self, lane: Lane, count: int, out: Handed) -> None:
        chunk = lane.chunk
        assert chunk is not None
        assert lane.codec is not None
        piece = lane.take(count)
        out.size += piece.size
        if piece.columns is not None:
            self._arrived(lane, chunk, Columnar(lane.codec, piece.total, piece.columns), out)
            return
        for codec, rows in self._decoder.rows(lane.codec, piece.lines or ()):
            if rows:
                self._arrived(lane, chunk, Listed(codec, rows), out)
        if piece.stops:
            lane.go_on()

    def _arrived(self, lane: Lane, chunk: Chunk, lump: Lump, out: Handed) -> None:
        reading = self._readings[chunk.table.id]
        counts, name = self._counts, chunk.table.shape.name
        lane.codec = reading.codec = lump.codec
        self._clock = Clock.at(time.time_ns())
        counts.scanned[name] += lump.total
        counts.rows += lump.total
        counts.last_event_ns = self._clock.ns
        lane.rows += lump.total
        self._hand_on(reading, lump, out)

    def _hand_on(self, reading: _Reading, lump: Lump, out: Handed) -> None:
        """Hand out what is held back, and hold back the lump, or of rows in a list the last."""
        if self._ending is not None:
            self._end_table(self._ending, out)
            self._ending = None
        if reading.held is not None:
            before = self._offset
            if reading.ended:
                self._settle(reading)
            self._emit(out, reading.held, before, reading.mark)
        mark = PLAIN
        if not reading.opened:
            # The very first record is "first", unless the first table turned out to be empty.
            first = not self._started and self._first_table in self._readings
            mark = "first" if first else "first_in_data_collection"
            reading.opened = self._started = True
        reading.held, reading.mark = lump, mark
        if isinstance(lump, Listed):
            self._part(reading, out)

    def _part(self, reading: _Reading, out: Handed) -> None:
        """Hold back no more than the last row."""
        if reading.held is not None and reading.held.total > 1:
            head, last = reading.held.parted()
            self._rows.make(out, head, self._clock, self._offset, first=reading.mark)
            reading.held, reading.mark = last, PLAIN

    def _end_table(self, reading: _Reading, out: Handed) -> None:
        assert reading.held is not None
        before = self._offset
        self._settle(reading)
        alone = reading.held.total == 1 and reading.mark == "first"
        self._emit(out, reading.held, before, reading.mark, "first" if alone else "last_in_data_collection")

    def _emit(self, out: Handed, lump: Lump, before: Offset, first: str, last: str | None = None) -> None:
        """All but the last record carry the offset `before`, for chunks are done with the last only."""
        self._rows.make(out, lump, self._clock, before, first=first, last=last, last_offset=self._offset)
