"""Where in the log the records of a sink's batch lie, which neither columns nor records carry along with them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any


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
