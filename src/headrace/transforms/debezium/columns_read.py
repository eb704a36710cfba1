"""The columns of a block that decide what an expression gives for its rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from headrace.data import Type
from headrace.data.batch import Block
from headrace.transforms.blocks import presence, side_of
from headrace.transforms.expressions.reads import Read

if TYPE_CHECKING:
    from headrace.native._core import Column


def columns_read(block: Block, reads: Iterable[Read]) -> list[Column] | None:
    """Rows that are equal in these columns are equal in all that is read, and in whether their value is null. None where a struct is
    read as a whole, or a name that is none of its fields."""
    made = [presence(block.value)] if block.value is not None and block.value.has_nulls else []
    for read in sorted(reads):
        found = _columns(block, read)
        if found is None:
            return None
        made += found
    return made


def _columns(block: Block, read: Read) -> list[Column] | None:
    schema, column = side_of(block, read.side == "key")
    if schema is None or column is None:
        return []
    made: list[Column] = []
    for name in read.names:
        if schema.type is not Type.STRUCT:
            # The name is of something within the value, such as a map's entry: whether that is null, the whole decides.
            return [*made, column]
        made.append(presence(column))
        field = schema.field(name)
        if field is None:
            return None
        schema, column = field.schema, column.field(field.index)
    if read.null_only:
        return [*made, presence(column)]
    return None if schema.type is Type.STRUCT else [*made, column]
