"""IncrementalSnapshots: which table, which chunk, which window; what is told of it.

One chunk is read at a time, on the thread that reads the stream: the next one as soon as the window of the last has closed.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

from headrace.cdc.notifications import IncrementalNotices
from headrace.cdc.signals.payload import SignalRefused, SnapshotRequest, compiled
from headrace.data import SourceRecord
from headrace.sources.postgres.incremental.chunks import Chunk, ChunkFailedError, ChunkReader, Row, TableBusyError
from headrace.sources.postgres.incremental.measures import ChunkCounts
from headrace.sources.postgres.incremental.state import LAST_KEY, Collection, SnapshotState, last_key
from headrace.sources.postgres.incremental.tables import NoKeyError, NoSuchTableError
from headrace.sources.postgres.incremental.visibility import RecentTransactions
from headrace.sources.postgres.incremental.watermarks import Watermarks
from headrace.sources.postgres.incremental.window import Window
from headrace.sources.postgres.tables import TableCodec
from headrace.systems.postgres import PgTarget, map_error
from headrace.systems.postgres.introspect import Conn

logger = logging.getLogger(__name__)

MoreKeys = Callable[[], Mapping[str, Any]]


class Emitter(Protocol):
    """Where rows go, in their place among the changes."""

    def row(self, codec: TableCodec, row: Row, more: MoreKeys | None) -> None:
        """Hand out a row. `more`: keys of its offset that differ from the present ones; None for none."""

    def state_changed(self) -> None:
        """The offsets of what comes now say something else."""


class IncrementalSnapshots:
    """`captured`: the names of the captured tables, for patterns. `streamed`: the names that a table's changes come under. `sql`: the
    connection to read on."""

    def __init__(
        self,
        state: SnapshotState,
        reader: ChunkReader,
        marks: Watermarks,
        notices: IncrementalNotices,
        counts: ChunkCounts,
        emitter: Emitter,
        sql: Callable[[], Conn],
        target: PgTarget,
        captured: Callable[[], Iterable[str]],
        streamed: Callable[[str], Iterable[str]],
    ) -> None:
        self.state = state
        self.recent = RecentTransactions()
        self.window: Window | None = None
        self.closes_at: int | None = None
        """The position of the log at which the window is over, None where a row of the stream says so."""
        self.paused = False
        self.due = False
        """A chunk is to be read that could not be read yet."""
        self._reader = reader
        self._marks = marks
        self._notices = notices
        self._counts = counts
        self._emitter = emitter
        self._sql = sql
        self._target = target
        self._captured = captured
        self._streamed = streamed
        self._chunk_id: str | None = None
        notices.id = state.correlation

    # What signals ask ---------------------------------------------------------------------------------------------

    def execute(self, id: str, request: SnapshotRequest) -> None:
        """Read these tables too; a running snapshot is not disturbed."""
        running = self.state.running
        names = self._expanded(request.collections)
        self.state.add(id, [Collection(name, request.filter_of(name), request.surrogate_key) for name in names])
        self._notices.id = id
        logger.info("Incremental snapshot of %s asked for by signal %s.", ", ".join(names), id)
        if running:
            self._emitter.state_changed()
            return
        self.paused = False
        self._counts.started(names)
        self._emitter.state_changed()
        self._notices.started(names)
        self.read_chunk()

    def stop(self, collections: tuple[str, ...]) -> None:
        """Read no more of these, () of any. The chunk in hand is given up with its table."""
        if not self.state.running:
            raise SignalRefused("no incremental snapshot is running")
        wanted = set(self._expanded(collections)) if collections else set(self.state.names)
        current = self.state.names[0]
        stopped = [one.id for one in self.state.collections[1:] if one.id in wanted]
        self.state.collections[1:] = [one for one in self.state.collections[1:] if one.id not in wanted]
        if current in wanted:
            stopped.append(current)
            self._close_window()
            self._next_table()
        if not self.state.names:
            self._counts.aborted()
        self._emitter.state_changed()
        self._notices.aborted(stopped)
        logger.info("Incremental snapshot of %s stopped.", ", ".join(stopped) or "nothing")
        if self.window is None:
            self.read_chunk()

    def pause(self) -> None:
        if self.state.running and not self.paused:
            self.paused = True
            self._counts.pause()
            self._notices.paused(self.state.names)

    def resume(self) -> None:
        if self.state.running and self.paused:
            self.paused = False
            self._counts.resume()
            self._notices.resumed(self.state.names)
            if self.window is None:
                self.read_chunk()

    def window_closed(self, id: str) -> None:
        """The stream has brought the end of a window. Others than ours are those of an earlier run."""
        if self._chunk_id is not None and id.startswith(self._chunk_id) and self.window is not None:
            self.hand_out()

    # What the stream brings ---------------------------------------------------------------------------------------

    def hand_out(self) -> None:
        """The window is over: hand out what is left of it and read the next chunk."""
        window = self.window
        assert window is not None
        chunk = window.chunk
        logger.debug("Window of %s: %d rows, %d dropped.", self._chunk_id, len(window.rows), window.dropped)
        for row in window.rows.values():
            self._emitter.row(chunk.codec, row, partial(_key_of, chunk, row))
        if chunk.rows:
            self.state.sent_to = chunk.table.java(chunk.rows[-1].texts())
        self._close_window()
        self._emitter.state_changed()
        self.read_chunk()

    def changed(self, records: list[SourceRecord], xid: int, codec: TableCodec) -> None:
        """A change of the window's table, as the records it became."""
        assert self.window is not None
        for row in self.window.changed(records, xid, codec):
            self._emitter.row(self.window.chunk.codec, row, None)

    def _close_window(self) -> None:
        self.window = self._chunk_id = self.closes_at = None

    # Chunks -------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Go on with what the offset says, when the stream begins."""
        if self.state.running:
            logger.info("The incremental snapshot of %s goes on.", ", ".join(self.state.names))
            self._counts.started(self.state.names)
            self.read_chunk()

    def read_chunk(self) -> None:
        """Open a window with the next chunk, of the next table that has one. Raises what asks for the connection to be taken up
        again."""
        self.due = False
        if not self.state.running or self.paused:
            return
        sql = self._sql()
        self._chunk_id = str(uuid.uuid4())
        try:
            self._marks.open(sql, self._chunk_id)
            while self.state.running and not self._one_chunk(sql):
                pass
            position = self._marks.close(sql, self._chunk_id)
            self.closes_at = position if self.window is not None else None
        except TableBusyError:
            # The open window comes to nothing; another is opened when the table can be read.
            self._close_window()
            self.due = True
        except Exception as error:
            if not type(error).__module__.startswith("psycopg"):
                raise
            mapped = map_error(error, self._target)
            if mapped.retry_class.name == "RETRY":
                raise mapped from error
            self._close_window()
            self._pass_over("SQL_EXCEPTION", f"the signalling table cannot be written: {mapped}")
            self.due = self.state.running

    def _one_chunk(self, sql: Conn) -> bool:
        """Read a chunk of the present table; False when there was none, and the table is done with."""
        state = self.state
        try:
            chunk = self._reader.read(sql, state.collections[0], state.read_to, state.most)
        except NoSuchTableError:
            self._pass_over("UNKNOWN_SCHEMA", "there is no such table, or it is not captured")
            return False
        except NoKeyError as error:
            self._pass_over("NO_PRIMARY_KEY", str(error))
            return False
        except ChunkFailedError as error:
            self._pass_over("SQL_EXCEPTION", str(error))
            return False
        if chunk.most is None:
            self._table_done("EMPTY")
            return False
        if not self.recent.all_seen(chunk.snapshot):
            raise TableBusyError
        if state.most is None:
            state.begin_table(chunk.most, chunk.table.java(chunk.most))
        if not chunk.rows:
            self._table_done("SUCCEEDED")
            return False
        first, last = chunk.rows[0].texts(), chunk.rows[-1].texts()
        self._counts.chunk(
            state.names[0], self._chunk_id or "", first, last, chunk.most, len(chunk.rows), state.read_to
        )
        state.read_to = last
        self.window = Window(chunk)
        self._emitter.state_changed()
        self._notices.in_progress(state.names[0], state.names, last, chunk.most)
        return True

    def _pass_over(self, status: str, reason: str) -> None:
        logger.warning("Table %s is left out of the incremental snapshot: %s.", self.state.names[0], reason)
        self._table_done(status)

    def _table_done(self, status: str) -> None:
        name = self.state.names[0]
        self._notices.table_completed(name, self._counts.rows_of(name), self.state.names, status)
        self._counts.table_done(name)
        self._next_table()

    def _next_table(self) -> None:
        self.state.next_table()
        self._emitter.state_changed()
        if not self.state.running:
            self._counts.completed()
            self._notices.completed()
            self._notices.id = None

    def _expanded(self, patterns: tuple[str, ...]) -> list[str]:
        """The captured tables that each pattern matches; a pattern that matches none stands for itself."""
        names: dict[str, None] = {}
        captured = list(self._captured())
        for pattern in patterns:
            matcher = compiled(pattern)
            names.update(dict.fromkeys([name for name in captured if matcher.fullmatch(name)] or [pattern]))
        # Under the names that the changes have: a row under another could not be told to be older than a change.
        return list(dict.fromkeys(part for name in names for part in self._streamed(name)))


def _key_of(chunk: Chunk, row: Row) -> Mapping[str, Any]:
    return {LAST_KEY: last_key(chunk.table.java(row.texts()))}
