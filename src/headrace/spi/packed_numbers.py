"""Integers as the columns of a batch hold them, in memory and on disk: little-endian, as narrow as they allow."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Final

from headrace.native import core

_SWAP: Final = sys.byteorder == "big"
NULL_LENGTH: Final = b"\xff\xff\xff\xff"
"""The length of a datum that is None. No other four bytes of lengths in a row look like it: the highest byte of a length that
is not negative is below 128, and each four bytes in a row contain the highest byte of one length."""
_KINDS: Final = {1: "B", 2: "H", 4: "I"}


def integers(data: bytes, kind: str) -> Sequence[int]:
    """Little-endian integers as a sequence, not copied where the machine is so itself. `kind`: a type code of `array`."""
    if not _SWAP:
        return memoryview(data).cast(kind)  # type: ignore[call-overload, no-any-return]
    numbers: array[int] = array(kind, data)
    numbers.byteswap()
    return numbers


def little_endian(numbers: array[int]) -> bytes:
    """The bytes of an array, which may be changed by it."""
    if _SWAP:
        numbers.byteswap()
    return numbers.tobytes()


def pack_indexes(indexes: Sequence[int], highest: int) -> bytes:
    """Indexes as `PackedColumn.prefix_index` wants them, as narrow as the highest allows."""
    return little_endian(array("B" if highest < 256 else "H" if highest < 65536 else "I", indexes))


def unpack_indexes(packed: bytes, count: int) -> Sequence[int]:
    """The `count` indexes of a `PackedColumn.prefix_index`. KeyError if its width is none of 1, 2 and 4 bytes."""
    if not packed:
        return ()
    return packed if len(packed) == count else integers(packed, _KINDS[len(packed) // max(count, 1)])


def data_size(lengths: bytes, start: int, stop: int) -> int:
    """How many bytes the data have whose lengths lie from position `start` up to `stop`."""
    if core is not None:
        try:
            return core.packed_size(lengths[4 * start : 4 * stop])  # type: ignore[no-any-return]
        except core.DeclinedError:
            pass
    return sum(integers(lengths[4 * start : 4 * stop], "i")) + lengths.count(NULL_LENGTH, 4 * start, 4 * stop)
