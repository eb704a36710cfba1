"""MaskField: hides fields behind their type's zero value or a replacement.

Source: org.apache.kafka.connect.transforms.MaskField.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.definition import invalid_value
from headrace.config.validators import non_empty
from headrace.data import Schema, Struct
from headrace.data.validation import validate_value
from headrace.errors import DataException
from headrace.spi.transform import R
from headrace.transforms.base import NULL_DEFAULTS, SchemaCache, SidedTransform, require_map, require_struct

_PURPOSE: Final = "mask fields"
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _some_fields(name: str, value: Any) -> None:
    if not value:
        raise invalid_value(name, value, "Empty list")


class MaskField(SidedTransform[R]):
    """A null field stays null. The record's value must be a struct or map. A replacement serves numbers and text only."""

    definition = (
        ConfigDef()
        .define(
            "fields",
            ConfigType.LIST,
            validator=_some_fields,
            importance=Importance.HIGH,
            documentation="Names of the fields to mask.",
        )
        .define(
            "replacement",
            ConfigType.STRING,
            None,
            non_empty,
            Importance.LOW,
            "Text put in place of every masked value; for number and text fields only.",
        )
        .embed(NULL_DEFAULTS)
    )

    def configure(self, props: Mapping[str, str]) -> None:
        settings = self.settings(props)
        self._fields: list[str] = settings["fields"]
        self._replacement: str | None = settings["replacement"]
        self._replace: bool = settings["replace.null.with.default"]
        self._plans: SchemaCache[tuple[list[int], list[Any] | None]] = SchemaCache()

    def _plan(self, schema: Schema) -> tuple[list[int], list[Any] | None]:
        indexes = [field.index for field in schema.fields if field.name in self._fields]
        defaults = [field.schema.default for field in schema.fields] if self._replace else []
        return indexes, defaults if any(default is not None for default in defaults) else None

    def apply(self, record: R) -> R | None:
        value, schema = self.value_of(record), self.schema_of(record)
        if schema is None:
            updated = dict(require_map(value, _PURPOSE))
            for name in self._fields:
                updated[name] = self._masked(updated.get(name), name, None)
            return self.with_value(record, None, updated)
        struct = require_struct(value, _PURPOSE)
        indexes, defaults = self._plans.get(schema, self._plan)
        values = list(struct.values)
        if defaults is not None:
            values = [default if item is None else item for item, default in zip(values, defaults, strict=True)]
        for index in indexes:
            field = struct.schema.fields[index]
            values[index] = self._masked(values[index], field.name, field.schema)
        return self.with_value(record, schema, Struct(struct.schema, values))

    def _masked(self, value: Any, name: str, schema: Schema | None) -> Any:
        if value is None:
            return None
        if self._replacement is None:
            return _zero(value, name)
        masked = _replaced(value, name, self._replacement)
        if schema is not None:
            validate_value(schema, masked, name)
        return masked


def _zero(value: Any, name: str) -> Any:
    if isinstance(value, bool):
        return False
    for kind, zero in ((int, 0), (float, 0.0), (str, ""), (dt.datetime, _EPOCH), (dt.date, _EPOCH.date())):
        if isinstance(value, kind):
            return zero
    if isinstance(value, Decimal):
        return Decimal(0)
    if isinstance(value, dt.time):
        return dt.time()
    if isinstance(value, list):
        return []
    if isinstance(value, dict):
        return {}
    raise DataException(f"Cannot mask value of type: {type(value).__name__} (field {name})")


def _replaced(value: Any, name: str, replacement: str) -> Any:
    if isinstance(value, str):
        return replacement
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        try:
            return type(value)(replacement)
        except (ValueError, InvalidOperation) as error:
            raise DataException(
                f"Unable to convert {replacement} to {type(value).__name__} for field {name}"
            ) from error
    raise DataException(f"Cannot mask value of type {type(value).__name__} (field {name}) with custom replacement.")


class Key(MaskField[R]):
    """MaskField on the key."""

    is_key = True


class Value(MaskField[R]):
    """MaskField on the value."""
