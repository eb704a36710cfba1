"""Where a stream stands: its transaction, the position of the last event, what to skip after a restart.

The base of `StreamDecoder`, which reads these fields for every row: the state of one object, not a thing to be used alone.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct as Binary
from typing import Any, Final, NamedTuple

from headrace.data import SourceRecord
from headrace.native import pgoutput
from headrace.sources.postgres.events import Offset, RecordMaker
from headrace.sources.postgres.offsets import Position, StreamOffset, TransactionMark, reached_offset
from headrace.sources.postgres.stream.rules import StreamCounts

_U64: Final = Binary(">Q").unpack_from


class Standing(NamedTuple):
    """Where a stream stands between two messages, for somebody else to go on from. `skip_all`: all of the transaction is done already.
    `lsn`, `events`: of the last change, and its number there. The others: see `StreamPlace`."""

    in_transaction: bool
    skip_all: bool
    lsn: int
    events: int
    last_end: int
    commit_seen: int | None
    reached: int
    reply_wanted: bool


class StreamPlace:
    """`position`: what to skip; `offset`: of the last event handed out, to begin with the stored one, empty for none."""

    def __init__(self, maker: RecordMaker, position: Position, start_lsn: int, offset: Offset) -> None:
        self.maker = maker
        self.counts = StreamCounts()
        self.offset: Offset = offset
        if not offset:
            # Nothing was ever handed out: the position streaming begins at stands for it.
            self.offset = reached_offset(start_lsn, None, 0)
        self.last_end = start_lsn
        """All transactions that committed before it have been decoded."""
        self.in_transaction = False
        self.reached = 0
        """The server's own position as it last told it."""
        self.reply_wanted = False
        self._position = position
        self._commit_seen: int | None = offset.get("lsn_commit")
        self._mark = TransactionMark(None, 0, start_lsn)
        self._template: list[Any] = maker.block.template(0, None, None, None)
        self._origin: tuple[str | None, int | None] = (None, None)
        self.read_xmin: Callable[[], int | None] | None = None
        """Asks for the slot's oldest transaction, for source.xmin; None when that is not wanted."""
        self._prefix = "[null,"
        self._lsn = 0
        self._events = 0
        self._skip_all = False
        self._skip_to = 0
        self._skip_events: int | None = None
        self._open: StreamOffset | None = None
        self._set_commit(self._commit_seen)

    def _set_commit(self, lsn: int | None) -> None:
        self._commit_seen = lsn
        self._prefix = "[null," if lsn is None else f'["{lsn}",'

    @property
    def standing(self) -> Standing:
        return Standing(
            self.in_transaction,
            self._skip_all,
            self._lsn,
            self._events,
            self.last_end,
            self._commit_seen,
            self.reached,
            self.reply_wanted,
        )

    def stand(self, at: Standing) -> None:
        """Go on from there; what events share is told apart."""
        self.in_transaction, self._skip_all = at.in_transaction, at.skip_all
        self._lsn, self._events, self.last_end = at.lsn, at.events, at.last_end
        self.reached, self.reply_wanted = at.reached, at.reply_wanted
        if at.commit_seen != self._commit_seen:
            self._set_commit(at.commit_seen)

    @property
    def commit_seen(self) -> int | None:
        """The end of the transaction committed last, None before any."""
        return self._commit_seen

    @property
    def shared(self) -> tuple[TransactionMark, str | None, int | None]:
        """What the events that come now share: their transaction, the origin's name and its position."""
        return self._mark, *self._origin

    def share(self, mark: TransactionMark, origin: str | None, origin_lsn: int | None) -> None:
        self._mark, self._origin = mark, (origin, origin_lsn)
        self._template = self.maker.block.template(mark.commit_us, mark.xid, origin, origin_lsn)

    @property
    def done(self) -> Position:
        """What was done before this stream."""
        return self._position

    @property
    def skipping(self) -> bool:
        """In the midst of a transaction of which some was done before."""
        return bool(self._skip_to)

    @property
    def open(self) -> StreamOffset | None:
        """The offset that moves behind its transaction at the commit."""
        return self._open

    @open.setter
    def open(self, offset: StreamOffset | None) -> None:
        self._open = offset

    def sequence_now(self) -> str:
        """source.sequence of something that comes now."""
        return f'{self._prefix}"{self._lsn or self.last_end}"]'

    @property
    def xid(self) -> int | None:
        """The transaction that is being decoded, or the last one that was."""
        return self._mark.xid

    def move_on(self, lsn: int, now_us: int) -> Offset:
        """Everything before `lsn` is decoded and handed over: answers the offset that says so. What comes later goes on from
        there; no offset made from now on lies before it."""
        counts, before = self.counts, self.offset
        xid = counts.last_xid if counts.last_xid is not None else before.get("txId")
        self.last_end = max(self.last_end, lsn)
        self.offset = reached_offset(lsn, xid, counts.last_commit_us or before.get("ts_usec") or now_us)
        return self.offset

    def handed_over(self) -> None:
        """The records made so far have left: their offsets must not move any more."""
        self._open = None

    def _done_before(self, lsn: int) -> bool:
        if lsn > self._skip_to:
            self._skip_to = 0
            return False
        return lsn < self._skip_to or self._skip_events is None or self._events <= self._skip_events

    def _begin(self, payload: bytes, out: list[SourceRecord]) -> None:
        begin = pgoutput.begin(payload)
        position = self._position
        self.in_transaction = True
        self._skip_all = position.done(begin.final_lsn)
        self._skip_to = 0
        if position.xid is not None and position.xid == begin.xid and not self._skip_all:
            self._skip_to, self._skip_events = position.lsn, position.events
        xmin = None if self.read_xmin is None else self.read_xmin()
        self._mark = TransactionMark(begin.xid, begin.commit_us, self.last_end, xmin)
        self.counts.last_commit_us = begin.commit_us
        self._lsn = self._events = 0
        self._origin = (None, None)
        self._template = self.maker.block.template(begin.commit_us, begin.xid, None, None)
        self._template[13] = xmin

    def _commit(self, payload: bytes, out: list[SourceRecord]) -> None:
        commit = pgoutput.commit(payload)
        if self._open is not None and self._open.mark is self._mark:
            self._open.complete(commit.end_lsn)
        self._open = None
        self.in_transaction = self._skip_all = False
        self._skip_to = 0
        self.last_end = max(self.last_end, commit.end_lsn)
        self._set_commit(commit.end_lsn)
        counts = self.counts
        counts.transactions += 1
        counts.last_xid = self._mark.xid

    @staticmethod
    def _start_of(payload: bytes) -> int:
        """The position a payload came with."""
        start: int = _U64(payload, 1)[0]
        return start

    def _keepalive(self, payload: bytes) -> None:
        if payload[0] == pgoutput.KEEPALIVE:
            keepalive = pgoutput.keepalive(payload)
            self.reached = max(self.reached, keepalive.wal_end)
            self.reply_wanted |= keepalive.reply
