"""java.text.SimpleDateFormat in UTC, locale en_US: the patterns of TimestampConverter and TimestampRouter, and Connect's text of dates.

Times are milliseconds since the epoch, so that years that datetime has no place for can be written and read as well.
Source: the documented pattern letters of SimpleDateFormat; observed results of Java 25.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from headrace.data.date_parse import DateParser
from headrace.data.java_calendar import (
    DAY_MILLIS,
    Moment,
    day_of_year,
    moment_of,
    week_of_month,
    week_of_year,
    week_year,
)
from headrace.errors import ConfigException, DataException

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LETTERS: Final = "GyYMLdHkKhmsSEDFwWauzZX"
_TOKEN: Final = re.compile(r"''|'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+", re.DOTALL)
_UNITS: Final = {"S": 1, "s": 1000, "m": 60_000, **dict.fromkeys("HkKh", 3_600_000), "a": 3_600_000}
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_STRICT: Final = {"yyyy": "year", "MM": "month", "dd": "day", "HH": "hour", "mm": "minute", "ss": "second", "SSS": "microsecond"}  # fmt: skip
_MS: Final = dt.timedelta(milliseconds=1)


class Piece(NamedTuple):
    """A run of one pattern letter, or (`letter` empty) literal text."""

    letter: str
    width: int
    text: str


class JavaDateFormat:
    """A compiled pattern. `field` names the setting in errors. ConfigException for a pattern that SimpleDateFormat refuses."""

    def __init__(self, pattern: str, field: str) -> None:
        self.pattern = pattern
        pieces = _split(pattern, field)
        self._render = _compile(pieces)
        self._parser = DateParser(pieces)
        self._strict = _strict(pieces)
        self.unit_ms = min((_UNITS.get(piece.letter, DAY_MILLIS) for piece in pieces), default=DAY_MILLIS)
        """Times between two multiples of this many milliseconds have the same text."""

    def format(self, millis: int) -> str:
        """The text of a time in milliseconds since the epoch."""
        return self._render(moment_of(millis))

    def parse(self, text: str) -> int:
        """Milliseconds since the epoch of the time a text says; text behind it is ignored, as in Java. DataException if the
        beginning does not match."""
        if self._strict is not None:
            millis = self._strict(text)
            if millis is not None:
                return millis
        parsed = self._parser.parse(text)
        if parsed is None:
            raise DataException(
                f"Could not parse timestamp: value ({text}) does not match pattern ({self.pattern})",
                code="TIMESTAMP_UNPARSABLE",
            )
        return parsed[0]


def _split(pattern: str, field: str) -> list[Piece]:
    pieces: list[Piece] = []
    at = 0
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None:
            raise ConfigException(f"Invalid value {pattern} for configuration {field}: Unterminated quote", field=field)
        token = match[0]
        if match[2]:
            if match[2] not in _LETTERS or (match[2] == "X" and len(token) > 3):
                raise ConfigException(
                    f"Invalid value {pattern} for configuration {field}: Illegal pattern '{token}'",
                    field=field,
                    remedy=f"Use the letters {', '.join(_LETTERS)} (X at most three times) and quoted text only.",
                )
            pieces.append(Piece(match[2], len(token), ""))
        else:
            text = "'" if token == "''" else token if match[1] is None else match[1].replace("''", "'")
            pieces.append(Piece("", 0, text))
        at = match.end()
    return pieces


def _strict(pieces: list[Piece]) -> Callable[[str], int | None] | None:
    """A quick reader for patterns of plain numbers, of texts written just so; None when the pattern has anything else."""
    names: list[str] = []
    expression = ""
    for piece in pieces:
        name = _STRICT.get(piece.letter * piece.width)
        if piece.letter and (name is None or name in names):
            return None
        expression += rf"([0-9]{{{piece.width}}})" if piece.letter else re.escape(piece.text)
        names += [name] if name else []
    if not {"year", "month", "day"} <= set(names):
        return None
    match = re.compile(expression).fullmatch
    places = [names.index(name) + 1 if name in names else None for name in _STRICT.values()]

    def read(text: str) -> int | None:
        found = match(text)
        if found is None:
            return None
        numbers = [0 if place is None else int(found[place]) for place in places]
        numbers[6] *= 1000
        try:
            # Before 1583 the calendar is another one; the full reader knows it.
            return (dt.datetime(*numbers, tzinfo=dt.UTC) - _EPOCH) // _MS if numbers[0] > 1582 else None  # type: ignore[arg-type,misc]
        except ValueError:
            return None

    return read


def _year(moment: Moment) -> int:
    return moment.year if moment.year > 0 else 1 - moment.year


def _padded_year(year: int, width: int) -> str:
    digits = str(abs(year) % 100 if width == 2 else abs(year)).zfill(width)
    return digits if year >= 0 else "-" + digits


_NUMBERS: Final = {
    "M": "t.month", "L": "t.month", "d": "t.day", "H": "t.hour", "k": "(t.hour or 24)", "h": "(t.hour % 12 or 12)",
    "K": "t.hour % 12", "m": "t.minute", "s": "t.second", "S": "t.microsecond // 1000", "D": "day_of_year(t)",
    "F": "(t.day - 1) // 7 + 1", "w": "week_of_year(t)", "W": "week_of_month(t)", "u": "t.weekday() + 1",
}  # fmt: skip


def _expression(piece: Piece) -> str:
    """Python code for what a piece writes about the moment `t`."""
    letter, count, text = piece
    if not letter:
        return repr(text)
    match letter:
        case "y" | "Y":
            return f"padded({'year(t)' if letter == 'y' else 'week_year(t)'}, {count})"
        case "M" | "L" if count >= 3:
            return "MONTHS[t.month - 1]" + ("" if count > 3 else "[:3]")
        case "E":
            return "WEEKDAYS[t.weekday()]" + ("" if count > 3 else "[:3]")
        case "G":
            return '("AD" if t.year > 0 else "BC")'
        case "a":
            return '("AM" if t.hour < 12 else "PM")'
        case "z":
            return repr("UTC" if count < 4 else "Coordinated Universal Time")
        case "Z":
            return repr("+0000")
        case "X":
            return repr("Z")
    return f'f"{{{_NUMBERS[letter]}:0{count}d}}"'


def _compile(pieces: list[Piece]) -> Callable[[Moment], str]:
    scope: dict[str, Any] = {
        "MONTHS": MONTHS, "WEEKDAYS": WEEKDAYS, "year": _year, "padded": _padded_year, "week_year": week_year, "day_of_year": day_of_year,
        "week_of_year": week_of_year, "week_of_month": week_of_month,
    }  # fmt: skip
    exec(f"def render(t):\n    return {' + '.join(map(_expression, pieces)) or repr('')}", scope)
    render: Callable[[Moment], str] = scope["render"]
    return render
