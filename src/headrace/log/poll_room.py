"""How much one poll may give: the most records, and the most bytes over all partitions."""

from __future__ import annotations

from headrace.log.batch_slices import cut
from headrace.log.spi import EncodedBatch
from headrace.spi.packed_numbers import data_size


class PollRoom:
    """What is left of one poll's limits; false when nothing more goes into it.

    The first record goes in whatever its size, or what is larger than the limit would never be read (Kafka: fetch.max.bytes)."""

    __slots__ = ("_bytes", "_least", "records")

    def __init__(self, max_records: int, max_bytes: int) -> None:
        self.records = max_records
        self._bytes = max_bytes
        self._least = 1

    def __bool__(self) -> bool:
        return self.records > 0

    def take(self, batch: EncodedBatch, start: int = 0) -> EncodedBatch | None:
        """The records of the batch from position `start` on that go in, None if not one does. What is cut by its bytes fills the poll."""
        part = cut(batch, start, min(start + self.records, len(batch.timestamps)))
        size = size_of(part)
        full = size > self._bytes
        if full:
            part = cut(part, 0, max(_fitting(part, self._bytes), self._least))
        count = len(part.timestamps)
        self.records = 0 if full else self.records - count
        self._bytes -= size
        self._least = 0
        return part if count else None


def size_of(batch: EncodedBatch) -> int:
    """Bytes of its keys and values."""
    return batch.keys.size + batch.values.size


def _fitting(batch: EncodedBatch, max_bytes: int) -> int:
    """How many of the first records have no more bytes than that together."""
    columns = batch.keys.packed().lengths, batch.values.packed().lengths
    done, open = 0, len(batch.timestamps)
    while open:
        half = (open + 1) // 2
        size = sum(data_size(lengths, done, done + half) for lengths in columns)
        if size > max_bytes:
            open = half - 1
        else:
            done, open, max_bytes = done + half, open - half, max_bytes - size
    return done
