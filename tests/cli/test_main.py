"""The root command: help, laziness, completion, and handing over to the worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.cli.main import _COMMANDS
from tests.cli.conftest import Run


def test_help_names_commands_and_exit_codes(run: Run) -> None:
    outcome = run("--help")
    assert outcome.code == 0
    assert all(name in outcome.out for name in _COMMANDS)
    assert "7  the connector or a task has failed" in outcome.out


@pytest.mark.parametrize("name", list(_COMMANDS))
def test_every_command_can_be_loaded(run: Run, name: str) -> None:
    assert run(name, "--help").code == 0


def test_the_worker_command_loads_no_terminal_or_client_library() -> None:
    code = (
        "import sys; from headrace.cli.main import main; main(['standalone', '--help']);"
        "print([name for name in ('rich', 'httpx', 'psycopg', 'redis', 'starlette') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stderr.strip() == "[]"


def test_standalone_hands_over_to_the_worker(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr("headrace.app.run_standalone", lambda *arguments: calls.append(arguments) or 3)
    files = [tmp_path / "w.properties", tmp_path / "c.json"]
    for file in files:
        file.touch()
    assert run("standalone", *map(str, files)).code == 3
    assert calls == [(str(files[0]), (str(files[1]),))]
    assert run("standalone", "/nothing").code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(run: Run, shell: str) -> None:
    assert "_HEADRACE_COMPLETE" in run("completion", shell).out


def test_completion_of_commands_and_connectors(worker: str, run: Run, tmp_path: Path) -> None:
    properties = tmp_path / "c.properties"
    properties.write_text("name=orders\nconnector.class=org.example.FileSourceConnector\n")
    assert run("connectors", "create", str(properties)).code == 0

    def complete(words: str) -> list[str]:
        environment = {
            **os.environ,
            "_HEADRACE_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split())),
        }
        code = "from headrace.cli.main import main; main([])"
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=30)
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert "describe" in complete("headrace connectors ")
    assert complete("headrace connectors pause ") == ["orders"]
