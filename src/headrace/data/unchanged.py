"""Typed "unchanged" values: a column the database did not send because the update left it as it was (TOAST).

Each is a value of its base type that holds the placeholder, so a converter writes the placeholder without a check;
whoever can do better (a sink's partial update, a reselecting post-processor) asks `isinstance(value, Unchanged)`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from headrace.data.logical import DATE_NAME, DECIMAL_NAME, TIME_NAME, TIMESTAMP_NAME, bytes_to_decimal, schema_scale
from headrace.data.schema import Schema, Type
from headrace.data.struct import Struct

_BITS: Final = "io.debezium.data.Bits"
_VARIABLE: Final = "io.debezium.data.VariableScaleDecimal"
_SHAPES: Final = ("io.debezium.data.geometry.Geometry", "io.debezium.data.geometry.Geography")
_SPARSE: Final = "io.debezium.data.SparseDoubleVector"
_MIDNIGHT: Final = dt.datetime(1970, 1, 1)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
WIDE_DIGITS: Final = 40
"""A decimal of fewer digits is too small to be stored apart from its row."""


class Unchanged:
    """Marks a value that stands for "as it was before"."""

    __slots__ = ()


class UnchangedText(Unchanged, str):
    """Placeholder of a STRING column."""

    __slots__ = ()


class UnchangedBytes(Unchanged, bytes):
    """Placeholder of a BYTES column."""


class UnchangedList(Unchanged, list[Any]):
    """Placeholder of an ARRAY column."""

    __slots__ = ()


class UnchangedMap(Unchanged, dict[str, Any]):
    """Placeholder of a MAP column."""

    __slots__ = ()


def unchanged_value(schema: Schema, placeholder: bytes) -> Any:
    """What stands for "unchanged" in a field of that schema, in the field's own type, so that it passes every converter: the text or
    the bytes themselves, a decimal or a geometry of these bytes, an array with an element per byte, a sparse vector of no dimensions.
    None where the type has no room for it."""
    match schema.type:
        case Type.STRING:
            return UnchangedText(placeholder.decode(errors="replace"))
        case Type.BYTES if schema.name in (None, _BITS):
            return UnchangedBytes(placeholder)
        case Type.BYTES if schema.name == DECIMAL_NAME and _is_wide(schema):
            return bytes_to_decimal(placeholder, schema_scale(schema))
        case Type.STRUCT if schema.name == _VARIABLE:
            return Struct(schema, [0, placeholder])
        case Type.STRUCT if schema.name in _SHAPES:
            return Struct(schema, [placeholder, None])
        case Type.STRUCT if schema.name == _SPARSE:
            return Struct(schema, [0, {}])
        case Type.ARRAY if schema.value_schema is not None:
            return _array(schema.value_schema, placeholder)
        case Type.MAP if schema.key_schema is not None and schema.key_schema.type is Type.STRING:
            text = placeholder.decode(errors="replace")
            return UnchangedMap({text: text})
    return None


def _is_wide(schema: Schema) -> bool:
    digits = (schema.parameters or {}).get("connect.decimal.precision", "")
    return not digits.isdigit() or int(digits) > WIDE_DIGITS


def _array(element: Schema, placeholder: bytes) -> UnchangedList | None:
    if element.name == DECIMAL_NAME:
        return UnchangedList([bytes_to_decimal(placeholder, schema_scale(element))])
    if element.name == DATE_NAME:
        return UnchangedList((_MIDNIGHT + dt.timedelta(days=byte)).date() for byte in placeholder)
    if element.name == TIME_NAME:
        return UnchangedList((_MIDNIGHT + dt.timedelta(milliseconds=byte)).time() for byte in placeholder)
    if element.name == TIMESTAMP_NAME:
        return UnchangedList(_EPOCH + dt.timedelta(milliseconds=byte) for byte in placeholder)
    match element.type:
        case Type.INT8 | Type.INT16 | Type.INT32 | Type.INT64:
            return UnchangedList(byte - 256 if byte > 127 else byte for byte in placeholder)
        case Type.FLOAT32 | Type.FLOAT64:
            return UnchangedList(map(float, placeholder))
        case Type.BOOLEAN:
            return UnchangedList(bool(byte >> bit & 1) for byte in placeholder for bit in range(7, -1, -1))
    inner = unchanged_value(element, placeholder)
    return None if inner is None else UnchangedList([inner])
