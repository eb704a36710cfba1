"""Fields of change events as columns, by their paths: what one column holds of a field that a transform reads event by event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.data import Schema, Type
from headrace.data.columns import layout_of
from headrace.transforms.blocks import StructSide

if TYPE_CHECKING:
    from headrace.native._core import Column


class FieldColumn(NamedTuple):
    """`values`: with the field's default for null. `reached`: one byte per row, whether all structs on the way are there."""

    schema: Schema
    values: list[Any]
    reached: bytes


def values_of(schema: Schema, column: Column) -> list[Any]:
    """The values as records hold them."""
    layout = layout_of(schema)
    assert layout is not None
    return column.values(layout)


def field_column(events: StructSide, path: tuple[str, ...]) -> FieldColumn | None:
    """The field at the end of the path; None where the schema has none."""
    schema, column = events.schema, events.column
    reached = column.valid()
    for name in path[:-1]:
        field = schema.field(name)
        if field is None or field.schema.type is not Type.STRUCT:
            return None
        schema, column = field.schema, column.field(field.index)
        reached = reached & column.valid()
    field = schema.field(path[-1])
    if field is None:
        return None
    default = field.schema.default
    values = [default if value is None else value for value in values_of(field.schema, column.field(field.index))]
    return FieldColumn(field.schema, values, reached.selectors())
