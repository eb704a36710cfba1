"""Lanes: the sessions that read chunks, each on a thread of its own.

The servers' processes work side by side, and so do the threads: reading, and decoding in the Rust core, let go of the interpreter. What
arrives is served in the order in which it arrived. A lane is at most two pieces ahead of what has been taken from it, and a piece is
bounded in bytes, so memory is.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Final

from headrace.sources.postgres.snapshot.chunks import Chunk
from headrace.sources.postgres.snapshot.copied import Copy, Piece
from headrace.sources.postgres.tables import TableCodec
from headrace.systems.postgres.copying import CopySession

logger = logging.getLogger(__name__)

_AHEAD: Final = 2
_WAIT_S: Final = 0.5
_JOIN_S: Final = 10.0
_END: Final = None


class Lane:
    """One session. `chunk`: what it reads, None when it is free; `codec`: of the rows that come next; `rows`: taken of the chunk so far."""

    def __init__(self, session: CopySession, read_bytes: int, arrived: SimpleQueue[_Arrival]) -> None:
        self.session = session
        self.chunk: Chunk | None = None
        self.codec: TableCodec | None = None
        self.rows = 0
        self.exhausted = False
        """The whole chunk is taken."""
        self._read_bytes = read_bytes
        self._arrived = arrived
        self._piece: Piece | None = None
        self._at = 0
        self._copies: SimpleQueue[Copy | None] = SimpleQueue()
        self._codecs: SimpleQueue[TableCodec | None] = SimpleQueue()
        self._room = threading.Semaphore(_AHEAD)
        self._closing = False
        self._thread: threading.Thread | None = None

    # Of the taker's thread ----------------------------------------------------------------------------------------

    def start(self, chunk: Chunk, codec: TableCodec, copy: Copy) -> None:
        """Begin to read a chunk."""
        self.chunk, self.codec = chunk, codec
        self.rows, self.exhausted = 0, False
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="headrace-snapshot-lane", daemon=True)
            self._thread.start()
        self._copies.put(copy)

    def arrived(self, piece: Piece | None) -> None:
        """This was put into the queue, and is to be taken next; None: that was all."""
        if piece is None:
            self.exhausted = True
        else:
            self._piece, self._at = piece, 0

    @property
    def has_rows(self) -> bool:
        return self._piece is not None

    def take(self, count: int) -> Piece:
        """Up to `count` lines of what has arrived, or all columns that come together."""
        piece = self._piece
        assert piece is not None
        if piece.lines is None or (not self._at and piece.total <= count):
            taken = piece
        else:
            lines = piece.lines[self._at : self._at + count]
            last = self._at + len(lines) == piece.total
            taken = Piece(len(lines), None, lines, sum(map(len, lines)), last and piece.stops)
        self._at += taken.total
        if self._at == piece.total:
            self._piece = None
            self.exhausted = piece.ends
            self._room.release()
        return taken

    def go_on(self) -> None:
        """All lines that stopped the reader are decoded; the rows behind them are of `codec`."""
        self._codecs.put(self.codec)

    def interrupt(self) -> None:
        """Stop reading; to be followed by `close`."""
        self._closing = True
        self._copies.put(None)
        self._codecs.put(None)
        self._room.release()
        if self.chunk is not None:
            self.session.interrupt()

    def close(self) -> None:
        if self._thread is not None:
            self._thread.join(_JOIN_S)
            if self._thread.is_alive():
                logger.warning("A reader of the snapshot does not end.")
        self.session.close()

    # Of its own thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (copy := self._copies.get()) is not None and not self._closing:
            try:
                told = self._read(copy)
            except Exception as error:
                self._arrived.put((self, error))
                return
            if not told and not self._closing:
                self._arrived.put((self, _END))

    def _read(self, copy: Copy) -> bool:
        """Read a chunk. True: its last piece says that it is the last."""
        self.session.start(copy.statement)
        while not self._closing:
            self._room.acquire()
            piece = self._next(copy)
            if piece is None:
                self._room.release()
                return False
            self._arrived.put((self, piece))
            if piece.ends:
                return True
            if piece.stops:
                copy.go_on(self._codecs.get())
        return False

    def _next(self, copy: Copy) -> Piece | None:
        """None at the end of the chunk, or when nobody wants it any more."""
        while not self._closing:
            piece = copy.read(self.session, self._read_bytes, _WAIT_S)
            if piece is not None:
                return piece
            if not self.session.copying:
                return None
        return None


_Arrival = tuple[Lane, Piece | Exception | None]


class Lanes:
    """`read_bytes`: of one read, and about those of one piece."""

    def __init__(self, sessions: Sequence[CopySession], read_bytes: int) -> None:
        self._arrived: SimpleQueue[_Arrival] = SimpleQueue()
        self._lanes = [Lane(session, read_bytes, self._arrived) for session in sessions]
        self._current: deque[Lane] = deque()

    def idle(self) -> Lane | None:
        """A lane that is free."""
        return next((lane for lane in self._lanes if lane.chunk is None), None)

    @property
    def busy(self) -> bool:
        return any(lane.chunk is not None for lane in self._lanes)

    def ready(self, timeout_s: float) -> Lane | None:
        """A lane with rows to take or a chunk at its end; None when there is none within `timeout_s`. Raises the product's errors."""
        while self._current:
            lane = self._current[0]
            if lane.has_rows:
                return lane
            self._current.popleft()
        try:
            lane, what = self._arrived.get(timeout=timeout_s) if timeout_s > 0 else self._arrived.get_nowait()
        except Empty:
            return None
        if isinstance(what, Exception):
            raise what
        lane.arrived(what)
        self._current.append(lane)
        return lane

    def close(self) -> None:
        """End all sessions."""
        for lane in self._lanes:
            lane.interrupt()
        for lane in self._lanes:
            lane.close()
