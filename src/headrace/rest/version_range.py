"""Maven version ranges, the syntax of `?version=` (KIP-891): `latest`, `1.2`, `[1.0,2.0)`, `(,1.0],[1.2,)`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from headrace.rest.http import HttpError

_INTERVAL = re.compile(r"\s*([\[(])\s*([^\[\](),\s]*)\s*(?:(,)\s*([^\[\](),\s]*)\s*)?([\])])\s*(?:,|$)")
_PLAIN = re.compile(r"[^\[\](),\s]+")
_PART = re.compile(r"\d+|[a-zA-Z]+")


@dataclass(frozen=True, slots=True)
class _Interval:
    low: str
    high: str
    low_included: bool
    high_included: bool

    def contains(self, version: str) -> bool:
        key = _key(version)
        if self.low and not (_key(self.low) <= key if self.low_included else _key(self.low) < key):
            return False
        return not self.high or (key <= _key(self.high) if self.high_included else key < _key(self.high))


@dataclass(frozen=True, slots=True)
class VersionRange:
    """The versions asked for; a plain version means exactly that one."""

    text: str
    intervals: tuple[_Interval, ...]

    @staticmethod
    def parse(text: str | None) -> VersionRange | None:
        """None for no restriction (nothing given, or `latest`). HttpError 400 for text that is no range."""
        if text is None or not text.strip() or text.strip().lower() == "latest":
            return None
        if _PLAIN.fullmatch(text.strip()):
            return VersionRange(text, (_Interval(text.strip(), text.strip(), True, True),))
        intervals, position = [], 0
        while position < len(text):
            found = _INTERVAL.match(text, position)
            if found is None or not _is_sensible(found):
                raise HttpError(400, f"{text} is no version or version range.")
            opening, low, comma, high, closing = found.groups()
            intervals.append(_Interval(low, high if comma else low, opening == "[", closing == "]"))
            position = found.end()
        return VersionRange(text, tuple(intervals))

    def contains(self, version: str) -> bool:
        return any(interval.contains(version) for interval in self.intervals)


def _is_sensible(found: re.Match[str]) -> bool:
    opening, low, comma, high, closing = found.groups()
    if not comma:
        return bool(low) and opening == "[" and closing == "]"
    return not (low and high) or _key(low) <= _key(high)


def _key(version: str) -> list[tuple[int, int, str]]:
    """Numbers by value and after words, as qualifiers (`1.0-alpha`) come before the release; trailing zeros do not count."""
    key = [(2, int(part), "") if part.isdigit() else (0, 0, part.lower()) for part in _PART.findall(version)]
    while key and key[-1] == (2, 0, ""):
        key.pop()
    return [*key, (1, 0, "")]
