"""ReplaceField: keeps, removes and renames fields. Source: org.apache.kafka.connect.transforms.ReplaceField."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.data import Schema, Struct
from headrace.data.batch import Block
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
from headrace.transforms.lists import names_list

_PURPOSE: Final = "field replacement"


def _parse_renames(name: str, items: list[str] | None) -> dict[str, str]:
    renames: dict[str, str] = {}
    for item in items or ():
        old, _, new = item.rstrip(":").partition(":")
        if not new or ":" in new:
            raise ConfigException(f"Invalid value {item} for configuration {name}: Invalid rename mapping", field=name)
        renames[old] = new
    return renames


def _valid_renames(name: str, value: Any) -> None:
    _parse_renames(name, value)


class ReplaceField(SidedTransform[R]):
    """A null value passes unchanged. `exclude` wins over `include`; an empty `include` means all."""

    definition = (
        ConfigDef()
        .define("exclude", ConfigType.LIST, [], names_list, Importance.MEDIUM, "Fields to remove.")
        .define(
            "include",
            ConfigType.LIST,
            [],
            names_list,
            Importance.MEDIUM,
            "Fields to keep; all others are removed. Empty keeps all.",
        )
        .define("renames", ConfigType.LIST, [], _valid_renames, Importance.MEDIUM, "Field renames, as old:new,…")
        .embed(NULL_DEFAULTS)
    )

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for a rename that is not old:new."""
        settings = self.settings(props)
        self._exclude = frozenset(settings["exclude"])
        self._include = frozenset(settings["include"])
        self._renames = _parse_renames("renames", settings["renames"])
        self._old_names = {new: old for old, new in self._renames.items()}
        self._replace: bool = settings["replace.null.with.default"]
        self._plans: SchemaCache[tuple[Schema, list[int], Reader]] = SchemaCache()

    def _keeps(self, name: str) -> bool:
        return name not in self._exclude and (not self._include or name in self._include)

    def _plan(self, schema: Schema) -> tuple[Schema, list[int], Reader]:
        """The new schema, where its values come from and how they are read."""
        kept = [field for field in schema.fields if self._keeps(field.name)]
        updated = struct_like(schema, [(self._renames.get(field.name, field.name), field.schema) for field in kept])
        # A field is read by the name that its new one was renamed from, whether it was renamed itself or not.
        sources = [schema.field(self._old_names.get(field.name, field.name)) for field in updated.fields]
        for field, source in zip(updated.fields, sources, strict=True):
            if source is None:
                raise DataException(f"{self._old_names[field.name]} is not a valid field name", field="renames")
            if source.schema.type is not field.schema.type:
                raise DataException(f"Field {source.name} does not fit the schema of {field.name}", field="renames")
        indexes = [source.index for source in sources if source is not None]
        return updated, indexes, compile_reader(schema, indexes, replace_nulls=self._replace)

    def apply(self, record: R) -> R | None:
        value = self.value_of(record)
        if value is None:
            return record
        schema = self.schema_of(record)
        if schema is None:
            fields = require_map(value, _PURPOSE)
            return self.with_value(
                record, None, {self._renames.get(k, k): v for k, v in fields.items() if self._keeps(k)}
            )
        values = require_struct(value, _PURPOSE).values
        updated, _, read = self._plans.get(schema, self._plan)
        return self.with_value(record, updated, Struct(updated, read(values)))

    def apply_block(self, block: Block) -> list[Block] | None:
        side = self.side_of(block)
        if side.column is None:
            return [block]
        structs = structs_of(side)
        if structs is None:
            return None
        updated, indexes, _ = self._plans.get(structs.schema, self._plan)
        fields = structs.read(indexes, defaults=self._replace)
        return self.with_side(block, updated, structs.column.rebuilt(fields))


class Key(ReplaceField[R]):
    """ReplaceField on the key."""

    is_key = True


class Value(ReplaceField[R]):
    """ReplaceField on the value."""
