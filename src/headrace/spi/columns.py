"""How the encoded data of a batch travel: one element per record, without a Python object per record where none is needed.

`Column` holds a list, `PackedColumn` one contiguous buffer; both give the same data. `Repeated` is the sequence of one value.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from headrace.native import core
from headrace.spi.packed_data import Buffer, row_ends, split_rows, take_rows
from headrace.spi.packed_numbers import (
    NULL_LENGTH,
    data_size,
    integers,
    little_endian,
    pack_indexes,
    unpack_indexes,
)
from headrace.spi.sequences import Repeated, RowNumbers, taken

__all__ = [
    "Buffer",
    "Column",
    "PackedColumn",
    "Repeated",
    "RowNumbers",
    "integers",
    "little_endian",
    "pack_indexes",
    "taken",
    "unpack_indexes",
]


class Column:
    """One encoded datum per record: None, or `prefixes[prefix_of[i]] + data[i]`.

    `prefixes[0]` is always empty. `prefix_of` may be None, which means all zero. Lists are taken as they are, not copied.
    """

    __slots__ = ("data", "prefix_of", "prefixes")

    def __init__(
        self, data: list[bytes | None], prefixes: list[bytes] | None = None, prefix_of: list[int] | None = None
    ) -> None:
        self.data = data
        self.prefixes: list[bytes] = prefixes if prefixes is not None else [b""]
        self.prefix_of = prefix_of

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> bytes | None:
        datum = self.data[index]
        if datum is None or self.prefix_of is None:
            return datum
        return self.prefixes[self.prefix_of[index]] + datum

    def __iter__(self) -> Iterator[bytes | None]:
        if self.prefix_of is None:
            return iter(self.data)
        return (self[index] for index in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Column) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def has_null(self) -> bool:
        """Whether a datum is None."""
        return None in self.data

    @property
    def size(self) -> int:
        """Bytes of all data, without prefixes."""
        return sum(len(datum) for datum in self.data if datum is not None)

    def take(self, indexes: Sequence[int]) -> Column:
        """The data at those positions, in that order, sharing the prefixes."""
        prefix_of = None if self.prefix_of is None else [self.prefix_of[i] for i in indexes]
        return Column([self.data[i] for i in indexes], self.prefixes, prefix_of)

    def slice(self, start: int, stop: int) -> Column:
        """The data at positions `start` up to `stop`, 0 ≤ start ≤ stop ≤ len, sharing what can be shared."""
        prefix_of = self.prefix_of
        return Column(self.data[start:stop], self.prefixes, None if prefix_of is None else prefix_of[start:stop])

    def packed(self) -> PackedColumn:
        """The same data in one buffer. TypeError or IndexError if a datum is not bytes or a prefix index is not in the table."""
        try:
            lengths = array("i", map(len, self.data))  # type: ignore[arg-type]  # a None is what the except is for
            buffer = b"".join(self.data)  # type: ignore[arg-type]
        except TypeError:
            lengths = array("i", [-1 if datum is None else len(datum) for datum in self.data])
            buffer = b"".join([datum for datum in self.data if datum is not None])
        return PackedColumn(buffer, little_endian(lengths), self.prefixes, self._packed_prefixes())

    def _packed_prefixes(self) -> int | bytes | None:
        prefix_of = self.prefix_of
        if prefix_of is None:
            return None
        if len(prefix_of) != len(self.data):
            raise IndexError(f"{len(prefix_of)} prefix indexes for {len(self.data)} data")
        used = set(prefix_of)
        if not used:
            return None
        if min(used) < 0 or max(used) >= len(self.prefixes):
            raise IndexError("a prefix index is out of its table")
        return prefix_of[0] or None if len(used) == 1 else pack_indexes(prefix_of, max(used))


class PackedColumn(Column):
    """A `Column` over one buffer, as native code makes and takes it: the data of all records one after the other.

    `buffer`: the data, without prefixes. `lengths`: a little-endian int32 per record, -1 for None; they add up to the buffer.
    `prefix_index`, given as `prefix_of`: None = no prefixes; int = the same one for all records; bytes = one little-endian
    unsigned integer per record, all 1, 2 or 4 bytes wide (so the width is `len(prefix_index) // len(column)`). `seams`: where in each
    datum the texts begin that all have in common, as many for each record: little-endian uint16, bytes from the one before or from
    the datum's begin. A hint for who compresses, which may be wrong; None = not known.

    Immutable by contract, and nothing is copied or checked: slices share the buffer. `data` and `prefix_of` are made at the
    first use and kept, for code that wants an object per record.
    """

    __slots__ = ("_cursor", "_ends", "buffer", "lengths", "prefix_index", "seams")

    def __init__(
        self,
        buffer: Buffer,
        lengths: bytes,
        prefixes: list[bytes] | None = None,
        prefix_of: int | bytes | None = None,
        seams: bytes | None = None,
    ) -> None:
        # The slots `data` and `prefix_of` stay empty until `__getattr__` is asked for them.
        self.buffer = buffer
        self.lengths = lengths
        self.prefixes = prefixes if prefixes is not None else [b""]
        self.prefix_index = prefix_of
        self.seams = seams
        self._ends: list[int] | None = None
        self._cursor = (0, 0)

    def __len__(self) -> int:
        return len(self.lengths) >> 2

    def __getattr__(self, name: str) -> Any:
        if name == "data":
            self.data = self._split()
            return self.data
        if name == "prefix_of":
            index = self.prefix_index
            self.prefix_of = [index] * len(self) if isinstance(index, int) else self.prefix_indexes()
            return self.prefix_of
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __getitem__(self, index: int) -> bytes | None:
        index = range(len(self))[index]
        length = int.from_bytes(self.lengths[4 * index : 4 * index + 4], "little", signed=True)
        if length < 0:
            return None
        end = self._all_ends()[index + 1]
        datum = bytes(self.buffer[end - length : end])
        prefix = self._prefix_at(index)
        return self.prefixes[prefix] + datum if prefix else datum

    @property
    def has_null(self) -> bool:
        return NULL_LENGTH in self.lengths

    @property
    def size(self) -> int:
        return len(self.buffer)

    def prefix_indexes(self) -> list[int] | None:
        """The prefix of each record where they differ, else None: see `prefix_index`."""
        index = self.prefix_index
        return list(unpack_indexes(index, len(self))) if isinstance(index, bytes) and index else None

    def take(self, indexes: Sequence[int]) -> PackedColumn:
        if isinstance(indexes, range) and indexes.step == 1 and indexes.start >= 0:
            return self.slice(indexes.start, max(indexes.start, indexes.stop))
        if core is not None:
            try:
                rows = indexes.rows if isinstance(indexes, RowNumbers) else RowNumbers.of(indexes).rows
                buffer, lengths, prefix = core.packed_take(self.buffer, self.lengths, self.prefix_index, rows)
            except (core.DeclinedError, OverflowError, TypeError, BufferError):
                pass  # rows counted from the end, or none of this column: the twin knows what to do, or to say
            else:
                same = None if isinstance(self.prefix_index, bytes) else self.prefix_index
                return PackedColumn(memoryview(buffer), lengths, self.prefixes, prefix or same)
        data, sizes, index = take_rows(self.buffer, self.lengths, self.prefix_index, indexes, self._all_ends())
        return PackedColumn(data, sizes, self.prefixes, index)

    def slice(self, start: int, stop: int) -> PackedColumn:
        if start == 0 and stop == len(self):
            return self
        prefix = self.prefix_index
        if isinstance(prefix, bytes):
            width = len(prefix) // len(self)
            prefix = prefix[width * start : width * stop] or None
        seams = self.seams
        if seams is not None:
            width = len(seams) // len(self)
            seams = seams[width * start : width * stop]
        first = self._place(start)
        buffer = self.buffer if isinstance(self.buffer, memoryview) else memoryview(self.buffer)
        return PackedColumn(
            buffer[first : self._place(stop)], self.lengths[4 * start : 4 * stop], self.prefixes, prefix, seams
        )

    def packed(self) -> PackedColumn:
        return self

    def _prefix_at(self, index: int) -> int:
        prefix = self.prefix_index
        if isinstance(prefix, bytes):
            width = len(prefix) // len(self)
            return int.from_bytes(prefix[width * index : width * (index + 1)], "little")
        return prefix or 0

    def _place(self, index: int) -> int:
        """Where the datum starts. Slices come one behind the other, so the last answer is the start of the next sum."""
        if self._ends is not None:
            return self._ends[index]
        known, place = self._cursor
        if index < known:
            known = place = 0
        place += data_size(self.lengths, known, index)
        self._cursor = (index, place)
        return place

    def _all_ends(self) -> list[int]:
        """0 and where each datum ends."""
        if self._ends is None:
            self._ends = row_ends(self.lengths)
        return self._ends

    def _split(self) -> list[bytes | None]:
        if core is not None:
            try:
                return core.packed_data(self.buffer, self.lengths)  # type: ignore[no-any-return]
            except (core.DeclinedError, TypeError, BufferError):
                pass
        return split_rows(self.buffer, self.lengths, self._all_ends)
