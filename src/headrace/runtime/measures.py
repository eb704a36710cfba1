"""Measuring: numbers over Kafka's two windows of 30 s, and the time a thread spends in each stage."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

WINDOW_S = 30.0
WINDOWS = 2

_Window = tuple[float, int, float, float, float]
"""start, count, sum, maximum, minimum"""


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Windowed:
    """Count, sum and maximum of what was recorded within the last windows."""

    __slots__ = ("_clock", "_windows", "total")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: list[_Window] = [(clock(), 0, 0.0, -math.inf, math.inf)]
        self.total = 0.0
        """Sum over all time."""

    def record(self, value: float) -> None:
        """Enter one measurement."""
        self.total += value
        now = self._clock()
        start, count, total, highest, lowest = self._windows[-1]
        if now - start >= WINDOW_S:
            self._windows = [*self._windows[1 - WINDOWS :], (now, 1, value, value, value)]
        else:
            self._windows[-1] = (start, count + 1, total + value, max(highest, value), min(lowest, value))

    def _recent(self) -> list[_Window]:
        oldest = self._clock() - WINDOW_S * WINDOWS
        return [window for window in self._windows if window[0] >= oldest]

    def rate(self) -> float:
        """Sum per second; the first window counts as full, as in Kafka, so that a start shows no peak."""
        recent = self._recent()
        if not recent:
            return 0.0
        elapsed = self._clock() - recent[0][0]
        elapsed += max(0, (WINDOWS - 1) - int(elapsed / WINDOW_S)) * WINDOW_S
        return sum(window[2] for window in recent) / elapsed

    def average(self) -> float:
        """NaN when nothing was recorded."""
        recent = self._recent()
        count = sum(window[1] for window in recent)
        return sum(window[2] for window in recent) / count if count else math.nan

    def maximum(self) -> float:
        """NaN when nothing was recorded."""
        highest = max((window[3] for window in self._recent()), default=-math.inf)
        return highest if highest > -math.inf else math.nan

    def minimum(self) -> float:
        """NaN when nothing was recorded."""
        lowest = min((window[4] for window in self._recent()), default=math.inf)
        return lowest if lowest < math.inf else math.nan


IDLE = "idle"
RETRY = "retry"
WAITING = frozenset((IDLE, RETRY))
"""Stages in which nothing is done on purpose: `retry` until something that failed is tried again, however long that takes.
In every other stage a thread is at work, and hangs if it never leaves it."""


class StageClock:
    """Which stage a thread is in, since when, and how long it was in each altogether."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._now: tuple[str, float] = (IDLE, clock())
        self.busy: dict[str, float] = {}

    def enter(self, stage: str) -> str:
        """Begin a stage; returns the one left."""
        now = self._clock()
        left, since = self._now
        self.busy[left] = self.busy.get(left, 0.0) + now - since
        self._now = (stage, now)
        return left

    def rename(self, stage: str) -> None:
        """The time since the last `enter` belongs to this stage: it showed only afterwards what it was spent on."""
        self._now = (stage, self._now[1])

    @property
    def progress(self) -> tuple[str, float]:
        """The present stage and the monotonic time it was entered."""
        return self._now

    def seconds(self) -> dict[str, float]:
        """Seconds per stage, the present one included."""
        stage, since = self._now
        result = dict(self.busy)
        result[stage] = result.get(stage, 0.0) + self._clock() - since
        return result
