"""ValueToKey: a new key from fields of the value. Source: org.apache.kafka.connect.transforms.ValueToKey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.data import Field, Schema, Struct, Type
from headrace.data.batch import Block
from headrace.data.columns import structure
from headrace.errors import DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import (
    NULL_DEFAULTS,
    Reader,
    SchemaCache,
    check_names,
    compile_reader,
    copy_record,
    require_map,
    require_struct,
)
from headrace.transforms.blocks import side_of, structs_of, with_side
from headrace.transforms.lists import filled_list, without_repeats

_PURPOSE: Final = "copying fields from value to key"


class ValueToKey(Transform[R]):
    """DataException for a value that is null. A field that is not there: DataException with a schema, null without."""

    definition: Final = (
        ConfigDef()
        .define(
            "fields",
            ConfigType.LIST,
            validator=filled_list,
            importance=Importance.HIGH,
            documentation="Names of the value's fields that make up the key.",
        )
        .embed(NULL_DEFAULTS)
    )

    @classmethod
    def config(cls) -> ConfigDef:
        """`fields` and `replace.null.with.default`."""
        return cls.definition

    def configure(self, props: Mapping[str, str]) -> None:
        settings = self.definition.parse(props)
        self._fields = without_repeats(settings["fields"])
        self._replace: bool = settings["replace.null.with.default"]
        self._plans: SchemaCache[tuple[Schema, list[int], Reader]] = SchemaCache()

    def _plan(self, schema: Schema) -> tuple[Schema, list[int], Reader]:
        """The key's schema, where its values come from and how they are read."""
        found = []
        for name in self._fields:
            field = schema.field(name)
            if field is None:
                raise DataException(f"Field does not exist: {name}", field="fields")
            found.append(field)
        check_names(self._fields)
        key = Schema(Type.STRUCT, fields=[Field(field.name, at, field.schema) for at, field in enumerate(found)])
        indexes = [field.index for field in found]
        return key, indexes, compile_reader(schema, indexes, replace_nulls=self._replace)

    def apply(self, record: R) -> R | None:
        schema, key = record.value_schema, None
        made: Any
        if schema is None:
            fields = require_map(record.value, _PURPOSE)
            made = {name: fields.get(name) for name in self._fields}
        else:
            values = require_struct(record.value, _PURPOSE).values
            key, _, read = self._plans.get(schema, self._plan)
            made = Struct(key, read(values))
        copied = copy_record(record)
        copied.key_schema, copied.key = key, made
        return copied

    def apply_block(self, block: Block) -> list[Block] | None:
        structs = structs_of(side_of(block, is_key=False))
        if structs is None or structs.column.has_nulls:
            return None
        key, indexes, _ = self._plans.get(structs.schema, self._plan)
        fields = structs.read(indexes, defaults=self._replace)
        made = with_side(block, True, key, structure(len(block), fields))
        return None if made is None else [made]
