"""PostgreSQL's texts for dates and times as numbers and ISO texts. Pure.

Input is what a session with datestyle ISO, intervalstyle postgres and time zone UTC prints: `2020-01-02 03:04:05.123+00`,
`0044-03-15 BC`, `infinity`. Numbers count from 1970-01-01 in the proleptic Gregorian calendar. Infinity becomes the
numbers Debezium uses for it, and stays the text `infinity` where the value is text.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Final

_EPOCH: Final = dt.datetime(1970, 1, 1)
_EPOCH_ORDINAL: Final = dt.date(1970, 1, 1).toordinal()
DAY_US: Final = 86_400_000_000

INFINITY_DAYS: Final = {"infinity": -2_147_472_692, "-infinity": -2_147_472_691}
INFINITY_US: Final = {"infinity": 9_223_372_036_825_200_000, "-infinity": -9_223_372_036_832_400_000}
INFINITY_ISO_DATE: Final = {"infinity": "-5877611-06-21Z", "-infinity": "-5877611-06-22Z"}
INFINITY_ISO_TIMESTAMP: Final = {"infinity": "+294247-01-10T04:00:25.2Z", "-infinity": "-290308-12-21T19:59:27.6Z"}
INFINITY_NS: Final = {"infinity": 2**63 - 1, "-infinity": -(2**63)}
_INTERVAL: Final = re.compile(r"(-?\+?\d+) (year|mon|day)s?")
_CLOCK: Final = re.compile(r"([-+]?)(\d+):(\d\d):(\d\d)(?:\.(\d+))?")
_ZONE: Final = re.compile(r"([-+])(\d\d)(?::(\d\d))?(?::(\d\d))?$")


def date_days(text: str) -> int:
    """Days since 1970-01-01."""
    if len(text) == 10:
        return dt.date.fromisoformat(text).toordinal() - _EPOCH_ORDINAL
    infinite = INFINITY_DAYS.get(text)
    return infinite if infinite is not None else _wide_days(text)


def _wide_days(text: str) -> int:
    """Dates before year 1 and after 9999: moved by whole 400-year cycles of 146,097 days into Python's range."""
    year, month, day = _year_month_day(text)
    cycles = (year - 2000) // 400
    return dt.date(year - cycles * 400, month, day).toordinal() - _EPOCH_ORDINAL + cycles * 146_097


def _year_month_day(text: str) -> tuple[int, int, int]:
    era_before = text.endswith(" BC")
    year, month, day = (int(part) for part in text.removesuffix(" BC").split("-"))
    return (1 - year if era_before else year), month, day


def time_us(text: str) -> int:
    """Microseconds of the day; 24:00:00 is the whole day."""
    micros = (int(text[:2]) * 3600 + int(text[3:5]) * 60 + int(text[6:8])) * 1_000_000
    return micros + int(text[9:].ljust(6, "0")) if len(text) > 8 else micros


def timestamp_us(text: str) -> int:
    """Microseconds since the epoch of a timestamp without time zone, taken as UTC."""
    try:
        delta = dt.datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        infinite = INFINITY_US.get(text)
        return infinite if infinite is not None else _wide_timestamp_us(text)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def timestamp_ns(text: str) -> int:
    """As `timestamp_us`, in nanoseconds. OverflowError beyond 64 bits (before 1677 and after 2262)."""
    infinite = INFINITY_NS.get(text)
    if infinite is not None:
        return infinite
    nanos = timestamp_us(text) * 1000
    if not -(2**63) <= nanos < 2**63:
        raise OverflowError(text)
    return nanos


def timestamp_ms(text: str) -> int:
    """As `timestamp_us`, in milliseconds, finer digits cut downwards."""
    if text in INFINITY_US:
        return INFINITY_US[text] // 1000
    return timestamp_us(text) // 1000


def _wide_timestamp_us(text: str) -> int:
    era = " BC" if text.endswith(" BC") else ""
    day, _, clock = text.removesuffix(" BC").partition(" ")
    return _wide_days(day + era) * DAY_US + time_us(clock)


def zoned_timestamp(text: str, digits: int) -> str:
    """`2020-01-02T03:04:05.123456Z` from a timestamptz text; `digits` of fraction, 0 = as many as needed."""
    if text in INFINITY_US:
        return text
    era = " BC" if text.endswith(" BC") else ""
    day, _, rest = text.removesuffix(" BC").partition(" ")
    zone = _ZONE.search(rest)
    clock, offset = (rest[: zone.start()], _offset_us(zone)) if zone else (rest, 0)
    days, micros = divmod(_wide_days(day + era) * DAY_US + time_us(clock) - offset, DAY_US)
    return f"{_iso_day(days)}T{_iso_clock(micros, digits)}Z"


def _offset_us(zone: re.Match[str]) -> int:
    seconds = int(zone[2]) * 3600 + int(zone[3] or 0) * 60 + int(zone[4] or 0)
    return (seconds if zone[1] == "+" else -seconds) * 1_000_000


def zoned_time(text: str) -> str:
    """`08:11:12.5Z`: a timetz text moved to UTC, fraction without trailing zeros."""
    zone = _ZONE.search(text)
    clock, offset = (text[: zone.start()], _offset_us(zone)) if zone else (text, 0)
    return _iso_clock((time_us(clock) - offset) % DAY_US, 0) + "Z"


def iso_date(text: str) -> str:
    """`2020-01-02Z`."""
    return INFINITY_ISO_DATE.get(text) or _iso_day(date_days(text)) + "Z"


def iso_time(text: str) -> str:
    """`10:11:12.123Z`, fraction without trailing zeros; the end of the day is its beginning."""
    return _iso_clock(time_us(text) % DAY_US, 0) + "Z"


def iso_timestamp(text: str) -> str:
    """`2020-01-02T03:04:05.123Z`, fraction without trailing zeros."""
    if text in INFINITY_US:
        return INFINITY_ISO_TIMESTAMP[text]
    days, micros = divmod(timestamp_us(text), DAY_US)
    return f"{_iso_day(days)}T{_iso_clock(micros, 0)}Z"


def _iso_day(days: int) -> str:
    cycles = 0
    ordinal = days + _EPOCH_ORDINAL
    if not 1 <= ordinal <= 3_652_059:
        cycles = (ordinal - 730_120) // 146_097
        ordinal -= cycles * 146_097
    day = dt.date.fromordinal(ordinal)
    year = day.year + cycles * 400
    shown = f"{year:04d}" if 0 <= year <= 9999 else f"+{year}" if year > 0 else f"-{-year:04d}"
    return f"{shown}-{day.month:02d}-{day.day:02d}"


def _iso_clock(micros: int, digits: int) -> str:
    seconds, fraction = divmod(micros, 1_000_000)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if digits > 0:
        return f"{clock}.{f'{fraction:06d}'[:digits]}"
    return f"{clock}.{fraction:06d}".rstrip("0") if fraction else clock


def interval_parts(text: str) -> tuple[int, int, int, int, int, int]:
    """(years, months, days, hours, minutes, microseconds of the minute), each with its own sign."""
    parts = {unit: int(number) for number, unit in _INTERVAL.findall(text)}
    hours = minutes = micros = 0
    clock = _CLOCK.search(text)
    if clock:
        sign = -1 if clock[1] == "-" else 1
        hours, minutes = sign * int(clock[2]), sign * int(clock[3])
        micros = sign * (int(clock[4]) * 1_000_000 + int((clock[5] or "").ljust(6, "0")))
    return parts.get("year", 0), parts.get("mon", 0), parts.get("day", 0), hours, minutes, micros


def interval_us(text: str) -> int:
    """Microseconds, a month counted as 365.25 / 12 days (in floating point, as Debezium does)."""
    if "infinity" in text:
        return 2**63 - 1 if text[0] != "-" else -(2**63)
    years, months, days, hours, minutes, micros = interval_parts(text)
    all_days = ((years * 12) + months) * (365.25 / 12.0) + days
    seconds, fraction = divmod(abs(micros), 1_000_000)
    clock = seconds + fraction / 1e6
    return _long((((all_days * 24 + hours) * 60 + minutes) * 60 + (clock if micros >= 0 else -clock)) * 1e6)


def _long(number: float) -> int:
    """As Java makes a long of a double: cut, and held within 64 bits."""
    return max(-(2**63), min(2**63 - 1, int(number)))


def interval_iso(text: str) -> str:
    """`P1Y2M3DT4H5M6.789S`."""
    if "infinity" in text:
        return text
    years, months, days, hours, minutes, micros = interval_parts(text)
    sign = "-" if micros < 0 else ""
    return f"P{years}Y{months}M{days}DT{hours}H{minutes}M{sign}{_seconds(abs(micros))}S"


def _seconds(micros: int) -> str:
    """Seconds as Debezium writes them: summed in floating point, which shows in about every sixtieth number, and cut to nine digits."""
    whole, fraction = divmod(micros, 1_000_000)
    if not fraction:
        return str(whole)
    text = f"{Decimal(repr(whole + fraction / 1e6)):f}"
    point = text.index(".")
    return text[: point + 10].rstrip("0")
