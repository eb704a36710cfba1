"""EventRouter on blocks of an outbox table's inserts: payload, key and headers are columns of the row, and rows are told apart by topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from headrace.data import STRING_SCHEMA, Schema, Type
from headrace.data.batch import Block
from headrace.data.columns import integers, layout_of
from headrace.data.header_columns import HeaderColumn
from headrace.transforms.blocks import Side, StructSide, one_value, pieces, presence, side_of, structs_of
from headrace.transforms.debezium.envelope import is_envelope
from headrace.transforms.debezium.event_router_config import Additional
from headrace.transforms.debezium.field_columns import values_of
from headrace.transforms.regex_router import RegexRouter

if TYPE_CHECKING:
    from headrace.native._core import Column

DIVISORS: Final = {
    "io.debezium.time.Timestamp": 1,
    "io.debezium.time.MicroTimestamp": 1_000,
    "io.debezium.time.NanoTimestamp": 1_000_000,
}
"""Units of a millisecond, by the name of a timestamp's schema."""


def milliseconds(value: int, divisor: int) -> int:
    """Java's division, which cuts towards zero."""
    return value // divisor if value >= 0 else -(-value // divisor)


class OutboxNames(NamedTuple):
    """The outbox table's columns by what they are for. `headers`: further ones that become headers; with `lenient` they may lack."""

    id: str
    key: str | None
    payload: str
    timestamp: str | None
    route: str
    span: str
    headers: Sequence[Additional]
    lenient: bool


class OutboxColumns:
    """What EventRouter does where all that becomes of a row are its columns. `router` makes the topic of what a row is routed by."""

    def __init__(self, names: OutboxNames, router: RegexRouter[Any]) -> None:
        self._names = names
        self._router = router

    def routed(self, block: Block) -> list[Block] | None:
        """The events. None or an exception where a row has to be looked at by itself: it is an error, or an update, or is traced."""
        if block.value is None:
            return []
        if not is_envelope(block.value_schema):
            return _some(block.filter(block.value.valid()))
        events = structs_of(side_of(block, is_key=False))
        if events is None or block.places is not None:
            return None
        ops = _field(events, "op", Type.STRING)
        there = events.column.valid()
        if (there & ops.equals(b"u")).any():
            return None
        block = block.filter(there & ~ops.equals(b"d"))
        if not len(block):
            return []
        events = structs_of(side_of(block, is_key=False))
        after = None if events is None else events.schema.field("after")
        if events is None or after is None or after.schema.default is not None:
            return None
        row = structs_of(Side(after.schema, events.column.field(after.index)))
        return None if row is None or row.column.has_nulls else self._events(block, events, row)

    def _events(self, block: Block, events: StructSide, row: StructSide) -> list[Block] | None:
        names = self._names
        if (span := row.schema.field(names.span)) is not None and row.column.field(span.index).valid().any():
            return None
        route = _field(row, names.route, Type.STRING)
        timestamps = self._timestamps(events, row)
        if route.has_nulls or timestamps is None:
            return None
        headers = [HeaderColumn("id", *_read(row, names.id))]
        for column, _, alias in names.headers:
            if not names.lenient or row.schema.field(column) is not None:
                headers.append(HeaderColumn(alias, *_read(row, column)))
        key_schema, key = (STRING_SCHEMA, None) if names.key is None else _read(row, names.key)
        value_schema, value = _read(row, names.payload)
        whole = block.replace(
            partition=None, key_schema=key_schema, key=key, value_schema=value_schema, value=value, timestamps=timestamps,
            row_headers=tuple(headers),
        )  # fmt: skip
        # A null has a schema here, which in a block is so for all rows or none.
        nullable = [presence(one) for one in (key, value) if one is not None and one.has_nulls]
        parts = pieces(whole, [route, *nullable])
        if parts is None:
            return None
        made: list[Block] = []
        for first, part in parts:
            changes: dict[str, Any] = {"topic": one_value(STRING_SCHEMA, route, first)}
            if key is not None and not key.valid()[first]:
                changes["key"] = None
            if value is not None and not value.valid()[first]:
                changes["value"] = None
            made += self._router.apply_block(part.replace(**changes)) or []
        return made

    def _timestamps(self, events: StructSide, row: StructSide) -> Column | None:
        """None where some rows have none of their own."""
        now = _field(events, "ts_ms", Type.INT64)
        name = self._names.timestamp
        if name is None:
            return now
        own = _field(row, name, Type.INT64)
        if own.first() is None:
            return now
        field = row.schema.field(name)
        if own.has_nulls or field is None:
            return None
        divisor = DIVISORS[field.schema.name or ""]
        return integers([milliseconds(value, divisor) for value in values_of(field.schema, own)])


def _field(struct: StructSide, name: str, type: Type) -> Column:
    """As it was set. ValueError where there is none of that type."""
    field = struct.schema.field(name)
    if field is None or field.schema.type is not type:
        raise ValueError(name)
    return struct.column.field(field.index)


def _read(struct: StructSide, name: str) -> tuple[Schema, Column]:
    """With its default for null. ValueError where there is none, or none with a native form."""
    field = struct.schema.field(name)
    layout = None if field is None else layout_of(field.schema)
    if field is None or layout is None:
        raise ValueError(name)
    column = struct.column.field(field.index)
    default = field.schema.default
    return field.schema, column if default is None else column.filled(layout, default)


def _some(block: Block) -> list[Block]:
    return [block] if len(block) else []
