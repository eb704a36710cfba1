"""The two implementations of the work on packed columns."""

from __future__ import annotations

import pytest

from tests.spi.columns import choose


@pytest.fixture(params=["python", "rust"])
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who works on packed columns."""
    choose(monkeypatch, request.param)
    return str(request.param)
