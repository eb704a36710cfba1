"""Rows that the Rust core sorted, and how they are handed to the loaders."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headrace.sinks.postgres.routes import Route

if TYPE_CHECKING:
    from headrace.native._core import SortedRows

TableName = tuple[str | None, str]
_DELETES, _ROWS = -2, -1


class NotNativeError(Exception):
    """Rows of `table` cannot be written natively; nothing was."""

    def __init__(self, table: TableName) -> None:
        super().__init__(table)
        self.table = table


class NativeRows(NamedTuple):
    """Rows of one segment: deletes (-2), whole rows (-1), or those of the numbered set of columns left out."""

    rows: SortedRows
    segment: int
    which: int


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
        return NativeRows(self._sorted, self._number, _DELETES) if self._sorted.segments[self._number][0] else None

    def whole(self) -> NativeRows | None:
        """The rows to write, None when there are none."""
        return NativeRows(self._sorted, self._number, _ROWS) if self._sorted.segments[self._number][1] else None

    def partial(self) -> list[tuple[frozenset[int], NativeRows]]:
        """Sets of columns to be left alone, by their places in the shape's fields, with their rows."""
        sets = self._sorted.segments[self._number][2]
        return [
            (frozenset(left_out), NativeRows(self._sorted, self._number, which))
            for which, (left_out, _) in enumerate(sets)
        ]
