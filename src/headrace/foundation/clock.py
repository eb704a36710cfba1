"""Time as a parameter: deciders and loops take a Clock, so that tests can turn it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """`monotonic` in seconds, for durations; `time_ms` in milliseconds since the epoch, for people."""

    def monotonic(self) -> float: ...

    def time_ms(self) -> int: ...


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        return time.monotonic()

    def time_ms(self) -> int:
        return time.time_ns() // 1_000_000


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
