"""Dates, times and timestamps to PostgreSQL's binary and text forms; see `values` for what a piece is."""

from __future__ import annotations

import datetime as dt
import re
from struct import Struct as Packer
from typing import Final

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_US: Final = dt.timedelta(microseconds=1)
PG_EPOCH_US: Final = 946_684_800_000_000
PG_EPOCH_DAYS: Final = 10_957
_TS_MIN: Final = -211_813_488_000_000_000
_TS_MAX: Final = 9_223_372_036_825_200_000 - PG_EPOCH_US  # from here on capture means infinity
_DAY_US: Final = 86_400_000_000
_INFINITE_DAYS: Final = {-2_147_472_692: 2**31 - 1, -2_147_472_691: -(2**31)}  # the numbers Debezium gives for infinity
_INFINITE_TEXTS: Final = {"infinity": 2**63, "-infinity": -(2**63)}
_INFINITE_NS: Final = {2**63 - 1: 2**63, -(2**63): -(2**63)}
_pack_q: Final = Packer("!iq").pack
_pack_date: Final = Packer("!ii").pack
_pack_timetz: Final = Packer("!iqi").pack
_INFINITY: Final = _pack_q(8, 2**63 - 1)
_MINUS_INFINITY: Final = _pack_q(8, -(2**63))


def timestamp_piece(us: int) -> bytes:
    """Microseconds since 1970; beyond PostgreSQL's range it is infinity, as capture writes infinity."""
    shifted = us - PG_EPOCH_US
    if _TS_MIN <= shifted < _TS_MAX:
        return _pack_q(8, shifted)
    return _INFINITY if shifted > 0 else _MINUS_INFINITY


def date_piece(days: int) -> bytes:
    """Days since 1970; beyond PostgreSQL's range it is infinity, as are the two numbers that stand for it in change events."""
    if -2_462_000 <= days < 2_145_042_905:
        return _pack_date(4, days - PG_EPOCH_DAYS)
    return _pack_date(4, _INFINITE_DAYS.get(days) or (2**31 - 1 if days > 0 else -(2**31)))


def ns_us(ns: int) -> int:
    """Microseconds of nanoseconds; the ends of 64 bits stand for infinity, and stay beyond PostgreSQL's range."""
    return _INFINITE_NS.get(ns) or ns // 1000


def datetime_us(value: dt.datetime) -> int:
    """Microseconds since 1970; a naive value is UTC."""
    return ((value if value.tzinfo else value.replace(tzinfo=dt.UTC)) - _EPOCH) // _US


_ISO: Final = re.compile(
    r"([+-]?\d{4,})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9})\d*)?)?)?\s*(Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?"
)
_TIME: Final = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9})\d*)?)?\s*(Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?")


def iso_us(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 timestamp, any year; without zone UTC; beyond 64 bits for `infinity`. ValueError if
    it is none."""
    try:
        value = dt.datetime.fromisoformat(text)
    except ValueError:
        return _wide_us(text)
    return ((value if value.tzinfo else value.replace(tzinfo=dt.UTC)) - _EPOCH) // _US


def _wide_us(text: str) -> int:
    if text in _INFINITE_TEXTS:
        return _INFINITE_TEXTS[text]
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f"not an ISO 8601 timestamp: {text!r}")
    year = int(match[1])
    # 400 years are a whole number of days, so a year outside Python's range is shifted into it.
    cycles = (year - 2000) // 400
    day = dt.date(year - cycles * 400, int(match[2]), int(match[3]))
    days = day.toordinal() - 719_163 + cycles * 146_097
    return days * _DAY_US + _clock_us(match[4], match[5], match[6], match[7]) - _zone_s(match[8]) * 1_000_000


def _clock_us(hour: str | None, minute: str | None, second: str | None, fraction: str | None) -> int:
    seconds = int(hour or 0) * 3600 + int(minute or 0) * 60 + int(second or 0)
    return seconds * 1_000_000 + int((fraction or "0").ljust(9, "0")[:6])


def _zone_s(zone: str | None) -> int:
    if not zone or zone == "Z":
        return 0
    digits = zone[1:].replace(":", "").ljust(6, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:6])
    return -seconds if zone[0] == "-" else seconds


def iso_days(text: str) -> int:
    """Days since 1970 of an ISO date, with or without a zone behind it."""
    return _wide_us(text) // _DAY_US


def time_us(text: str) -> int:
    """Microseconds of the day of an ISO time."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"not an ISO 8601 time: {text!r}")
    return _clock_us(match[1], match[2], match[3], match[4])


def timetz_piece(text: str) -> bytes:
    """timetz of an ISO time with zone."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"not an ISO 8601 time: {text!r}")
    return _pack_timetz(12, _clock_us(match[1], match[2], match[3], match[4]), -_zone_s(match[5]))


def clock_us(value: dt.time) -> int:
    """Microseconds of the day."""
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond


def us_text(us: int) -> str:
    """ISO timestamp of microseconds since 1970, within Python's years."""
    return (_EPOCH + us * _US).isoformat()


def day_text(days: int) -> str:
    """ISO date of days since 1970, within Python's years."""
    return dt.date.fromordinal(days + 719_163).isoformat()


def clock_text(us: int) -> str:
    """ISO time of microseconds of the day."""
    seconds, fraction = divmod(us, 1_000_000)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}.{fraction:06}"
