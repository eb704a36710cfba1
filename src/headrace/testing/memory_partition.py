"""One topic partition of the log in memory: batches as they were appended, minus what retention and compaction took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from headrace.log.batch_slices import cut, join, pick, position_of
from headrace.log.embedded.topic_configs import TopicConfig
from headrace.log.spi import EncodedBatch, HeaderBytes

Entry = tuple[int, bytes | None, bytes | None, HeaderBytes]
"""timestamp, key, value, headers"""


class MemoryPartition:
    """Not thread-safe: the log's lock guards it. `begin`: the first offset kept; `next`: that of the next record."""

    def __init__(self) -> None:
        self.begin = 0
        self.next = 0
        self._batches: list[tuple[int, EncodedBatch]] = []
        """When each was appended, in ms, and the batch."""

    def append(self, batch: EncodedBatch) -> int:
        """Add a copy; returns its first offset."""
        first, count = self.next, len(batch)
        if count:
            copy = pick(batch, range(count))
            copy.offsets = range(first, first + count)
            self._batches.append((_now_ms(), copy))
            self.next += count
        return first

    def read(self, offset: int, most: int) -> EncodedBatch | None:
        """Up to `most` records from `offset` on, None when there are none."""
        found: list[EncodedBatch] = []
        for _, batch in self._batches:
            start = position_of(batch, offset)
            if start < len(batch) and most > 0:
                found.append(cut(batch, start, min(len(batch), start + most)))
                most -= len(found[-1])
        return join(found) if found else None

    def entries(self) -> Iterator[Entry]:
        """All records."""
        for _, batch in self._batches:
            yield from zip(batch.timestamps, batch.keys, batch.values, batch.headers, strict=True)

    def retain(self, config: TopicConfig) -> int:
        """Remove the oldest batches that are too old, or that there are too many bytes for; returns how many records."""
        removed, size = 0, sum(_size(batch) for _, batch in self._batches)
        while self._batches:
            appended_ms, batch = self._batches[0]
            too_old = 0 <= config.retention_ms < _now_ms() - appended_ms
            # As with segments: a batch goes only if without it there is still as much as was asked for.
            if not too_old and not 0 <= config.retention_bytes <= size - _size(batch):
                break
            size -= _size(batch)
            removed += len(batch)
            assert batch.offsets is not None
            self.begin = batch.offsets[-1] + 1
            del self._batches[0]
        return removed

    def compact(self, config: TopicConfig) -> int:
        """Keep the last record of each key, tombstones for their time only; returns how many records went."""
        last = {
            key: offset
            for _, batch in self._batches
            for key, offset in zip(batch.keys, batch.offsets or (), strict=True)
        }
        oldest_tombstone_ms = _now_ms() - config.delete_retention_ms
        kept: list[tuple[int, EncodedBatch]] = []
        removed = 0
        for appended_ms, batch in self._batches:
            stays = self._stays(batch, last, appended_ms < oldest_tombstone_ms)
            positions = [position for position in range(len(batch)) if stays(position)]
            removed += len(batch) - len(positions)
            if positions:
                kept.append((appended_ms, pick(batch, positions)))
        self._batches = kept
        return removed

    def _stays(
        self, batch: EncodedBatch, last: dict[bytes | None, int], drop_tombstones: bool
    ) -> Callable[[int], bool]:
        offsets, keys, values = batch.offsets or (), batch.keys, batch.values.data
        return lambda at: last[keys[at]] == offsets[at] and not (drop_tombstones and values[at] is None)


def _size(batch: EncodedBatch) -> int:
    return batch.keys.size + batch.values.size


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
