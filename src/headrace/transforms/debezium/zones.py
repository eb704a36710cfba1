"""Time zones as Java reads them, for moments of any year.

Source: java.time.ZoneId, ZoneRules.getOffset: a local time that comes twice, or never, has the offset from before the change.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from typing import Final

from headrace.errors import ConfigException

_OFFSET: Final = re.compile(r"([+-])(\d{2}):(\d{2})(?::(\d{2}))?", re.ASCII)
# Names of the system's files that are no zone ids in Java.
_NOT_JAVA: Final = frozenset({"EST", "MST", "HST", "ROC", "Factory", "localtime", "GMT+0", "GMT-0", "posixrules"})
_CYCLE: Final = 146_097 * 86_400
_EPOCH: Final = dt.datetime(1970, 1, 1)
_LOW: Final = int((dt.datetime(2, 1, 1) - _EPOCH).total_seconds())
_HIGH: Final = int((dt.datetime(9990, 1, 1) - _EPOCH).total_seconds())


class Zone:
    """A zone by its name, or an offset from UTC such as `+08:00`. ConfigException (field `setting`) when it is neither."""

    def __init__(self, name: str, setting: str) -> None:
        self._fixed: int | None = None
        written = _OFFSET.fullmatch(name)
        if written is not None:
            hours, minutes, seconds = int(written[2]), int(written[3]), int(written[4] or 0)
            offset = hours * 3600 + minutes * 60 + seconds
            if minutes < 60 and seconds < 60 and offset <= 18 * 3600:
                self._fixed = -offset if written[1] == "-" else offset
                return
        elif name not in _NOT_JAVA and name in zoneinfo.available_timezones():
            self._zone = zoneinfo.ZoneInfo(name)
            return
        raise ConfigException(
            f"Invalid value {name} for configuration {setting}: it is no time zone",
            field=setting,
            remedy="Give a geographic zone such as America/Los_Angeles (the system's zone files must have it) or an offset such as +08:00.",
        )

    def offset_of_local(self, seconds: int) -> int:
        """The offset in seconds at a local time, given as seconds since 1970-01-01T00:00 on the local clock."""
        return self._fixed if self._fixed is not None else self._seconds(_moment(seconds).replace(tzinfo=self._zone))

    def offset_of_instant(self, seconds: int) -> int:
        """The offset in seconds at a moment, given as seconds since the epoch."""
        if self._fixed is not None:
            return self._fixed
        return self._seconds(_moment(seconds).replace(tzinfo=dt.UTC).astimezone(self._zone))

    @staticmethod
    def _seconds(moment: dt.datetime) -> int:
        offset = moment.utcoffset()
        assert offset is not None
        return int(offset.total_seconds())


def _moment(seconds: int) -> dt.datetime:
    """The date and time; of a year that Python's dates do not have the same one some 400 years away, where the rules are the same."""
    if seconds > _HIGH:
        seconds -= ((seconds - _HIGH) // _CYCLE + 1) * _CYCLE
    elif seconds < _LOW:
        seconds = _LOW
    return _EPOCH + dt.timedelta(seconds=seconds)
