"""Reading records of a partition from an offset on, and keeping what a poll did not take."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from headrace.errors import DataException
from headrace.log.batch_slices import cut, position_of
from headrace.log.embedded.batch_codec import decode_batch
from headrace.log.embedded.batch_rows import StoredBatch, stored_from
from headrace.log.embedded.segment_files import SegmentFolder, SegmentGone
from headrace.log.embedded.tables import row_id
from headrace.log.poll_room import PollRoom, size_of
from headrace.log.spi import EncodedBatch
from headrace.spi.context import TopicPartition

T = TypeVar("T")

_READ_BYTES = 16 << 20
"""A read stops after this many bytes, however many records were asked for."""

_KEPT_BYTES = 8 << 20
_JOIN_BYTES = 1 << 20
"""What one poll gives of a partition is put together from several stored batches until there is this much: beyond, a copy costs
more than another poll."""


@dataclass(slots=True)
class Extent:
    """A partition's first kept and next free offset."""

    begin: int
    next: int


def extent(connection: sqlite3.Connection, part_id: int) -> Extent | None:
    """None if the partition was deleted."""
    row = connection.execute("SELECT begin_offset, next_offset FROM parts WHERE id = ?", (part_id,)).fetchone()
    return None if row is None else Extent(row[0], row[1])


def read_batches(
    connection: sqlite3.Connection,
    folder: SegmentFolder,
    part_id: int,
    partition: TopicPartition,
    offset: int,
    max_records: int,
    last: LastDecoded | None = None,
) -> list[EncodedBatch]:
    """Whole stored batches from the one that holds `offset` on, the first cut to it, until there are `max_records`. `last`: kept
    from one call to the next by who reads with an offset each time.

    SegmentGone if one of them was removed since the transaction began: begin another (`reading_anew`)."""
    batches: list[EncodedBatch] = []
    records = size = 0
    for row in stored_from(connection, row_id(part_id, offset), row_id(part_id + 1, 0)):
        found = None if last is None else last.get(row)
        batch = found or decode_batch(partition.topic, partition.partition, row.first_offset, row.blob(folder))
        start = position_of(batch, offset) if not batches else 0
        count = len(batch.timestamps)
        if start < count:
            batches.append(cut(batch, start, count))
            records += count - start
            size += size_of(batches[-1])
            if records >= max_records or size >= _READ_BYTES:
                if last is not None:
                    last.keep(row, batch)
                break
    return batches


def reading_anew(read: Callable[[], T]) -> T:
    """The result of `read`, which begins a read transaction each time it is called: again while segments go away under it.

    DataException (LOG_CORRUPT) if one is missing to which the index still refers."""
    gone: set[str] = set()
    while True:
        try:
            return read()
        except SegmentGone as error:
            name = str(error)
            if name in gone:
                raise DataException(
                    f"The log's segment file {name} is missing.",
                    code="LOG_CORRUPT",
                    remedy="Restore the whole folder of the log from a copy, or delete the topics and take a new snapshot.",
                ) from error
            gone.add(name)


class LastDecoded:
    """The batch decoded last: who reads it piece by piece does not decode the whole for each. Not thread-safe."""

    def __init__(self) -> None:
        self._row: tuple[object, ...] = ()
        self._batch: EncodedBatch | None = None

    def get(self, row: StoredBatch) -> EncodedBatch | None:
        """The decoded batch of that very row: compaction, which replaces rows, leaves another number of records."""
        return self._batch if self._row == _identity(row) else None

    def keep(self, row: StoredBatch, batch: EncodedBatch) -> None:
        """Keep this one instead, unless it is too large for that."""
        small = size_of(batch) <= _KEPT_BYTES
        self._row, self._batch = (_identity(row), batch) if small else ((), None)


def _identity(row: StoredBatch) -> tuple[object, ...]:
    return row.id, row.first_offset, row.records, row.size


class Buffer:
    """Decoded records not yet given out, in order. `size`: bytes of the batches they are part of."""

    __slots__ = ("_at", "_batches", "size")

    def __init__(self) -> None:
        self.clear()

    def __bool__(self) -> bool:
        return bool(self._batches)

    def fill(self, batches: list[EncodedBatch]) -> None:
        self._batches = batches
        self._at = 0
        self.size = sum(map(size_of, batches))

    def extend(self, batches: list[EncodedBatch]) -> None:
        """Those that follow what is held, from `end` on."""
        self._batches += batches
        self.size += sum(map(size_of, batches))

    @property
    def end(self) -> int:
        """The offset behind what is held, of which there must be some."""
        offsets = self._batches[-1].offsets
        assert offsets is not None
        return offsets[-1] + 1

    def wants_more(self, max_records: int) -> bool:
        """Whether `take` would give fewer than it may because no more is held."""
        first = self._batches[0]
        taken = self._at / len(first.timestamps)
        if self.size - taken * size_of(first) >= _JOIN_BYTES:
            return False
        return sum(len(batch.timestamps) for batch in self._batches) - self._at < max_records

    def clear(self) -> None:
        self.fill([])

    def take(self, room: PollRoom) -> list[EncodedBatch]:
        """The records from the front that go into the poll; fewer rather than joining what is large."""
        taken: list[EncodedBatch] = []
        done = size = 0
        while done < len(self._batches) and room and size < _JOIN_BYTES:
            batch = self._batches[done]
            part = room.take(batch, self._at)
            if part is None:
                break
            taken.append(part)
            size += size_of(part)
            self._at += len(part.timestamps)
            if self._at == len(batch.timestamps):
                done += 1
                self._at = 0
                self.size -= size_of(batch)
        del self._batches[:done]
        return taken
