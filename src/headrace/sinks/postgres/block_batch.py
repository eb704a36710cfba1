"""A batch with blocks in it, as far as positions and transactions go: where its records lie, which of them are new, portions of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

from headrace.data import SinkRecord
from headrace.data.batch import Block, Loose, SinkBatch, SinkPlaces
from headrace.spi.context import TopicPartition

Part = Block | Loose[SinkRecord]


def cut(part: Part, start: int, stop: int) -> Part:
    """The rows from number `start` to `stop` of a part."""
    if start == 0 and stop >= len(part):
        return part
    if isinstance(part, Loose):
        return Loose(part.records[start:stop], part.ordinals[start:stop])
    return part.replace(
        key=None if part.key is None else part.key.slice(start, stop),
        value=None if part.value is None else part.value.slice(start, stop),
        timestamps=None if part.timestamps is None else part.timestamps.slice(start, stop),
        ordinals=part.ordinals[start:stop],
    )


def within(part: Part, low: int, high: int) -> Part:
    """The rows whose ordinals are from `low` to below `high`."""
    return cut(part, bisect_left(part.ordinals, low), bisect_left(part.ordinals, high))


def runs_of(places: SinkPlaces) -> Iterator[tuple[TopicPartition, int, int, Sequence[int]]]:
    """(partition, first ordinal, ordinal behind the last, offsets) of each run of ordinals that lie in one partition."""
    for start, topic, partition, offsets in places.runs():
        yield TopicPartition(topic, partition), start, start + len(offsets), offsets


def ends(batch: SinkBatch) -> dict[TopicPartition, int]:
    """Per partition the offset behind its last record of the batch."""
    found: dict[TopicPartition, int] = {}
    for partition, start, stop, offsets in runs_of(batch.places):
        last = -1
        for part in batch.parts:
            place = bisect_left(part.ordinals, stop) - 1
            if place >= 0 and part.ordinals[place] >= start:
                last = max(last, part.ordinals[place])
        if last >= 0:
            found[partition] = max(offsets[last - start] + 1, found.get(partition, 0))
    return found


def since(batch: SinkBatch, floors: Mapping[TopicPartition, int]) -> SinkBatch:
    """Without the records below the stored positions; the same batch when there are none."""
    parts: list[Part] = list(batch.parts)
    changed = False
    for partition, start, _, offsets in runs_of(batch.places):
        below = start + bisect_left(offsets, floors.get(partition, 0))
        if below == start:
            continue
        changed = True
        parts = [
            piece for part in parts for piece in (within(part, 0, start), within(part, below, 2**63)) if len(piece)
        ]
    return batch.with_parts(parts) if changed else batch


def portions(batch: SinkBatch, size: int) -> Iterator[SinkBatch]:
    """Batches of at most `size` records each, in order."""
    if len(batch) <= size:
        yield batch
        return
    order = sorted(chain.from_iterable(part.ordinals for part in batch.parts))
    for at in range(0, len(order), size):
        low, high = order[at], order[at + size] if at + size < len(order) else order[-1] + 1
        yield batch.with_parts([within(part, low, high) for part in batch.parts])


def shared_out(batch: SinkBatch, owner: Callable[[TopicPartition], int]) -> dict[int, SinkBatch]:
    """A batch for each owner of partitions that have records in it."""
    found: dict[int, list[Part]] = {}
    for partition, start, stop, _ in runs_of(batch.places):
        pieces = [piece for part in batch.parts if len(piece := within(part, start, stop))]
        if pieces:
            found.setdefault(owner(partition), []).extend(pieces)
    return {number: batch.with_parts(pieces) for number, pieces in found.items()}
