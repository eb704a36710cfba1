"""Checks that a value fits a schema, as Connect's ConnectSchema.validateValue does."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as PyDecimal
from typing import Any

from headrace.data.logical import DATE_NAME, DECIMAL_NAME, TIME_NAME, TIMESTAMP_NAME
from headrace.data.schema import Schema, Type
from headrace.data.struct import Struct
from headrace.errors import DataException

_INT_RANGE = {
    Type.INT8: (-(2**7), 2**7 - 1),
    Type.INT16: (-(2**15), 2**15 - 1),
    Type.INT32: (-(2**31), 2**31 - 1),
    Type.INT64: (-(2**63), 2**63 - 1),
}
_CLASSES: dict[Type, tuple[type, ...]] = {
    Type.FLOAT32: (float, int),
    Type.FLOAT64: (float, int),
    Type.BOOLEAN: (bool,),
    Type.STRING: (str,),
    Type.BYTES: (bytes, bytearray, memoryview),
    Type.ARRAY: (list, tuple),
    Type.MAP: (dict,),
    Type.STRUCT: (Struct,),
}
_LOGICAL_CLASSES: dict[str, type] = {
    DECIMAL_NAME: PyDecimal,
    DATE_NAME: dt.date,
    TIME_NAME: dt.time,
    TIMESTAMP_NAME: dt.datetime,
}


def validate_value(schema: Schema, value: Any, field: str | None = None) -> None:
    """DataException unless `value` may stand under `schema`; `field` names it in the message."""
    where = f' for field "{field}"' if field else ""
    if value is None:
        if not schema.optional:
            raise DataException(
                f"Invalid value: null used for required{' field: ' + repr(field) if field else ' value'}, schema type: {schema.type.name}"
            )
        return
    if schema.name in _LOGICAL_CLASSES:
        if not isinstance(value, _LOGICAL_CLASSES[schema.name]):
            raise DataException(f"Invalid Python object for schema {schema.name}: {type(value).__name__}{where}")
        return
    bounds = _INT_RANGE.get(schema.type)
    if bounds is not None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise DataException(
                f"Invalid Python object for schema type {schema.type.name}: {type(value).__name__}{where}"
            )
        if not bounds[0] <= value <= bounds[1]:
            raise DataException(f"Value {value} is out of range for schema type {schema.type.name}{where}")
        return
    if not isinstance(value, _CLASSES[schema.type]) or (isinstance(value, bool) and schema.type is not Type.BOOLEAN):
        raise DataException(f"Invalid Python object for schema type {schema.type.name}: {type(value).__name__}{where}")
    _validate_children(schema, value)


def _validate_children(schema: Schema, value: Any) -> None:
    if schema.type is Type.STRUCT:
        if value.schema is not schema and value.schema != schema:
            raise DataException("Struct schemas do not match.")
        value.validate()
    elif schema.type is Type.ARRAY and schema.value_schema is not None:
        for item in value:
            validate_value(schema.value_schema, item)
    elif schema.type is Type.MAP and schema.key_schema is not None and schema.value_schema is not None:
        for key, item in value.items():
            validate_value(schema.key_schema, key)
            validate_value(schema.value_schema, item)
