"""Cutting and joining decoded batches of one partition, sharing what can be shared. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from headrace.log.spi import EncodedBatch
from headrace.spi.converter import Column


def cut(batch: EncodedBatch, start: int, stop: int) -> EncodedBatch:
    """The records at positions `start` up to `stop`; the batch itself if that is all of it."""
    if start == 0 and stop == len(batch.timestamps):
        return batch
    return EncodedBatch(
        batch.topic,
        batch.partition,
        batch.timestamps[start:stop],
        _cut_column(batch.keys, start, stop),
        _cut_column(batch.values, start, stop),
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
        [batch.timestamps[i] for i in positions],
        batch.keys.take(positions),
        batch.values.take(positions),
        [batch.headers[i] for i in positions],
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
        [timestamp for batch in batches for timestamp in batch.timestamps],
        _join_columns([batch.keys for batch in batches]),
        _join_columns([batch.values for batch in batches]),
        [headers for batch in batches for headers in batch.headers],
        _join_offsets(batches),
    )


def _cut_column(column: Column, start: int, stop: int) -> Column:
    prefix_of = column.prefix_of
    return Column(column.data[start:stop], column.prefixes, None if prefix_of is None else prefix_of[start:stop])


def _join_offsets(batches: list[EncodedBatch]) -> Sequence[int]:
    first, last = batches[0].offsets, batches[-1].offsets
    assert first is not None
    assert last is not None
    if last[-1] - first[0] == sum(map(len, batches)) - 1:
        return range(first[0], last[-1] + 1)
    return [offset for batch in batches for offset in batch.offsets or ()]


def _join_columns(columns: list[Column]) -> Column:
    data = [datum for column in columns for datum in column.data]
    if all(column.prefix_of is None for column in columns):
        return Column(data)
    places: dict[bytes, int] = {b"": 0}
    prefix_of: list[int] = []
    for column in columns:
        if column.prefix_of is None:
            prefix_of += [0] * len(column.data)
            continue
        moved = [places.setdefault(prefix, len(places)) for prefix in column.prefixes]
        if moved == list(range(len(moved))):
            prefix_of += column.prefix_of
        else:
            prefix_of += [moved[index] for index in column.prefix_of]
    return Column(data, list(places), prefix_of)
