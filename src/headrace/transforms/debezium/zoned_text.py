"""Texts of moments and times with an offset, any year, up to nanoseconds. Source: java.time's ISO_OFFSET_DATE_TIME and ISO_OFFSET_TIME."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from typing import Final

from headrace.errors import DataException

_TIME = r"(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{0,9}))?)?"
_ZONE = r"(Z|[+-]\d{2}:\d{2}(?::\d{2})?)"
_MOMENT: Final = re.compile(rf"([+-]\d{{4,9}}|\d{{4}})-(\d{{2}})-(\d{{2}})T{_TIME}{_ZONE}", re.ASCII | re.IGNORECASE)
_CLOCK: Final = re.compile(_TIME + _ZONE, re.ASCII | re.IGNORECASE)
_DAY: Final = 86_400
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097
_EPOCH_ORDINAL: Final = dt.date(1970, 1, 1).toordinal()


def parse_moment(text: str) -> tuple[int, int, int]:
    """Seconds since 1970-01-01T00:00 on the text's own clock, nanoseconds, and its offset in seconds. DataException for other texts."""
    match = _MOMENT.fullmatch(text)
    if match is not None:
        year, month, day = int(match[1]), int(match[2]), int(match[3])
        cycles, inside = divmod(year - 2000, _CYCLE_YEARS)
        seconds = _seconds(match, 4)
        if 1 <= month <= 12 and 1 <= day <= calendar.monthrange(inside + 2000, month)[1] and seconds is not None:
            days = dt.date(inside + 2000, month, day).toordinal() - _EPOCH_ORDINAL + cycles * _CYCLE_DAYS
            return days * _DAY + seconds, _nanos(match[7]), _offset(match[8])
    raise DataException(f"'{text}' is no moment with an offset, such as 2024-02-29T12:00:00Z.")


def parse_time(text: str) -> tuple[int, int, int]:
    """Seconds of the day on the text's own clock, nanoseconds, and its offset in seconds. DataException for other texts."""
    match = _CLOCK.fullmatch(text)
    seconds = _seconds(match, 1) if match is not None else None
    if match is None or seconds is None:
        raise DataException(f"'{text}' is no time with an offset, such as 12:00:00+01:00.")
    return seconds, _nanos(match[4]), _offset(match[5])


def _seconds(match: re.Match[str], first: int) -> int | None:
    hour, minute, second = int(match[first]), int(match[first + 1]), int(match[first + 2] or 0)
    return hour * 3600 + minute * 60 + second if hour < 24 and minute < 60 and second < 60 else None


def _nanos(fraction: str | None) -> int:
    return int((fraction or "").ljust(9, "0"))


def _offset(text: str) -> int:
    if text in "Zz":
        return 0
    hours, minutes, *seconds = (int(part) for part in text[1:].split(":"))
    offset = hours * 3600 + minutes * 60 + sum(seconds)
    if minutes > 59 or sum(seconds) > 59 or offset > 18 * 3600:
        raise DataException(f"'{text}' is no offset from UTC.")
    return -offset if text[0] == "-" else offset


def moment_text(local: int, nanos: int, offset: int) -> str:
    """The text of seconds on the local clock; the reverse of `parse_moment`."""
    days, seconds = divmod(local, _DAY)
    cycles, inside = divmod(days - (dt.date(2000, 1, 1).toordinal() - _EPOCH_ORDINAL), _CYCLE_DAYS)
    date = dt.date.fromordinal(dt.date(2000, 1, 1).toordinal() + inside)
    year = date.year + cycles * _CYCLE_YEARS
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    return f"{sign}{abs(year):04d}-{date.month:02d}-{date.day:02d}T{time_text(seconds, nanos, offset)}"


def time_text(seconds: int, nanos: int, offset: int) -> str:
    """The text of seconds of the day on the local clock; the reverse of `parse_time`."""
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    return f"{_clock(seconds)}{fraction}{_offset_text(offset)}"


def _clock(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"


def _offset_text(offset: int) -> str:
    if offset == 0:
        return "Z"
    text = ("-" if offset < 0 else "+") + _clock(abs(offset))
    return text.removesuffix(":00") if abs(offset) % 60 == 0 else text
