"""What a route says, for the Rust core: which rows of a block are written or deleted, and by which key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from headrace.data import Type
from headrace.data.batch import Block, SinkPlaces
from headrace.data.columns import layout_of
from headrace.data.unchanged import UnchangedList, UnchangedMap
from headrace.native import core
from headrace.sinks.postgres.block_batch import cut, runs_of
from headrace.sinks.postgres.routes import Route
from headrace.sinks.postgres.settings import SinkSettings
from headrace.sinks.postgres.unchanged import FieldSource, unchanged_values

if TYPE_CHECKING:
    from headrace.native._core import Column, SinkRules

    PartColumns = tuple[int, Column | None, Column | None, list[Column]]
    Mark = tuple[int, int, Column | None]

_PLACES = {"none": "none", "kafka": "given", "key": "key", "plain": "plain", "value": "value"}


def rules_of(route: Route, settings: SinkSettings, *, by_source: bool) -> SinkRules | None:
    """The rules for the rows of a route; None when they are not done natively. `by_source`: see `Routes`."""
    place = _PLACES.get(route.key.place)
    marks = _marks(route.fields, settings.placeholder)
    if place is None or marks is None:
        return None
    if by_source or not (settings.delete_enabled or settings.null_value_error):
        on_null = "skip"
    elif settings.delete_enabled and place != "none":
        # A null value has no row to take the key from; the delete event before it had.
        on_null = "skip" if place == "value" else "delete"
    else:
        on_null = "error"
    rules: SinkRules = core.SinkRules(
        envelope=(route.op, route.before, route.after) if route.form == "envelope" else None,
        key=place,
        key_fields=list(route.key.indexes) if place != "given" else list(range(len(route.keys))),
        on_null=on_null,
        deletes=settings.delete_enabled,
        keep_all=settings.insert_mode == "insert",
        marks=marks,
        fields=max((field.at + 1 for field in route.fields if field.place == "r"), default=0),
    )
    return rules


def _marks(fields: Sequence[FieldSource], placeholder: str) -> list[Mark] | None:
    """Of each column of the row what stands for "unchanged" in it; empty when no column can say so, None when one is not done natively."""
    marks: list[Mark] = []
    for position, field in enumerate(fields):
        if field.place != "r":
            continue
        values = [_plain(value) for value in unchanged_values(field.schema, placeholder)]
        column = None
        if values:
            layout = layout_of(field.schema)
            if layout is None:
                return None
            try:
                column = core.Column.of(layout, values)
            except core.DeclinedError:
                return None
        marks.append((position, field.at, column))
    return marks if any(column is not None for _, _, column in marks) else []


def _plain(value: Any) -> Any:
    if isinstance(value, UnchangedList):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, UnchangedMap) else value


def columns_of(block: Block, route: Route, places: SinkPlaces) -> list[tuple[PartColumns, Sequence[int]]]:
    """The block's columns for `SinkRules.sort`, with their ordinals; in several pieces where the key is the record's coordinates and
    the block reaches over partitions."""
    if route.key.place != "kafka":
        return [((len(block), block.key, block.value, []), block.ordinals)]
    pieces: list[tuple[PartColumns, Sequence[int]]] = []
    at = 0
    ordinals = block.ordinals
    for partition, start, stop, offsets in runs_of(places):
        end = at
        while end < len(block) and start <= ordinals[end] < stop:
            end += 1
        if end > at:
            piece = cut(block, at, end)
            assert isinstance(piece, Block)
            given = [
                core.Column.constant(partition.topic, end - at),
                core.Column.constant(partition.partition, end - at),
                core.Column.ints([offsets[ordinal - start] for ordinal in piece.ordinals]),
            ]
            pieces.append(((end - at, piece.key, piece.value, given), piece.ordinals))
            at = end
    return pieces


def sample_by_source(block: Block, names: Sequence[str]) -> Any:
    """The first value of a block in which all values have the same texts in these fields of their source blocks; None for another.
    DataException where the value has no such field."""
    assert block.value is not None
    assert block.value_schema is not None
    layout, valid = layout_of(block.value_schema), block.value.valid()
    assert layout is not None
    first = valid.positions()[0]
    sample = block.value.slice(first, first + 1).values(layout)[0]
    outer = block.value_schema.field("source")
    if outer is None:
        return sample
    source = sample.values[outer.index]
    for name in names:
        inner = outer.schema.field(name) if outer.schema.type is Type.STRUCT else None
        value = source and inner and source.values[inner.index]
        if not isinstance(value, str) or inner is None:
            return None
        column = block.value.field(outer.index).field(inner.index)
        if not (column.equals(value.encode()) | ~valid).all():
            return None
    return sample
