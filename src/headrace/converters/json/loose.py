"""The definition of decoding: parsed JSON to a Connect value, one node at a time, as Connect's JsonConverter does it.

Compiled decoders do the same for well-formed input; what they refuse comes here. A node of another kind than the schema says is
zero, false or null, as in the original; a null is refused where a struct's field requires a value.
"""

from __future__ import annotations

import base64
import re
from decimal import Decimal
from typing import Any, Final

from headrace.converters.json.leaves import INT_BITS
from headrace.converters.json.parse import MISSING, Missing, parse
from headrace.data import Schema, Struct, Type
from headrace.data.logical import (
    DATE_NAME,
    DECIMAL_NAME,
    TIME_NAME,
    TIMESTAMP_NAME,
    bytes_to_decimal,
    days_to_date,
    millis_to_datetime,
    millis_to_time,
    schema_scale,
)
from headrace.data.text import exact_single
from headrace.data.validation import validate_value
from headrace.errors import DataException

__all__ = ["MISSING", "convert", "logical", "parse", "whole_number", "wrapped"]
_BASE64: Final = re.compile(
    r"(?:[\x00-\x20]*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==))*[\x00-\x20]*", re.ASCII
)
_LOGICAL: Final = frozenset({DATE_NAME, TIME_NAME, TIMESTAMP_NAME})
_INT32: Final = range(-(2**31), 2**31)


def convert(schema: Schema | None, node: Any, *, replace_nulls: bool) -> Any:
    """The Connect value of a parsed JSON node. DataException if it has none under the schema."""
    try:
        return _node(schema, node, replace_nulls=replace_nulls)
    except RecursionError:
        raise DataException("The data is nested too deeply.") from None


def _node(schema: Schema | None, node: Any, *, replace_nulls: bool) -> Any:
    if schema is None:
        return _schemaless(node)
    if node is None:
        if replace_nulls and schema.default is not None:
            return schema.default
        if schema.optional:
            return None
        raise DataException(f"Invalid null value for required {schema.type.name} field")
    if schema.name == DECIMAL_NAME:
        return _decimal(schema, node)
    if schema.name in _LOGICAL:
        return _temporal(schema, node)
    match schema.type:
        case Type.STRUCT:
            return _struct(schema, node, replace_nulls)
        case Type.ARRAY:
            items = node if isinstance(node, list) else list(node.values()) if isinstance(node, dict) else []
            return [_node(schema.value_schema, item, replace_nulls=replace_nulls) for item in items]
        case Type.MAP:
            return _map(schema, node, replace_nulls)
    return _primitive(schema.type, node)


def _struct(schema: Schema, node: Any, replace_nulls: bool) -> Struct:
    if not isinstance(node, dict):
        raise _wrong("Structs should be encoded as JSON objects, but found", node)
    values = []
    for field in schema.fields:
        value = _node(field.schema, node.get(field.name), replace_nulls=replace_nulls)
        validate_value(field.schema, value, field.name)
        values.append(value)
    return Struct(schema, values)


def _map(schema: Schema, node: Any, replace_nulls: bool) -> dict[Any, Any]:
    assert schema.key_schema is not None
    if schema.key_schema.type is Type.STRING:
        if not isinstance(node, dict):
            raise _wrong("Maps with string fields should be encoded as JSON objects, but found", node)
        return {key: _node(schema.value_schema, value, replace_nulls=replace_nulls) for key, value in node.items()}
    if not isinstance(node, list):
        raise _wrong("Maps with non-string fields should be encoded as JSON array of tuples, but found", node)
    try:
        return {
            _node(schema.key_schema, key, replace_nulls=replace_nulls): _node(
                schema.value_schema, value, replace_nulls=replace_nulls
            )
            for key, value in map(_pair, node)
        }
    except TypeError as error:
        raise DataException(f"A map's key cannot be a container: {error}") from error


def _pair(entry: Any) -> tuple[Any, Any]:
    if not isinstance(entry, list):
        raise _wrong("Found invalid map entry instead of array tuple:", entry)
    if len(entry) != 2:
        raise DataException(f"Found invalid map entry, expected length 2 but found :{len(entry)}")
    return entry[0], entry[1]


def _primitive(kind: Type, node: Any) -> Any:
    number = isinstance(node, int | Decimal) and not isinstance(node, bool)
    match kind:
        case Type.INT8 | Type.INT16 | Type.INT32 | Type.INT64:
            return wrapped(whole_number(node), INT_BITS[kind]) if number else 0
        case Type.FLOAT32:
            return exact_single(node) if number else 0.0
        case Type.FLOAT64:
            return _double(node) if number else 0.0
        case Type.BOOLEAN:
            return node is True
        case Type.BYTES:
            return _base64(node) if isinstance(node, str) else None
    return node if isinstance(node, str) else None


def whole_number(node: int | Decimal) -> int:
    """The integer part, or an integer with the same lowest 64 bits where that is too long to write out."""
    if isinstance(node, int):
        return node
    exponent = node.as_tuple().exponent
    assert isinstance(exponent, int)
    return 0 if exponent >= 64 or node.adjusted() < 0 else int(node)


def wrapped(number: int, bits: int) -> int:
    """The number that the lowest bits mean, as Java cuts a number to a smaller type."""
    half = 1 << (bits - 1)
    return number if -half <= number < half else (number + half) % (2 * half) - half


def _double(node: int | Decimal) -> float:
    try:
        return float(node)
    except OverflowError:
        return float("inf") if node > 0 else float("-inf")


def _base64(text: str) -> bytes:
    """Groups of four characters, white space only between them."""
    if not _BASE64.fullmatch(text):
        raise DataException("Invalid bytes field: no base64 text")
    letters = "".join(char for char in text if char > " ")
    return b"".join(base64.b64decode(letters[at : at + 4]) for at in range(0, len(letters), 4))


def _decimal(schema: Schema, node: Any) -> Decimal:
    if isinstance(node, str):
        unscaled = _base64(node)
        if not unscaled:
            raise DataException("Invalid bytes for Decimal field: there are none")
        return bytes_to_decimal(unscaled, schema_scale(schema))
    if isinstance(node, bool) or not isinstance(node, int | Decimal):
        raise _wrong("Invalid type for Decimal, underlying representation should be numeric or bytes but was", node)
    return Decimal(node)


def _temporal(schema: Schema, node: Any) -> Any:
    if isinstance(node, bool) or not isinstance(node, int):
        raise _wrong(f"Invalid type for {schema.name}, underlying representation should be integer but was", node)
    if schema.name == TIMESTAMP_NAME:
        return logical(schema, wrapped(node, 64))
    if node not in _INT32:
        raise _wrong(f"Invalid type for {schema.name}, underlying representation should be integer but was", node)
    return logical(schema, node)


def logical(schema: Schema, value: Any) -> Any:
    """The in-memory form of a base value whose schema may be logical. DataException if Python has no such date."""
    try:
        if schema.name == DATE_NAME:
            return days_to_date(value)
        if schema.name == TIME_NAME:
            return millis_to_time(value)
        if schema.name == TIMESTAMP_NAME:
            return millis_to_datetime(value)
    except (ValueError, OverflowError) as error:
        raise DataException(f"Value {value} is outside what {schema.name} can hold: {error}") from error
    return value


def _schemaless(node: Any) -> Any:
    if isinstance(node, Decimal):
        return _double(node)
    if isinstance(node, list):
        return [_schemaless(item) for item in node]
    if isinstance(node, dict):
        return {key: _schemaless(item) for key, item in node.items()}
    return None if isinstance(node, Missing) else node


def _wrong(lead: str, node: Any) -> DataException:
    names = {dict: "OBJECT", list: "ARRAY", str: "STRING", bool: "BOOLEAN", type(None): "NULL", Missing: "MISSING"}
    return DataException(f"{lead} {names.get(type(node), 'NUMBER')}")
