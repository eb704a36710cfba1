"""The offsets of a batch that was decoded natively: made when somebody reads one, which is the last one of most batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from headrace.sources.postgres.offsets import StreamOffset, TransactionMark

if TYPE_CHECKING:
    from headrace.native._core import Places

Parts = tuple[int, int, int, str, int]
"""Of an event: number of its context, position, number at the position, operation, where its transaction ends if it was the last."""


def event_offset(mark: TransactionMark, parts: Parts) -> StreamOffset:
    """The offset of an event that the core decoded."""
    _, lsn, events, operation, done_at = parts
    offset = StreamOffset(mark, lsn, events, operation)
    if done_at:
        offset.complete(done_at)
    return offset


class BatchOffsets(Sequence[Mapping[str, Any]]):
    """Of each ordinal. `given`: those of the records that the Python decoder made."""

    def __init__(self, places: Places, given: Sequence[Mapping[str, Any]]) -> None:
        self._places = places
        self._given = given
        self._marks: dict[int, TransactionMark] = {}

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Mapping[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        found = self._places.at(index)
        if isinstance(found, int):
            return self._given[found]
        mark, parts = found
        known = self._marks.get(parts[0])
        if known is None:
            known = self._marks[parts[0]] = TransactionMark(*mark)
        return event_offset(known, parts)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return (self[i] for i in range(len(self)))
