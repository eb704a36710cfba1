"""The oracle and the counts of the differential tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from headrace.native import IMPLEMENTATION
from tests.parity.frame.counts import Counts
from tests.parity.frame.oracle import INSTALLED, MISSING, Oracle

_COUNTS = pytest.StashKey[Counts]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_COUNTS] = Counts()


@pytest.fixture(scope="session")
def counts(request: pytest.FixtureRequest) -> Counts:
    """The counts shown at the end of the run."""
    return request.config.stash[_COUNTS]


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    """The originals' classes. A test that needs them fails when they are not installed, unless HEADRACE_NO_ORACLE=1 says to skip."""
    if not INSTALLED.exists():
        if os.environ.get("HEADRACE_NO_ORACLE") == "1":
            pytest.skip("HEADRACE_NO_ORACLE=1")
        pytest.fail(MISSING)
    with Oracle() as running:
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    counts = config.stash[_COUNTS]
    if counts.parts:
        terminalreporter.section(f"parity with the originals: {IMPLEMENTATION}")
        for line in counts.table():
            terminalreporter.write_line(line)
    for title, lines in sorted(counts.notes.items()):
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)
