"""InsertField: adds the record's topic, partition, offset, timestamp or a fixed text as fields.

Source: org.apache.kafka.connect.transforms.InsertField.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.data import (
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    ConnectRecord,
    Schema,
    SinkRecord,
    Struct,
    columns,
)
from headrace.data.batch import Block
from headrace.data.logical import millis_to_datetime, timestamp_builder
from headrace.errors import ConfigException, DataException
from headrace.spi.transform import R
from headrace.transforms.base import (
    NULL_DEFAULTS,
    Reader,
    SchemaCache,
    SidedTransform,
    compile_reader,
    require_map,
    require_struct,
    struct_like,
)
from headrace.transforms.blocks import structs_of

if TYPE_CHECKING:
    from headrace.native._core import Column

_PURPOSE: Final = "field insertion"
_TIMESTAMP: Final = timestamp_builder().build()
_OPTIONAL_TIMESTAMP: Final = timestamp_builder().optional().build()
_SCHEMAS: Final[dict[str, tuple[Schema, Schema]]] = {
    "topic.field": (STRING_SCHEMA, OPTIONAL_STRING_SCHEMA),
    "partition.field": (INT32_SCHEMA, OPTIONAL_INT32_SCHEMA),
    "offset.field": (INT64_SCHEMA, OPTIONAL_INT64_SCHEMA),
    "timestamp.field": (_TIMESTAMP, _OPTIONAL_TIMESTAMP),
    "static.field": (STRING_SCHEMA, OPTIONAL_STRING_SCHEMA),
}
_HINT: Final = " Suffix with ! to make it a required field, or ? to keep it optional (the default)."


def _offset(record: ConnectRecord) -> int:
    if not isinstance(record, SinkRecord):
        raise _no_offset()
    return record.offset


def _no_offset() -> DataException:
    return DataException(
        "Only SinkRecord supported for [field insertion] of the offset.",
        remedy="Remove offset.field: a source's records have no offset yet.",
    )


def _partitions(block: Block) -> Column:
    if block.partition is None and block.places is not None:
        return columns.integers(block.places.partitions(block.ordinals))
    return columns.constant(block.partition, len(block))


def _offsets(block: Block) -> Column:
    if block.places is None:
        raise _no_offset()
    return columns.integers(block.places.offsets(block.ordinals))


def _timestamps(block: Block) -> Column:
    if block.timestamps is None:
        return columns.constant(None, len(block))
    for number in block.timestamps.bounds() or ():
        millis_to_datetime(number)
    return block.timestamps


class _Inserted(NamedTuple):
    name: str
    schema: Schema
    of_record: Callable[[ConnectRecord], Any]
    of_block: Callable[[Block], Column]


def _definition() -> ConfigDef:
    texts = {
        "topic.field": "Field for the topic." + _HINT,
        "partition.field": "Field for the partition." + _HINT,
        "offset.field": "Field for the offset; sinks only." + _HINT,
        "timestamp.field": "Field for the record's timestamp." + _HINT,
        "static.field": "Field for a fixed text." + _HINT,
        "static.value": "The fixed text.",
    }
    result = ConfigDef()
    for name, text in texts.items():
        result.define(name, ConfigType.STRING, None, importance=Importance.MEDIUM, documentation=text)
    return result.embed(NULL_DEFAULTS)


class InsertField(SidedTransform[R]):
    """Fields come after those that are there, in the order topic, partition, offset, timestamp, static. Null values pass."""

    definition = _definition()

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException when nothing is to be inserted, or a static field has no value."""
        settings = self.settings(props)
        self._static: str | None = settings["static.value"]
        self._specs: list[_Inserted] = []
        readers: dict[str, tuple[Callable[[ConnectRecord], Any], Callable[[Block], Column]]] = {
            "topic.field": (lambda record: record.topic, lambda block: columns.constant(block.topic, len(block))),
            "partition.field": (lambda record: record.partition, _partitions),
            "offset.field": (_offset, _offsets),
            "timestamp.field": (lambda record: record.timestamp, _timestamps),
            "static.field": (lambda record: self._static, lambda block: columns.constant(self._static, len(block))),
        }
        for setting, (required, optional) in _SCHEMAS.items():
            spec: str | None = settings[setting]
            if spec is None:
                continue
            name = spec[:-1] if spec.endswith(("!", "?")) else spec
            self._specs.append(_Inserted(name, required if spec.endswith("!") else optional, *readers[setting]))
        if not self._specs:
            raise ConfigException("No field insertion configured", remedy="Set topic.field, static.field or another.")
        if settings["static.field"] is not None and self._static is None:
            raise ConfigException("No value specified for static field", field="static.value")
        self._replace: bool = settings["replace.null.with.default"]
        self._plans: SchemaCache[tuple[Schema, Reader]] = SchemaCache()

    def _plan(self, schema: Schema) -> tuple[Schema, Reader]:
        fields = [(field.name, field.schema) for field in schema.fields]
        added = [(name, added) for name, added, *_ in self._specs]
        return struct_like(schema, fields + added), compile_reader(schema, None, replace_nulls=self._replace)

    def apply(self, record: R) -> R | None:
        value = self.value_of(record)
        if value is None:
            return record
        schema = self.schema_of(record)
        if schema is None:
            updated = dict(require_map(value, _PURPOSE))
            for name, added, get, _ in self._specs:
                item = get(record)
                if item is not None or added in (STRING_SCHEMA, OPTIONAL_STRING_SCHEMA):
                    updated[name] = item
            return self.with_value(record, None, updated)
        values = require_struct(value, _PURPOSE).values
        new_schema, read = self._plans.get(schema, self._plan)
        return self.with_value(record, new_schema, Struct(new_schema, read(values) + self._added(record)))

    def apply_block(self, block: Block) -> list[Block] | None:
        side = self.side_of(block)
        if side.column is None:
            return [block]
        structs = structs_of(side)
        if structs is None:
            return None
        new_schema, _ = self._plans.get(structs.schema, self._plan)
        fields = structs.read(defaults=self._replace)
        fields += [spec.of_block(block) for spec in self._specs]
        return self.with_side(block, new_schema, structs.column.rebuilt(fields))

    def _added(self, record: ConnectRecord) -> list[Any]:
        result = []
        for _, schema, read, _ in self._specs:
            item = read(record)
            # What is not there stays unset, also in a required field: the converter will tell.
            if item is not None and schema.name is not None:
                item = millis_to_datetime(item)
            result.append(item)
        return result


class Key(InsertField[R]):
    """InsertField on the key."""

    is_key = True


class Value(InsertField[R]):
    """InsertField on the value."""
