"""Transaction metadata: BEGIN and END records, the order of events in a transaction, and what of it is kept in offsets.

Source: Debezium's io.debezium.pipeline.txmetadata (TransactionContext, AbstractTransactionStructMaker) and SchemaFactory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from headrace.cdc.envelope import TRANSACTION_SCHEMA
from headrace.data import INT64_SCHEMA, OPTIONAL_INT64_SCHEMA, STRING_SCHEMA, Schema, SchemaBuilder, Struct

OFFSET_ID: Final = "transaction_id"
OFFSET_ORDER_PREFIX: Final = "transaction_data_collection_order_"
"""Keys of offsets: the transaction under way, and how many events of each table it has had so far."""

KEY_SCHEMA: Final = (
    SchemaBuilder.struct()
    .name("io.debezium.connector.common.TransactionMetadataKey")
    .version(1)
    .field("id", STRING_SCHEMA)
    .build()
)
COLLECTION_SCHEMA: Final = (
    SchemaBuilder.struct()
    .name("event.collection")
    .version(1)
    .field("data_collection", STRING_SCHEMA)
    .field("event_count", INT64_SCHEMA)
    .optional()
    .build()
)
VALUE_SCHEMA: Final = (
    SchemaBuilder.struct()
    .name("io.debezium.connector.common.TransactionMetadataValue")
    .version(1)
    .field("status", STRING_SCHEMA)
    .field("id", STRING_SCHEMA)
    .field("event_count", OPTIONAL_INT64_SCHEMA)
    .field("data_collections", SchemaBuilder.array(COLLECTION_SCHEMA).optional().build())
    .field("ts_ms", INT64_SCHEMA)
    .build()
)


_RECENT: Final = 64
"""Events that are counted anew when an offset is read; as many as there are tables, where those are more."""


class Counted(NamedTuple):
    """How far a transaction had been counted at one event: `base`, and the first `length` of `recent`, the tables of the events since.

    Offsets are made per event and hardly ever read, so what they keep must not grow with the number of tables."""

    id: str
    base: Mapping[str, int]
    recent: Sequence[str]
    length: int

    def stored(self) -> dict[str, Any]:
        """What goes into the offset."""
        counts = dict(self.base)
        for collection in self.recent[: self.length]:
            counts[collection] = counts.get(collection, 0) + 1
        return {OFFSET_ID: self.id} | {OFFSET_ORDER_PREFIX + collection: count for collection, count in counts.items()}


class TransactionContext:
    """Counts the events of one transaction after the other. `id` is None between them."""

    __slots__ = ("_base", "_capacity", "_recent", "counts", "id", "total")

    def __init__(self) -> None:
        self.id: str | None = None
        self._capacity = 16
        self._begin_with({})

    def _begin_with(self, counts: dict[str, int]) -> None:
        self.counts = counts
        self.total = sum(counts.values())
        self._keep_all()

    def _keep_all(self) -> None:
        self._base = dict(self.counts)
        self._recent: list[str] = []

    @classmethod
    def load(cls, offset: Mapping[str, Any]) -> TransactionContext:
        """As a stored offset left it."""
        context = cls()
        context.id = offset.get(OFFSET_ID)
        prefix = OFFSET_ORDER_PREFIX
        context._begin_with({key.removeprefix(prefix): n for key, n in offset.items() if key.startswith(prefix)})
        return context

    def begin(self, id: str) -> None:
        """A transaction begins; whatever was under way is over."""
        self.id = id
        self._begin_with({})

    def end(self) -> None:
        """The transaction is over."""
        self.id = None
        self._begin_with({})

    def event(self, collection: str, shown_id: str) -> Struct:
        """Count an event of a table; answers the event's transaction block, with the id that records show."""
        self.total += 1
        order = self.counts[collection] = self.counts.get(collection, 0) + 1
        if len(self._recent) >= _RECENT and len(self._recent) >= len(self._base):
            self._keep_all()
        else:
            self._recent.append(collection)
        return Struct(TRANSACTION_SCHEMA, [shown_id, self.total, order])

    def counted(self) -> Counted | None:
        """What goes into the offsets of records made now; None between transactions."""
        return None if self.id is None else Counted(self.id, self._base, self._recent, len(self._recent))

    def begin_value(self, shown_id: str, commit_ms: int) -> Struct:
        """The value of a BEGIN record."""
        return Struct(VALUE_SCHEMA, ["BEGIN", shown_id, None, None, commit_ms])

    def end_value(self, shown_id: str, commit_ms: int) -> Struct:
        """The value of an END record: the number of events, in all and per table."""
        while len(self.counts) > self._capacity * 3 // 4:
            self._capacity *= 2
        tables = [
            Struct(COLLECTION_SCHEMA, [name, self.counts[name]]) for name in hash_order(self.counts, self._capacity)
        ]
        return Struct(VALUE_SCHEMA, ["END", shown_id, self.total, tables, commit_ms])


def key(shown_id: str, schema: Schema = KEY_SCHEMA) -> Struct:
    """The key of BEGIN and END records."""
    return Struct(schema, [shown_id])


def hash_order(names: Iterable[str], capacity: int) -> list[str]:
    """The order in which a Java HashMap with that many buckets yields its keys, so that END records equal Debezium's byte for
    byte; names in one bucket stay as they came."""
    return sorted(names, key=lambda name: _spread_hash(name) & (capacity - 1))


def _spread_hash(text: str) -> int:
    units = text.encode("utf-16-be")
    value = 0
    for at in range(0, len(units), 2):
        value = (31 * value + (units[at] << 8 | units[at + 1])) & 0xFFFFFFFF
    return value ^ value >> 16
