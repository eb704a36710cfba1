"""StreamDecoder: replication payloads in, source records out. No I/O but the catalog, which a new relation asks.

Where the stream stands is kept by `StreamPlace`. Positions of changes are the `start` of their XLogData; several changes may
share one (COPY), so they are counted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from struct import Struct as Binary
from typing import Any, Final

from headrace.data import SourceRecord
from headrace.errors import DataException
from headrace.native import pgoutput
from headrace.sources.postgres.events import Clock, Offset, RecordMaker, sequence
from headrace.sources.postgres.offsets import Position, StreamOffset, TransactionMark
from headrace.sources.postgres.post_processors import PostProcessor
from headrace.sources.postgres.stream.place import StreamPlace
from headrace.sources.postgres.stream.rules import StreamRules
from headrace.sources.postgres.tables import TableCodec
from headrace.sources.postgres.types.type_plan import VALUE_ERRORS, StaleEnum, UnexpectedNullError

logger = logging.getLogger(__name__)

_U32: Final = Binary(">I").unpack_from
_U64: Final = Binary(">Q").unpack_from
_XLOG_DATA, _BEGIN, _COMMIT = pgoutput.XLOG_DATA, pgoutput.BEGIN, pgoutput.COMMIT
_INSERT, _UPDATE, _DELETE, _RELATION = pgoutput.INSERT, pgoutput.UPDATE, pgoutput.DELETE, pgoutput.RELATION
_NEW, _OLD = pgoutput.NEW_TUPLE, pgoutput.OLD_TUPLE
_ROWS: Final = frozenset({_INSERT, _UPDATE, _DELETE})
_LEFT_OUT: Final = (pgoutput.Relation(0, "", "", "d", ()), None)
"""All tables that are not captured: there may be many."""


class StreamDecoder(StreamPlace):
    """`open_table(relation)` gives the codec of a relation, None when the table is not captured; `refresh_enum(oid)` drops what
    is known of an enum. `present_row(codec, texts)` reads the row that the table has now for the key in a complete row of texts, None
    when there is none. `offset`: of the last event handed out, to begin with the stored one."""

    def __init__(
        self,
        maker: RecordMaker,
        rules: StreamRules,
        position: Position,
        start_lsn: int,
        offset: Offset,
        open_table: Callable[[pgoutput.Relation], TableCodec | None],
        refresh_enum: Callable[[int, bool], None],
        present_row: Callable[[TableCodec, Sequence[Any]], list[Any] | None],
    ) -> None:
        super().__init__(maker, position, start_lsn, offset)
        self.rules = rules
        # Apart from the rules, which others narrow to what they do not skip themselves.
        self._skipped_of_key_change = rules.skipped
        self._open_table = open_table
        self._refresh_enum = refresh_enum
        self._present_row = present_row
        self._processors: Sequence[PostProcessor] = ()
        self.wires: Callable[[TableCodec], list[str]] | None = None
        """What tells the binary forms of a table's values, for a stream that has such; they come here as texts."""
        # Of the instance: that is found faster than what its class has.
        self._offset: type[StreamOffset] = StreamOffset
        self._tables: dict[int, tuple[pgoutput.Relation, TableCodec | None]] = {}

    def watch(self, processors: Sequence[PostProcessor]) -> None:
        """Show the rows of inserts and updates to post processors."""
        if not processors:
            return
        plain = self._row
        self._processors = processors

        def watched(
            kind: int, codec: TableCodec, payload: bytes, lsn: int, out: list[SourceRecord], clock: Clock
        ) -> None:
            earlier, count = self.offset, len(out)
            plain(kind, codec, payload, lsn, out, clock)
            if kind == _DELETE or len(out) == count:
                return
            # Other records than the row's may have come, and of a key change the delete only.
            record = out[-1]
            offset = record.source_offset
            if offset is self.offset and offset is not earlier and _shows_row(record):
                position = 31
                if payload[30] != _NEW:
                    position = pgoutput.skip_tuple(payload, position) + 1
                for processor in processors:
                    processor.row(codec, payload, position, record)

        # Only a stream that is watched pays for it.
        self._row = watched  # type: ignore[method-assign]

    @property
    def by_core(self) -> bool:
        """Whether the Rust core may do what it can of the stream, so that this decoder does not see it."""
        return not self._processors and self.read_xmin is None

    @property
    def watchful(self) -> bool:
        """Whether all transactions are for this decoder for now, even so."""
        return False

    @property
    def skipped(self) -> frozenset[str]:
        """The operations that leave no record."""
        return self.rules.skipped

    def keeps(self, relation: int) -> bool:
        """Whether the rows of a relation that is captured are for this decoder at any rate."""
        return False

    @property
    def tracks(self) -> bool:
        """Whether it is to be told of transactions that are not for it."""
        return False

    def begun(self, xids: Sequence[int]) -> None:
        """These transactions came, and were not for this decoder; see `tracks`."""

    @property
    def tables(self) -> Mapping[int, tuple[pgoutput.Relation, TableCodec | None]]:
        """By relation, its codec, None for one that is not captured."""
        return self._tables

    def handed_over(self) -> None:
        for processor in self._processors:
            processor.finish()
        super().handed_over()

    def feed(self, payloads: Sequence[bytes], start: int, out: list[SourceRecord], limit: int, clock: Clock) -> int:
        """Decode payloads from index `start` on until `out` holds `limit` records; answers the index to go on from.

        DataException for an event that cannot be processed, when event.processing.failure.handling.mode is fail."""
        tables = self._tables
        skipped = self.rules.skipped
        index, count = start, len(payloads)
        while index < count and len(out) < limit:
            payload = payloads[index]
            index += 1
            if payload[0] != _XLOG_DATA:
                self._keepalive(payload)
                continue
            kind = payload[25]
            if kind in _ROWS:
                lsn = _U64(payload, 1)[0]
                if lsn == self._lsn:
                    self._events += 1
                else:
                    self._lsn, self._events = lsn, 1
                if self._skip_all or (self._skip_to and self._done_before(lsn)):
                    continue
                codec = tables[_U32(payload, 26)[0]][1]
                op = "c" if kind == _INSERT else "u" if kind == _UPDATE else "d"
                if codec is None or op in skipped:
                    self.counts.filtered += 1
                    continue
                try:
                    self._row(kind, codec, payload, lsn, out, clock)
                except (DataException, StaleEnum, UnexpectedNullError) as error:
                    self._failed(error, kind, payload, lsn, out, clock)
            elif kind == _BEGIN:
                self._begin(payload, out)
            elif kind == _COMMIT:
                self._commit(payload, out)
            elif kind == _RELATION:
                relation = pgoutput.relation(payload)
                codec = self._open_table(relation)
                tables[relation.oid] = _LEFT_OUT if codec is None else (relation, codec)
            else:
                self._other(kind, payload, out, clock)
        return index

    def _row(
        self, kind: int, codec: TableCodec, payload: bytes, lsn: int, out: list[SourceRecord], clock: Clock
    ) -> None:
        counts = self.counts
        if kind == _INSERT:
            row, _ = codec.decode_new(payload, 31)
            offset = self._offset(self._mark, lsn, self._events, "INSERT")
            self.maker.change(
                out, codec, "c", codec.key_of(row), None, codec.row(row), self._source(codec, lsn), clock, offset
            )
            counts.created += 1
        elif kind == _UPDATE:
            made = self._update(codec, payload, lsn, out, clock)
            if made is None:
                return
            offset = made
            counts.updated += 1
        else:
            offset = self._delete(codec, payload, lsn, out, clock)
            counts.deleted += 1
        counts.seen += 1
        counts.last_event_ns = clock.ns
        self.offset = self._open = offset

    def _source(self, codec: TableCodec, lsn: int) -> list[Any]:
        source = self._template.copy()
        source[6] = f'{self._prefix}"{lsn}"]'
        source[9] = codec.shape.schema
        source[10] = codec.shape.table
        source[12] = lsn
        return source

    def _update(
        self, codec: TableCodec, payload: bytes, lsn: int, out: list[SourceRecord], clock: Clock
    ) -> StreamOffset | None:
        maker = self.maker
        kind = payload[30]
        if kind == _NEW:
            row, _ = codec.decode_new(payload, 31)
            offset = self._offset(self._mark, lsn, self._events, "UPDATE")
            maker.change(
                out, codec, "u", codec.key_of(row), None, codec.row(row), self._source(codec, lsn), clock, offset
            )
            return offset
        full = kind == _OLD
        old, pos = (codec.decode_old if full else codec.decode_key)(payload, 31)
        row, _ = codec.decode_new(payload, pos + 1)
        if full:
            codec.fill_unchanged(row, old)
            if self.rules.skip_unchanged and row[: codec.value_count] == old[: codec.value_count]:
                self.counts.unchanged += 1
                return None
        offset = self._offset(self._mark, lsn, self._events, "UPDATE")
        key, old_key = codec.key_of(row), codec.key_of(old) if codec.key_in_identity else None
        source = self._source(codec, lsn)
        if key is not None and old_key is not None and key.values != old_key.values:
            if not full and codec.lacks(row):
                self._complete(codec, row, payload, pos + 1)
            rows, skipped = (codec.row(old), codec.row(row)), self._skipped_of_key_change
            maker.key_change(out, codec, old_key, key, *rows, source, clock, offset, self.offset, skipped)
        else:
            before = codec.row(old) if full else None
            maker.change(out, codec, "u", key, before, codec.row(row), source, clock, offset)
        return offset

    def _complete(self, codec: TableCodec, row: list[Any], payload: bytes, pos: int) -> None:
        """Give a row that comes to be under a new key the values that were not sent, for no target can have them under that key. They
        are taken from the table as it is now: if they have changed since, that change follows; if the row is not there any
        more, neither will it be in the target."""
        texts, _ = pgoutput.raw_tuple(payload, pos)
        present = self._present_row(codec, texts)
        if present is not None:
            codec.fill_unchanged(row, present)

    def _delete(
        self, codec: TableCodec, payload: bytes, lsn: int, out: list[SourceRecord], clock: Clock
    ) -> StreamOffset:
        if codec.key_schema is not None and not codec.key_in_identity:
            raise DataException(
                f"A row was deleted from {codec.shape.name}, whose replica identity does not hold the key of its records.",
                code="PG_KEY_NOT_IN_IDENTITY",
                remedy="Set REPLICA IDENTITY FULL or DEFAULT on the table, or choose the key with message.key.columns.",
            )
        decode = codec.decode_old if payload[30] == _OLD else codec.decode_key
        old, _ = decode(payload, 31)
        offset = self._offset(self._mark, lsn, self._events, "DELETE")
        self.maker.delete(
            out, codec, codec.key_of(old), codec.row(old), self._source(codec, lsn), clock, offset, self.offset
        )
        return offset

    def _failed(
        self, error: Exception, kind: int, payload: bytes, lsn: int, out: list[SourceRecord], clock: Clock
    ) -> None:
        """Once more with what may help: fresh enum labels, NULL allowed where the catalog no longer does, values one by one; else as
        on_failure says."""
        oid = _U32(payload, 26)[0]
        relation, codec = self._tables[oid]
        stale, slow, nullable = 0, False, set[str]()
        while True:
            if isinstance(error, UnexpectedNullError) and error.column not in nullable:
                nullable.add(error.column)
            elif isinstance(error, StaleEnum) and stale < 2:
                stale += 1
                self._refresh_enum(error.oid, stale == 2)
                codec = self._open_table(relation)
            elif isinstance(error, DataException) and error.code in VALUE_ERRORS and not slow:
                slow = True
            else:
                break
            if codec is None:
                self._tables[oid] = _LEFT_OUT
                return None
            if nullable:
                codec = codec.loosened(nullable)
            self._tables[oid] = (relation, codec)
            try:
                return self._row(kind, codec.slow() if slow else codec, payload, lsn, out, clock)
            except (DataException, StaleEnum, UnexpectedNullError) as later:
                error = later
        assert codec is not None
        self.counts.erroneous += 1
        if self.rules.on_failure == "fail":
            raise error
        if self.rules.on_failure == "warn":
            logger.error("A change of %s at %d is left out: %s", codec.shape.name, lsn, error)
        return None

    def _other(self, kind: int, payload: bytes, out: list[SourceRecord], clock: Clock) -> None:
        if kind == pgoutput.TRUNCATE:
            self._truncate(payload, out, clock)
        elif kind == pgoutput.MESSAGE:
            self._message(payload, out, clock)
        elif kind == pgoutput.ORIGIN:
            lsn, name = pgoutput.origin(payload)
            self._origin = (name, lsn or None)
            self._template[14], self._template[15] = self._origin
        elif kind != pgoutput.TYPE:
            raise DataException(
                f"The server sent a message of unknown kind {chr(kind)!r}.",
                code="PG_PROTOCOL",
                remedy="Report it with the server's version.",
            )

    def _truncate(self, payload: bytes, out: list[SourceRecord], clock: Clock) -> None:
        lsn = _U64(payload, 1)[0]
        for oid in pgoutput.truncate(payload).oids:
            self._lsn, self._events = lsn, (self._events + 1 if lsn == self._lsn else 1)
            if self._skip_all or (self._skip_to and self._done_before(lsn)):
                continue
            codec = self._tables[oid][1]
            if codec is None or "t" in self.rules.skipped:
                self.counts.filtered += 1
                continue
            offset = self._offset(self._mark, lsn, self._events, "TRUNCATE")
            self.maker.change(out, codec, "t", None, None, None, self._source(codec, lsn), clock, offset)
            self.offset = self._open = offset
            self.counts.truncated += 1
            self.counts.seen += 1

    def _message(self, payload: bytes, out: list[SourceRecord], clock: Clock) -> None:
        message = pgoutput.message(payload)
        lsn = _U64(payload, 1)[0]
        if message.transactional:
            self._lsn, self._events = lsn, (self._events + 1 if lsn == self._lsn else 1)
            if self._skip_all or (self._skip_to and self._done_before(lsn)):
                return
        elif lsn <= self._position.commit_lsn:
            return
        else:
            # It is committed by itself, also where its prefix is not wanted.
            self.last_end = max(self.last_end, lsn)
            self._set_commit(lsn)
        if self.rules.messages is None or not self.rules.messages(message.prefix):
            self.counts.filtered += 1
            return
        if message.transactional:
            mark, source = self._mark, self._template.copy()
            source[6] = f'{self._prefix}"{lsn}"]'
        else:
            commit_us = self._mark.commit_us or clock.us
            mark = TransactionMark(None, commit_us, lsn)
            source = self.maker.block.template(commit_us, None, None, None)
            source[6] = sequence(lsn, lsn)
        source[12] = lsn
        offset = self._offset(mark, lsn, self._events if message.transactional else 0, "MESSAGE")
        self.maker.message(out, message, source, clock, offset)
        self.offset = offset
        self._open = offset if message.transactional else None
        self.counts.seen += 1


def _shows_row(record: SourceRecord) -> bool:
    """Whether a change's record has the row as it is after the change."""
    return record.value is not None and record.value.values[1] is not None
