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
from collections.abc import Container, Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Generic, Self, TypeVar, overload

from headrace.data.block import Block
from headrace.data.record import TIMESTAMP_CREATE, ConnectRecord, SinkRecord, SourceRecord
from headrace.data.sink_places import SinkPlaces
from headrace.native import core

R = TypeVar("R", bound=ConnectRecord)

__all__ = ["Block", "Loose", "RecordBatch", "SinkBatch", "SinkPlaces", "SourceBatch", "merged"]


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
