"""Log lines carry their context and no secrets; files rotate under several writers."""

import json
import logging
import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.errors import ConfigException, NotFoundException
from headrace.foundation import logs
from headrace.foundation.log_files import ConnectorFileHandler


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What was logged to standard error since the last call."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield lambda: capsys.readouterr().err
    logs.set_context(None)
    root.handlers[:] = before
    root.setLevel(level)


def test_context_and_secrets_in_text(written: Callable[[], str]) -> None:
    logs.setup(logs.LogSettings())
    logs.set_context("orders", "task-0")
    logs.hide(["s3cret-value"])
    logging.getLogger("x.y").warning("connecting with %s", "s3cret-value")
    line = written()
    assert "WARN [orders|task-0] connecting with [hidden] (x.y)" in line


def test_json_lines(written: Callable[[], str]) -> None:
    logs.setup(logs.LogSettings(format="json"))
    logs.set_context("orders", "task-1")
    try:
        raise ConfigException("bad", field="a.b", remedy="Fix it.")
    except ConfigException:
        logging.getLogger("x").exception("It failed.")
    line = json.loads(written())
    assert (line["connector"], line["scope"], line["level"]) == ("orders", "task-1", "ERROR")
    assert line["error"]["code"] == "CONFIG_INVALID"
    assert line["error"]["field"] == "a.b"
    assert "Traceback" in line["trace"]


def test_levels(written: Callable[[], str]) -> None:
    logs.setup(logs.LogSettings(levels={"test.levels": "trace"}))
    assert logs.known_levels()["test.levels"] == "TRACE"
    logs.set_level("test.levels", "off")
    logging.getLogger("test.levels").critical("not seen")
    assert "not seen" not in written()
    assert logs.level_name(logging.WARNING) == "WARN"
    with pytest.raises(NotFoundException):
        logs.level_number("loud")


def _write(folder: str, writer: int, count: int) -> None:
    handler = ConnectorFileHandler(Path(folder), 2000, 100)
    handler.setFormatter(logging.Formatter("%(message)s"))
    for number in range(count):
        record = logging.LogRecord("x", logging.INFO, "", 0, f"{writer}-{number}", None, None)
        record.connector = "shared"
        handler.emit(record)
    handler.close()


def test_rotation_with_several_writers_loses_no_line(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(str(tmp_path), writer, 300)) for writer in range(3)]
    for process in writers:
        process.start()
    for process in writers:
        process.join(30)
        assert process.exitcode == 0
    lines = [line for file in tmp_path.glob("shared.log*") for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{writer}-{number}" for writer in range(3) for number in range(300))
    assert (tmp_path / "shared.log.2").exists()
    assert all(file.stat().st_size < 2100 for file in tmp_path.glob("shared.log*"))


def test_names_that_are_no_file_names(tmp_path: Path) -> None:
    handler = ConnectorFileHandler(tmp_path, 1000, 1)
    record = logging.LogRecord("x", logging.INFO, "", 0, "text", None, None)
    record.connector = "../a/b"
    handler.emit(record)
    handler.close()
    assert (tmp_path / ".._a_b.log").exists()
