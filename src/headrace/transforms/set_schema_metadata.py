"""SetSchemaMetadata: another name or version for the schema. Source: org.apache.kafka.connect.transforms.SetSchemaMetadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.data import Schema, Struct, Type
from headrace.data.batch import Block
from headrace.errors import ConfigException, DataException
from headrace.spi.transform import R
from headrace.transforms.base import NULL_DEFAULTS, Reader, SchemaCache, SidedTransform, compile_reader, derived
from headrace.transforms.blocks import structs_of

_NOTHING: Final = "Neither schema name nor version configured"


class SetSchemaMetadata(SidedTransform[R]):
    """What has neither schema nor value passes unchanged. DataException for a value without schema and, as in Kafka 4.3, for a
    schema that is no struct."""

    definition = (
        ConfigDef()
        .define(
            "schema.name", ConfigType.STRING, None, importance=Importance.HIGH, documentation="The schema's new name."
        )
        .define(
            "schema.version",
            ConfigType.INT,
            None,
            importance=Importance.HIGH,
            documentation="The schema's new version.",
        )
        .embed(NULL_DEFAULTS)
    )

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException when neither name nor version is given."""
        settings = self.settings(props)
        self._changes: dict[str, Any] = {}
        if settings["schema.name"] is not None:
            self._changes["name"] = settings["schema.name"]
        if settings["schema.version"] is not None:
            self._changes["version"] = settings["schema.version"]
        if not self._changes:
            raise ConfigException(_NOTHING, field="schema.name", remedy="Set schema.name or schema.version.")
        self._replace: bool = settings["replace.null.with.default"]
        self._plans: SchemaCache[tuple[Schema, Reader]] = SchemaCache()

    def _plan(self, schema: Schema) -> tuple[Schema, Reader]:
        if schema.type is not Type.STRUCT:
            raise DataException("Cannot list fields on non-struct type")
        return derived(schema, **self._changes), compile_reader(schema, None, replace_nulls=self._replace)

    def apply(self, record: R) -> R | None:
        value, schema = self.value_of(record), self.schema_of(record)
        if schema is None:
            if value is None:
                return record
            raise DataException("Schema required for [updating schema metadata]")
        updated, read = self._plans.get(schema, self._plan)
        if isinstance(value, Struct):
            value = Struct(updated, read(value.values))
        return self.with_value(record, updated, value)

    def apply_block(self, block: Block) -> list[Block] | None:
        side = self.side_of(block)
        if side.schema is None:
            return [block]
        updated, _ = self._plans.get(side.schema, self._plan)
        structs = structs_of(side)
        if structs is None:
            return self.with_side(block, updated, None) if side.column is None else None
        fields = structs.read(defaults=self._replace)
        return self.with_side(block, updated, structs.column.rebuilt(fields))


class Key(SetSchemaMetadata[R]):
    """SetSchemaMetadata on the key."""

    is_key = True


class Value(SetSchemaMetadata[R]):
    """SetSchemaMetadata on the value."""
