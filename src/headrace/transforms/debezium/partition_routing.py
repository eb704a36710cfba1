"""PartitionRouting: the partition chosen by fields of the event. Source: io.debezium.transforms.partitions.PartitionRouting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import all_of, at_least, non_null, predicate
from headrace.data import Schema, Struct, Type
from headrace.data.batch import Block
from headrace.data.columns import integers
from headrace.errors import DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record
from headrace.transforms.blocks import StructSide, pieces, side_of, structs_of
from headrace.transforms.debezium.envelope import DELETE, event_of, is_envelope
from headrace.transforms.debezium.field_columns import field_column, values_of
from headrace.transforms.debezium.hashes import java_hash, murmur_hash

_MAX: Final = 0x7FFFFFFF
_SKIPPED: Final = ("t", "m")
CONFIG: Final = (
    ConfigDef()
    .define(
        "partition.payload.fields",
        ConfigType.LIST,
        validator=all_of(
            non_null, predicate(lambda names: bool(names) and all(names), "Empty string element(s) not permitted")
        ),
        importance=Importance.HIGH,
        documentation="The fields whose values decide, such as source.table, op, after.id; `change.id` is after.id, or before.id of "
        "a delete. One that an event lacks does not count.",
        group="partitions",
        display_name="List of payload fields to use for compute partition.",
    )
    .define(
        "partition.topic.num",
        ConfigType.INT,
        validator=all_of(non_null, at_least(1)),
        importance=Importance.HIGH,
        documentation="How many partitions the topic has.",
        group="partitions",
        display_name="Number of partition configured for topic",
    )
    .define(
        "partition.hash.function",
        ConfigType.STRING,
        "java",
        importance=Importance.LOW,
        documentation="How the values are hashed: java or murmur. Any other word means java.",
        group="partitions",
        display_name="Hash function",
    )
)


class PartitionRouting(Transform[R]):
    """Change events of rows get the partition that the sum of their values' hashes gives. Tombstones, truncates, messages and events
    with none of the fields pass unchanged."""

    @classmethod
    def config(cls) -> ConfigDef:
        """Debezium's settings."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        settings = CONFIG.parse(props)
        self._fields = [
            tuple(part.strip() for part in name.split(".")) for name in settings["partition.payload.fields"]
        ]
        self._count: int = settings["partition.topic.num"]
        murmur = (settings["partition.hash.function"] or "").strip().lower() == "murmur"
        self._hash = murmur_hash if murmur else java_hash

    def apply(self, record: R) -> R | None:
        event = event_of(record, "choosing the partition")
        if event is None:
            return record
        op = event.get("op") if event.schema.field("op") is not None else None
        if op is not None and op.lower() in _SKIPPED:
            return record
        found = [item for path in self._fields if (item := _find(event, path)) is not None]
        if not found:
            return record
        copied = copy_record(record)
        copied.partition = self._partition(sum(self._hash(value, schema) for value, schema in found))
        return copied

    def apply_block(self, block: Block) -> list[Block] | None:
        """Only the columns that decide are looked at value by value; a block becomes one per partition."""
        if block.value is None or not is_envelope(block.value_schema):
            return [block]
        events = structs_of(side_of(block, is_key=False))
        totals = None if events is None else self._totals(events)
        if totals is None:
            return None
        chosen = [-1 if one is None else self._partition(one) for one in totals]
        parts = pieces(block, [integers(chosen)])
        if parts is None:
            return None
        return [part if chosen[row] < 0 else part.replace(partition=chosen[row]) for row, part in parts]

    def _totals(self, events: StructSide) -> list[int | None] | None:
        """The sum of the hashes of each row's values, None for a row that passes unchanged; None for rows of which one is an error."""
        op = events.schema.field("op")
        ops: list[Any] = [None] * len(events.column)
        if op is not None:
            ops = [
                op.schema.default if one is None else one for one in values_of(op.schema, events.column.field(op.index))
            ]
        letters = [None if one is None else one.lower() for one in ops]
        present = events.column.valid().selectors()
        rows = [row for row, letter in enumerate(letters) if present[row] and letter not in _SKIPPED]
        totals: list[int | None] = [None] * len(events.column)
        for path in self._fields:
            if "change" in path[1:-1]:
                return None
            if len(path) > 1 and path[0] == "change":
                deleted = [row for row in rows if letters[row] == DELETE]
                others = [row for row in rows if letters[row] != DELETE]
                choices = [(("before", *path[1:]), deleted), (("after", *path[1:]), others)]
            else:
                choices = [(path, rows)]
            for way, chosen in choices:
                found = field_column(events, way)
                if found is None:
                    # A struct on the way that is null would be an error, which is not looked for here.
                    if len(way) > 1:
                        return None
                    continue
                if not all(found.reached[row] for row in chosen):
                    return None
                for row in chosen:
                    if (value := found.values[row]) is not None:
                        totals[row] = (totals[row] or 0) + self._hash(value, found.schema)
        return totals

    def _partition(self, total: int) -> int:
        total &= _MAX
        return (0 if total == _MAX else total) % self._count


def _find(event: Struct, path: tuple[str, ...]) -> tuple[Any, Schema] | None:
    """The value and its schema; None for none. DataException when a struct on the way is null."""
    at = event
    for name in path[:-1]:
        if name == "change":
            op = event.get("op")
            name = "before" if op is not None and op.lower() == DELETE else "after"
        field = at.schema.field(name)
        if field is None or field.schema.type is not Type.STRUCT:
            return None
        inner: Struct | None = at.values[field.index]
        if inner is None:
            raise DataException(
                f"The event has no {name}, so {'.'.join(path)} cannot choose its partition.",
                remedy="Name the field as change.<column>, which is taken from the old row of a delete.",
            )
        at = inner
    field = at.schema.field(path[-1])
    value = at.get(path[-1]) if field is not None else None
    return None if field is None or value is None else (value, field.schema)
