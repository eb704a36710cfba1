"""Lanes: the sessions that read chunks, served by one thread.

The servers' processes work side by side; here one thread takes what has arrived, for decoding is bound to one processor in any case.
What is read ahead lies in the sockets and in at most one read's rows per lane, so memory is bounded.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Sequence

from headrace.sources.postgres.snapshot.chunks import Chunk
from headrace.sources.postgres.tables import TableCodec
from headrace.systems.postgres.copying import CopySession


class Lane:
    """One session. `chunk`: what it reads, None when it is free; `lines`, `at`: rows that have arrived and how many of them are taken."""

    __slots__ = ("at", "chunk", "codec", "lines", "rows", "session")

    def __init__(self, session: CopySession) -> None:
        self.session = session
        self.chunk: Chunk | None = None
        self.codec: TableCodec | None = None
        self.lines: list[bytes] = []
        self.at = 0
        self.rows = 0

    def start(self, chunk: Chunk, codec: TableCodec) -> None:
        """Begin to read a chunk."""
        self.session.start(chunk.copy_statement(codec.copy_columns))
        self.chunk, self.codec = chunk, codec
        self.lines, self.at, self.rows = [], 0, 0

    def take(self, count: int) -> list[bytes]:
        """Up to `count` rows that have arrived."""
        lines = self.lines[self.at : self.at + count]
        self.at += len(lines)
        return lines

    @property
    def has_rows(self) -> bool:
        return self.at < len(self.lines)

    @property
    def exhausted(self) -> bool:
        """All rows of the chunk are taken."""
        return not self.has_rows and not self.session.copying


class Lanes:
    """`read_bytes`: of one read."""

    def __init__(self, sessions: Sequence[CopySession], read_bytes: int) -> None:
        self._lanes = deque(Lane(session) for session in sessions)
        self._read_bytes = read_bytes

    def idle(self) -> Lane | None:
        """A lane that is free."""
        return next((lane for lane in self._lanes if lane.chunk is None), None)

    @property
    def busy(self) -> bool:
        return any(lane.chunk is not None for lane in self._lanes)

    def ready(self, timeout_s: float) -> Lane | None:
        """A lane with rows to take or a chunk at its end, all in turn; None when there is none within `timeout_s`. Raises the
        product's errors."""
        found = self._turn()
        if found is None:
            self._receive(timeout_s)
            found = self._turn()
        return found

    def _turn(self) -> Lane | None:
        for _ in range(len(self._lanes)):
            lane = self._lanes[0]
            self._lanes.rotate(-1)
            if lane.chunk is not None and (lane.has_rows or lane.exhausted):
                return lane
        return None

    def _receive(self, timeout_s: float) -> None:
        reading = [lane for lane in self._lanes if lane.chunk is not None]
        if any(lane.session.more for lane in reading):
            timeout_s = 0.0
        poll = select.poll()
        by_fd = {lane.session.fileno(): lane for lane in reading}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        ready = {by_fd[fd] for fd, _ in poll.poll(timeout_s * 1000)} | {lane for lane in reading if lane.session.more}
        for lane in ready:
            lane.lines, lane.at = lane.session.read(self._read_bytes), 0

    def close(self) -> None:
        """Close all sessions."""
        for lane in self._lanes:
            lane.session.close()
