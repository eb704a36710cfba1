"""ExtractField: the key or value becomes one of its fields. Source: org.apache.kafka.connect.transforms.ExtractField."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.data import Field, Schema
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


class Key(ExtractField[R]):
    """ExtractField on the key."""

    is_key = True


class Value(ExtractField[R]):
    """ExtractField on the value."""
