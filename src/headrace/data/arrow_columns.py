"""Native columns to Arrow and back, by way of the Rust core. Only where there is one; its DeclinedError for what it does not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.data.arrow import ArrowField, SchemaMemo, arrow_field
from headrace.data.columns import layout_of
from headrace.data.schema import Schema, Type
from headrace.native import core

if TYPE_CHECKING:
    from headrace.native._core import Column, Mask


def exported(schema: Schema, column: Column) -> Any:
    """The column for any consumer of Arrow data."""
    return core.ArrowArray(arrow_field(schema)._replace(nullable=True), column)


def imported(given: object, schemas: SchemaMemo, before: Schema | None, column: Column | None) -> tuple[Schema, Column]:
    """Any producer's data: their schema and their column. `before` and `column`: what went out in their place; a value that stood there for
    one that was not sent and is the same now does so still. DataException as `connect_schema`."""
    field, made = core.arrow_import(given)
    schema = schemas.get(ArrowField.of(field)._replace(nullable=True), before)
    layout = layout_of(schema)
    if layout is None:
        raise core.DeclinedError(f"There is no native form of {schema!r}.")
    made = made.fitted(layout)
    if before is not None and column is not None and len(column) == len(made):
        made = _marked(schema, made, before, column)
    return schema, made


def _marked(schema: Schema, column: Column, before: Schema, old: Column) -> Column:
    if schema.type is not Type.STRUCT or before.type is not Type.STRUCT:
        return column.marked(old) if schema is before and old.has_unchanged else column
    names = [field.name for field in schema.fields]
    fields = column.fields(len(names))
    changed = False
    for former, values in zip(before.fields, old.fields(len(before.fields)), strict=True):
        if former.name in names:
            index = names.index(former.name)
            made = _marked(schema.fields[index].schema, fields[index], former.schema, values)
            changed |= made is not fields[index]
            fields[index] = made
    return column.rebuilt(fields) if changed else column


def chosen(given: object) -> Mask:
    """The rows that are true, of Arrow truth values."""
    mask: Mask = core.arrow_import(given)[1].truths()
    return mask
