"""ExtractField: the key or value becomes one of its fields. Source: org.apache.kafka.connect.transforms.ExtractField."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.data import Field, Schema
from headrace.data.batch import Block
from headrace.data.columns import layout_of
from headrace.errors import DataException
from headrace.spi.transform import R
from headrace.transforms.base import NULL_DEFAULTS, SchemaCache, SidedTransform, require_map, require_struct
from headrace.transforms.field_path import SYNTAX, find_field, find_value, parse_path, step_into

_PURPOSE: Final = "field extraction"


class ExtractField(SidedTransform[R]):
    """A null value gives null. A field that is not there: DataException with a schema, null without."""

    definition = (
        ConfigDef()
        .define("field", ConfigType.STRING, importance=Importance.MEDIUM, documentation="Field name to extract.")
        .embed(NULL_DEFAULTS)
        .embed(SYNTAX)
    )

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for a path with a backtick that has no other."""
        settings = self.settings(props)
        self._path: str = settings["field"]
        self._steps = parse_path(self._path, settings["field.syntax.version"], "field")
        self._replace: bool = settings["replace.null.with.default"]
        self._plans: SchemaCache[tuple[list[Field], Field]] = SchemaCache()

    def _plan(self, schema: Schema) -> tuple[list[Field], Field]:
        fields = find_field(schema, self._steps)
        if fields is None:
            raise DataException(f"Unknown field: {self._path}", field="field")
        return fields[:-1], fields[-1]

    def apply(self, record: R) -> R | None:
        if not self._steps:
            raise DataException("The path in the configuration is empty", field="field")
        value, schema = self.value_of(record), self.schema_of(record)
        if schema is None:
            found = None if value is None else find_value(require_map(value, _PURPOSE), self._steps)
            return self.with_value(record, None, found)
        values: Any = None if value is None else require_struct(value, _PURPOSE).values
        parents, last = self._plans.get(schema, self._plan)
        for parent in parents:
            if values is not None:
                values = step_into(values[parent.index], parent.schema)
        found = None
        if values is not None:
            found = values[last.index]
            if found is None and self._replace:
                found = last.schema.default
        return self.with_value(record, last.schema, found)

    def apply_block(self, block: Block) -> list[Block] | None:
        side = self.side_of(block)
        if not self._steps:
            return None
        if side.schema is None:
            return [block]
        parents, last = self._plans.get(side.schema, self._plan)
        if side.column is None:
            return self.with_side(block, last.schema, None)
        layout = layout_of(side.schema)
        if layout is None:
            return None
        column = side.column
        for parent in parents:
            column, layout = column.field(parent.index), layout.fields[parent.index]
        [found] = column.read(layout, [last.index], defaults=self._replace, check=False)
        # A null that was a field keeps the field's schema, one that was the whole has none.
        typed = side.column.valid() & ~found.valid()
        if not typed.any():
            return self.with_side(block, last.schema, found)
        there = self.with_side(block, last.schema, found)
        nulls = self.with_side(block, last.schema, None)
        if there is None or nulls is None:
            return None
        parts = [there[0].filter(~typed), nulls[0].filter(typed)]
        return [part for part in parts if len(part)]


class Key(ExtractField[R]):
    """ExtractField on the key."""

    is_key = True


class Value(ExtractField[R]):
    """ExtractField on the value."""
