"""ReplaceField: keeps, removes and renames fields. Source: org.apache.kafka.connect.transforms.ReplaceField."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.data import Schema, Struct
from headrace.errors import ConfigException
from headrace.spi.transform import R
from headrace.transforms.base import (
    NULL_DEFAULTS,
    SchemaCache,
    SidedTransform,
    require_map,
    require_struct,
    struct_like,
)

_PURPOSE: Final = "field replacement"


class ReplaceField(SidedTransform[R]):
    """A null value passes unchanged. `exclude` wins over `include`; an empty `include` means all."""

    definition = (
        ConfigDef()
        .define("exclude", ConfigType.LIST, [], importance=Importance.MEDIUM, documentation="Fields to remove.")
        .define(
            "include",
            ConfigType.LIST,
            [],
            importance=Importance.MEDIUM,
            documentation="Fields to keep; all others are removed. Empty keeps all.",
        )
        .define(
            "renames", ConfigType.LIST, [], importance=Importance.MEDIUM, documentation="Field renames, as old:new,…"
        )
        .embed(NULL_DEFAULTS)
    )

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for a rename that is not old:new."""
        settings = self.settings(props)
        self._exclude = frozenset(settings["exclude"])
        self._include = frozenset(settings["include"])
        self._renames: dict[str, str] = {}
        for rename in settings["renames"]:
            old, colon, new = rename.partition(":")
            if not (old and colon and new) or ":" in new:
                raise ConfigException(
                    f"Invalid value {rename} for configuration renames: Invalid rename mapping", field="renames"
                )
            self._renames[old] = new
        self._replace: bool = settings["replace.null.with.default"]
        self._plans: SchemaCache[tuple[Schema, list[int], list[Any] | None]] = SchemaCache()

    def _keeps(self, name: str) -> bool:
        return name not in self._exclude and (not self._include or name in self._include)

    def _plan(self, schema: Schema) -> tuple[Schema, list[int], list[Any] | None]:
        """The new schema, the positions kept and, where there are any, their defaults."""
        kept = [field for field in schema.fields if self._keeps(field.name)]
        fields = [(self._renames.get(field.name, field.name), field.schema) for field in kept]
        defaults = [field.schema.default for field in kept] if self._replace else []
        some = any(default is not None for default in defaults)
        return struct_like(schema, fields), [field.index for field in kept], defaults if some else None

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
        updated, indexes, defaults = self._plans.get(schema, self._plan)
        picked = [values[index] for index in indexes]
        if defaults is not None:
            picked = [default if item is None else item for item, default in zip(picked, defaults, strict=True)]
        return self.with_value(record, updated, Struct(updated, picked))


class Key(ReplaceField[R]):
    """ReplaceField on the key."""

    is_key = True


class Value(ReplaceField[R]):
    """ReplaceField on the value."""
