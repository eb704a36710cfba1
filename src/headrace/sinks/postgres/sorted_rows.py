"""Rows that the Rust core sorted, and how they are handed to the loaders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headrace.sinks.postgres.routes import Route

if TYPE_CHECKING:
    from headrace.native._core import SortedRows

TableName = tuple[str | None, str]
ROWS, DELETES, FRESH, KNOWN = -1, -2, -3, -4


class NotNativeError(Exception):
    """Rows of `table` cannot be written natively; nothing was."""

    def __init__(self, table: TableName) -> None:
        super().__init__(table)
        self.table = table


@dataclass(frozen=True, slots=True)
class NativeRows:
    """Rows of one segment: ROWS, DELETES, or those of the numbered set of columns left out. ROWS are FRESH ones, which the batch says
    were not there before, and KNOWN ones."""

    rows: SortedRows
    segment: int
    which: int

    def counts(self) -> tuple[int, int]:
        """How many rows of the segment are known, how many fresh."""
        return self.rows.segments[self.segment][1:3]

    def __len__(self) -> int:
        deletes, known, fresh, partial = self.rows.segments[self.segment]
        if self.which >= 0:
            return partial[self.which][1]
        return {ROWS: known + fresh, DELETES: deletes, FRESH: fresh, KNOWN: known}[self.which]

    def only(self, which: int) -> NativeRows:
        """Others of the same segment."""
        return replace(self, which=which)


class BlockSegment:
    """As `segments.Segment`, of rows that are columns still."""

    __slots__ = ("_number", "_sorted", "route", "shape", "table")

    truncate = False

    def __init__(self, table: TableName, route: Route, sorted_rows: SortedRows, number: int) -> None:
        self.table = table
        self.route = route
        self.shape = None if route.form == "tombstone" else route
        self._sorted = sorted_rows
        self._number = number

    def deleted(self) -> NativeRows | None:
        """The rows to delete, None when there are none."""
        rows = NativeRows(self._sorted, self._number, DELETES)
        return rows if rows else None

    def whole(self) -> NativeRows | None:
        """The rows to write, None when there are none."""
        rows = NativeRows(self._sorted, self._number, ROWS)
        return rows if rows else None

    def partial(self) -> list[tuple[frozenset[int], NativeRows]]:
        """Sets of columns to be left alone, by their places in the shape's fields, with their rows."""
        sets = self._sorted.segments[self._number][3]
        return [
            (frozenset(left_out), NativeRows(self._sorted, self._number, which))
            for which, (left_out, _) in enumerate(sets)
        ]
