"""Connect's logical types: Decimal, Date, Time, Timestamp.

In memory a logical value is the Python object a reader expects: `decimal.Decimal`, `datetime.date`, `datetime.time`,
`datetime.datetime` (aware, UTC, millisecond precision), beyond whose range `headrace.data.wide_temporal` goes. Converters write the base type. Source: Connect API
org.apache.kafka.connect.data.{Decimal,Date,Time,Timestamp}.
"""

from __future__ import annotations

import datetime as dt
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context
from decimal import Decimal as PyDecimal
from typing import Final

from headrace.data.schema import Schema
from headrace.data.schema_builder import SchemaBuilder
from headrace.data.wide_temporal import WideDate, WideDatetime, WideTime
from headrace.errors import DataException

DECIMAL_NAME: Final = "org.apache.kafka.connect.data.Decimal"
DATE_NAME: Final = "org.apache.kafka.connect.data.Date"
TIME_NAME: Final = "org.apache.kafka.connect.data.Time"
TIMESTAMP_NAME: Final = "org.apache.kafka.connect.data.Timestamp"
LOGICAL_NAMES: Final = frozenset({DECIMAL_NAME, DATE_NAME, TIME_NAME, TIMESTAMP_NAME})

_EPOCH_DATE: Final = dt.date(1970, 1, 1)
_EPOCH_DATE_ORDINAL: Final = _EPOCH_DATE.toordinal()
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EXACT: Final = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)
_MS: Final = dt.timedelta(milliseconds=1)


def decimal_builder(scale: int) -> SchemaBuilder:
    """BYTES schema of a decimal with `scale` fraction digits."""
    return SchemaBuilder.bytes().name(DECIMAL_NAME).version(1).parameter("scale", str(scale))


def date_builder() -> SchemaBuilder:
    """INT32 schema: days since 1970-01-01."""
    return SchemaBuilder.int32().name(DATE_NAME).version(1)


def time_builder() -> SchemaBuilder:
    """INT32 schema: milliseconds of the day."""
    return SchemaBuilder.int32().name(TIME_NAME).version(1)


def timestamp_builder() -> SchemaBuilder:
    """INT64 schema: milliseconds since the epoch, UTC."""
    return SchemaBuilder.int64().name(TIMESTAMP_NAME).version(1)


def decimal_to_bytes(value: PyDecimal, scale: int) -> bytes:
    """Big-endian two's complement of the unscaled value. DataException if `value` has more than `scale` digits."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise DataException(f"Decimal {value} is not a finite number")
    if -exponent > scale:
        quantized = value.scaleb(scale)
        if quantized != quantized.to_integral_value():
            raise DataException(f"Decimal value has mismatching scale for given Decimal schema: {value}, scale {scale}")
        unscaled = int(quantized)
    else:
        unscaled = int("".join(map(str, digits)) or "0") * 10 ** (scale + exponent)
        if sign:
            unscaled = -unscaled
    return int_to_bytes(unscaled)


def int_to_bytes(unscaled: int) -> bytes:
    """Shortest big-endian two's complement, as java.math.BigInteger.toByteArray gives it."""
    bits = unscaled.bit_length() if unscaled >= 0 else (unscaled + 1).bit_length()
    return unscaled.to_bytes(bits // 8 + 1, "big", signed=True)


def bytes_to_decimal(data: bytes, scale: int) -> PyDecimal:
    """The decimal whose unscaled big-endian two's complement is `data`; exact for any length."""
    return PyDecimal(int.from_bytes(data, "big", signed=True)).scaleb(-scale, _EXACT)


def schema_scale(schema: Schema) -> int:
    """The `scale` parameter of a Decimal schema. DataException when it is missing or no integer."""
    text = (schema.parameters or {}).get("scale")
    if text is None:
        raise DataException("Invalid Decimal schema: scale parameter not found.")
    try:
        return int(text)
    except ValueError:
        raise DataException(f"Invalid scale parameter found in Decimal schema: {text}") from None


def date_to_days(value: dt.date) -> int:
    """Days since the epoch. DataException for a datetime with a time part."""
    if isinstance(value, dt.datetime):
        if (value.hour, value.minute, value.second, value.microsecond) != (0, 0, 0, 0):
            raise DataException("Kafka Connect Date type should not have any time fields set to non-zero values.")
        value = value.date()
    elif value.__class__ is WideDate:
        return value.number
    return value.toordinal() - _EPOCH_DATE_ORDINAL


def days_to_date(days: int) -> dt.date:
    return dt.date.fromordinal(days + _EPOCH_DATE_ORDINAL)


def time_to_millis(value: dt.time) -> int:
    """Milliseconds of the day; finer digits are cut."""
    if value.__class__ is WideTime:
        return value.number
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1000 + value.microsecond // 1000


def millis_to_time(millis: int) -> dt.time:
    seconds, ms = divmod(millis, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return dt.time(hour, minute, second, ms * 1000)


def datetime_to_millis(value: dt.datetime) -> int:
    """Milliseconds since the epoch; a naive datetime is taken as UTC; finer digits are cut."""
    if value.__class__ is WideDatetime:
        return value.number
    if value.tzinfo is None:
        value = value.replace(tzinfo=dt.UTC)
    return (value - _EPOCH) // _MS


def millis_to_datetime(millis: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(milliseconds=millis)
