"""A stream that takes heed of the signalling table, and gives the rows of snapshots beside it their place among its changes.

Mixed into the stream's decoder only where signals are configured; the other streams know nothing of it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from struct import Struct as Binary
from typing import Any, Final, Protocol

from headrace.data import SourceRecord
from headrace.native import pgoutput
from headrace.sources.postgres.events import Clock, Offset
from headrace.sources.postgres.incremental.snapshots import IncrementalSnapshots
from headrace.sources.postgres.offsets import StreamOffset
from headrace.sources.postgres.stream.stream import StreamDecoder
from headrace.sources.postgres.tables import TableCodec

_U32: Final = Binary(">I").unpack_from
_INSERT, _DELETE = pgoutput.INSERT, pgoutput.DELETE


class Listener(Protocol):
    """What stands behind the stream. Whatever it makes goes into `out`."""

    def signalled(self, values: Sequence[Any], *, deleted: bool, out: list[SourceRecord], clock: Clock) -> None:
        """A row of the signalling table was inserted or deleted. Its own record comes behind what is made here."""

    def reached(self, out: list[SourceRecord]) -> None:
        """The window is over by the position of the log."""

    def changed(
        self,
        made: list[SourceRecord],
        xid: int,
        codec: TableCodec,
        before: Offset,
        out: list[SourceRecord],
        clock: Clock,
    ) -> None:
        """A row of the window's table changed, and `made` came of it, which comes behind what is made here. `before`: the offset that
        was the last before the change."""


class SignalledStream(StreamDecoder):
    """`signal_tables`: names of the signalling tables. `deletes`: their deletions are signals too (insert_delete)."""

    signal_tables: frozenset[str] = frozenset()
    deletes = False
    listener: Listener
    snapshots: IncrementalSnapshots | None = None
    extra: Mapping[str, Any] | None = None
    barrier: Callable[[bytes], bool] | None = None
    """Stop before the first transaction whose BEGIN it answers True for."""
    at_barrier = False

    def prepare(self) -> None:
        """To be called once all is set."""
        self._signal_oids: set[int] = set()
        # Rows of the signalling table count whatever is skipped, so what is skipped is looked at here.
        self._plain_rules = self.rules
        self._skipped = self.rules.skipped & {"c", "u", "d"}
        if self._skipped:
            self.rules = replace(self.rules, skipped=self.rules.skipped - self._skipped)
        opening = self._open_table

        def open_table(relation: pgoutput.Relation) -> TableCodec | None:
            codec = opening(relation)
            if f"{relation.schema}.{relation.table}" in self.signal_tables:
                self._signal_oids.add(relation.oid)
            return codec

        self._open_table = open_table

    @property
    def watchful(self) -> bool:
        snapshots = self.snapshots
        beside = snapshots is not None and (snapshots.window is not None or snapshots.closes_at is not None)
        return beside or self.extra is not None or self.barrier is not None

    @property
    def skipped(self) -> frozenset[str]:
        return self._plain_rules.skipped

    def keeps(self, relation: int) -> bool:
        return relation in self._signal_oids

    @property
    def tracks(self) -> bool:
        return self.snapshots is not None

    def begun(self, xids: Sequence[int]) -> None:
        if self.snapshots is not None:
            for xid in xids:
                self.snapshots.recent.add(xid)

    def carry(self, extra: Mapping[str, Any] | None) -> None:
        """The offsets of all that comes from now on hold these keys too."""
        self.extra = extra
        # The offsets made so far keep their mark, and so what they said.
        self._mark = copy.copy(self._mark)
        self._mark.extra = extra

    def move_on(self, lsn: int, now_us: int) -> Offset:
        offset = super().move_on(lsn, now_us)
        if isinstance(offset, StreamOffset):
            offset.mark.extra = self.extra
        return offset

    def feed(self, payloads: Sequence[bytes], start: int, out: list[SourceRecord], limit: int, clock: Clock) -> int:
        if self.barrier is None:
            return super().feed(payloads, start, out, limit, clock)
        for index in range(start, len(payloads)):
            payload = payloads[index]
            if payload[0] == pgoutput.XLOG_DATA and payload[25] == pgoutput.BEGIN and self.barrier(payload):
                if index == start:
                    self.at_barrier = True
                    return start
                return super().feed(payloads[:index], start, out, limit, clock)
        return super().feed(payloads, start, out, limit, clock)

    def _begin(self, payload: bytes, out: list[SourceRecord]) -> None:
        super()._begin(payload, out)
        mark = self._mark
        mark.extra = self.extra
        if self.snapshots is not None and mark.xid is not None:
            self.snapshots.recent.add(mark.xid)

    def _commit(self, payload: bytes, out: list[SourceRecord]) -> None:
        super()._commit(payload, out)
        snapshots = self.snapshots
        if snapshots is not None and snapshots.closes_at is not None and self.last_end >= snapshots.closes_at:
            self.listener.reached(out)

    def _row(
        self, kind: int, codec: TableCodec, payload: bytes, lsn: int, out: list[SourceRecord], clock: Clock
    ) -> None:
        oid = _U32(payload, 26)[0]
        if oid in self._signal_oids:
            self._signal_row(kind, codec, payload, out, clock)
        if self._skipped and ("c" if kind == _INSERT else "d" if kind == _DELETE else "u") in self._skipped:
            self.counts.filtered += 1
            return
        snapshots = self.snapshots
        if snapshots is None or snapshots.window is None or snapshots.window.chunk.table.oid != oid:
            self._changed_row(kind, codec, payload, lsn, out, clock)
            return
        count, before = len(out), self.offset
        self._changed_row(kind, codec, payload, lsn, out, clock)
        if self._mark.xid is not None:
            made = out[count:]
            del out[count:]
            self.listener.changed(made, self._mark.xid, codec, before, out, clock)
            out += made

    def _changed_row(
        self, kind: int, codec: TableCodec, payload: bytes, lsn: int, out: list[SourceRecord], clock: Clock
    ) -> None:
        if not self._skipped:
            super()._row(kind, codec, payload, lsn, out, clock)
            return
        # A change of the key is a deletion and a creation, of which the rules may leave one out.
        rules, self.rules = self.rules, self._plain_rules
        try:
            super()._row(kind, codec, payload, lsn, out, clock)
        finally:
            self.rules = rules

    def _signal_row(self, kind: int, codec: TableCodec, payload: bytes, out: list[SourceRecord], clock: Clock) -> None:
        if kind == _INSERT:
            row, _ = codec.decode_new(payload, 31)
            self.listener.signalled(row[: codec.value_count], deleted=False, out=out, clock=clock)
        elif kind == _DELETE and self.deletes:
            decode = codec.decode_old if payload[30] == pgoutput.OLD_TUPLE else codec.decode_key
            row, _ = decode(payload, 31)
            self.listener.signalled(row[: codec.value_count], deleted=True, out=out, clock=clock)

    def _truncate(self, payload: bytes, out: list[SourceRecord], clock: Clock) -> None:
        snapshots = self.snapshots
        window = None if snapshots is None else snapshots.window
        if window is not None and self._mark.xid is not None:
            oids = pgoutput.truncate(payload).oids
            if window.chunk.table.oid in oids:
                window.emptied(self._mark.xid)
        super()._truncate(payload, out, clock)
