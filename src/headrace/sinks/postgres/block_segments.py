"""Sorts a batch with blocks into segments: natively table by table, by `segments.collect` where that cannot be.

What a table's rows come to is decided for the whole table: if one of its blocks, or a single record, has to go the Python way, all of
the table's records of the batch do, so that their order is never in question. What differs between tables has no order.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from headrace.data import SinkRecord
from headrace.data.batch import Block, Loose, SinkBatch
from headrace.native import core
from headrace.sinks.postgres.block_rules import columns_of, rules_of, sample_by_source
from headrace.sinks.postgres.routes import Route, Routes
from headrace.sinks.postgres.segments import AnySegment, collect
from headrace.sinks.postgres.settings import SinkSettings
from headrace.sinks.postgres.sorted_rows import BlockSegment, TableName

if TYPE_CHECKING:
    from headrace.native._core import SinkRules
    from headrace.sinks.postgres.block_rules import PartColumns

MOST_BATCHES_BETWEEN_TRIES = 64


class _Declined(Exception):
    """A table's blocks are not done natively."""


class _Group:
    """Consecutive blocks of one table with the same key and columns, found in the same places: they are all read by one route's rules.
    `shape`: the route of those that have rows."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.shape: Route | None = None
        self.blocks: list[Block] = []

    def takes(self, route: Route) -> bool:
        if _key_places(route) != _key_places(self.route):
            return False
        return route.form == "tombstone" or self.shape is None or _row_places(self.shape) == _row_places(route)

    def add(self, block: Block, route: Route) -> None:
        self.blocks.append(block)
        if route.form != "tombstone":
            self.shape = self.shape or route


def _key_places(route: Route) -> tuple[Any, ...]:
    return route.key.columns, route.key.place, route.key.indexes


def _row_places(route: Route) -> tuple[Any, ...]:
    return route.fields, route.form, route.op, route.before, route.after


class BlockSorter:
    """Remembers which tables declined, and tries them again ever more rarely."""

    def __init__(self, routes: Routes, settings: SinkSettings) -> None:
        self._routes = routes
        self._settings = settings
        self._rules: dict[int, tuple[Route, SinkRules | None]] = {}
        self._skips: dict[TableName, int] = {}
        self._pauses: dict[TableName, int] = {}

    def segments(self, batch: SinkBatch, refused: set[TableName]) -> list[AnySegment]:
        """The segments of all tables. `refused`: tables that are to go the Python way; what declines now is added.

        DataException and ConfigException as `collect`."""
        by_table: dict[TableName, list[tuple[Block, Route]]] = {}
        loose: list[Loose[SinkRecord]] = []
        first: dict[TableName | None, int] = {}
        for part in batch.parts:
            if isinstance(part, Loose):
                loose.append(part)
                self._tables_of(part, first, refused)
                continue
            route = self._route(part)
            if route is None:
                return [*collect(batch, self._routes, self._settings)]
            if route.table is not None:
                by_table.setdefault(route.table, []).append((part, route))
                first[route.table] = min(part.ordinals[0], first.get(route.table, part.ordinals[0]))
        found: list[tuple[int, AnySegment]] = []
        for table, blocks in by_table.items():
            try:
                if table in refused or self._is_pausing(table):
                    raise _Declined
                found += [(first[table], segment) for segment in self._native(table, blocks, batch)]
            except _Declined:
                refused.add(table)
                loose += [batch.loosened(block) for block, _ in blocks]
        if loose:
            merged = heapq.merge(*(zip(one.ordinals, one.records, strict=True) for one in loose), key=itemgetter(0))
            records = [record for _, record in merged]
            found += [(first.get(s.table, 0), s) for s in collect(records, self._routes, self._settings)]
        found.sort(key=itemgetter(0))
        return [segment for _, segment in found]

    def declined(self, table: TableName) -> None:
        """The table's rows were not to be had natively this time."""
        pause = self._pauses[table] = min(self._pauses.get(table, 0) * 2 + 1, MOST_BATCHES_BETWEEN_TRIES)
        self._skips[table] = pause

    def written(self, segments: Sequence[AnySegment]) -> None:
        """These were written: their tables are worth a try at once the next time."""
        if self._pauses:
            for segment in segments:
                if isinstance(segment, BlockSegment):
                    self._pauses.pop(segment.table, None)

    def _is_pausing(self, table: TableName) -> bool:
        left = self._skips.get(table, 0)
        if left:
            self._skips[table] = left - 1
        return left > 0

    def _tables_of(self, part: Loose[SinkRecord], first: dict[TableName | None, int], refused: set[TableName]) -> None:
        settings = self._settings
        for record, ordinal in zip(part.records, part.ordinals, strict=True):
            if record.value is None and not settings.delete_enabled and not settings.null_value_error:
                continue
            table = self._routes.route(record).table
            if table is not None:
                refused.add(table)
                first.setdefault(table, ordinal)

    def _route(self, block: Block) -> Route | None:
        """The route of a block's rows; None when they do not have the same one, or it is not known without records."""
        if self._settings.pk_mode == "record_header" or (self._settings.pk_mode == "record_key" and block.key is None):
            return None
        value: Any = None
        if block.value is not None and block.value_schema is not None and block.value.valid().any():
            value = sample_by_source(block, self._routes.source_fields) if self._routes.by_source else _PRESENT
            if value is None:
                return None
        return self._routes.route(
            SinkRecord(
                block.topic, 0, block.key_schema, _PRESENT, block.value_schema if value is not None else None, value, 0
            )
        )

    def _native(self, table: TableName, blocks: list[tuple[Block, Route]], batch: SinkBatch) -> list[BlockSegment]:
        blocks.sort(key=lambda one: one[0].ordinals[0])
        groups: list[_Group] = []
        end = -1
        for block, route in blocks:
            if not groups or not groups[-1].takes(route):
                if block.ordinals[0] <= end:
                    # Rows of two shapes in turns.
                    raise _Declined
                groups.append(_Group(route))
            groups[-1].add(block, route)
            end = max(end, block.ordinals[-1])
        segments: list[BlockSegment] = []
        for group in groups:
            segments += self._sort(table, group, batch)
        return segments

    def _sort(self, table: TableName, group: _Group, batch: SinkBatch) -> list[BlockSegment]:
        shape = group.shape or group.route
        rules = self._rules_of(shape)
        if rules is None:
            raise _Declined
        pieces = [piece for block in group.blocks for piece in columns_of(block, shape, batch.places)]
        parts: list[PartColumns] = [part for part, _ in pieces]
        in_turns = any(after[0] < before[-1] for (_, before), (_, after) in pairwise(pieces))
        try:
            rows = rules.sort(parts, [list(ordinals) for _, ordinals in pieces] if in_turns else None)
        except core.DeclinedError:
            self.declined(table)
            raise _Declined from None
        return [BlockSegment(table, shape, rows, number) for number in range(len(rows.segments))]

    def _rules_of(self, route: Route) -> SinkRules | None:
        known = self._rules.get(id(route))
        if known is None or known[0] is not route:
            made = rules_of(route, self._settings, by_source=self._routes.by_source)
            known = self._rules[id(route)] = (route, made)
        return known[1]


_PRESENT: Any = object()
"""Stands for a value that is not null."""
