"""Helpers for tests. The only place where a test may sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout_s: float = 10.0, message: str = "the condition") -> T:
    """Poll `condition` until it is true and return its value; AssertionError with `message` when the time is over.

    An exception of `condition` counts as not yet, and is shown when the time is over.
    """
    deadline = time.monotonic() + timeout_s
    pause = 0.002
    while True:
        failure: Exception | None = None
        try:
            value = condition()
            if value:
                return value
        except Exception as error:
            failure = error
        if time.monotonic() > deadline:
            detail = f"; last error: {failure!r}" if failure else f"; last value: {value!r}"
            raise AssertionError(f"{message} did not hold within {timeout_s} s{detail}") from failure
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
