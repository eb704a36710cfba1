"""Reading texts under a SimpleDateFormat pattern: lenient, field by field. The pattern's pieces come from `date_format`.

Source: the documentation of SimpleDateFormat.parse and of Calendar's lenient mode; observed results of Java 25.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Final

from headrace.data.java_calendar import resolve
from headrace.data.time_zones import ZONE_OFFSETS

PieceLike = tuple[str, int, str]
"""Letter (empty for literal text), width, text."""

_NUMBER: Final = re.compile(r"-?(\d+)(?:E(-?\d+))?")
_MOST_DIGITS: Final = 500
_COUNTED: Final = frozenset("ydkHmsSDFwWhKYu")
_MONTHS: Final = {
    name: number
    for number, long in enumerate(
        ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
         "december")
    )
    for name in (long, long[:3])
}  # fmt: skip
_WEEKDAYS: Final = {
    name: number
    for number, long in enumerate(("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"), 1)
    for name in (long, long[:3])
}
_NAMES: Final = {
    "M": _MONTHS, "L": _MONTHS, "E": _WEEKDAYS, "a": {"am": 0, "pm": 1},
    "G": {"ad": 1, "bc": 0, "anno domini": 1, "before christ": 0},
}  # fmt: skip
_TARGET: Final = {"L": "M", "k": "H", "K": "h", "u": "E", "X": "Z", "z": "Z"}


class DateParser:
    """Reads texts under one pattern."""

    def __init__(self, pieces: Sequence[PieceLike]) -> None:
        self._pieces = list(pieces)
        # Numbers that touch the next number are as long as the pattern says.
        following = [*self._pieces[1:], ("", 0, "")]
        self._counted = [
            letter in _COUNTED or (letter in ("M", "L") and width <= 2) for letter, width, _ in following
        ]  # fmt: skip
        today = dt.datetime.now(dt.UTC)
        self._century_start = today.replace(year=today.year - 80, day=min(today.day, 28))

    def parse(self, text: str) -> tuple[int, int] | None:
        """Milliseconds since the epoch and where the text that was read ends; None when its beginning does not match."""
        run = _Run(text, self._century_start)
        for (letter, width, literal), counted in zip(self._pieces, self._counted, strict=True):
            if not letter:
                if not text.startswith(literal, run.at):
                    return None
                run.at += len(literal)
            elif not run.field(letter, width, counted):
                return None
        if not run.at:
            return None
        try:
            return run.result(), run.at
        except ValueError:
            return None


class _Run:
    """One text being read."""

    def __init__(self, text: str, century_start: dt.datetime) -> None:
        self.text = text
        self.at = 0
        self._century_start = century_start
        self._ambiguous = False
        self._fields: dict[str, int] = {}
        self._stamps: dict[str, int] = {}
        self._stamp = 0

    def _set(self, letter: str, value: int) -> bool:
        target = _TARGET.get(letter, letter)
        self._stamp += 1
        self._fields[target], self._stamps[target] = value, self._stamp
        return True

    def field(self, letter: str, width: int, counted: bool) -> bool:
        """Read one field; False when it is not there."""
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1
        if self.at >= len(self.text):
            return False
        if letter in "zZ":
            return self._zone()
        if letter == "X":
            return self._iso_zone(width)
        if letter in _NAMES and (letter not in "ML" or width > 2):
            return self._name(letter, start)
        first = self.at
        value = self._number(start + width if counted else None)
        if value is None:
            return False
        return self._set(letter, self._adjusted(letter, width, value, first))

    def _adjusted(self, letter: str, width: int, value: int, first: int) -> int:
        match letter:
            case "y" | "Y" if width <= 2 and self.at - first == 2 and self.text[first : self.at].isdecimal():
                return self._century(value)
            case "M" | "L":
                return value - 1
            case "k":
                return 0 if value == 24 else value
            case "h":
                return 0 if value == 12 else value
            case "u" if 1 <= value <= 7:
                return value % 7 + 1
        return value

    def _century(self, value: int) -> int:
        start = self._century_start.year
        self._ambiguous = value == start % 100
        return value + start // 100 * 100 + (100 if value < start % 100 else 0)

    def _number(self, limit: int | None) -> int | None:
        if limit is not None and limit > len(self.text):
            return None
        match = _NUMBER.match(self.text, self.at, len(self.text) if limit is None else limit)
        if match is None:
            return None
        self.at = match.end()
        # Python refuses to read thousands of digits; no year is beyond a few hundred, whatever the exponent.
        digits = match[1].lstrip("0")
        number = int(digits or "0") if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS
        if match[2]:
            exponent = max(-400, min(400, int(match[2][:6])))
            number = number * 10**exponent if exponent >= 0 else number // 10**-exponent
        if match[0][0] == "-":
            number = -number
        if -(2**63) <= number < 2**63:
            return (number + 2**31) % 2**32 - 2**31
        return 2**31 - 1 if number > 0 else -(2**31)

    def _name(self, letter: str, start: int) -> bool:
        # Unlike numbers, names are not looked for behind white space.
        rest = self.text[start : start + 20].lower()
        found = max((name for name in _NAMES[letter] if rest.startswith(name)), key=len, default=None)
        if found is None:
            return False
        self.at = start + len(found)
        return self._set(letter, _NAMES[letter][found])

    def _zone(self) -> bool:
        sign = self._sign()
        if sign:
            self.at += 1
            return self._offset(sign, colon=False, width=0)
        if self.text[self.at : self.at + 3].upper() == "GMT":
            self.at += 3
            sign = self._sign()
            if not sign:
                return self._set("Z", 0)
            self.at += 1
            return self._offset(sign, colon=True, width=0)
        rest = self.text[self.at : self.at + 40].lower()
        found = max((name for name in ZONE_OFFSETS if rest.startswith(name)), key=len, default=None)
        if found is None:
            return False
        self.at += len(found)
        return self._set("Z", ZONE_OFFSETS[found])

    def _iso_zone(self, width: int) -> bool:
        if self.text[self.at] == "Z":
            self.at += 1
            return self._set("Z", 0)
        sign = self._sign()
        self.at += 1
        return bool(sign) and self._offset(sign, colon=width == 3, width=width)

    def _sign(self) -> int:
        return {"+": 1, "-": -1}.get(self.text[self.at : self.at + 1], 0)

    def _offset(self, sign: int, *, colon: bool, width: int) -> bool:
        hours = r"([0-9]{1,2})" if colon and not width else r"([0-9]{2})"
        minutes = "" if width == 1 else r":([0-9]{2})" if colon else r"([0-9]{2})"
        match = re.compile(hours + minutes).match(self.text, self.at)
        if match is None or int(match[1]) > 23 or (minutes and int(match[2]) > 59):
            return False
        self.at = match.end()
        return self._set("Z", sign * (int(match[1]) * 60 + (int(match[2]) if minutes else 0)) * 60_000)

    def result(self) -> int:
        """Milliseconds since the epoch. ValueError for what no calendar holds."""
        millis = resolve(self._fields, self._stamps)
        if self._ambiguous and millis < self._century_start.timestamp() * 1000:
            self._fields["Y" if "y" not in self._fields else "y"] += 100
            millis = resolve(self._fields, self._stamps)
        return millis
