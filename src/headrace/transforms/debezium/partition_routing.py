"""PartitionRouting: the partition chosen by fields of the event. Source: io.debezium.transforms.partitions.PartitionRouting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import all_of, at_least, non_null, predicate
from headrace.data import Schema, Struct, Type
from headrace.errors import DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record
from headrace.transforms.debezium.envelope import DELETE, event_of
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
        total = sum(self._hash(value, schema) for value, schema in found) & _MAX
        copied = copy_record(record)
        copied.partition = (0 if total == _MAX else total) % self._count
        return copied


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
