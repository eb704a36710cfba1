"""The log in memory keeps the contract of every log, so that what is tested on it is true of the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headrace.testing.memory_log import MemoryLog
from tests.log.suite import KeepingContract


@pytest.fixture
def open_log() -> Callable[..., MemoryLog]:
    """Gives one more connection to the test's log."""
    log = MemoryLog()

    def open_one(*, default_partitions: int = 1, auto_create: bool = True) -> MemoryLog:
        return log.another(partitions=default_partitions, auto_create=auto_create)

    return open_one


class TestMemoryLog(KeepingContract):
    """Runs on the `open_log` of this file."""
