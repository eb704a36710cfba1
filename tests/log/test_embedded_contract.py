"""The embedded log keeps the contract of every log."""

from __future__ import annotations

from tests.log.suite import LogContract


class TestEmbeddedLog(LogContract):
    """Runs on the `open_log` of this folder."""
