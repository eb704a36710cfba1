"""Cutting and joining decoded batches of one partition, sharing what can be shared. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TypeVar

from headrace.log.spi import EncodedBatch
from headrace.spi.columns import Column, PackedColumn, Repeated, taken
from headrace.spi.packed_numbers import pack_indexes, unpack_indexes

T = TypeVar("T")


def cut(batch: EncodedBatch, start: int, stop: int) -> EncodedBatch:
    """The records at positions `start` up to `stop`; the batch itself if that is all of it."""
    if start == 0 and stop == len(batch.timestamps):
        return batch
    return EncodedBatch(
        batch.topic,
        batch.partition,
        batch.timestamps[start:stop],
        batch.keys.slice(start, stop),
        batch.values.slice(start, stop),
        batch.headers[start:stop],
        None if batch.offsets is None else batch.offsets[start:stop],
    )


def position_of(batch: EncodedBatch, offset: int) -> int:
    """The position of the first record with at least that offset."""
    offsets = batch.offsets
    assert offsets is not None
    if isinstance(offsets, range):
        return min(max(offset - offsets.start, 0), len(offsets))
    return bisect_left(offsets, offset)


def pick(batch: EncodedBatch, positions: Sequence[int]) -> EncodedBatch:
    """The records at those positions, in that order, with their offsets."""
    offsets = batch.offsets
    return EncodedBatch(
        batch.topic,
        batch.partition,
        taken(batch.timestamps, positions),
        batch.keys.take(positions),
        batch.values.take(positions),
        taken(batch.headers, positions),
        None if offsets is None else [offsets[i] for i in positions],
    )


def join(batches: list[EncodedBatch]) -> EncodedBatch:
    """One batch of the records of several consecutive ones of a partition."""
    first = batches[0]
    if len(batches) == 1:
        return first
    return EncodedBatch(
        first.topic,
        first.partition,
        _chain([batch.timestamps for batch in batches]),
        _join_columns([batch.keys for batch in batches]),
        _join_columns([batch.values for batch in batches]),
        _chain([batch.headers for batch in batches]),
        _join_offsets(batches),
    )


def _chain(runs: list[Sequence[T]]) -> Sequence[T]:
    first = runs[0]
    if isinstance(first, Repeated) and all(isinstance(run, Repeated) and run.value == first.value for run in runs):
        return Repeated(first.value, sum(map(len, runs)))
    return [item for run in runs for item in run]


def _join_offsets(batches: list[EncodedBatch]) -> Sequence[int]:
    first, last = batches[0].offsets, batches[-1].offsets
    assert first is not None
    assert last is not None
    if last[-1] - first[0] == sum(map(len, batches)) - 1:
        return range(first[0], last[-1] + 1)
    return [offset for batch in batches for offset in batch.offsets or ()]


def _join_columns(columns: list[Column]) -> Column:
    parts = [column.packed() for column in columns]
    buffer = b"".join([part.buffer for part in parts])
    lengths = b"".join([part.lengths for part in parts])
    if all(part.prefix_index is None for part in parts):
        return PackedColumn(buffer, lengths)
    places: dict[bytes, int] = {b"": 0}
    moved = [[places.setdefault(prefix, len(places)) for prefix in part.prefixes] for part in parts]
    indexes = [_moved(part, places) for part, places in zip(parts, moved, strict=True)]
    alike = {index if isinstance(index, int) else None for index in indexes}
    if len(alike) == 1 and None not in alike:
        return PackedColumn(buffer, lengths, list(places), alike.pop())
    highest = len(places) - 1
    all_indexes = b"".join(
        pack_indexes([index] * len(part) if isinstance(index, int) else index, highest)
        for part, index in zip(parts, indexes, strict=True)
    )
    return PackedColumn(buffer, lengths, list(places), all_indexes)


def _moved(column: PackedColumn, places: list[int]) -> int | Sequence[int]:
    """The column's prefix indexes in another table; `places`: where the prefixes of its own have come to lie there."""
    index = column.prefix_index
    if not isinstance(index, bytes):
        return places[index or 0]
    return [places[old] for old in unpack_indexes(index, len(column))]
