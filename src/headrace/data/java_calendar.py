"""java.util.GregorianCalendar in UTC, locale en_US: the Julian calendar before 15 October 1582, weeks that begin on Sunday.

Source: the documented rules of Calendar's field resolution and week counting; observed results of Java 25.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Final

DAY_MILLIS: Final = 86_400_000
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH_DAY: Final = 719_163
"""1970-01-01, counted from 0001-01-01 (Gregorian) = 1, as datetime counts."""
_CUTOVER_DAY: Final = 577_736
_CUTOVER_MILLIS: Final = (_CUTOVER_DAY - _EPOCH_DAY) * DAY_MILLIS
_END_MILLIS: Final = (dt.date.max.toordinal() + 1 - _EPOCH_DAY) * DAY_MILLIS
_CUTOVER_YEAR: Final = 1582
_BEFORE_MONTH: Final = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


class FarMoment:
    """A moment that datetime has no place for, or counts in another calendar; with datetime's attributes as far as needed."""

    __slots__ = ("_day_number", "day", "hour", "microsecond", "minute", "month", "second", "year")

    def __init__(self, millis: int) -> None:
        days, rest = divmod(millis, DAY_MILLIS)
        self._day_number = days + _EPOCH_DAY
        self.year, self.month, self.day = _date_of(self._day_number)
        self.hour, rest = divmod(rest, 3_600_000)
        self.minute, rest = divmod(rest, 60_000)
        self.second, rest = divmod(rest, 1000)
        self.microsecond = rest * 1000

    def toordinal(self) -> int:
        """Days since 0001-01-01, which is 1, in the Gregorian calendar."""
        return self._day_number

    def weekday(self) -> int:
        """0 for Monday."""
        return (self._day_number + 6) % 7


Moment = dt.datetime | FarMoment


def moment_of(millis: int) -> Moment:
    """The calendar fields of a time in milliseconds since the epoch. `year` is below 1 before the common era."""
    if _CUTOVER_MILLIS <= millis < _END_MILLIS:
        return _EPOCH + dt.timedelta(milliseconds=millis)
    return FarMoment(millis)


def _julian_day(year: int, month: int, day: int) -> int:
    before = year - 1
    leap = month > 2 and year % 4 == 0
    return -2 + 365 * before + before // 4 + _BEFORE_MONTH[month - 1] + leap + day


def _gregorian_day(year: int, month: int, day: int) -> int:
    before = year - 1
    leap = month > 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 365 * before + before // 4 - before // 100 + before // 400 + _BEFORE_MONTH[month - 1] + leap + day


def _date_of(number: int) -> tuple[int, int, int]:
    first = _gregorian_day if number >= _CUTOVER_DAY else _julian_day
    year = number * 400 // 146_097 + 1
    while first(year, 1, 1) > number:
        year -= 1
    while first(year + 1, 1, 1) <= number:
        year += 1
    month = next(m for m in range(12, 0, -1) if first(year, m, 1) <= number)
    return year, month, number - first(year, month, 1) + 1


def _first_of_year(year: int) -> int:
    return _gregorian_day(year, 1, 1) if year > _CUTOVER_YEAR else _julian_day(year, 1, 1)


def day_of_year(moment: Moment) -> int:
    return moment.toordinal() - _first_of_year(moment.year) + 1


def _on_or_before(number: int, weekday: int) -> int:
    """The last day up to `number` that is the weekday, 1 for Sunday."""
    return number - (number - (weekday - 1)) % 7


def _week(first: int, number: int) -> int:
    """The week of a period that begins at day `first`; its first week is the one that holds that day."""
    return (number - _on_or_before(first, 1)) // 7 + 1


def week_of_month(moment: Moment) -> int:
    return _week(moment.toordinal() - moment.day + 1, moment.toordinal())


def week_of_year(moment: Moment) -> int:
    return 1 if week_year(moment) != moment.year else _week(_first_of_year(moment.year), moment.toordinal())


def week_year(moment: Moment) -> int:
    """The year that the week of the moment belongs to."""
    return moment.year + (moment.toordinal() >= _on_or_before(_first_of_year(moment.year + 1), 1))


def resolve(fields: Mapping[str, int], stamps: Mapping[str, int]) -> int:
    """Milliseconds since the epoch from calendar fields, leniently: month 13 is the next year's January.

    `fields` by SimpleDateFormat's letters: G (1 = common era), y, Y, M (from 0), d, w, W, F, D, E (1 = Sunday), H, h (0-11), a (1 = PM),
    m, s, S, Z (offset in ms). `stamps`: when each was set (from 1); what was set last wins where fields contradict each other.
    """
    days, rest = divmod(_time_of_day(fields, stamps), DAY_MILLIS)
    if stamps.get("Y", 0) > stamps.get("y", 0):
        number = _week_date(fields) + days
    else:
        number = _day_number(fields, _selected(stamps), days)
    millis = (number - _EPOCH_DAY) * DAY_MILLIS + rest - fields.get("Z", 0)
    return (millis + 2**63) % 2**64 - 2**63


def _time_of_day(fields: Mapping[str, int], stamps: Mapping[str, int]) -> int:
    of_day = stamps.get("H", 0)
    of_half = max(stamps.get("h", 0), stamps.get("a", 0)) if "h" in stamps and "a" in stamps else 0
    by_day = of_day and of_day >= of_half
    hours = fields["H"] if by_day else fields.get("h", 0) + 12 * fields.get("a", 0)
    return ((hours * 60 + fields.get("m", 0)) * 60 + fields.get("s", 0)) * 1000 + fields.get("S", 0)


def _week_date(fields: Mapping[str, int]) -> int:
    week, weekday = fields.get("w", 1), fields.get("E", 1)
    if not 1 <= weekday <= 7:
        # An ISO weekday out of range counts on from Monday.
        extra, weekday = divmod(weekday - 1, 7)
        week, weekday = week + extra, weekday + 2 if weekday < 6 else 1
    return _on_or_before(_first_of_year(fields["Y"]), 1) + (weekday - 1) + 7 * (week - 1)


def _selected(stamps: Mapping[str, int]) -> str:
    """Which fields say the day: d, W, F, D or w."""

    def at(letter: str) -> int:
        return stamps.get(letter, 0)

    def both(letter: str) -> int:
        return max(at(letter), at("E")) if at(letter) and at("E") else 0

    weeks, ordinals, years = both("W"), both("F"), both("w")
    best = max(at("d"), weeks, ordinals, at("D"), years)
    of_month = at("d")
    if not best:
        weeks, ordinals, years = at("W"), max(at("F"), at("E")), at("w")
        best = max(weeks, ordinals, years)
        if not best:
            best = of_month = at("M")
    if best == of_month:
        return "d"
    if (best == weeks and at("W") >= at("w")) or (best == ordinals and at("F") >= at("w")):
        if weeks == ordinals:
            return "W" if at("W") >= at("F") else "F"
        return "W" if best == weeks else "F"
    return "D" if best == at("D") else "w"


def _day_number(fields: Mapping[str, int], selected: str, days: int) -> int:
    year = fields.get("y", 1970)
    if fields.get("G") == 0:
        year = 1 - year
    elif fields.get("G", 1) != 1:
        raise ValueError("no such era")
    julian = days + _fixed(fields, selected, year, _julian_day)
    gregorian = days + _fixed(fields, selected, year, _gregorian_day)
    if year > _CUTOVER_YEAR:
        return gregorian if gregorian >= _CUTOVER_DAY else _overlap(gregorian, julian)
    if year < _CUTOVER_YEAR:
        return julian if julian < _CUTOVER_DAY else _overlap(julian, julian)
    if selected in "Dw":
        return julian
    return _overlap(gregorian, julian)


def _overlap(gregorian: int, julian: int) -> int:
    return gregorian if gregorian >= _CUTOVER_DAY else julian


def _fixed(fields: Mapping[str, int], selected: str, year: int, first: Callable[[int, int, int], int]) -> int:
    month = 0
    if selected in "dWF":
        years, month = divmod(fields.get("M", 0), 12)
        year += years
    start = first(year, month + 1, 1)
    weekday = fields.get("E")
    match selected:
        case "d":
            return start + fields.get("d", 1) - 1
        case "D":
            return start + fields["D"] - 1
        case "W" | "w":
            sunday = _on_or_before(start, 1)
            day = sunday if weekday is None else _on_or_before(sunday + 6, weekday)
            return day + 7 * (fields[selected] - 1)
    weekday, ordinal = 1 if weekday is None else weekday, fields.get("F", 1)
    if ordinal >= 0:
        return _on_or_before(start + 7 * ordinal - 1, weekday)
    following = first(year + (month == 11), (month + 1) % 12 + 1, 1)
    return _on_or_before(following + 7 * (ordinal + 1) - 1, weekday)
