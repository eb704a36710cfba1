"""Batches: records on their way through a task, column by column as long as nobody asks for single ones.

A `RecordBatch` is a sequence of records. Its parts are `Block`s (rows of one topic and one pair of schemas, as native columns) and
`Loose` records. Whoever iterates gets records, made from the columns on the spot, and from then on the batch holds those records;
whoever can work on columns asks for `parts`. Without the Rust core there are no blocks: batches are plain lists then.

Every record has an ordinal: its place in the batch as it was read, which rises within a part. Parts of different topics may
overlap; records that come to be of one topic partition are put in the order of their ordinals.
"""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import compress
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from headrace.data.columns import layout_of
from headrace.data.header_columns import HeaderColumn, header_rows
from headrace.data.record import TIMESTAMP_CREATE, ConnectRecord, Header, SinkRecord, SourceRecord
from headrace.data.schema import OPTIONAL_INT64_SCHEMA, Schema
from headrace.native import core

if TYPE_CHECKING:
    from headrace.native._core import Column, Mask

R = TypeVar("R", bound=ConnectRecord)


class Block:
    """Rows of one topic with one key schema and one value schema. Immutable: `replace` makes another.

    `key`, `value`: columns of as many rows. A row that is null there has no schema there either (a tombstone's value). None = null in
    all rows, under the schema if there is one: the one way to say that a null has a schema. `partition`: the log partition asked for,
    None = chosen by the key. `timestamps`: milliseconds since the epoch, null for none; None = null in all rows. `headers`: shared by
    all rows; `row_headers`: those behind them whose values each row has for itself. `ordinals`: rising. `places`: of a sink's batch, where its records lie in the log.
    """

    __slots__ = (
        "headers",
        "key",
        "key_schema",
        "ordinals",
        "partition",
        "places",
        "row_headers",
        "timestamps",
        "topic",
        "value",
        "value_schema",
    )

    def __init__(
        self,
        topic: str,
        key_schema: Schema | None,
        key: Column | None,
        value_schema: Schema | None,
        value: Column | None,
        ordinals: Sequence[int],
        *,
        partition: int | None = None,
        timestamps: Column | None = None,
        headers: tuple[Header, ...] = (),
        row_headers: tuple[HeaderColumn, ...] = (),
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.key_schema = key_schema
        self.key = key
        self.value_schema = value_schema
        self.value = value
        self.timestamps = timestamps
        self.headers = headers
        self.row_headers = row_headers
        self.ordinals = ordinals
        self.places: SinkPlaces | None = None

    def __len__(self) -> int:
        return len(self.ordinals)

    def replace(self, **changes: Any) -> Block:
        """A copy with these attributes replaced."""
        copy = Block.__new__(Block)
        for slot in Block.__slots__:
            setattr(copy, slot, changes[slot] if slot in changes else getattr(self, slot))
        return copy

    def filter(self, mask: Mask) -> Block:
        """The rows for which the mask is true; this very block when all are."""
        if mask.all():
            return self
        return self.replace(
            key=None if self.key is None else self.key.filter(mask),
            value=None if self.value is None else self.value.filter(mask),
            timestamps=None if self.timestamps is None else self.timestamps.filter(mask),
            row_headers=tuple([one.filter(mask) for one in self.row_headers]),
            ordinals=list(compress(self.ordinals, mask.selectors())),
        )

    def take(self, rows: Sequence[int]) -> Block:
        """The rows at these positions, which rise."""
        ordinals = self.ordinals
        return self.replace(
            key=None if self.key is None else self.key.take(rows),
            value=None if self.value is None else self.value.take(rows),
            timestamps=None if self.timestamps is None else self.timestamps.take(rows),
            row_headers=tuple([one.take(rows) for one in self.row_headers]),
            ordinals=[ordinals[i] for i in rows],
        )

    def stamps(self) -> list[int | None]:
        """The timestamp of each row."""
        return _numbers(self.timestamps, len(self))

    def sources(self) -> dict[str, tuple[Any, ...]]:
        """Where the attributes of its records come from that do not depend on their place, for headrace.native's Objects."""
        made: dict[str, tuple[Any, ...]] = {"topic": ("same", self.topic), "_headers": ("same", self.headers)}
        if self.row_headers:
            made["_headers"] = ("each", header_rows(self.headers, self.row_headers))
        for name, schema, column in (("key", self.key_schema, self.key), ("value", self.value_schema, self.value)):
            made[name] = _values(schema, column)
            made[f"{name}_schema"] = ("same", schema) if column is None else ("where", column, schema)
        made["timestamp"] = _values(OPTIONAL_INT64_SCHEMA, self.timestamps)
        return made


def _values(schema: Schema | None, column: Column | None) -> tuple[Any, ...]:
    if column is None:
        return ("same", None)
    assert schema is not None
    return ("values", layout_of(schema), column)


def _numbers(column: Column | None, count: int) -> list[int | None]:
    if column is None:
        return [None] * count
    layout = layout_of(OPTIONAL_INT64_SCHEMA)
    assert layout is not None
    return column.values(layout)


class Loose(Generic[R]):
    """Single records with their ordinals, rising."""

    __slots__ = ("ordinals", "records")

    def __init__(self, records: list[R], ordinals: Sequence[int]) -> None:
        self.records = records
        self.ordinals = ordinals

    def __len__(self) -> int:
        return len(self.records)


def merged(parts: Sequence[Loose[R]]) -> Loose[R]:
    """One part of all records, in the order of their ordinals."""
    if len(parts) == 1:
        return parts[0]
    pairs = list(heapq.merge(*(zip(one.ordinals, one.records, strict=True) for one in parts), key=itemgetter(0)))
    return Loose([record for _, record in pairs], [ordinal for ordinal, _ in pairs])


class RecordBatch(ABC, Sequence[R]):
    """See the module. `parts` may be read by whoever works on columns; a batch never changes its parts but by `loosen`."""

    def __init__(self, parts: Sequence[Block | Loose[R]]) -> None:
        self.parts: list[Block | Loose[R]] = [part for part in parts if len(part)]

    @abstractmethod
    def records_of(self, block: Block) -> list[R]:
        """The block's rows as records, in order."""

    @abstractmethod
    def with_parts(self, parts: Sequence[Block | Loose[R]]) -> Self:
        """A batch of the same origin with other parts."""

    def loosened(self, part: Block | Loose[R]) -> Loose[R]:
        """The part as single records."""
        return part if isinstance(part, Loose) else Loose(self.records_of(part), part.ordinals)

    def loosened_whole(self) -> Loose[R]:
        """All records in the order of their ordinals; the batch stays as it is."""
        return merged([self.loosened(part) for part in self.parts])

    @property
    def last_ordinal(self) -> int:
        """The highest of all."""
        return max(part.ordinals[-1] for part in self.parts)

    def loosen(self) -> list[R]:
        """All records, in the order of their ordinals; the batch consists of these very records from now on."""
        whole = self.loosened_whole()
        if whole.records:
            self.parts = [whole]
        return whole.records

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[R]: ...
    def __getitem__(self, index: int | slice) -> R | Sequence[R]:
        return self.loosen()[index]

    def __iter__(self) -> Iterator[R]:
        return iter(self.loosen())

    def topics(self) -> set[str]:
        """The topics its records have now."""
        found: set[str] = set()
        for part in self.parts:
            if isinstance(part, Block):
                found.add(part.topic)
            else:
                found.update(map(attrgetter("topic"), part.records))
        return found


class SourceBatch(RecordBatch[SourceRecord]):
    """What a source task hands over natively. All records are of one source partition."""

    def __init__(
        self,
        parts: Sequence[Block | Loose[SourceRecord]],
        source_partition: Mapping[str, Any],
        offsets: Sequence[Mapping[str, Any]],
    ) -> None:
        """`offsets`: of each ordinal the offset its record carries: a lazy sequence where that is cheaper."""
        super().__init__(parts)
        self.source_partition = source_partition
        self.offsets = offsets

    def with_parts(self, parts: Sequence[Block | Loose[SourceRecord]]) -> SourceBatch:
        return SourceBatch(parts, self.source_partition, self.offsets)

    def records_of(self, block: Block) -> list[SourceRecord]:
        sources = block.sources()
        sources["partition"] = ("same", block.partition)
        sources["source_partition"] = ("same", self.source_partition)
        sources["source_offset"] = ("each", list(map(self.offsets.__getitem__, block.ordinals)))
        return _made(SourceRecord, len(block), sources)


class SinkBatch(RecordBatch[SinkRecord]):
    """What a sink task is given natively."""

    def __init__(self, parts: Sequence[Block | Loose[SinkRecord]], places: SinkPlaces) -> None:
        super().__init__(parts)
        self.places = places
        for part in self.parts:
            if isinstance(part, Block):
                part.places = places

    def with_parts(self, parts: Sequence[Block | Loose[SinkRecord]]) -> SinkBatch:
        return SinkBatch(parts, self.places)

    def without(self, partitions: Container[tuple[str, int]]) -> SinkBatch:
        """The batch without the records of these partitions of the log."""
        parts: list[Block | Loose[SinkRecord]] = []
        for part in self.parts:
            kept = [row for row, ordinal in enumerate(part.ordinals) if self.places.at(ordinal)[:2] not in partitions]
            if len(kept) == len(part):
                parts.append(part)
            elif isinstance(part, Block):
                parts.append(part.take(kept))
            else:
                parts.append(Loose([part.records[i] for i in kept], [part.ordinals[i] for i in kept]))
        return self.with_parts(parts)

    def records_of(self, block: Block) -> list[SinkRecord]:
        sources = block.sources()
        topics, partitions, offsets = self.places.of(block.ordinals)
        sources["partition"] = partitions if block.partition is None else ("same", block.partition)
        sources["original_topic"] = topics
        sources["original_partition"] = partitions
        sources["offset"] = sources["original_offset"] = ("each", offsets)
        sources["timestamp_type"] = ("same", TIMESTAMP_CREATE)
        return _made(SinkRecord, len(block), sources)


_OBJECTS: dict[type, Any] = {}


def _made(cls: type[R], rows: int, sources: dict[str, tuple[Any, ...]]) -> list[R]:
    """Records with these attributes, each of its slots among them."""
    objects = _OBJECTS.get(cls)
    slots = (*cls._copied_slots(), "_headers")
    if objects is None:
        objects = _OBJECTS[cls] = core.Objects(cls, slots)
    made: list[R] = objects.make(rows, [sources[slot] for slot in slots])
    return made


class SinkPlaces:
    """Where in the log the records of a sink's batch lie: runs of ordinals that are of one topic partition each."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._runs: list[tuple[str, int, Sequence[int]]] = []
        self._end = 0

    def add(self, topic: str, partition: int, offsets: Sequence[int]) -> int:
        """Enter the next run; answers the ordinal of its first record."""
        start = self._end
        self._starts.append(start)
        self._runs.append((topic, partition, offsets))
        self._end += len(offsets)
        return start

    def at(self, ordinal: int) -> tuple[str, int, int]:
        """(topic, partition, offset) of a record."""
        run = bisect_right(self._starts, ordinal) - 1
        topic, partition, offsets = self._runs[run]
        return topic, partition, offsets[ordinal - self._starts[run]]

    def partitions(self, ordinals: Sequence[int]) -> list[int]:
        """The log partition of each record; `ordinals` rising."""
        return [partition for _, partition, _ in self._located(ordinals)]

    def offsets(self, ordinals: Sequence[int]) -> list[int]:
        """The log offset of each record; `ordinals` rising."""
        return [offset for _, _, offset in self._located(ordinals)]

    def of(self, ordinals: Sequence[int]) -> tuple[tuple[str, Any], tuple[str, Any], list[int]]:
        """Topics, partitions (as one for all, or as a list) and offsets of the records; `ordinals` rising."""
        if len(ordinals):
            run = bisect_right(self._starts, ordinals[0]) - 1
            topic, partition, offsets = self._runs[run]
            start = self._starts[run]
            if ordinals[-1] - start < len(offsets):
                return ("same", topic), ("same", partition), [offsets[ordinal - start] for ordinal in ordinals]
        places = list(self._located(ordinals))
        return ("each", [one[0] for one in places]), ("each", [one[1] for one in places]), [one[2] for one in places]

    def _located(self, ordinals: Sequence[int]) -> Iterator[tuple[str, int, int]]:
        run, last = 0, len(self._starts) - 1
        for ordinal in ordinals:
            while run < last and self._starts[run + 1] <= ordinal:
                run += 1
            topic, partition, offsets = self._runs[run]
            yield topic, partition, offsets[ordinal - self._starts[run]]

    def runs(self) -> Iterable[tuple[int, str, int, Sequence[int]]]:
        """(first ordinal, topic, partition, offsets), in order."""
        for start, (topic, partition, offsets) in zip(self._starts, self._runs, strict=True):
            yield start, topic, partition, offsets
