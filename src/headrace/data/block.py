"""Rows of a batch as native columns: what transforms, converters and sinks work on who take columns. See `headrace.data.batch`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any

from headrace.data.columns import layout_of
from headrace.data.header_columns import HeaderColumn, header_rows
from headrace.data.record import Header
from headrace.data.schema import OPTIONAL_INT64_SCHEMA, Schema
from headrace.data.sink_places import SinkPlaces

if TYPE_CHECKING:
    from headrace.native._core import Column, Mask


class Block:
    """Rows of one topic with one key schema and one value schema. Immutable: `replace` makes another.

    `key`, `value`: columns of as many rows. A row that is null there has no schema there either (a tombstone's value). None = null in
    all rows, under the schema if there is one: the one way to say that a null has a schema. `partition`: the log partition asked for,
    None = chosen by the key. `timestamps`: milliseconds since the epoch, null for none; None = null in all rows. `headers`: shared by
    all rows; `row_headers`: those behind them whose values each row has for itself. `ordinals`: rising. `places`: of a sink's batch, where its records lie in the log.
    """

    __slots__ = (
        "headers",
        "key",
        "key_schema",
        "ordinals",
        "partition",
        "places",
        "row_headers",
        "timestamps",
        "topic",
        "value",
        "value_schema",
    )

    def __init__(
        self,
        topic: str,
        key_schema: Schema | None,
        key: Column | None,
        value_schema: Schema | None,
        value: Column | None,
        ordinals: Sequence[int],
        *,
        partition: int | None = None,
        timestamps: Column | None = None,
        headers: tuple[Header, ...] = (),
        row_headers: tuple[HeaderColumn, ...] = (),
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.key_schema = key_schema
        self.key = key
        self.value_schema = value_schema
        self.value = value
        self.timestamps = timestamps
        self.headers = headers
        self.row_headers = row_headers
        self.ordinals = ordinals
        self.places: SinkPlaces | None = None

    def __len__(self) -> int:
        return len(self.ordinals)

    def replace(self, **changes: Any) -> Block:
        """A copy with these attributes replaced."""
        copy = Block.__new__(Block)
        for slot in Block.__slots__:
            setattr(copy, slot, changes[slot] if slot in changes else getattr(self, slot))
        return copy

    def filter(self, mask: Mask) -> Block:
        """The rows for which the mask is true; this very block when all are."""
        if mask.all():
            return self
        return self.replace(
            key=None if self.key is None else self.key.filter(mask),
            value=None if self.value is None else self.value.filter(mask),
            timestamps=None if self.timestamps is None else self.timestamps.filter(mask),
            row_headers=tuple([one.filter(mask) for one in self.row_headers]),
            ordinals=list(compress(self.ordinals, mask.selectors())),
        )

    def take(self, rows: Sequence[int]) -> Block:
        """The rows at these positions, which rise."""
        ordinals = self.ordinals
        return self.replace(
            key=None if self.key is None else self.key.take(rows),
            value=None if self.value is None else self.value.take(rows),
            timestamps=None if self.timestamps is None else self.timestamps.take(rows),
            row_headers=tuple([one.take(rows) for one in self.row_headers]),
            ordinals=[ordinals[i] for i in rows],
        )

    def stamps(self) -> list[int | None]:
        """The timestamp of each row."""
        return _numbers(self.timestamps, len(self))

    def sources(self) -> dict[str, tuple[Any, ...]]:
        """Where the attributes of its records come from that do not depend on their place, for headrace.native's Objects."""
        made: dict[str, tuple[Any, ...]] = {"topic": ("same", self.topic), "_headers": ("same", self.headers)}
        if self.row_headers:
            made["_headers"] = ("each", header_rows(self.headers, self.row_headers))
        for name, schema, column in (("key", self.key_schema, self.key), ("value", self.value_schema, self.value)):
            made[name] = _values(schema, column)
            made[f"{name}_schema"] = ("same", schema) if column is None else ("where", column, schema)
        made["timestamp"] = _values(OPTIONAL_INT64_SCHEMA, self.timestamps)
        return made


def _values(schema: Schema | None, column: Column | None) -> tuple[Any, ...]:
    if column is None:
        return ("same", None)
    assert schema is not None
    return ("values", layout_of(schema), column)


def _numbers(column: Column | None, count: int) -> list[int | None]:
    if column is None:
        return [None] * count
    layout = layout_of(OPTIONAL_INT64_SCHEMA)
    assert layout is not None
    return column.values(layout)
