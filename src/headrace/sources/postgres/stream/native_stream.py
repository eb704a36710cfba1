"""The stream in the Rust core: most of it becomes columns there, the rest goes through the Python decoder.

The core stops in front of whatever it does not do. Then the decoder is put where the stream stands, does that message and those behind it
which are no concern of the core, and the core goes on from where the decoder has come to. The records of both are in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct as Binary
from typing import TYPE_CHECKING, Final

from headrace.cdc.envelope import CONNECTOR_VERSION
from headrace.data import SourceRecord
from headrace.data.batch import Block, Loose, SourceBatch
from headrace.native import core, pgoutput
from headrace.sources.postgres.events import Clock, Offset
from headrace.sources.postgres.offsets import StreamOffset, TransactionMark
from headrace.sources.postgres.stream.batch_offsets import BatchOffsets, event_offset
from headrace.sources.postgres.stream.binary import BinaryRefusedError
from headrace.sources.postgres.stream.place import Standing
from headrace.sources.postgres.stream.stream import StreamDecoder
from headrace.sources.postgres.tables import TableCodec

if TYPE_CHECKING:
    from headrace.native._core import ReplicationStream

_U32: Final = Binary(">I").unpack_from
_OF_TABLES: Final = frozenset({pgoutput.RELATION, pgoutput.INSERT, pgoutput.UPDATE, pgoutput.DELETE})
_TWIN: Final = -1
_UNKNOWN: Final = object()
_NO_MARK: Final[tuple[int | None, int, int]] = (None, 0, 0)
_XIDS: Final = 1 << 32
_MOST: Final = 1 << 63
Context = tuple[tuple[int | None, int, int], str | None, int | None]
"""What events share: xid, commit time and end of the transaction before; where it came from, and the position there."""
Counted = tuple[int, int, int, int, int, int, int | None, int | None]
"""Created, updated, deleted, filtered, unchanged, transactions, the last one's id and commit time."""


class NativeStream:
    """`decoder`: at the stream's start, `by_core`. It is fed by this only, and shows where the stream stands whenever `feed`
    has returned."""

    def __init__(self, decoder: StreamDecoder) -> None:
        self._decoder = decoder
        maker, position = decoder.maker, decoder.done
        standing = decoder.standing
        self._stream: ReplicationStream = core.ReplicationStream(
            (CONNECTOR_VERSION, "postgresql", maker.block.server, maker.block.database),
            maker.tombstones,
            "".join(decoder.skipped),
            decoder.rules.skip_unchanged,
            (position.commit_lsn, position.xid if position.xid is not None and position.xid < _XIDS else None),
            (standing.last_end, standing.commit_seen),
        )
        if decoder.tracks:
            self._stream.track()
        # Codecs are told apart by identity, so they are kept.
        self._numbers: dict[int, tuple[int, TableCodec]] = {}
        self._codecs: dict[int, TableCodec] = {}
        self._left_over: list[TableCodec] = []
        self._routes: dict[int, TableCodec | None] = {}
        self._given: list[Offset] = [decoder.offset]
        self._loose: list[tuple[int, int]] = []
        self._entered = 0
        self._waiting: list[bytes] = []
        self._version = 0
        self._was_passive = False
        self.held = False
        """The decoder took nothing of what it was given: it holds the stream back."""
        self._left = standing, decoder.offset

    @property
    def pending(self) -> int:
        """How many whole messages are not decoded."""
        return len(self._waiting) + self._stream.pending()

    def add(self, chunk: bytes) -> None:
        """The next bytes of the connection, cut anywhere; nothing may be pending."""
        self._stream.add(chunk)

    def made(self, out: Sequence[SourceRecord]) -> int:
        """How many records there are, with those in `out` that were not made here."""
        return self._stream.records + len(out) - self._entered

    def feed(self, out: list[SourceRecord], limit: int, clock: Clock) -> bytes:
        """Decode what is pending until there are `limit` records. The records that Python makes go to `out`. Answers the bytes from a
        message on that is not of the stream, for the connection to deal with; else none. Raises what the decoder raises."""
        self._follow()
        # What others have put there comes before what is decoded now.
        self._enter(out, out[self._entered :])
        foreign, why, self.held = b"", "twin", False
        while why == "twin" and self.made(out) < limit and not self.held:
            if self._waiting:
                self._twin(out, limit, clock)
            else:
                why = self._stream.run(limit)
                if why == "twin":
                    self._waiting = self._for_twin()
        if why == "foreign":
            foreign = self._stream.rest()
        self._show(clock)
        self._left = self._decoder.standing, self._decoder.offset
        return foreign

    def batch(self, out: list[SourceRecord], clock: Clock) -> Sequence[SourceRecord]:
        """What was made since the batch before: a list where all of it was made by Python. `out` may have more at its end than was put
        there by `feed`."""
        if not self._stream.records:
            self._forget()
            return out
        self._enter(out, out[self._entered :])
        blocks, places = self._stream.take(clock.ns)
        offsets = BatchOffsets(places, self._given)
        parts: list[Block | Loose[SourceRecord]] = []
        for number, key, value, ordinals in blocks:
            codec = self._codecs[number]
            parts.append(
                Block(
                    codec.topic,
                    codec.key_schema,
                    key,
                    codec.envelope_schema,
                    value,
                    range(len(places)) if len(value) == len(places) else memoryview(ordinals).cast("I"),
                    headers=self._decoder.maker.headers,
                )
            )
        if out:
            parts.append(Loose(list(out), [first + i for first, count in self._loose for i in range(count)]))
        self._given, self._loose, self._entered = [self._decoder.offset], [], 0
        self._forget()
        return SourceBatch(parts, self._decoder.maker.partition, offsets) if blocks else out

    def _for_twin(self) -> list[bytes]:
        try:
            return self._stream.for_twin()
        except core.DeclinedError as error:
            raise BinaryRefusedError(f"A value's binary form was not understood: {error}.") from error

    # Between the two ----------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Take over what was changed on the decoder between two feeds: the stream was moved on."""
        decoder = self._decoder
        standing, offset = self._left
        if decoder.offset is not offset and not self._stream.records:
            self._given = [decoder.offset]
        elif decoder.offset is not offset:
            self._given.append(decoder.offset)
        elif decoder.standing == standing and self._passive == self._was_passive:
            return
        given = None if decoder.offset is offset else len(self._given) - 1
        self._resume("same", given, None)

    def _resume(self, open: str, given: int | None, context: Context | None) -> None:
        """Put the core where the decoder stands."""
        passive = self._was_passive = self._passive
        self._version = self._stream.resume(self._decoder.standing, passive, open, given, context)

    @property
    def _fits(self) -> bool:
        """Whether the core can count the transaction's time in nanoseconds."""
        return -_MOST <= self._decoder.shared[0].commit_us * 1000 < _MOST

    @property
    def _passive(self) -> bool:
        """Whether the decoder does all rows for now."""
        return self._decoder.skipping or not self._fits or self._decoder.watchful

    def _show(self, clock: Clock) -> int | None:
        """Put the decoder where the core stands. Answers the number of the event that was the last, None when it was the decoder's."""
        decoder = self._decoder
        state, version, counted, begun, last = self._stream.show()
        at = Standing(*state)
        decoder.stand(at._replace(reply_wanted=True) if decoder.reply_wanted else at)
        if version != self._version:
            self._version = version
            mark, origin, origin_lsn = self._stream.context()
            decoder.share(TransactionMark(*mark), origin, origin_lsn)
        if counted is not None:
            self._count(counted, clock)
        if begun:
            decoder.begun(begun)
        if last is None:
            return None
        event, mark, parts, is_open = last
        now = decoder.shared[0]
        if now.extra is None and mark == (now.xid, now.commit_us, now.previous_end):
            decoder.offset = offset = event_offset(now, parts)
        else:
            decoder.offset = offset = event_offset(TransactionMark(*mark), parts)
        decoder.open = offset if is_open else None
        return event

    def _count(self, counted: Counted, clock: Clock) -> None:
        counts = self._decoder.counts
        created, updated, deleted, filtered, unchanged, transactions, xid, commit_us = counted
        seen = created + updated + deleted
        if seen:
            counts.seen += seen
            counts.created += created
            counts.updated += updated
            counts.deleted += deleted
            counts.last_event_ns = clock.ns
        counts.filtered += filtered
        counts.unchanged += unchanged
        if transactions:
            counts.transactions += transactions
            counts.last_xid = xid
        if commit_us is not None:
            counts.last_commit_us = commit_us

    def _twin(self, out: list[SourceRecord], limit: int, clock: Clock) -> None:
        """Have the decoder do what the core stopped at."""
        decoder, stream = self._decoder, self._stream
        event = self._show(clock)
        before, count, was_open = decoder.offset, len(out), decoder.open
        shared, commit_seen = decoder.shared, decoder.commit_seen
        done = decoder.feed(self._waiting, 0, out, count + limit - self.made(out), clock)
        self.held = not done
        payloads, self._waiting = self._waiting[:done], self._waiting[done:]
        if event is not None and was_open is before and isinstance(before, StreamOffset) and before.done_at:
            stream.complete(event, before.done_at)
        self._enter(out, out[count:])
        given = None
        if decoder.offset is not before:
            self._given.append(decoder.offset)
            given = len(self._given) - 1
        context = None
        mark, origin, origin_lsn = decoder.shared
        open = "twin"
        if decoder.open is None or decoder.open.mark is not mark:
            # The commit would pass it over.
            open = "none"
        elif decoder.open is was_open:
            open = "same"
        if mark is not shared[0] or (origin, origin_lsn) != shared[1:] or decoder.commit_seen != commit_seen:
            known = (mark.xid, mark.commit_us, mark.previous_end) if self._fits else _NO_MARK
            context = known, origin, origin_lsn
        self._resume(open, given, context)
        for payload in payloads:
            if payload[0] == pgoutput.XLOG_DATA and payload[25] in _OF_TABLES:
                self._route(_U32(payload, 26)[0])

    def _enter(self, out: Sequence[SourceRecord], records: Sequence[SourceRecord]) -> None:
        """Give these records their place in the order."""
        if not records:
            return
        first = len(self._given)
        self._given += [record.source_offset for record in records]
        self._loose.append((self._stream.add_given(range(first, len(self._given))), len(records)))
        self._entered = len(out)

    def _route(self, relation: int) -> None:
        """Tell the core whose the rows of a relation are, if that has changed."""
        found = self._decoder.tables.get(relation)
        if found is None or self._routes.get(relation, _UNKNOWN) is found[1]:
            return
        before = self._routes.get(relation)
        if before is not None:
            self._left_over.append(before)
        codec = self._routes[relation] = found[1]
        wires = None if codec is None or self._decoder.wires is None else self._decoder.wires(codec)
        number = None if codec is None else self._number(codec, wires)
        self._stream.route(relation, _TWIN if self._decoder.keeps(relation) else number, wires)

    def _forget(self) -> None:
        """Drop the codecs that no relation has any more; the core has no rows of theirs then."""
        if not self._left_over:
            return
        used = {id(codec) for codec in self._routes.values()}
        for codec in self._left_over:
            number, _ = self._numbers.pop(id(codec), (_TWIN, codec)) if id(codec) not in used else (_TWIN, codec)
            if number != _TWIN:
                del self._codecs[number]
                self._stream.drop_table(number)
        self._left_over.clear()

    def _number(self, codec: TableCodec, wires: Sequence[str] | None) -> int:
        known = self._numbers.get(id(codec))
        if known is not None:
            return known[0]
        number, plan = _TWIN, codec.native
        if plan is not None:
            number = self._stream.add_table(plan, codec.shape.schema, codec.shape.table, wires)
            self._codecs[number] = codec
        self._numbers[id(codec)] = number, codec
        return number
