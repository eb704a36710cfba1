"""The embedded log keeps the contract, wherever it keeps the blobs."""

from __future__ import annotations

import pytest

from tests.log.helpers import only_segments
from tests.log.suite import KeepingContract


class TestEmbeddedLog(KeepingContract):
    pass


class TestEmbeddedLogInSegments(KeepingContract):
    @pytest.fixture(autouse=True)
    def _in_segments(self, monkeypatch: pytest.MonkeyPatch) -> None:
        only_segments(monkeypatch)
