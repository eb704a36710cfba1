"""Work on the data of packed columns where no native code does it: what the native results have to equal.

`buffer` and `lengths` are those of a `PackedColumn`; `ends`: 0 and where each datum ends. Pure.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from typing import TypeAlias

from headrace.spi.packed_numbers import NULL_LENGTH, integers, little_endian

Buffer: TypeAlias = bytes | memoryview


def row_ends(lengths: bytes) -> list[int]:
    """0 and where each datum ends."""
    sizes: Iterable[int] = integers(lengths, "i")
    if NULL_LENGTH in lengths:
        sizes = [max(size, 0) for size in sizes]
    return list(accumulate(sizes, initial=0))


def split_rows(buffer: Buffer, lengths: bytes, ends: Callable[[], list[int]]) -> list[bytes | None]:
    """The data, one by one. `ends` is asked for only where some are None."""
    whole = buffer if isinstance(buffer, bytes) else bytes(buffer)
    nulls = lengths.count(NULL_LENGTH)
    if nulls == len(lengths) >> 2:
        return [None] * nulls
    sizes = integers(lengths, "i")
    if not nulls:
        return [whole[start:end] for start, end in pairwise(accumulate(sizes, initial=0))]
    return [None if size < 0 else whole[end - size : end] for size, end in zip(sizes, ends()[1:], strict=True)]


def take_rows(
    buffer: Buffer, lengths: bytes, prefix: int | bytes | None, indexes: Sequence[int], ends: list[int]
) -> tuple[bytes, bytes, int | bytes | None]:
    """Data, lengths and prefix indexes of the rows at those positions, in that order. IndexError for one that is not there."""
    rows = [*map(range(len(lengths) >> 2).__getitem__, indexes)]
    sizes = integers(lengths, "i")
    if isinstance(prefix, bytes):
        width = len(prefix) // max(len(lengths) >> 2, 1)
        prefix = b"".join([prefix[width * row : width * (row + 1)] for row in rows]) or None
    data = b"".join([buffer[ends[row] : ends[row + 1]] for row in rows])
    return data, little_endian(array("i", [sizes[row] for row in rows])), prefix
