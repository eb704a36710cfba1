"""Waiting for a condition with a deadline: what a test does instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout_s: float = 10.0, message: str = "the condition") -> T:
    """Poll `condition` until it is true and return its value; AssertionError with `message` when the time is over."""
    deadline = time.monotonic() + timeout_s
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{message} did not hold within {timeout_s} s; last value: {value!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
