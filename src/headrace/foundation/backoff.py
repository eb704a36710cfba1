"""Exponential backoff: how long to wait before the n-th repetition."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits `initial_s`, then `factor` times more each time, at most `max_s`; spread by ± `jitter` (a share of the wait)."""

    initial_s: float
    max_s: float
    factor: float = 2.0
    jitter: float = 0.0

    def delay(self, attempt: int, chance: random.Random | None = None) -> float:
        """Seconds before repetition number `attempt`, which counts from 0."""
        # The exponent is bounded because 2.0 ** 1100 overflows, long after max_s was reached.
        wait = min(self.max_s, self.initial_s * self.factor ** min(attempt, 100))
        if self.jitter and chance is not None:
            wait *= 1 + self.jitter * (2 * chance.random() - 1)
        return min(wait, self.max_s)
