"""The business rules: pure functions of one value. A value they cannot make sense of is a DataException."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from headrace.spi import DataException

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def email(value: Any) -> str:
    """`" Jane@Example.COM "` → `"jane@example.com"`."""
    if not isinstance(value, str) or not _EMAIL.fullmatch(value.strip()):
        raise DataException(f"{value!r} is no e-mail address.", code="EMAIL_INVALID")
    return value.strip().lower()


def timestamp(value: Any) -> str:
    """A moment as ISO 8601 in UTC, to the millisecond: `"2024-05-06T05:08:09.123Z"`.

    Takes a datetime, milliseconds since 1970, or ISO 8601 text; without a zone it is UTC."""
    try:
        if isinstance(value, str):
            moment = dt.datetime.fromisoformat(value.strip())
        elif isinstance(value, int) and not isinstance(value, bool):
            moment = dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(milliseconds=value)
        elif isinstance(value, dt.datetime):
            moment = value
        else:
            raise ValueError
        moment = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise DataException(f"{value!r} is no point in time.", code="TIMESTAMP_INVALID") from error
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
