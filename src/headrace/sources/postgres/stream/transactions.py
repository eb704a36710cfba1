"""provide.transaction.metadata: records that tell of transactions, and blocks in the records of their events.

A maker and a stream of their own, used only when the setting is on. What the counts are is kept with each record's offset, so that
they go on after a restart in the midst of a transaction. As in Debezium, an id is `<txid>:<lsn>`, with the position of the record it
stands in; the part before the colon tells the transaction.
"""

from __future__ import annotations

from typing import Any, Final

from headrace.cdc import transactions
from headrace.cdc.transactions import Counted, TransactionContext
from headrace.data import Header, SourceRecord, Struct
from headrace.native import pgoutput
from headrace.sources.postgres.events import Clock, Offset, RecordMaker
from headrace.sources.postgres.offsets import StreamOffset
from headrace.sources.postgres.stream.stream import StreamDecoder
from headrace.sources.postgres.tables import TableCodec

MESSAGES: Final = "LOGICAL_DECODING_MESSAGE"
"""The collection that logical messages are counted under."""
_TRANSACTION, _XID, _LSN = 3, 11, 12
_ORDER: Final = 2
"""data_collection_order in the transaction block."""


class CountedOffset(StreamOffset):
    """An offset that also says how far the transaction has been counted. `counted`: None until that is known, and between transactions."""

    __slots__ = ("counted",)

    def __init__(self, mark: Any, lsn: int, events: int, operation: str) -> None:
        super().__init__(mark, lsn, events, operation)
        self.counted: Counted | None = None

    def as_dict(self) -> dict[str, Any]:
        offset = super().as_dict()
        if self.counted is not None:
            offset.update(self.counted.stored())
        if self.operation == "BEGIN":
            # Nothing of the transaction is done yet.
            offset["lsn_proc"] = self.mark.previous_end
        return offset


class TransactionMaker(RecordMaker):
    """Adds the transaction block to the records of changes and messages."""

    transactions: TransactionContext
    """Set by the stream that uses this maker; snapshots need none."""

    def change(
        self,
        out: list[SourceRecord],
        codec: TableCodec,
        op: str,
        key: Struct | None,
        before: Struct | None,
        after: Struct | None,
        source: list[Any],
        clock: Clock,
        offset: Offset,
        headers: tuple[Header, ...] | None = None,
    ) -> None:
        super().change(out, codec, op, key, before, after, source, clock, offset, headers)
        if op != "r":
            block = self.transactions.event(codec.shape.name, f"{source[_XID]}:{source[_LSN]}")
            out[-1].value.values[_TRANSACTION] = block
            self._keep(offset)

    def message(
        self, out: list[SourceRecord], message: pgoutput.Message, source: list[Any], clock: Clock, offset: Offset
    ) -> None:
        super().message(out, message, source, clock, offset)
        if source[_XID] is not None:
            block = self.transactions.event(MESSAGES, f"{source[_XID]}:{source[_LSN]}")
            # To Debezium each message is a collection of its own, so it is always the first there.
            block.values[_ORDER] = 1
            out[-1].value.values[_TRANSACTION] = block
            self._keep(offset)

    def _tombstone(
        self,
        out: list[SourceRecord],
        codec: TableCodec,
        key: Struct | None,
        offset: Offset,
        headers: tuple[Header, ...],
    ) -> None:
        super()._tombstone(out, codec, key, offset, headers)
        self._keep(offset)

    def _keep(self, offset: Offset) -> None:
        # The first records of a change carry the offset of the change before, which keeps its own counts.
        if isinstance(offset, CountedOffset) and offset.counted is None:
            offset.counted = self.transactions.counted()

    def boundary(self, out: list[SourceRecord], id: str, value: Struct, offset: Offset) -> None:
        """A BEGIN or END record."""
        topic = self._topics.transaction
        key = transactions.key(id)
        out.append(SourceRecord(self.partition, offset, topic, None, key.schema, key, transactions.VALUE_SCHEMA, value))


class TransactionStream(StreamDecoder):
    """A stream that tells of the transactions it brings. Its maker must be a `TransactionMaker`."""

    maker: TransactionMaker

    @property
    def by_core(self) -> bool:
        return False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offset = CountedOffset
        # Counting goes on where the offset the stream begins at left off.
        self.maker.transactions = TransactionContext.load(self.offset)

    def _begin(self, payload: bytes, out: list[SourceRecord]) -> None:
        super()._begin(payload, out)
        context, mark = self.maker.transactions, self._mark
        # A transaction that the restored context is in the midst of has had its BEGIN.
        if self._skip_all or context.id == str(mark.xid):
            return
        context.begin(str(mark.xid))
        lsn = self._start_of(payload)
        id = f"{mark.xid}:{lsn}"
        if not self._skip_to:
            offset = CountedOffset(mark, lsn, 0, "BEGIN")
            offset.counted = context.counted()
            self.offset = offset
        # Amid a transaction, of which some was brought without metadata, it says what that said.
        self.maker.boundary(out, id, context.begin_value(id, mark.commit_us // 1000), self.offset)

    def _commit(self, payload: bytes, out: list[SourceRecord]) -> None:
        # The END record is the transaction's last: only its offset lies behind it.
        self._open = None
        mark, skipped = self._mark, self._skip_all
        super()._commit(payload, out)
        context = self.maker.transactions
        if skipped:
            return
        lsn = self._start_of(payload)
        id = f"{mark.xid}:{lsn}"
        offset = CountedOffset(mark, lsn, 0, "COMMIT")
        offset.complete(pgoutput.commit(payload).end_lsn)
        self.offset = offset
        behind = CountedOffset(mark, lsn, 0, "COMMIT")
        behind.complete(pgoutput.commit(payload).end_lsn)
        behind.counted = context.counted()
        self.maker.boundary(out, id, context.end_value(id, mark.commit_us // 1000), behind)
        context.end()
