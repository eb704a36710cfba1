"""Log lines carry their context and no secrets; files rotate under several writers."""

import json
import logging
import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from headrace.config import ConfigDef, ConfigType
from headrace.errors import ConfigException, ConnectException, NotFoundException
from headrace.foundation import logs, redaction
from headrace.foundation.log_files import ConnectorFileHandler
from headrace.runtime.hosting.failures import failure_of


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


@pytest.fixture
def no_secrets() -> Iterator[None]:
    before = redaction._secrets[:]
    redaction._secrets.clear()
    yield
    redaction._secrets[:] = before


@pytest.mark.usefixtures("no_secrets")
@pytest.mark.parametrize("format", ["text", "json"])
def test_a_secret_that_is_a_common_word_leaves_the_codes_names_alone(written: Callable[[], str], format: str) -> None:
    logs.setup(logs.LogSettings(format=format))
    logs.hide(["definition", "parse", "errors"])
    try:
        ConfigDef().define("port", ConfigType.INT).parse({"port": "definition\nparse errors"})
    except ConfigException:
        logging.getLogger("headrace.config.definition").exception("The definition is wrong: %s", "parse")
    text = written()
    text = json.loads(text)["trace"] if format == "json" else text
    assert "config/definition.py" in text
    assert ", in parse" in text
    assert "value = self._parse_one(key, props)" in text
    assert "headrace.errors.ConfigException: " in text
    if format == "text":
        assert "The [hidden] is wrong: [hidden] (headrace.config.definition)" in text
    assert "Invalid value [hidden]\n[hidden] [hidden] for configuration port" in text


@pytest.mark.usefixtures("no_secrets")
@pytest.mark.parametrize("secret", ['pa"ss\\wo rd', "zürich&1", "line one\nline two", "postgres", "x/y@z:1"])
@pytest.mark.parametrize("format", ["text", "json"])
def test_no_form_of_a_secret_is_shown(written: Callable[[], str], secret: str, format: str) -> None:
    logs.setup(logs.LogSettings(format=format))
    logs.hide([secret])
    url = f"postgresql://u:{quote(secret, safe='')}@h/d"
    try:
        try:
            raise ValueError(
                f"{secret} {secret!r} {url} {json.dumps({'p': secret})} {json.dumps({'p': secret}, ensure_ascii=False)}"
            )
        except ValueError as error:
            raise ExceptionGroup(
                f"several: {secret}", [ConnectException(f"SELECT '{secret}'", remedy=secret)]
            ) from error
    except ExceptionGroup as error:
        logging.getLogger("x").exception("%s %r %s", secret, secret, url)
        failure = failure_of(error)
    shown = written()
    shown = shown + repr(json.loads(shown)) if format == "json" else shown
    shown += failure.trace + failure.message
    forms = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    code = "postgresql://u"  # the scheme is no secret
    for form in forms:
        assert form not in shown.replace(code, "").replace("[hidden]ql://", ""), form


@pytest.mark.usefixtures("no_secrets")
def test_a_message_cannot_pass_for_a_frame() -> None:
    logs.hide(["s3cret-value", "s3cret_value"])
    here = redaction.__file__
    for forged in (
        f'  File "{here}/s3cret-value", line 1, in redact',
        f'  File "{here}", line 1, in s3cret_value',
        '  File "/tmp/s3cret-value.py", line 1, in main',
        f'  File "{here}", line 1, in redact s3cret-value',
        f'  File "{here}", line 1, in redact\n    s3cret-value',
        "s3cret_value: text",
        "x.s3cret_value: text",
    ):
        assert "s3cret" not in redaction.redact_trace(f"Traceback\n{forged}\nend"), forged


@pytest.mark.usefixtures("no_secrets")
def test_a_secret_within_another_leaves_no_rest() -> None:
    logs.hide(["abcd", "abcdefgh"])
    assert logs.redact("x abcdefgh y abcd") == "x [hidden] y [hidden]"


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
