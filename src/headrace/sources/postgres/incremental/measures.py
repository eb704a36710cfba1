"""What the metrics show of incremental snapshots, beside what they show of initial ones."""

from __future__ import annotations

import time
from collections.abc import Sequence

from headrace.sources.postgres.incremental.chunk_query import Key
from headrace.sources.postgres.snapshot.snapshot import SnapshotCounts


class ChunkCounts:
    """`snapshot`: the counts that initial and incremental snapshots share. Texts are as Debezium's MBeans show them: `[1, a]`."""

    def __init__(self, snapshot: SnapshotCounts) -> None:
        self._snapshot = snapshot
        self.chunk_id: str | None = None
        self.chunk_from: str | None = None
        self.chunk_to: str | None = None
        self.table_from: str | None = None
        self.table_to: str | None = None
        self.paused = False
        self._paused_at = 0.0
        self._paused_s = 0.0
        self._rows = 0

    def started(self, tables: Sequence[str]) -> None:
        counts = self._snapshot
        counts.running, counts.completed, counts.aborted, counts.skipped = True, False, False, False
        counts.tables = counts.remaining = len(tables)
        counts.started, counts.ended = time.monotonic(), 0.0
        self.paused, self._paused_s, self._rows = False, 0.0, 0

    def chunk(self, table: str, id: str, first: Key, last: Key, most: Key, rows: int, before: Key | None) -> None:
        """A chunk was read. `before`: the key read last, None for the table's first chunk."""
        self.chunk_id, self.chunk_from, self.chunk_to = id, _shown(first), _shown(last)
        if before is None:
            self.table_from, self.table_to = self.chunk_from, _shown(most)
        self._rows += rows
        self._snapshot.scanned[table] = self._rows

    def rows_of(self, table: str) -> int:
        """Rows read of the present table since the connector's start."""
        return self._rows

    def table_done(self, table: str) -> None:
        self._rows = 0
        self._snapshot.remaining = max(0, self._snapshot.remaining - 1)
        self.chunk_id = self.chunk_from = self.chunk_to = self.table_from = self.table_to = None

    def completed(self) -> None:
        counts = self._snapshot
        counts.running, counts.completed, counts.ended = False, True, time.monotonic()

    def aborted(self) -> None:
        counts = self._snapshot
        counts.running, counts.completed, counts.aborted, counts.ended = False, False, True, time.monotonic()
        self.table_done("")

    def pause(self) -> None:
        self.paused, self._paused_at = True, time.monotonic()
        self._snapshot.running = False

    def resume(self) -> None:
        self._paused_s += time.monotonic() - self._paused_at
        self.paused = False
        self._snapshot.running = True

    @property
    def paused_seconds(self) -> float:
        """How long it stood still, the present pause left out as in the original."""
        return self._paused_s


def _shown(key: Key) -> str:
    return "[" + ", ".join("null" if text is None else text for text in key) + "]"
