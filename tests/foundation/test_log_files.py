"""A file per connector: names no file can have, and a disk that is full."""

from __future__ import annotations

import logging
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.foundation.log_files import ConnectorFileHandler


@pytest.fixture
def handler(tmp_path: Path) -> Iterator[ConnectorFileHandler]:
    handler = ConnectorFileHandler(tmp_path / "logs", 1_000_000, 1)
    yield handler
    handler.close()


def _record(connector: str) -> logging.LogRecord:
    record = logging.LogRecord("x", logging.INFO, "", 0, "a line", None, None)
    record.__dict__["connector"] = connector
    return record


def test_long_names_have_files_of_their_own(handler: ConnectorFileHandler, tmp_path: Path) -> None:
    for name in ("n" * 400 + "1", "n" * 400 + "2", "a/../b"):
        handler.emit(_record(name))
    files = sorted((tmp_path / "logs").glob("*.log"))
    assert len(files) == 3
    assert {file.read_text() for file in files} == {"a line\n"}


def test_a_full_disk_is_told_seldom(handler: ConnectorFileHandler, capsys: pytest.CaptureFixture[str]) -> None:
    handler.emit(_record("c"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        for _ in range(100):
            handler.emit(_record("c"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    told = capsys.readouterr().err
    assert told.count("could not be written to the log folder") == 1
    assert "Traceback" not in told
