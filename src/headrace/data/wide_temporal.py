"""Dates and times beyond Python's range, for Connect's Date, Time and Timestamp.

Java's Date reaches further than year 9999, PostgreSQL has infinity, BC and 24:00:00. Such a value is a Python object at the end of
Python's range that knows its own number; converters write the number.
"""

from __future__ import annotations

import datetime as dt
from typing import Any


class WideDate(dt.date):
    """`number`: days since 1970-01-01."""

    number: int

    def __new__(cls, number: int) -> WideDate:
        nearest = dt.date.max if number > 0 else dt.date.min
        self = super().__new__(cls, nearest.year, nearest.month, nearest.day)
        self.number = number
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WideDate) and self.number == other.number

    def __hash__(self) -> int:
        return hash(self.number)

    def __reduce__(self) -> tuple[Any, ...]:
        return WideDate, (self.number,)


class WideTime(dt.time):
    """The end of the day, 24:00:00; `number`: its milliseconds."""

    number: int

    def __new__(cls, number: int) -> WideTime:
        self = super().__new__(cls, 23, 59, 59, 999_999)
        self.number = number
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WideTime) and self.number == other.number

    def __hash__(self) -> int:
        return hash(self.number)

    def __reduce__(self) -> tuple[Any, ...]:
        return WideTime, (self.number,)


class WideDatetime(dt.datetime):
    """`number`: milliseconds since the epoch, UTC."""

    number: int

    def __new__(cls, number: int) -> WideDatetime:
        nearest = dt.datetime.max if number > 0 else dt.datetime.min
        self = super().__new__(cls, *nearest.timetuple()[:6], nearest.microsecond, tzinfo=dt.UTC)
        self.number = number
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WideDatetime) and self.number == other.number

    def __hash__(self) -> int:
        return hash(self.number)

    def __reduce__(self) -> tuple[Any, ...]:
        return WideDatetime, (self.number,)
