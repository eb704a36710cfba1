"""What the snapshot metrics show."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class SnapshotCounts:
    """Written by the snapshot, read by the metrics from another thread. `chunks`: of each table how many there are and how many of
    them are read, as far as that is planned."""

    tables: int = 0
    remaining: int = 0
    running: bool = False
    completed: bool = False
    aborted: bool = False
    skipped: bool = False
    started: float = 0.0
    ended: float = 0.0
    rows: int = 0
    erroneous: int = 0
    last_event_ns: int = 0
    scanned: dict[str, int] = field(default_factory=dict)
    chunks: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Duration so far."""
        return 0.0 if not self.started else (self.ended or time.monotonic()) - self.started

    def begin(self, tables: int, remaining: int) -> None:
        """A snapshot begins, or goes on after a failure."""
        self.tables, self.remaining = tables, remaining
        self.running, self.completed, self.aborted, self.skipped = True, False, False, False
        self.ended = 0.0
        if not self.started:
            self.started = time.monotonic()

    def abort(self) -> None:
        if self.running:
            self.running, self.aborted = False, True

    def complete(self) -> None:
        self.running, self.completed, self.ended = False, True, time.monotonic()
