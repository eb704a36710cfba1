"""MaskField: hides fields behind their type's zero value or a replacement.

Source: org.apache.kafka.connect.transforms.MaskField.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import non_empty
from headrace.data import Schema, Struct, Type
from headrace.data.batch import Block
from headrace.data.text import exact_single
from headrace.errors import DataException
from headrace.spi.transform import R
from headrace.transforms.base import (
    NULL_DEFAULTS,
    Reader,
    SchemaCache,
    SidedTransform,
    compile_reader,
    require_map,
    require_struct,
)
from headrace.transforms.blocks import one_value, structs_of
from headrace.transforms.casting import INT_BITS, as_double, wrap
from headrace.transforms.lists import filled_list, without_repeats

_PURPOSE: Final = "mask fields"
_NUMBER: Final = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d{1,5})?")
"""The texts that java.math.BigDecimal takes, exponents of more than five digits left out."""
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class MaskField(SidedTransform[R]):
    """A null field stays null. The record's value must be a struct or map. A replacement serves numbers and text only."""

    definition = (
        ConfigDef()
        .define(
            "fields",
            ConfigType.LIST,
            validator=filled_list,
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
        self._fields = without_repeats(settings["fields"])
        self._replacement: str | None = settings["replacement"]
        self._replace: bool = settings["replace.null.with.default"]
        self._plans: SchemaCache[tuple[list[int], Reader]] = SchemaCache()

    def _plan(self, schema: Schema) -> tuple[list[int], Reader]:
        indexes = [field.index for field in schema.fields if field.name in self._fields]
        return indexes, compile_reader(schema, None, replace_nulls=self._replace)

    def apply(self, record: R) -> R | None:
        value, schema = self.value_of(record), self.schema_of(record)
        if schema is None:
            updated = dict(require_map(value, _PURPOSE))
            for name in self._fields:
                updated[name] = self._masked(updated.get(name), name, None)
            return self.with_value(record, None, updated)
        struct = require_struct(value, _PURPOSE)
        indexes, read = self._plans.get(schema, self._plan)
        values = read(struct.values)
        for index in indexes:
            field = struct.schema.fields[index]
            values[index] = self._masked(values[index], field.name, field.schema)
        return self.with_value(record, schema, Struct(struct.schema, values))

    def apply_block(self, block: Block) -> list[Block] | None:
        structs = structs_of(self.side_of(block))
        if structs is None or structs.column.has_nulls:
            return None
        schema = structs.schema
        indexes, _ = self._plans.get(schema, self._plan)
        fields = structs.read(defaults=self._replace)
        for index in indexes:
            field, column = schema.fields[index], fields[index]
            row = column.first()
            if row is not None:
                # What a value is masked by depends on its type only, so that one shows it for all.
                value = self._masked(one_value(field.schema, column, row), field.name, field.schema)
                fields[index] = column.replaced(structs.layout.fields[index], value)
        return self.with_side(block, schema, structs.column.rebuilt(fields))

    def _masked(self, value: Any, name: str, schema: Schema | None) -> Any:
        if value is None:
            return None
        if self._replacement is None:
            return _zero(value, name)
        return _replaced(value, name, self._replacement, schema)


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


def _replaced(value: Any, name: str, replacement: str, schema: Schema | None) -> Any:
    if isinstance(value, str):
        return replacement
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise DataException(f"Cannot mask value of type {type(value).__name__} (field {name}) with custom replacement.")
    try:
        number = Decimal(replacement) if _NUMBER.fullmatch(replacement) else None
    except InvalidOperation:
        number = None
    if number is None:
        raise DataException(f"Unable to convert {replacement} to a number (field {name})")
    if isinstance(value, Decimal):
        return number
    if isinstance(value, float):
        return (
            exact_single(as_double(number)) if schema is not None and schema.type is Type.FLOAT32 else as_double(number)
        )
    # Java cuts the number to 64 bits, then to the field's width.
    return wrap(wrap(int(number), 64), INT_BITS[schema.type] if schema is not None else 64)


class Key(MaskField[R]):
    """MaskField on the key."""

    is_key = True


class Value(MaskField[R]):
    """MaskField on the value."""
