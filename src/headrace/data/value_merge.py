"""The one schema for the elements of a list or map in header text. Source: as for `headrace.data.values`."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from headrace.data.logical import (
    DATE_NAME,
    TIME_NAME,
    TIMESTAMP_NAME,
    days_to_date,
    millis_to_datetime,
    millis_to_time,
)
from headrace.data.record import SchemaAndValue
from headrace.data.schema import Schema, Type
from headrace.data.text import exact_single, java_float
from headrace.errors import DataException

_WIDTH: Final = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64, Type.FLOAT32: 65, Type.FLOAT64: 66}
_TEMPORAL: Final = frozenset({DATE_NAME, TIME_NAME, TIMESTAMP_NAME})


class Common:
    """The narrowest schema that the values seen fit; None when all were null, or some do not go together."""

    def __init__(self) -> None:
        self.schema: Schema | None = None
        self._compatible = True

    def see(self, item: SchemaAndValue | None) -> None:
        """Take one value into account."""
        if item is None or item.schema is None or not self._compatible:
            return
        self.schema = item.schema if self.schema is None else _merged(self.schema, item.schema)
        self._compatible = self.schema is not None

    def fit(self, item: SchemaAndValue | None) -> Any:
        """A value under the common schema, or as it is when there is none. DataException when it has no form there, as null
        has none."""
        value = None if item is None else item.value
        if self.schema is None:
            return _unsized(item)
        if value is None:
            raise DataException("Unable to convert a null value to a schema that requires a value")
        kind, name = self.schema.type, self.schema.name
        if isinstance(value, dt.date | dt.time):
            if name not in _TEMPORAL:
                raise DataException(f"Unable to convert {value} to {kind.name}")
            return value
        if name in _TEMPORAL and isinstance(value, int):
            return _temporal(name, value)
        if kind is Type.FLOAT32:
            return exact_single(value)
        return float(value) if kind is Type.FLOAT64 else value


def _unsized(item: SchemaAndValue | None) -> Any:
    """A single whose schema is not kept becomes the double of the same text."""
    if item is None:
        return None
    single = item.schema is not None and item.schema.type is Type.FLOAT32
    return float(java_float(item.value)) if single else item.value


def _temporal(name: str | None, number: int) -> Any:
    try:
        if name == DATE_NAME:
            return days_to_date(number)
        if name == TIME_NAME:
            return millis_to_time(number)
        return millis_to_datetime(number)
    except (ValueError, OverflowError) as error:
        raise DataException(f"{number} is outside what {name} can hold: {error}") from error


def _merged(previous: Schema, new: Schema) -> Schema | None:
    if previous.type is not new.type:
        if previous.type in _WIDTH and new.type in _WIDTH:
            return new if _WIDTH[new.type] > _WIDTH[previous.type] else previous
        return None
    if previous.optional == new.optional:
        return previous if previous.optional else new
    return previous if previous == new else None
