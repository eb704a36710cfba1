"""Decoded columns of a log batch → blocks: cut where the key's schema, the value's schema or the headers change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headrace.data import Header, Schema
from headrace.data.batch import Block
from headrace.log.spi import EncodedBatch
from headrace.native import core
from headrace.spi.columns import Repeated
from headrace.spi.converter import DecodedRun

if TYPE_CHECKING:
    from headrace.native._core import Column


def blocks_of(
    batch: EncodedBatch,
    start: int,
    keys: Sequence[DecodedRun],
    values: Sequence[DecodedRun],
    headers: Sequence[tuple[int, tuple[Header, ...]]],
) -> list[Block]:
    """The blocks of a batch whose first record has the ordinal `start`; all runs together have as many records as the batch.
    `headers`: with the end of each run."""
    key_runs, value_runs = _Runs(keys), _Runs(values)
    ends = sorted({*key_runs.ends, *value_runs.ends, *(end for end, _ in headers)})
    stamps = batch.timestamps
    constant = isinstance(stamps, Repeated)
    blocks: list[Block] = []
    at = which = 0
    for end in ends:
        if end == at:
            continue
        while headers[which][0] <= at:
            which += 1
        key_schema, key = key_runs.cut(at, end)
        value_schema, value = value_runs.cut(at, end)
        blocks.append(
            Block(
                batch.topic,
                key_schema,
                key,
                value_schema,
                value,
                range(start + at, start + end),
                timestamps=core.Column.constant(stamps[0], end - at) if constant else core.Column.ints(stamps[at:end]),
                headers=headers[which][1],
            )
        )
        at = end
    return blocks


class _Runs:
    """Runs of decoded data, asked for in rising order."""

    def __init__(self, runs: Sequence[DecodedRun]) -> None:
        self._runs = runs
        self._which = 0
        self._start = 0
        self.ends: list[int] = []
        end = 0
        for run in runs:
            end += run.length
            self.ends.append(end)

    def cut(self, start: int, end: int) -> tuple[Schema | None, Column | None]:
        """Schema and values of the rows from `start` to `end`, which lie in one run."""
        while self.ends[self._which] <= start:
            self._start = self.ends[self._which]
            self._which += 1
        run = self._runs[self._which]
        if run.values is None or (start == self._start and end == self.ends[self._which]):
            return run.schema, run.values
        return run.schema, run.values.slice(start - self._start, end - self._start)
