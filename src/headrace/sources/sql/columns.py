"""From a query's columns to a schema, and to compiled code that makes structs of rows, a batch at a time."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from headrace.data import Schema, SchemaBuilder, Struct
from headrace.data.logical import date_builder, decimal_builder, time_builder, timestamp_builder
from headrace.errors import DataException
from headrace.systems.sql import Column, Kind, moment

logger = logging.getLogger(__name__)

Rows = Sequence[Sequence[Any]]
Convert = Callable[[Any], Any]
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_EXACT: Final = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[Inexact, InvalidOperation])
_MAX_INTEGER_PRECISION: Final = 18
_UNSET_SCALE: Final = 127
"""Confluent's scale of a numeric column that fixes none."""

_PLAIN: Final[Mapping[Kind, Callable[[], SchemaBuilder]]] = {
    Kind.BOOLEAN: SchemaBuilder.bool,
    Kind.INT8: SchemaBuilder.int8,
    Kind.INT16: SchemaBuilder.int16,
    Kind.INT32: SchemaBuilder.int32,
    Kind.INT64: SchemaBuilder.int64,
    Kind.FLOAT32: SchemaBuilder.float32,
    Kind.FLOAT64: SchemaBuilder.float64,
    Kind.STRING: SchemaBuilder.string,
    Kind.BYTES: SchemaBuilder.bytes,
    Kind.DATE: date_builder,
    Kind.TIME: time_builder,
    Kind.TIMESTAMP: timestamp_builder,
}
_BY_VALUE: Final[Sequence[tuple[type[Any], Kind]]] = (
    (bool, Kind.BOOLEAN),
    (int, Kind.INT64),
    (float, Kind.FLOAT64),
    (Decimal, Kind.NUMERIC),
    (bytes, Kind.BYTES),
    (dt.datetime, Kind.TIMESTAMP),
    (dt.date, Kind.DATE),
    (dt.time, Kind.TIME),
)


class RowBuilder:
    """For one list of columns. `schema`: of the structs; `build`: rows → structs."""

    def __init__(
        self, name: str | None, columns: Sequence[Column], zone: ZoneInfo, numeric: str, granularity: str
    ) -> None:
        builder = SchemaBuilder.struct()
        if name is not None:
            builder.name(name)
        parts: list[str] = []
        scope: dict[str, Any] = {"Struct": Struct}
        for index, column in enumerate(columns):
            planned = _plan(column, zone, numeric, granularity)
            if planned is None:
                logger.warning("Column %s is left out: type %s is not supported.", column.name, column.type_name)
                continue
            field, convert = planned
            builder.field(column.name, (field.optional() if column.nullable else field).build())
            if convert is None:
                parts.append(f"r[{index}]")
            else:
                scope[f"c{index}"] = convert
                parts.append(f"None if r[{index}] is None else c{index}(r[{index}])")
        self.schema: Schema = builder.build()
        scope["schema"] = self.schema
        exec(f"def build(rows):\n    return [Struct(schema, [{', '.join(parts)}]) for r in rows]", scope)
        self.build: Callable[[Rows], list[Struct]] = scope["build"]


def typed(columns: Sequence[Column], rows: Rows) -> list[Column]:
    """The columns with UNKNOWN kinds told from the first values that are not null; text where all are."""
    result = []
    for index, column in enumerate(columns):
        if column.kind is Kind.UNKNOWN:
            value = next((row[index] for row in rows if row[index] is not None), None)
            kind = next((kind for base, kind in _BY_VALUE if isinstance(value, base)), Kind.STRING)
            column = replace(column, kind=kind)
        result.append(column)
    return result


def moment_of(zone: ZoneInfo) -> Convert:
    """Database value → aware moment, see `systems.sql.moments.moment`; DataException for a value that is none."""

    def convert(value: Any) -> dt.datetime:
        try:
            return moment(value, zone)
        except ValueError as error:
            raise DataException(str(error), code="SQL_VALUE_INVALID") from error

    return convert


def _plan(
    column: Column, zone: ZoneInfo, numeric: str, granularity: str
) -> tuple[SchemaBuilder, Convert | None] | None:
    """Schema and conversion of one column; None when it cannot be read."""
    kind = column.kind
    if kind is Kind.UNSUPPORTED:
        return None
    if kind is Kind.NUMERIC:
        return _numeric(column, numeric)
    if kind is Kind.TIMESTAMP:
        return _timestamp(zone, granularity)
    conversions: Mapping[Kind, Convert] = {
        Kind.BOOLEAN: _boolean,
        Kind.BYTES: _bytes,
        Kind.DATE: _date,
        Kind.TIME: _time,
        Kind.STRING: _text,
    }
    convert = conversions.get(kind)
    if kind in (Kind.INT8, Kind.INT16, Kind.INT32, Kind.INT64):
        convert = _integer
    elif kind in (Kind.FLOAT32, Kind.FLOAT64):
        convert = _float
    return _PLAIN[kind](), convert


def _numeric(column: Column, mapping: str) -> tuple[SchemaBuilder, Convert | None]:
    precision, scale = column.precision, column.scale or 0
    if precision is not None:
        fits = precision <= _MAX_INTEGER_PRECISION
        if mapping != "none" and fits and (scale == 0 or (scale < 0 and mapping != "precision_only")):
            return _integer_builder(precision), _integer
        if scale > 0 and ((mapping == "best_fit" and fits) or mapping == "best_fit_eager_double"):
            return SchemaBuilder.float64(), _float
    fixed = _UNSET_SCALE if precision is None else scale
    return decimal_builder(fixed).parameter("connect.decimal.precision", str(precision or 0)), _decimal_of(fixed)


def _integer_builder(precision: int) -> SchemaBuilder:
    if precision > 9:
        return SchemaBuilder.int64()
    if precision > 4:
        return SchemaBuilder.int32()
    return SchemaBuilder.int16() if precision > 2 else SchemaBuilder.int8()


def _timestamp(zone: ZoneInfo, granularity: str) -> tuple[SchemaBuilder, Convert]:
    convert = moment_of(zone)
    if granularity == "connect_logical":
        return timestamp_builder(), convert
    unit, _, form = granularity.partition("_")
    if form == "iso_datetime_string":
        tail = "000" if unit == "nanos" else ""
        return (
            SchemaBuilder.string(),
            lambda value: convert(value).astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S.%f") + tail,
        )
    factor = 1000 if unit == "nanos" else 1
    if form == "string":
        return SchemaBuilder.string(), lambda value: str((convert(value) - _EPOCH) // _MICROSECOND * factor)
    return SchemaBuilder.int64(), lambda value: (convert(value) - _EPOCH) // _MICROSECOND * factor


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal)


def _unfit(value: Any, kind: str) -> DataException:
    """A value of another kind than its column's, as SQLite takes them."""
    return DataException(
        f"{value!r} is no {kind}.",
        code="SQL_VALUE_INVALID",
        remedy="Correct the row, or read it with a query that casts the column.",
    )


def _boolean(value: Any) -> bool:
    if not _is_number(value):
        raise _unfit(value, "boolean")
    return bool(value)


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, bytes | bytearray | memoryview):
        raise _unfit(value, "bytes")
    return bytes(value)


def _float(value: Any) -> float:
    if not _is_number(value):
        raise _unfit(value, "number")
    return float(value)


def _integer(value: Any) -> int:
    if not _is_number(value) or value != value // 1:
        raise _unfit(value, "whole number")
    return int(value)


def _decimal_of(scale: int) -> Convert:
    """A value at exactly that scale, as Connect's Decimal asks. DataException for one with more digits."""
    unit = Decimal(1).scaleb(-scale)

    def convert(value: Any) -> Decimal:
        try:
            number = value if isinstance(value, Decimal) else Decimal(str(value))
            if not number.is_finite():
                raise InvalidOperation
            return number.quantize(unit, context=_EXACT)
        except ArithmeticError as error:
            raise _unfit(value, f"decimal of scale {scale}") from error

    return convert


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _date(value: Any) -> dt.date:
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            raise _unfit(value, "date") from None
    if not isinstance(value, dt.date):
        raise _unfit(value, "date")
    return value.date() if isinstance(value, dt.datetime) else value


def _time(value: Any) -> dt.time:
    if isinstance(value, str):
        try:
            value = dt.time.fromisoformat(value)
        except ValueError:
            raise _unfit(value, "time of day") from None
    elif isinstance(value, dt.timedelta):
        # MySQL's drivers give times of day as spans.
        value = (dt.datetime.min + value).time()
    if not isinstance(value, dt.time):
        raise _unfit(value, "time of day")
    return value.replace(tzinfo=None)
