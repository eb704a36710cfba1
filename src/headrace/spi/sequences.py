"""Sequences of one element per record that cost nothing per record, or four bytes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Generic, TypeVar, overload

from headrace.spi.packed_numbers import integers, little_endian

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class RowNumbers(Sequence[int]):
    """Positions of records in a column: a little-endian unsigned 32-bit integer each, as native code makes and takes them."""

    __slots__ = ("_numbers", "rows")

    def __init__(self, rows: bytes) -> None:
        self.rows = rows
        self._numbers = integers(rows, "I")

    @staticmethod
    def of(positions: Iterable[int]) -> RowNumbers:
        """OverflowError for a position below 0."""
        return RowNumbers(little_endian(array("I", positions)))

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        return self._numbers[index]

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)


class Repeated(Sequence[T_co], Generic[T_co]):
    """The immutable sequence of `times` times the same value; equal to a list of it."""

    __slots__ = ("times", "value")

    def __init__(self, value: T_co, times: int) -> None:
        self.value = value
        self.times = times

    def __len__(self) -> int:
        return self.times

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> Repeated[T_co]: ...
    def __getitem__(self, index: int | slice) -> T_co | Repeated[T_co]:
        if isinstance(index, slice):
            return Repeated(self.value, len(range(self.times)[index]))
        if not -self.times <= index < self.times:
            raise IndexError("index out of range")
        return self.value

    def __iter__(self) -> Iterator[T_co]:
        return repeat(self.value, self.times)

    def __contains__(self, value: object) -> bool:
        return self.times > 0 and self.value == value

    def count(self, value: object) -> int:
        return self.times if value in self else 0

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Repeated):
            return self.times == other.times and (self.times == 0 or self.value == other.value)
        return isinstance(other, list) and len(other) == self.times == other.count(self.value)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Repeated({self.value!r}, {self.times})"


def taken(items: Sequence[T], positions: Sequence[int]) -> Sequence[T]:
    """The items at those positions, in that order."""
    if isinstance(items, Repeated):
        return Repeated(items.value, len(positions))
    return [items[i] for i in positions]
