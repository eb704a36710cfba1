"""Reading records of a partition from an offset on, and keeping what a poll did not take."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from headrace.log.embedded.batch_codec import decode_batch
from headrace.log.embedded.batch_slices import cut, position_of
from headrace.log.embedded.tables import row_id
from headrace.log.spi import EncodedBatch
from headrace.spi.context import TopicPartition

_READ_BYTES = 16 << 20
"""A read stops after this many bytes, however many records were asked for."""


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
    connection: sqlite3.Connection, part_id: int, partition: TopicPartition, offset: int, max_records: int
) -> list[EncodedBatch]:
    """Whole stored batches from the one that holds `offset` on, the first cut to it, until there are `max_records`."""
    rows = connection.execute(
        "SELECT first_offset, data FROM batches WHERE id >= ? AND id < ? ORDER BY id",
        (row_id(part_id, offset), row_id(part_id + 1, 0)),
    )
    batches: list[EncodedBatch] = []
    records = size = 0
    for first_offset, blob in rows:
        batch = decode_batch(partition.topic, partition.partition, first_offset, blob)
        start = position_of(batch, offset) if not batches else 0
        count = len(batch.timestamps)
        if start < count:
            batches.append(cut(batch, start, count))
            records += count - start
            size += len(blob)
            if records >= max_records or size >= _READ_BYTES:
                break
    rows.close()
    return batches


class Buffer:
    """Decoded records not yet given out, in order."""

    __slots__ = ("_at", "_batches")

    def __init__(self) -> None:
        self._batches: list[EncodedBatch] = []
        self._at = 0

    def __bool__(self) -> bool:
        return bool(self._batches)

    def fill(self, batches: list[EncodedBatch]) -> None:
        self._batches = batches
        self._at = 0

    def clear(self) -> None:
        self._batches = []
        self._at = 0

    def take(self, max_records: int) -> list[EncodedBatch]:
        """Up to `max_records` records from the front."""
        taken: list[EncodedBatch] = []
        done = 0
        while done < len(self._batches) and max_records > 0:
            batch = self._batches[done]
            stop = min(self._at + max_records, len(batch.timestamps))
            taken.append(cut(batch, self._at, stop))
            max_records -= stop - self._at
            self._at = stop
            if stop == len(batch.timestamps):
                done += 1
                self._at = 0
        del self._batches[:done]
        return taken
