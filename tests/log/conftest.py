"""The embedded log under test, in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.log.embedded.log import EmbeddedLog
from tests.spi.columns import choose


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def open_log(folder: Path) -> Iterator[Callable[..., EmbeddedLog]]:
    """Opens one more connection to the test's log; all are closed afterwards."""
    opened: list[EmbeddedLog] = []

    def open_one(**settings: Any) -> EmbeddedLog:
        log = EmbeddedLog(folder, **settings)
        opened.append(log)
        return log

    yield open_one
    for log in opened:
        log.close()


@pytest.fixture(params=["python", "rust"])
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who works on packed columns."""
    choose(monkeypatch, request.param)
    return str(request.param)
