"""HoistField: wraps the key or value into a struct or map of one field. Source: org.apache.kafka.connect.transforms.HoistField."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.data import Field, Schema, Struct, Type
from headrace.data.batch import Block
from headrace.data.columns import constant, structure
from headrace.errors import DataException
from headrace.spi.transform import R
from headrace.transforms.base import Reader, SchemaCache, SidedTransform, check_names, compile_reader, require_struct
from headrace.transforms.blocks import structs_of


class HoistField(SidedTransform[R]):
    """With a schema, a null under a required schema is a DataException; without one it becomes a map that holds null."""

    definition = ConfigDef().define(
        "field",
        ConfigType.STRING,
        importance=Importance.MEDIUM,
        documentation="Name of the one field of the struct or map that is made.",
    )

    def configure(self, props: Mapping[str, str]) -> None:
        self._field: str = self.settings(props)["field"]
        self._plans: SchemaCache[tuple[Schema, Reader | None]] = SchemaCache()

    def _plan(self, schema: Schema) -> tuple[Schema, Reader | None]:
        """The new schema and, for structs, what checks that required fields are set."""
        check_names([self._field])
        check = compile_reader(schema, None, replace_nulls=True) if schema.type is Type.STRUCT else None
        return Schema(Type.STRUCT, fields=[Field(self._field, 0, schema)]), check

    def apply(self, record: R) -> R | None:
        value, schema = self.value_of(record), self.schema_of(record)
        if schema is None:
            return self.with_value(record, None, {self._field: value})
        updated, check = self._plans.get(schema, self._plan)
        if value is None:
            if not schema.optional:
                raise DataException(
                    f'Invalid value: null used for required field: "{self._field}", schema type: {schema.type.name}'
                )
        elif check is not None:
            check(require_struct(value, "hoisting").values)
        return self.with_value(record, updated, Struct(updated, [value]))

    def apply_block(self, block: Block) -> list[Block] | None:
        side = self.side_of(block)
        if side.schema is None or (side.column is not None and side.column.has_nulls):
            return None
        updated, check = self._plans.get(side.schema, self._plan)
        column = side.column
        if column is None:
            if not side.schema.optional:
                return None
            column = constant(None, len(block))
        elif check is not None:
            structs = structs_of(side)
            if structs is None:
                return None
            structs.read(defaults=True)
        return self.with_side(block, updated, structure(len(block), [column]))


class Key(HoistField[R]):
    """HoistField on the key."""

    is_key = True


class Value(HoistField[R]):
    """HoistField on the value."""
