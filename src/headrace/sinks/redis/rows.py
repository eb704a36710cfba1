"""What a record says about a row: an operation, the row's new and old values. Pure.

Understands Debezium envelopes (with or without schema), flat structs and maps, and tombstones.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from headrace.data import Schema, Struct, Type
from headrace.errors import DataException

UPSERT: Final = "upsert"
DELETE: Final = "delete"
TOMBSTONE: Final = "tombstone"
TRUNCATE: Final = "truncate"


class Row(NamedTuple):
    """`op`: one of the constants above. `envelope_op`: Debezium's letter, None for flat records.

    `value` is the new row for upserts, the old one for deletes where it is known; `before` the old row of an update."""

    op: str
    value: Any
    schema: Schema | None
    before: Any = None
    envelope_op: str | None = None


class EnvelopeShape(NamedTuple):
    """Where the parts of an envelope are."""

    op: int
    before: int | None
    after: int


def envelope_shape(schema: Schema) -> EnvelopeShape | None:
    """The positions in a Debezium envelope's schema, None when it is none."""
    if schema.type is not Type.STRUCT:
        return None
    op, after, source = schema.field("op"), schema.field("after"), schema.field("source")
    named = schema.name is not None and schema.name.endswith("Envelope")
    if op is None or after is None or not (named or source is not None):
        return None
    before = schema.field("before")
    return EnvelopeShape(op.index, None if before is None else before.index, after.index)


def row_of_envelope(schema: Schema, shape: EnvelopeShape, value: Struct) -> Row:
    """The row of an envelope. DataException for an operation that is none of Debezium's."""
    values = value.values
    before = None if shape.before is None else values[shape.before]
    after = values[shape.after]
    return _row(values[shape.op], before, after, schema.fields[shape.after].schema)


def row_of_map(value: dict[str, Any]) -> Row:
    """The row of a schemaless map, which may be an envelope."""
    if "op" in value and "source" in value and ("after" in value or "before" in value):
        return _row(value["op"], value.get("before"), value.get("after"), None)
    return Row(UPSERT, value, None)


def _row(op: Any, before: Any, after: Any, schema: Schema | None) -> Row:
    if op in ("c", "u", "r"):
        if after is None:
            raise DataException(f"An event of operation {op!r} has no row after the change.")
        return Row(UPSERT, after, schema, before, op)
    if op == "d":
        return Row(DELETE, before, schema, None, op)
    if op == "t":
        return Row(TRUNCATE, None, schema, None, op)
    raise DataException(
        f"An event of operation {op!r} is not about a row.",
        remedy="Leave it out with a transform, or route such topics elsewhere.",
    )
