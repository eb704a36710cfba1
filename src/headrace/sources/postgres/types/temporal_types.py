"""Schemas and conversions of dates, times and intervals in every time.precision.mode."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

from headrace.cdc import semantic
from headrace.data.logical import (
    date_builder,
    days_to_date,
    millis_to_datetime,
    millis_to_time,
    time_builder,
    timestamp_builder,
)
from headrace.data.schema_builder import SchemaBuilder
from headrace.data.wide_temporal import WideDate, WideDatetime, WideTime
from headrace.errors import DataException
from headrace.sources.postgres.types import temporal
from headrace.sources.postgres.types.modes import Modes
from headrace.sources.postgres.types.registry import ResolvedType
from headrace.sources.postgres.types.type_plan import Native, TypePlan

_NAMES: Final = {name: getattr(temporal, name) for name in dir(temporal) if not name.startswith("_")}


def plan_temporal(type: ResolvedType, modes: Modes) -> TypePlan | None:
    """The plan of a date, time or interval type, None for any other type."""
    made = _choose(type.name, type.typmod, modes)
    if made is None:
        return None
    builder, code, zero, names, native = made
    # bytes: the text is decoded once, then bound as the expression's own x.
    return TypePlan(
        builder,
        code.replace("(x", "(x.decode()", 1),
        code,
        {**_NAMES, **names},
        lambda schema: zero,
        modes.unchanged_text,
        native=native,
    )


Choice = tuple[Callable[[], SchemaBuilder], str, Any, dict[str, Any], Native]


def _choose(name: str, typmod: int, modes: Modes) -> Choice | None:
    mode = modes.times
    match name:
        case "timestamptz":
            digits = typmod if typmod >= 0 else 6
            names = {f"zoned_{digits}": _zoned(digits)}
            builder, zero = lambda: semantic.text(semantic.ZONED_TIMESTAMP), "1970-01-01T00:00:00Z"
            return builder, f"zoned_{digits}(x)", zero, names, ("timestamptz", digits)
        case "timetz":
            return lambda: semantic.text(semantic.ZONED_TIME), "zoned_time(x)", "00:00:00Z", {}, "timetz"
        case "interval":
            if modes.interval == "string":
                builder, zero = lambda: semantic.text(semantic.INTERVAL), "P0Y0M0DT0H0M0S"
                return builder, "interval_iso(x)", zero, {}, ("interval", "iso")
            return lambda: semantic.int64(semantic.MICRO_DURATION), "interval_us(x)", 0, {}, ("interval", "us")
        case "date":
            return _date(mode)
        case "time":
            return _time(mode, typmod)
        case "timestamp":
            return _timestamp(mode, typmod)
    return None


def _zoned(digits: int) -> Callable[[str], str]:
    if digits != 6:
        return lambda text: temporal.zoned_timestamp(text, digits)

    def zoned(text: str) -> str:
        # The session's zone is UTC, so nearly all values only change their punctuation.
        if len(text) == 29 and text[10] == " " and text[26:] == "+00":
            return f"{text[:10]}T{text[11:26]}Z"
        return temporal.zoned_timestamp(text, 6)

    return zoned


def _date(mode: str) -> Choice:
    if mode == "isostring":
        return lambda: semantic.text(semantic.ISO_DATE), "iso_date(x)", "1970-01-01Z", {}, ("date", "iso")
    if mode == "connect":
        return date_builder, "connect_date(x)", dt.date(1970, 1, 1), {"connect_date": _connect_date}, ("date", "days")
    return lambda: semantic.int32(semantic.DATE), "date_days(x)", 0, {}, ("date", "days")


def _time(mode: str, typmod: int) -> Choice:
    if mode == "isostring":
        return lambda: semantic.text(semantic.ISO_TIME), "iso_time(x)", "00:00:00Z", {}, ("time", "iso")
    if mode == "connect":
        return time_builder, "connect_time(x)", dt.time(0), {"connect_time": _connect_time}, ("time", "ms")
    if mode == "nanoseconds":
        return lambda: semantic.int64(semantic.NANO_TIME), "time_us(x) * 1000", 0, {}, ("time", "ns")
    if mode == "adaptive" and 0 <= typmod <= 3:
        return lambda: semantic.int32(semantic.TIME), "time_us(x) // 1000", 0, {}, ("time", "ms")
    return lambda: semantic.int64(semantic.MICRO_TIME), "time_us(x)", 0, {}, ("time", "us")


def _timestamp(mode: str, typmod: int) -> Choice:
    if mode == "isostring":
        return (
            lambda: semantic.text(semantic.ISO_TIMESTAMP),
            "iso_timestamp(x)",
            "1970-01-01T00:00:00Z",
            {},
            ("timestamp", "iso"),
        )
    if mode == "connect":
        names = {"connect_timestamp": _connect_timestamp}
        zero = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return timestamp_builder, "connect_timestamp(x)", zero, names, ("timestamp", "ms")
    if mode == "nanoseconds":
        return lambda: semantic.int64(semantic.NANO_TIMESTAMP), "nanos(x)", 0, {"nanos": _nanos}, ("timestamp", "ns")
    if mode in ("adaptive", "adaptive_time_microseconds") and 0 <= typmod <= 3:
        return lambda: semantic.int64(semantic.TIMESTAMP), "timestamp_ms(x)", 0, {}, ("timestamp", "ms")
    return lambda: semantic.int64(semantic.MICRO_TIMESTAMP), "timestamp_us(x)", 0, {}, ("timestamp", "us")


def _nanos(text: str) -> int:
    try:
        return temporal.timestamp_ns(text)
    except OverflowError:
        raise DataException(
            f"{text} is outside what a NanoTimestamp can hold.",
            code="TEMPORAL_OUT_OF_RANGE",
            field="time.precision.mode",
            remedy="Set time.precision.mode to adaptive, microseconds or isostring.",
        ) from None


def _connect_date(text: str) -> dt.date:
    days = temporal.date_days(text)
    return days_to_date(days) if -719_162 <= days <= 2_932_896 else WideDate(days)


def _connect_time(text: str) -> dt.time:
    millis = temporal.time_us(text) // 1000
    return millis_to_time(millis) if millis < temporal.DAY_US // 1000 else WideTime(millis)


def _connect_timestamp(text: str) -> dt.datetime:
    millis = temporal.timestamp_ms(text)
    return millis_to_datetime(millis) if -62_135_596_800_000 <= millis <= 253_402_300_799_999 else WideDatetime(millis)
