"""What ExtractNewRecordState works out once for an envelope schema: where the fields are, and how rows are built.

Source: io.debezium.transforms.ExtractNewRecordState (Debezium 3.6).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from headrace.data import OPTIONAL_STRING_SCHEMA, Schema, Struct
from headrace.errors import DataException
from headrace.transforms.base import derived, struct_like
from headrace.transforms.debezium.field_reference import ColumnReader, FieldReference, Found

_DELETED: Final = "__deleted"
Build = Callable[[list[Any], list[Any]], Struct]
"""From the envelope's values and the old row's values to the new row."""


class RowPlan(NamedTuple):
    """How a row is built, for one event and for columns of them. `schema`: None when it cannot be built; `build` then says why.
    `deleted`: the text of the field __deleted, None = there is none."""

    build: Build
    schema: Schema | None
    deleted: str | None
    added: list[ColumnReader]


class AddedHeader(NamedTuple):
    """`schema`: as the header has it, which may be null."""

    name: str
    schema: Schema
    field: Found


class EventPlan(NamedTuple):
    """`before`: -1 for an envelope that has no such field. `added`, `headers`: names and fields of what is added."""

    before: int
    after: int
    op: int
    after_schema: Schema
    live: RowPlan
    deleted: RowPlan
    added: list[tuple[str, Found]]
    headers: list[AddedHeader]


def plan_row(
    envelope: Schema, row: Schema, added: Sequence[FieldReference], deleted: str | None, replace_nulls: bool
) -> RowPlan:
    """The plan for rows of schema `row`; one that fails where the schema does: it matters to the events that need it only."""
    try:
        return _plan_row(envelope, row, added, deleted, replace_nulls)
    except DataException as error:
        message = error.message

        def fail(event: list[Any], row: list[Any]) -> Struct:
            raise DataException(message)

        return RowPlan(fail, None, deleted, [])


def _plan_row(
    envelope: Schema, row: Schema, added: Sequence[FieldReference], deleted: str | None, replace_nulls: bool
) -> RowPlan:
    fields = [(field.name, field.schema) for field in row.fields]
    scope: dict[str, Any] = {"Struct": Struct}
    base = "*row"
    parts: list[str] = []
    columns: list[ColumnReader] = []
    if deleted is not None:
        fields.append((_DELETED, OPTIONAL_STRING_SCHEMA))
        parts.append(repr(deleted))
        defaults = [field.schema.default for field in row.fields]
        if replace_nulls and any(default is not None for default in defaults):
            scope["defaults"] = defaults
            base = "*[d if v is None else v for v, d in zip(row, defaults)]"
    for number, reference in enumerate(added):
        found = reference.resolve(envelope)
        if found is None:
            continue
        fields.append((reference.name, derived(found.schema, optional=True, default=None)))
        scope[f"read{number}"] = found.read
        parts.append(f"read{number}(event)")
        columns.append(found.column)
    scope["S"] = schema = struct_like(row, fields)
    exec(f"def build(event, row):\n    return Struct(S, [{', '.join([base, *parts])}])", scope)
    build: Build = scope["build"]
    return RowPlan(build, schema, deleted, columns)
