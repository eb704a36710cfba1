"""Time for tests: it passes when they say so."""

from __future__ import annotations


class ManualClock:
    """A clock that stands still until `advance` is called."""

    def __init__(self, monotonic: float = 1000.0, time_ms: int = 1_700_000_000_000) -> None:
        self._monotonic = monotonic
        self._time_ms = time_ms

    def monotonic(self) -> float:
        return self._monotonic

    def time_ms(self) -> int:
        return self._time_ms

    def advance(self, seconds: float) -> None:
        self._monotonic += seconds
        self._time_ms += int(seconds * 1000)
