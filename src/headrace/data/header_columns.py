"""Headers whose values differ from row to row of a block: each one a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.data.columns import layout_of
from headrace.data.record import Header
from headrace.data.schema import Schema

if TYPE_CHECKING:
    from headrace.native._core import Column, Mask


class HeaderColumn(NamedTuple):
    """One header of every row: its name, its schema, which is that of nulls as well, and its values."""

    name: str
    schema: Schema
    column: Column

    def filter(self, mask: Mask) -> HeaderColumn:
        """Of the rows for which the mask is true."""
        return self._replace(column=self.column.filter(mask))

    def take(self, rows: Sequence[int]) -> HeaderColumn:
        """Of the rows at these positions."""
        return self._replace(column=self.column.take(rows))

    def values(self) -> list[Any]:
        """As records hold them."""
        layout = layout_of(self.schema)
        assert layout is not None
        return self.column.values(layout)

    def headers(self) -> list[Header]:
        """Of each row."""
        return [Header(self.name, self.schema, value) for value in self.values()]


def header_rows(shared: tuple[Header, ...], columns: Sequence[HeaderColumn]) -> list[tuple[Header, ...]]:
    """All headers of each row: those that all share, and behind them its own."""
    return [(*shared, *own) for own in zip(*(column.headers() for column in columns), strict=True)]
