"""Points in time as databases give them: aware or not, text, or numbers."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

MOMENT_FUNCTION: Final = "headrace_moment"
"""`headrace_moment(value, zone)` in SQLite's statements: `moment_text`."""
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def moment(value: Any, zone: ZoneInfo) -> dt.datetime:
    """In UTC. Text is ISO 8601, a number milliseconds since 1970; what names no zone is `zone`'s. ValueError for anything else."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return _EPOCH + dt.timedelta(milliseconds=value)
    elif isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value, dt.time())
    if not isinstance(value, dt.datetime):
        raise ValueError(f"{value!r} is no point in time.")
    return (value.replace(tzinfo=zone) if value.tzinfo is None else value).astimezone(dt.UTC)


def moment_text(value: Any, zone: str) -> str | None:
    """In UTC, to the microsecond and always as long, so that texts compare as the moments do; None stays None."""
    return None if value is None else moment(value, _zone(zone)).strftime("%Y-%m-%d %H:%M:%S.%f")


@lru_cache(maxsize=16)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
