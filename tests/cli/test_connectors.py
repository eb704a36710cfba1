"""The commands against a real server: what they do, print and exit with."""

from __future__ import annotations

import io
import json
import socket
from pathlib import Path

import pytest

from headrace.cli.connectors_change import diff
from headrace.runtime.herder import TargetState
from tests.cli.conftest import Run
from tests.rest.fake_herder import SOURCE, FakeHerder

pytestmark = pytest.mark.usefixtures("worker")

CONFIG = {"connector.class": SOURCE, "tasks.max": "2"}


@pytest.fixture
def f1(tmp_path: Path) -> str:
    path = tmp_path / "f1.json"
    path.write_text(json.dumps({"name": "f1", "config": {"connector.class": SOURCE, "tasks.max": 2}}))
    return str(path)


def test_create_from_each_form(
    run: Run, herder: FakeHerder, f1: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = tmp_path / "flat.json"
    flat.write_text(json.dumps({"name": "f2", "connector.class": SOURCE, "ratio": 1.5, "on": True}))
    properties = tmp_path / "p.properties"
    properties.write_text(f"name=f3\nconnector.class={SOURCE}\n")
    outcome = run("connectors", "create", f1, str(flat), str(properties))
    assert (outcome.code, outcome.out) == (0, "f1: created\nf2: created\nf3: created\n")
    assert herder.configs["f1"] == {**CONFIG, "name": "f1"}
    assert herder.configs["f2"] == {"connector.class": SOURCE, "name": "f2", "ratio": "1.5", "on": "true"}
    monkeypatch.setattr(
        "sys.stdin", io.StringIO(json.dumps({"name": "f4", "config": CONFIG, "initial_state": "stopped"}))
    )
    created = run("connectors", "create", "-", "--json")
    assert json.loads(created.out) == {"name": "f4", "config": {**CONFIG, "name": "f4"}, "tasks": [], "type": "source"}
    assert herder.states["f4"] is TargetState.STOPPED


def test_apply_shows_what_changes_and_spares_what_does_not(
    run: Run, herder: FakeHerder, f1: str, tmp_path: Path
) -> None:
    dry = run("connectors", "apply", "--dry-run", f1)
    assert dry.out.splitlines()[0] == "f1: would be created"
    assert herder.configs == {}
    created = run("connectors", "apply", f1, "--wait")
    assert created.code == 0
    assert created.out.splitlines() == [
        "f1: created",
        f"  + connector.class = {SOURCE}",
        "  + name = f1",
        "  + tasks.max = 2",
    ]
    calls = len([call for call in herder.calls if call[0] == "put_connector"])
    assert run("connectors", "apply", f1).out == "f1: unchanged\n"
    assert len([call for call in herder.calls if call[0] == "put_connector"]) == calls
    changed = tmp_path / "f1b.json"
    changed.write_text(
        json.dumps({"name": "f1", "connector.class": SOURCE, "tasks.max": "3", "database.password": "s3cret"})
    )
    updated = run("connectors", "apply", str(changed))
    assert updated.out.splitlines() == ["f1: updated", "  + database.password = [hidden]", "  ~ tasks.max: 2 -> 3"]
    assert herder.configs["f1"]["database.password"] == "s3cret"


def test_diff_shows_references_but_no_secrets() -> None:
    current = {"a": "1", "my.password": "old", "gone": "x"}
    desired = {"a": "1", "my.password": "${file:/s:p}", "new.token": "t"}
    assert diff(current, desired) == ["- gone = x", "~ my.password: [hidden] -> ${file:/s:p}", "+ new.token = [hidden]"]


def test_list_and_describe(run: Run, herder: FakeHerder, f1: str) -> None:
    assert run("connectors", "list").out == "No connectors.\n"
    run("connectors", "create", f1)
    herder.failed["f1", 1] = "Boom: it broke\n  at line 1"
    listed = run("connectors", "list").out.splitlines()
    assert listed[0].split() == ["NAME", "TYPE", "STATE", "TASKS", "WORKER", "CLASS"]
    assert listed[1].split()[:3] == ["f1", "source", "RUNNING"]
    assert "1 RUNNING, 1 FAILED" in listed[1] or "1 FAILED, 1 RUNNING" in listed[1]
    assert run("connectors", "list", "--state", "paused").out == "No connectors.\n"
    assert list(json.loads(run("connectors", "list", "--state", "failed", "--json").out)) == ["f1"]
    described = run("connectors", "describe", "f1").out
    assert "task 1: Boom: it broke" in described
    assert "at line 1" not in described
    assert "at line 1" in run("connectors", "describe", "f1", "--trace").out
    assert set(json.loads(run("connectors", "describe", "f1", "--json").out)) == {"status", "info"}


def test_states(run: Run, herder: FakeHerder, f1: str) -> None:
    run("connectors", "create", f1)
    assert run("connectors", "pause", "f1", "--wait", "paused").out == "f1: paused\n"
    assert run("connectors", "resume", "f1", "--wait").code == 0
    assert run("connectors", "stop", "f1", "--wait", "stopped").code == 0
    assert herder.states["f1"] is TargetState.STOPPED
    assert run("connectors", "delete", "f1").out == "f1: deleted\n"
    assert herder.configs == {}


def test_restart(run: Run, herder: FakeHerder, f1: str) -> None:
    run("connectors", "create", f1)
    assert run("connectors", "restart", "f1").code == 0
    assert herder.calls[-1] == ("restart", "f1", False, False)
    plan = json.loads(run("connectors", "restart", "f1", "--tasks", "--only-failed", "--json").out)
    assert herder.calls[-1] == ("restart", "f1", True, True)
    assert plan["name"] == "f1"
    run("connectors", "restart", "f1", "--task", "1")
    assert herder.calls[-1] == ("restart_task", "f1", 1)
    assert run("connectors", "restart", "f1", "--task", "1", "--tasks").code == 2


def test_tasks_topics_offsets(run: Run, f1: str, tmp_path: Path) -> None:
    run("connectors", "create", f1)
    assert json.loads(run("connectors", "tasks", "f1", "--json").out)[0]["id"] == {"connector": "f1", "task": 0}
    assert "org.example.FileTask" in run("connectors", "tasks", "f1").out
    assert run("connectors", "topics", "f1").out.split() == ["TOPIC", "t1"]
    assert run("connectors", "topics", "f1", "--reset").code == 0
    positions = tmp_path / "offsets.json"
    positions.write_text(json.dumps({"offsets": [{"partition": {"p": 1}, "offset": {"lsn": 12345678901234}}]}))
    refused = run("connectors", "offsets", "alter", "f1", str(positions))
    assert refused.code == 5
    assert "stop" in refused.err.lower()
    run("connectors", "stop", "f1")
    assert run("connectors", "offsets", "alter", "f1", str(positions)).code == 0
    assert json.loads(run("connectors", "offsets", "get", "f1", "--json").out) == json.loads(positions.read_text())
    assert '{"lsn": 12345678901234}' in run("connectors", "offsets", "get", "f1").out
    assert run("connectors", "offsets", "reset", "f1").code == 0
    assert run("connectors", "offsets", "get", "f1").out == "No offsets.\n"


def test_validate(run: Run, herder: FakeHerder, f1: str) -> None:
    outcome = run("connectors", "validate", f1)
    assert outcome.code == 6
    assert "file" in outcome.out
    assert herder.configs == {}


def test_plugins_and_loggers(run: Run) -> None:
    assert SOURCE in run("plugins", "list").out
    assert len(json.loads(run("plugins", "list", "--all", "--json").out)) == 3
    assert "required" in run("plugins", "describe", "FileSource").out
    assert run("plugins", "describe", "Nothing").code == 4
    assert run("loggers", "set", "root", "debug").out == "root: DEBUG (1 loggers)\n"
    assert json.loads(run("loggers", "list", "--json").out)["root"]["level"] == "DEBUG"
    assert run("loggers", "set", "root", "loud").code == 4


def test_exit_codes(run: Run, herder: FakeHerder, f1: str, tmp_path: Path) -> None:
    assert run("connectors", "nonsense").code == 2
    assert run("connectors", "list", "--url", "nowhere").code == 2
    assert run("connectors", "list", "--auth", "alice").code == 2
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    unreachable = run("connectors", "list", "--url", f"http://127.0.0.1:{port}")
    assert unreachable.code == 3
    assert "REST_UNREACHABLE" in unreachable.err
    assert run("connectors", "describe", "nobody").code == 4
    assert run("connectors", "create", f1).code == 0
    assert run("connectors", "create", f1).code == 5
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({"name": "w", "config": {"connector.class": "org.example.Nothing"}}))
    refused = run("connectors", "create", str(wrong))
    assert refused.code == 6
    assert "Remedy" in refused.err
    herder.failed["f1", 0] = "Boom: it broke\n at"
    failed = run("connectors", "resume", "f1", "--wait")
    assert failed.code == 7
    assert "Boom: it broke" in failed.err


def test_waiting_has_an_end(run: Run, herder: FakeHerder, f1: str) -> None:
    run("connectors", "create", f1)
    late = run("connectors", "pause", "f1", "--wait", "running", "--timeout", "0.1")
    assert late.code == 1
    assert "task 0 PAUSED" in late.err


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"name":"x","config":{"a":[]}}', '{"name":"x","config":{},"extra":1}', "a=1"]
)
def test_files_that_hold_no_connector(run: Run, tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    outcome = run("connectors", "create", str(path))
    assert outcome.code == 6
    assert str(path) in outcome.err


def test_missing_file(run: Run) -> None:
    outcome = run("connectors", "create", "/nothing/here.json")
    assert outcome.code == 6
    assert "FILE_UNREADABLE" in outcome.err
