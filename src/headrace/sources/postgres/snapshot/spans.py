"""Spans: which numbers of 0, 1, 2, … are done, as merged half-open ranges. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Span = tuple[int, int | None]
"""From the first to before the second; None: without end."""


class Spans:
    """Ranges in ascending order that neither touch nor overlap."""

    __slots__ = ("_spans",)

    def __init__(self, spans: Iterable[Sequence[int | None]] = ()) -> None:
        """ValueError for what is no list of pairs of numbers."""
        self._spans: list[Span] = []
        for pair in spans:
            start, end = pair
            if not isinstance(start, int) or not (end is None or isinstance(end, int)):
                raise ValueError(f"not a range: {pair!r}")
            self.add(start, end)

    def add(self, start: int, end: int | None) -> None:
        """Mark what lies from `start` to before `end`."""
        kept: list[Span] = []
        for a, b in self._spans:
            if (b is not None and b < start) or (end is not None and end < a):
                kept.append((a, b))
            else:
                start = min(a, start)
                end = None if end is None or b is None else max(b, end)
        kept.append((start, end))
        kept.sort(key=lambda span: span[0])
        self._spans = kept

    def missing(self, until: int | None = None) -> list[Span]:
        """What is not marked, up to before `until`."""
        gaps: list[Span] = []
        at = 0
        for a, b in self._spans:
            if until is not None and a >= until:
                break
            if at < a:
                gaps.append((at, a))
            if b is None:
                return gaps
            at = max(at, b)
        if until is None or at < until:
            gaps.append((at, until))
        return gaps

    def as_lists(self) -> list[list[int | None]]:
        """For JSON."""
        return [[a, b] for a, b in self._spans]

    def copy(self) -> Spans:
        twin = Spans()
        twin._spans = self._spans
        return twin

    def __bool__(self) -> bool:
        return bool(self._spans)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spans) and self._spans == other._spans

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Spans({self.as_lists()})"
