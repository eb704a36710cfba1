"""Values as pyarrow arrays: what the Rust core does with columns, for where there is none. Needs the extra `arrow`."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from headrace.data import logical
from headrace.data.arrow import ArrowField
from headrace.data.schema import Schema
from headrace.errors import ConnectException, DataException


def pyarrow() -> Any:
    """The library. ConnectException PYARROW_MISSING where it is not installed."""
    try:
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise ConnectException(
            "Arrow data are needed here, and there is neither the native core nor pyarrow.",
            code="PYARROW_MISSING",
            remedy="Install headrace[arrow].",
        ) from error


def has_pyarrow() -> bool:
    """Whether the library is installed."""
    try:
        pyarrow()
    except ConnectException:
        return False
    return True


def type_of(field: ArrowField) -> Any:
    """The pyarrow type of a field."""
    pa = pyarrow()
    match field.kind:
        case "decimal":
            return (pa.decimal128 if field.precision <= 38 else pa.decimal256)(field.precision, field.scale)
        case "date":
            return pa.date32()
        case "time":
            return pa.time32("ms")
        case "timestamp":
            return pa.timestamp("ms", "UTC")
        case "bool":
            return pa.bool_()
        case "struct":
            return pa.struct([_named(child) for child in field.children])
        case "list":
            return pa.list_(_named(field.children[0]))
        case "map":
            key, value = field.children
            return pa.map_(_named(key), _named(value))
    return getattr(pa, field.kind)()


def _named(field: ArrowField) -> Any:
    return pyarrow().field(field.name, type_of(field), nullable=field.nullable, metadata=dict(field.metadata) or None)


def to_arrow(field: ArrowField, schema: Schema, values: Sequence[Any]) -> Any:
    """The values, which are of the schema or null, as an array. DataException for one that its Arrow type does not hold."""
    pa = pyarrow()
    try:
        return pa.array([_plain(field, schema, value) for value in values], type_of(field))
    except (pa.ArrowException, OverflowError, TypeError, ValueError, AttributeError) as error:
        raise DataException(f"A value has no form in Arrow: {error}") from error


def _plain(field: ArrowField, schema: Schema, value: Any) -> Any:
    """Structs as dicts, maps as pairs, dates and times as numbers, decimals without precision as bytes. ValueError for a null in a required
    field."""
    if value is None:
        return None
    match field.kind:
        case "struct":
            return {
                child.name: _inner(child, of.schema, item)
                for child, of, item in zip(field.children, schema.fields, value.values, strict=True)
            }
        case "list":
            assert schema.value_schema is not None
            return [_inner(field.children[0], schema.value_schema, item) for item in value]
        case "map":
            assert schema.key_schema is not None
            assert schema.value_schema is not None
            of_key, of_item = field.children
            return [
                (_inner(of_key, schema.key_schema, key), _inner(of_item, schema.value_schema, item))
                for key, item in value.items()
            ]
        case "date":
            return logical.date_to_days(value)
        case "time":
            return logical.time_to_millis(value)
        case "timestamp":
            return logical.datetime_to_millis(value)
        case "binary" if schema.name == logical.DECIMAL_NAME:
            return logical.decimal_to_bytes(value, logical.schema_scale(schema))
        case "binary":
            return bytes(value)
    return value


def _inner(field: ArrowField, schema: Schema, value: Any) -> Any:
    if value is None and not field.nullable:
        raise ValueError(f"a null in the required field {field.name}")
    return _plain(field, schema, value)
