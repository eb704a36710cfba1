"""The definition of decoding: parsed JSON to a Connect value, one node at a time.

Compiled decoders do the same for well-formed input; what they refuse comes here, to be accepted or refused for good.
Refused where Connect would silently turn it into zero or null: a number for a text, a text for a number, an integer out of range.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from decimal import Decimal
from typing import Any, Final

from headrace.converters.json.leaves import INT_BOUNDS
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
from headrace.data.text import to_single
from headrace.errors import DataException

NON_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _no_constant(text: str) -> Any:
    raise ValueError(f"unexpected {text}")


def parse(data: bytes) -> Any:
    """JSON text as Python objects, fractions as Decimal so that no digit is lost. DataException if it is no JSON."""
    try:
        return json.loads(data, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise DataException(
            f"Converting byte[] to Kafka Connect data failed due to serialization error: {error}", code="DATA_NOT_JSON"
        ) from error


def convert(schema: Schema | None, node: Any, *, replace_nulls: bool) -> Any:
    """The Connect value of a parsed JSON node. DataException if it does not fit the schema."""
    if schema is None:
        return _schemaless(node)
    if node is None:
        if replace_nulls and schema.default is not None:
            return schema.default
        if schema.optional:
            return None
        raise DataException(f"Invalid null value for required {schema.type.name} field")
    match schema.type:
        case Type.STRUCT:
            if not isinstance(node, dict):
                raise _wrong("Structs should be encoded as JSON objects, but found", node)
            return Struct(
                schema,
                [convert(field.schema, node.get(field.name), replace_nulls=replace_nulls) for field in schema.fields],
            )
        case Type.ARRAY:
            if not isinstance(node, list):
                raise _wrong("Arrays should be encoded as JSON arrays, but found", node)
            return [convert(schema.value_schema, item, replace_nulls=replace_nulls) for item in node]
        case Type.MAP:
            return _map(schema, node, replace_nulls)
    if schema.name == DECIMAL_NAME:
        return _decimal(schema, node)
    return logical(schema, _primitive(schema, node))


def _map(schema: Schema, node: Any, replace_nulls: bool) -> dict[Any, Any]:
    assert schema.key_schema is not None
    if schema.key_schema.type is Type.STRING:
        if not isinstance(node, dict):
            raise _wrong("Maps with string fields should be encoded as JSON objects, but found", node)
        pairs = list(node.items())
    else:
        if not isinstance(node, list):
            raise _wrong("Maps with non-string fields should be encoded as JSON array of tuples, but found", node)
        pairs = [_pair(entry) for entry in node]
    try:
        return {
            convert(schema.key_schema, key, replace_nulls=replace_nulls): convert(
                schema.value_schema, value, replace_nulls=replace_nulls
            )
            for key, value in pairs
        }
    except TypeError as error:
        raise DataException(f"A map's key cannot be a container: {error}") from error


def _pair(entry: Any) -> tuple[Any, Any]:
    if not isinstance(entry, list):
        raise _wrong("Found invalid map entry instead of array tuple:", entry)
    if len(entry) != 2:
        raise DataException(f"Found invalid map entry, expected length 2 but found :{len(entry)}")
    return entry[0], entry[1]


def _primitive(schema: Schema, node: Any) -> Any:
    kind = schema.type
    if kind in INT_BOUNDS:
        low, high = INT_BOUNDS[kind]
        if isinstance(node, Decimal) and node == node.to_integral_value() and low <= node <= high:
            return int(node)
        if isinstance(node, int) and not isinstance(node, bool) and low <= node <= high:
            return node
    elif (kind is Type.STRING and isinstance(node, str)) or (kind is Type.BOOLEAN and isinstance(node, bool)):
        return node
    elif kind in (Type.FLOAT32, Type.FLOAT64):
        if isinstance(node, str) and node in NON_FINITE:
            return NON_FINITE[node]
        if isinstance(node, int | Decimal) and not isinstance(node, bool):
            return to_single(_float(node)) if kind is Type.FLOAT32 else _float(node)
    elif kind is Type.BYTES and isinstance(node, str):
        return _base64(node)
    raise _wrong(f"Invalid value for schema type {kind.name}:", node)


def _float(node: int | Decimal) -> float:
    try:
        return float(node)
    except OverflowError:
        return math.copysign(math.inf, node)


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataException(f"Invalid bytes field: {error}") from error


def _decimal(schema: Schema, node: Any) -> Decimal:
    if isinstance(node, bool) or not isinstance(node, int | Decimal | str):
        raise _wrong("Invalid type for Decimal, expected a number or base64 text but was", node)
    return bytes_to_decimal(_base64(node), schema_scale(schema)) if isinstance(node, str) else Decimal(node)


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
        return _float(node)
    if isinstance(node, list):
        return [_schemaless(item) for item in node]
    if isinstance(node, dict):
        return {key: _schemaless(item) for key, item in node.items()}
    return node


def _wrong(lead: str, node: Any) -> DataException:
    names = {dict: "OBJECT", list: "ARRAY", str: "STRING", bool: "BOOLEAN", type(None): "NULL"}
    return DataException(f"{lead} {names.get(type(node), 'NUMBER')}")
