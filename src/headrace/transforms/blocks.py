"""What transforms share that work on blocks: one side of a block, its struct's fields, blocks split by values.

Whatever a block cannot hold, or a transform would have to refuse, is left to the records: the functions answer None or raise, and
the transform answers None in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.data import Schema, SourceRecord, Type
from headrace.data.batch import Block
from headrace.data.columns import constant, groups, layout_of

if TYPE_CHECKING:
    from headrace.native._core import Column, Layout, Mask

_ROWS_OF_A_PIECE = 16
"""A block is not split into pieces that have fewer rows than this on average: records are cheaper then."""
_PIECES = 8
"""So many pieces are always allowed."""


class Side(NamedTuple):
    """The key or the value of a block: its schema, and its column or None where all rows are null."""

    schema: Schema | None
    column: Column | None


class StructSide(NamedTuple):
    """A side whose rows are structs or null."""

    schema: Schema
    column: Column
    layout: Layout

    def read(self, chosen: Sequence[int] | None = None, *, defaults: bool) -> list[Column]:
        """As headrace.transforms.base.compile_reader reads values; raises where that would."""
        return self.column.read(self.layout, chosen, defaults=defaults)


def side_of(block: Block, is_key: bool) -> Side:
    """The side a transform works on."""
    return Side(block.key_schema, block.key) if is_key else Side(block.value_schema, block.value)


def with_side(block: Block, is_key: bool, schema: Schema | None, column: Column | None) -> Block | None:
    """The block with that side replaced; None for a schema that has no native form."""
    if column is not None and (schema is None or layout_of(schema) is None):
        return None
    if is_key:
        return block.replace(key_schema=schema, key=column)
    return block.replace(value_schema=schema, value=column)


def structs_of(side: Side) -> StructSide | None:
    """The side, if it has structs."""
    schema, column = side
    if schema is None or column is None or schema.type is not Type.STRUCT:
        return None
    layout = layout_of(schema)
    return None if layout is None else StructSide(schema, column, layout)


def one_value(schema: Schema, column: Column, row: int) -> Any:
    """The value of one row as a record holds it."""
    layout = layout_of(schema)
    assert layout is not None
    return column.take([row]).values(layout)[0]


def one_record(block: Block, row: int) -> SourceRecord:
    """A record with the topic, key, value and headers of one row, for what asks for no more."""
    one = block.take([row])
    sides: list[Any] = []
    for schema, column in ((one.key_schema, one.key), (one.value_schema, one.value)):
        value = None
        if column is not None and schema is not None:
            value = one_value(schema, column, 0)
            schema = None if value is None else schema
        sides += [schema, value]
    return SourceRecord(
        {}, {}, block.topic, block.partition, sides[0], sides[1], sides[2], sides[3], None, block.headers
    )


def presence(column: Column) -> Column:
    """A column that says only where this one has a value."""
    return constant(True, len(column)).within(column.valid())


def grouped(columns: Sequence[Column], rows: int) -> list[tuple[int, Mask]] | None:
    """The rows of each combination of values: the first of them, and all; None when they are too many to go on in blocks."""
    return groups(columns, rows, max(_PIECES, rows // _ROWS_OF_A_PIECE))


def pieces(block: Block, columns: Sequence[Column]) -> list[tuple[int, Block]] | None:
    """The block split so that the rows of each piece are equal in these columns of its rows: for each the number of the row in the
    block that comes first, and the piece. None as `grouped`."""
    groups = grouped(columns, len(block))
    return None if groups is None else [(row, block.filter(mask)) for row, mask in groups]
