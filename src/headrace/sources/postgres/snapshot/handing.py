"""From rows that have arrived to what a poll hands out: single records, or blocks of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, overload

from headrace.data import SourceRecord
from headrace.data.batch import Block, Loose, SourceBatch
from headrace.data.columns import layout_of
from headrace.native import core
from headrace.sources.postgres.events import SOURCE_SCHEMA, Clock, Offset, RecordMaker
from headrace.sources.postgres.tables import TableCodec

if TYPE_CHECKING:
    from headrace.native._core import Column

_MARK, _SCHEMA, _TABLE = 4, 9, 10
PLAIN: Final = "true"
"""The mark of a row in the midst of others."""


class Listed(NamedTuple):
    """Rows as the Python decoder makes them."""

    codec: TableCodec
    rows: list[list[Any]]

    @property
    def total(self) -> int:
        return len(self.rows)

    def parted(self) -> tuple[Listed, Listed]:
        """All rows but the last, and the last."""
        return Listed(self.codec, self.rows[:-1]), Listed(self.codec, self.rows[-1:])


class Columnar(NamedTuple):
    """Rows as columns, one for each output of the codec."""

    codec: TableCodec
    total: int
    columns: list[Column]

    def parted(self) -> tuple[Columnar, Columnar]:
        """All rows but the last, and the last."""
        most = self.total - 1
        head, last = range(most), [most]
        return (
            Columnar(self.codec, most, [column.take(head) for column in self.columns]),
            Columnar(self.codec, 1, [column.take(last) for column in self.columns]),
        )


Lump = Listed | Columnar
"""Rows of one table that arrived together, at least one."""


class Handed:
    """What one poll hands out, in order."""

    def __init__(self, partition: Mapping[str, Any]) -> None:
        self._partition = partition
        self._parts: list[Block | Loose[SourceRecord]] = []
        self._offsets = RunOffsets()
        self._open: list[SourceRecord] = []
        self.size = 0
        """Bytes that the rows taken for it came in."""

    def __len__(self) -> int:
        return len(self._offsets) + len(self._open)

    @property
    def loose(self) -> list[SourceRecord]:
        """Records are appended here."""
        return self._open

    def __iadd__(self, records: Iterable[SourceRecord]) -> Handed:
        self._open += records
        return self

    def block(self, block: Block, offset: Offset, last: Offset) -> None:
        """Add a block, whose ordinals are not set yet. `last`: the offset of its last record."""
        self._close()
        begin, count = len(self._offsets), len(block)
        self._parts.append(block.replace(ordinals=range(begin, begin + count)))
        self._offsets.add(count - 1, offset)
        self._offsets.add(1, last)

    def _close(self) -> None:
        if self._open:
            begin = len(self._offsets)
            self._parts.append(Loose(self._open, range(begin, begin + len(self._open))))
            for record in self._open:
                self._offsets.add(1, record.source_offset)
            self._open = []

    def batch(self) -> Sequence[SourceRecord]:
        """A list where there are no blocks."""
        if not self._parts:
            return self._open
        self._close()
        return SourceBatch(self._parts, self._partition, self._offsets)


class RunOffsets(Sequence[Mapping[str, Any]]):
    """Offsets by ordinal, of which few differ."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._values: list[Mapping[str, Any]] = []

    def add(self, count: int, offset: Mapping[str, Any]) -> None:
        """The next `count` records have this offset."""
        if not count:
            return
        end = len(self) + count
        if self._values and self._values[-1] is offset:
            self._ends[-1] = end
        else:
            self._ends.append(end)
            self._values.append(offset)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Mapping[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(index)
        return self._values[bisect_right(self._ends, at)]


class RowMaker:
    """Makes the records of rows. `source`: the values of their source block, but for mark, schema and table."""

    def __init__(self, maker: RecordMaker, source: Sequence[Any]) -> None:
        self._maker = maker
        self._source = list(source)

    def make(
        self,
        out: Handed,
        lump: Lump,
        clock: Clock,
        offset: Offset,
        *,
        first: str = PLAIN,
        last: str | None = None,
        last_offset: Offset | None = None,
    ) -> None:
        """Hand out all rows of a lump under `offset`. `first`, `last`: the marks of the first row and of the last, which goes before it
        where there is but one; `last_offset`: of the last, None for the same."""
        shape = lump.codec.shape
        source = self._source.copy()
        source[_SCHEMA], source[_TABLE] = shape.schema, shape.table
        behind = offset if last_offset is None else last_offset
        if isinstance(lump, Columnar):
            out.block(self._block(lump, source, (first, last), clock), offset, behind)
            return
        marks = _marks(lump.total, first, last)
        codec, change = lump.codec, self._maker.change
        for at, (row, mark) in enumerate(zip(lump.rows, marks, strict=True), 1):
            own = source.copy()
            own[_MARK] = mark
            place = behind if at == lump.total else offset
            change(out.loose, codec, "r", codec.key_of(row), None, codec.row(row), own, clock, place)

    def _block(self, lump: Columnar, source: list[Any], ends: tuple[str, str | None], clock: Clock) -> Block:
        codec, rows = lump.codec, lump.total

        def constant(value: Any) -> Column:
            made: Column = core.Column.constant(value, rows)
            return made

        fields = [constant(value) for value in source]
        plain = ends[0] == PLAIN and ends[1] in (None, PLAIN)
        fields[_MARK] = constant(PLAIN) if plain else _texts(_marks(rows, *ends))
        structure = core.Column.structure
        after = structure(rows, lump.columns[: codec.value_count])
        parts = [constant(None), after, structure(rows, fields), constant(None), constant("r"), *map(constant, clock)]
        key = None
        if codec.key_schema is not None:
            columns = [lump.columns[slot] for slot in codec.key_slots]
            if codec.key_constant is not None:
                columns.append(constant(codec.key_constant))
            key = structure(rows, columns)
        return Block(
            codec.topic,
            codec.key_schema,
            key,
            codec.envelope_schema,
            structure(rows, parts),
            range(rows),
            headers=self._maker.headers,
        )


def _marks(rows: int, first: str, last: str | None) -> list[str]:
    marks = [first, *[PLAIN] * (rows - 1)]
    if last is not None:
        marks[-1] = last
    return marks


def _texts(values: list[str]) -> Column:
    layout = layout_of(SOURCE_SCHEMA.fields[_MARK].schema)
    made: Column = core.Column.of(layout, values)
    return made
