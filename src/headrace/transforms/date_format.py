"""java.text.SimpleDateFormat for the pattern letters in common use, in UTC. Unknown letters are refused when configured."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final, NamedTuple

from headrace.errors import ConfigException, DataException

_MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS: Final = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_TOKEN: Final = re.compile(r"''|'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_LETTERS: Final = "yMdHhmsSEaDkKuzZX"
_OFFSET: Final = r"(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)"


class _Piece(NamedTuple):
    letter: str
    """A pattern letter, or empty for literal text."""
    width: int
    text: str


class JavaDateFormat:
    """A compiled pattern. `field` names the setting in errors. ConfigException for a pattern it cannot follow."""

    def __init__(self, pattern: str, field: str) -> None:
        self.pattern = pattern
        self._pieces = _split(pattern, field)
        self._regex = re.compile("".join(self._expression(i) for i in range(len(self._pieces))), re.IGNORECASE)

    def format(self, moment: dt.datetime) -> str:
        """The text of a moment (aware, or naive in UTC)."""
        if moment.tzinfo is not None:
            moment = moment.astimezone(dt.UTC)
        return "".join(_render(piece, moment) if piece.letter else piece.text for piece in self._pieces)

    def parse(self, text: str) -> dt.datetime:
        """The moment a text says, aware in UTC; trailing text is ignored as in Java. DataException if it does not match."""
        match = self._regex.match(text)
        if match is None:
            raise DataException(
                f"Could not parse timestamp: value ({text}) does not match pattern ({self.pattern})",
                code="TIMESTAMP_UNPARSABLE",
            )
        try:
            return _assemble(self._pieces, match)
        except (ValueError, OverflowError) as error:
            raise DataException(
                f"Could not parse timestamp: value ({text}) is not a date under pattern ({self.pattern}): {error}",
                code="TIMESTAMP_UNPARSABLE",
            ) from error

    def _expression(self, index: int) -> str:
        piece = self._pieces[index]
        if not piece.letter:
            return re.escape(piece.text)
        following = self._pieces[index + 1] if index + 1 < len(self._pieces) else None
        adjacent = following is not None and following.letter in tuple("yMdHhmsSDkKu")
        return f"(?P<p{index}>{_reading(piece, adjacent)})"


def _split(pattern: str, field: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    at = 0
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None:
            raise ConfigException(f"Invalid value {pattern} for configuration {field}: Unterminated quote", field=field)
        token = match[0]
        if token == "''":
            pieces.append(_Piece("", 0, "'"))
        elif match[1] is not None:
            pieces.append(_Piece("", 0, match[1].replace("''", "'")))
        elif match[2]:
            if match[2] not in _LETTERS or (match[2] == "X" and len(token) > 3):
                raise ConfigException(
                    f"Invalid value {pattern} for configuration {field}: pattern letters '{token}' are not supported",
                    field=field,
                    remedy=f"Use the letters {', '.join(_LETTERS)} and quoted text only.",
                )
            pieces.append(_Piece(match[2], len(token), ""))
        else:
            pieces.append(_Piece("", 0, token))
        at = match.end()
    return pieces


def _render(piece: _Piece, moment: dt.datetime) -> str:
    letter, count, _ = piece
    match letter:
        case "y":
            return f"{moment.year % 100:02d}" if count == 2 else str(moment.year).zfill(count)
        case "M" if count >= 3:
            name = _MONTHS[moment.month - 1]
            return name if count > 3 else name[:3]
        case "E":
            name = _DAYS[moment.weekday()]
            return name if count > 3 else name[:3]
        case "a":
            return "AM" if moment.hour < 12 else "PM"
        case "z":
            return "UTC" if count < 4 else "Coordinated Universal Time"
        case "Z":
            return "+0000"
        case "X":
            return "Z"
    number = {
        "M": moment.month,
        "d": moment.day,
        "H": moment.hour,
        "k": moment.hour or 24,
        "h": moment.hour % 12 or 12,
        "K": moment.hour % 12,
        "m": moment.minute,
        "s": moment.second,
        "S": moment.microsecond // 1000,
        "D": moment.timetuple().tm_yday,
        "u": moment.isoweekday(),
    }[letter]
    return str(number).zfill(count)


def _reading(piece: _Piece, adjacent: bool) -> str:
    letter, count, _ = piece
    if letter == "M" and count >= 3:
        return "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS)
    if letter == "E":
        return "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _DAYS)
    if letter == "a":
        return "AM|PM"
    if letter in "zZX":
        return _OFFSET
    if adjacent:
        return rf"\d{{{count}}}"
    return r"-?\d+" if letter == "y" else r"\d+"


def _assemble(pieces: list[_Piece], match: re.Match[str]) -> dt.datetime:
    values: dict[str, int] = {}
    offset = dt.timedelta()
    for index, piece in enumerate(pieces):
        letter = piece.letter
        if not letter or letter in "Eu":
            continue
        text = match[f"p{index}"]
        if letter in "zZX":
            offset = _offset(text)
        elif letter == "a":
            values["a"] = 12 if text.upper() == "PM" else 0
        elif letter == "M" and piece.width >= 3:
            values["M"] = next(i for i, name in enumerate(_MONTHS, 1) if name[:3].lower() == text[:3].lower())
        elif letter == "y" and piece.width <= 2 and len(text) == 2:
            values["y"] = _century(int(text))
        else:
            values[letter] = int(text)
    hour = values.get("H", values.get("k", 0) % 24)
    if "h" in values or "K" in values:
        hour = values.get("h", values.get("K", 0)) % 12 + values.get("a", 0)
    start = dt.datetime(values.get("y", 1970), 1, 1, tzinfo=dt.UTC)
    if "M" in values or "D" not in values:
        # Java is lenient: month 13 is January of the next year, day 0 the last of the month before.
        years, month = divmod(values.get("M", 1) - 1, 12)
        start = start.replace(year=start.year + years, month=month + 1)
        start += dt.timedelta(days=values.get("d", 1) - 1)
    else:
        start += dt.timedelta(days=values["D"] - 1)
    return (
        start
        + dt.timedelta(
            hours=hour, minutes=values.get("m", 0), seconds=values.get("s", 0), milliseconds=values.get("S", 0)
        )
        - offset
    )


def _offset(text: str) -> dt.timedelta:
    if text[0] not in "+-":
        return dt.timedelta()
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if text[0] == "-" else offset


def _century(two: int) -> int:
    """Java takes two digits as the year within 80 years before and 20 years after now."""
    this_year = dt.datetime.now(dt.UTC).year
    year = this_year - this_year % 100 + two
    return year - 100 if year > this_year + 20 else year + 100 if year <= this_year - 80 else year
