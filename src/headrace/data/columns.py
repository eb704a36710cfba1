"""Columns: the native form of many values of one schema, for code that wants the layout of a schema or values as columns.

There is none where the Rust core is missing (`native.core` is None): then batches are lists of records, and nothing here is used.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from headrace.data import logical
from headrace.data.schema import Schema
from headrace.data.struct import Struct
from headrace.data.unchanged import UnchangedBytes, UnchangedList, UnchangedMap, UnchangedText
from headrace.data.wide_temporal import WideDate, WideDatetime, WideTime
from headrace.native import core

if TYPE_CHECKING:
    from headrace.native._core import Column, Layout, Mask

_KEY: Final = "native.layout"
_NONE: Final = object()
_SKIPPED: Final = "native.skipped"
"""How many batches not to try (the low byte), and how many it was the last time."""
_FEW: Final = 8
"""Below that one by one is as fast."""


def layout_of(schema: Schema) -> Layout | None:
    """The native layout of a schema, made once for each schema object; None when it has none or there is no Rust core."""
    found: Any = schema.cache.get(_KEY)
    if found is None:
        found = _NONE
        if core is not None:
            try:
                found = core.Layout(schema)
            except (ValueError, TypeError, OverflowError, RecursionError, core.DeclinedError):
                found = _NONE
        schema.cache[_KEY] = found
    made: Layout | None = None if found is _NONE else found
    return made


def gathered(schemas: Sequence[Schema | None], values: Sequence[Any]) -> tuple[Schema, Column] | None:
    """The values as a column and their schema, if it is the same object for all but for nulls, which have none, and a column holds them as
    they are. None for all else, for few values, and for a while where values of the schema did not fit: the attempt is not free."""
    if core is None or len(values) < _FEW:
        return None
    distinct = {id(schema): schema for schema in schemas}
    nulls = distinct.pop(id(None), _NONE) is None
    schema = next(iter(distinct.values()), None)
    if schema is None or len(distinct) > 1:
        return None
    if nulls and any(of is None and value is not None for of, value in zip(schemas, values, strict=True)):
        return None
    rest: int = schema.cache.get(_SKIPPED, 0)
    if rest & 0xFF:
        schema.cache[_SKIPPED] = rest - 1
        return None
    layout = layout_of(schema)
    if layout is None:
        return None
    try:
        column: Column = core.Column.of(layout, values if isinstance(values, list) else list(values))
    except core.DeclinedError:
        # Twice as long each time, up to 255 batches.
        pause = min(255, (rest >> 8) * 2 + 1)
        schema.cache[_SKIPPED] = pause << 8 | pause
        return None
    if rest:
        del schema.cache[_SKIPPED]
    missing = len(values) - column.valid().count() if column.has_nulls else 0
    if missing != (schemas.count(None) if nulls else 0):
        # A null that has a schema.
        return None
    return schema, column


def column_of(schema: Schema | None, values: Sequence[Any]) -> Column:
    """The values, all of that schema or null, as a column. DeclinedError for values a column does not hold as they are. Only where there is a
    Rust core."""
    layout = None if schema is None else layout_of(schema)
    if layout is None:
        raise core.DeclinedError(f"There is no native form of {schema!r}.")
    made: Column = core.Column.of(layout, list(values))
    return made


def constant(value: bool | int | float | str | bytes | None, rows: int) -> Column:
    """A column that has the same value in every row. Only where there is a Rust core."""
    made: Column = core.Column.constant(value, rows)
    return made


def integers(values: Sequence[int]) -> Column:
    """A column of these integers. Only where there is a Rust core."""
    made: Column = core.Column.ints(values)
    return made


def structure(rows: int, fields: Sequence[Column]) -> Column:
    """A column of structs, none of them null. Only where there is a Rust core."""
    made: Column = core.Column.structure(rows, fields)
    return made


def groups(columns: Sequence[Column], rows: int, limit: int) -> list[tuple[int, Mask]] | None:
    """The rows of each combination of values in the columns: the first of them, and all; None when there are more than `limit`. Only
    where there is a Rust core; its DeclinedError for values that cannot be compared."""
    made: list[tuple[int, Mask]] | None = core.Column.groups(columns, rows, limit)
    return made


def same(rows: int, value: bool) -> Mask:
    """A mask that says the same of every row. Only where there is a Rust core."""
    made: Mask = core.Mask.constant(rows, value)
    return made


def date_of_days(days: int) -> Any:
    """The date, also one that is beyond Python's."""
    try:
        return logical.days_to_date(days)
    except (ValueError, OverflowError):
        return WideDate(days)


def time_of_millis(millis: int) -> Any:
    """The time of day, also one that is beyond Python's."""
    try:
        return logical.millis_to_time(millis)
    except (ValueError, OverflowError):
        return WideTime(millis)


def moment_of_millis(millis: int) -> Any:
    """The moment, also one that is beyond Python's."""
    try:
        return logical.millis_to_datetime(millis)
    except OverflowError:
        return WideDatetime(millis)


def _to_days(value: Any) -> int:
    if value.__class__ not in (dt.date, WideDate):
        raise ValueError
    return logical.date_to_days(value)


def _to_time(value: Any) -> int:
    if value.__class__ is not WideTime and (
        value.__class__ is not dt.time or value.microsecond % 1000 or value.tzinfo is not None or value.fold
    ):
        raise ValueError
    return logical.time_to_millis(value)


def _to_timestamp(value: Any) -> int:
    if value.__class__ is not WideDatetime and (
        value.__class__ is not dt.datetime or value.microsecond % 1000 or value.tzinfo is not dt.UTC or value.fold
    ):
        raise ValueError
    return logical.datetime_to_millis(value)


def _unscaled(value: Any, scale: int) -> bytes:
    """For decimals of very many digits. ValueError for one that bytes and scale would not give back as it is."""
    if value.as_tuple().exponent != -scale or (not value and value.is_signed()):
        raise ValueError(f"not a decimal of scale {scale}: {value}")
    return logical.decimal_to_bytes(value, scale)


if core is not None:
    # What Python values become must become the very same values again: numbers of another scale, finer times and the like are refused.
    core.use_types(
        structure=Struct,
        decimal=Decimal,
        date_of_ordinal=dt.date.fromordinal,
        unchanged_text=UnchangedText,
        unchanged_bytes=UnchangedBytes,
        unchanged_list=UnchangedList,
        unchanged_map=UnchangedMap,
        to_decimal=logical.bytes_to_decimal,
        to_date=date_of_days,
        to_time=time_of_millis,
        to_timestamp=moment_of_millis,
        from_decimal=_unscaled,
        from_date=_to_days,
        from_time=_to_time,
        from_timestamp=_to_timestamp,
    )
