"""Every path of the contract, legal and illegal."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headrace.rest.server import create_app
from headrace.runtime.herder import TargetState
from tests.rest.conftest import Ask
from tests.rest.fake_herder import SINK, SOURCE, WORKER_ID, FakeHerder
from tests.rest.serving import call

CONFIG = {"connector.class": SOURCE}
INFO = {
    "name": "f1",
    "config": {"connector.class": SOURCE, "tasks.max": "2", "name": "f1"},
    "tasks": [{"connector": "f1", "task": 0}, {"connector": "f1", "task": 1}],
    "type": "source",
}


def test_root(ask: Ask) -> None:
    body = ask("GET", "/").json()
    assert list(body) == ["version", "commit", "kafka_cluster_id"]
    assert body["version"].startswith("4.3.1")
    assert len(body["commit"]) == 16
    assert int(body["commit"], 16)
    assert body["kafka_cluster_id"] == "cluster-1"


@pytest.mark.parametrize(("state", "status"), [("healthy", 200), ("starting", 503), ("unhealthy", 500)])
def test_health(ask: Ask, herder: FakeHerder, state: str, status: int) -> None:
    herder.health_state = (state, "why")
    answer = ask("GET", "/health")
    assert (answer.status, answer.json()) == (status, {"status": state, "message": "why"})


def test_health_of_a_stuck_worker(herder: FakeHerder) -> None:
    async def scenario() -> Any:
        herder.block = asyncio.Event()
        return await call(create_app(herder, {}, health_timeout_s=0.01), "GET", "/health")

    answer = asyncio.run(scenario())
    assert answer.status == 500
    assert answer.json()["status"] == "unhealthy"


def test_metrics(ask: Ask) -> None:
    answer = ask("GET", "/metrics", headers={"accept": "application/openmetrics-text;version=1.0.0"})
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"kafka_connect_worker_task_count 1" in answer.body


def test_create_and_read(ask: Ask, f1: str) -> None:
    assert ask("GET", "/connectors").json() == ["f1"]
    assert ask("GET", "/connectors/f1").json() == INFO
    assert ask("GET", "/connectors/f1/config").json() == INFO["config"]
    created = ask("POST", "/connectors", {"name": " f2 ", "config": CONFIG})
    assert created.status == 201
    assert created.headers["location"] == "http://worker:8083/connectors/f2"
    assert created.json() == {
        "name": "f2", "config": {**CONFIG, "name": "f2"}, "tasks": [{"connector": "f2", "task": 0}], "type": "source",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "state"), [("stopped", "STOPPED"), ("PAUSED", "PAUSED"), ("Running", "STARTED"), (None, None)]
)
def test_initial_state(ask: Ask, herder: FakeHerder, given: str | None, state: str | None) -> None:
    assert ask("POST", "/connectors", {"name": "f1", "config": CONFIG, "initial_state": given}).status == 201
    assert herder.calls[0][4] == (state and TargetState[state])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "f1", "config": CONFIG}, 409),
        ({"name": "", "config": CONFIG}, 400),
        ({"config": CONFIG}, 400),
        ({"name": None, "config": CONFIG}, 400),
        ({"name": "a\u0007b", "config": CONFIG}, 400),
        ({"name": "f2", "config": {**CONFIG, "name": "f3"}}, 400),
        ({"name": "f2", "config": {}}, 400),
        ({"name": "f2", "config": {"connector.class": "org.example.Nothing"}}, 400),
    ],
)
def test_refused_creation(ask: Ask, herder: FakeHerder, f1: str, body: Any, status: int) -> None:
    answer = ask("POST", "/connectors", body)
    assert answer.status == answer.json()["error_code"] == status
    assert list(herder.configs) == ["f1"]


def test_expand(ask: Ask, herder: FakeHerder, f1: str) -> None:
    ask("POST", "/connectors", {"name": "new", "config": CONFIG})
    herder.without_status.add("new")
    both = ask("GET", "/connectors?expand=status&expand=info").json()
    assert list(both) == ["f1"]
    assert both["f1"]["info"] == INFO
    assert both["f1"]["status"] == ask("GET", "/connectors/f1/status").json()
    assert list(ask("GET", "/connectors?expand=info").json()) == ["f1", "new"]
    assert ask("GET", "/connectors?expand=nothing").json() == {"f1": {}, "new": {}}


def test_put_config(ask: Ask, f1: str) -> None:
    new = ask("PUT", "/connectors/n/config", CONFIG)
    assert (new.status, new.headers["location"]) == (201, "http://worker:8083/connectors/n")
    again = ask("PUT", "/connectors/f1/config", {**CONFIG, "file": "x"})
    assert again.status == 200
    assert "location" not in again.headers
    assert again.json()["config"] == {**CONFIG, "file": "x", "name": "f1"}
    assert ask("PUT", "/connectors/f1/config", {**CONFIG, "name": "other"}).status == 400
    assert ask("PUT", "/connectors/f1/config", {}).status == 400


def test_patch_config(ask: Ask, f1: str) -> None:
    answer = ask("PATCH", "/connectors/f1/config", {"tasks.max": None, "file": "x"})
    assert answer.status == 200
    assert answer.json()["config"] == {**CONFIG, "name": "f1", "file": "x"}
    assert ask("PATCH", "/connectors/nobody/config", {"a": "b"}).status == 404
    assert ask("PATCH", "/connectors/f1/config", {"connector.class": "org.example.Nothing"}).status == 400
    assert ask("PATCH", "/connectors/f1/config", {"connector.class": None}).status == 400
    assert ask("PATCH", "/connectors/f1/config", {"name": "other"}).status == 400


def test_delete(ask: Ask, f1: str) -> None:
    answer = ask("DELETE", "/connectors/f1")
    assert (answer.status, answer.body) == (204, b"")
    assert "content-type" not in answer.headers
    assert ask("DELETE", "/connectors/f1").status == 404


def test_status(ask: Ask, herder: FakeHerder, f1: str) -> None:
    herder.failed["f1", 1] = "Boom: it broke\n  at once"
    assert ask("GET", "/connectors/f1/status").json() == {
        "name": "f1",
        "connector": {"state": "RUNNING", "worker_id": WORKER_ID, "version": "1.2.3"},
        "tasks": [
            {"id": 0, "state": "RUNNING", "worker_id": WORKER_ID, "version": "1.2.3"},
            {
                "id": 1,
                "state": "FAILED",
                "worker_id": WORKER_ID,
                "version": "1.2.3",
                "trace": "Boom: it broke\n  at once",
            },
        ],
        "type": "source",
    }
    assert ask("GET", "/connectors/f1/tasks/1/status").json()["state"] == "FAILED"
    assert ask("GET", "/connectors/f1/tasks/2/status").status == 404
    assert ask("GET", "/connectors/f1/tasks/-1/status").status == 404
    ask("POST", "/connectors", {"name": "s", "config": {"connector.class": SINK}})
    assert "version" not in ask("GET", "/connectors/s/status").json()["connector"]


def test_restart(ask: Ask, herder: FakeHerder, f1: str) -> None:
    plain = ask("POST", "/connectors/f1/restart")
    assert (plain.status, plain.body) == (204, b"")
    assert herder.calls[-1] == ("restart", "f1", False, False)
    herder.failed["f1", 1] = "trace"
    answer = ask("POST", "/connectors/f1/restart?includeTasks=true&onlyFailed=true")
    assert answer.status == 202
    assert [task["state"] for task in answer.json()["tasks"]] == ["RUNNING", "RESTARTING"]
    assert answer.json()["tasks"][1]["version"] is None
    assert ask("POST", "/connectors/f1/restart?onlyFailed=true").status == 202


def test_restart_task(ask: Ask, f1: str) -> None:
    assert ask("POST", "/connectors/f1/tasks/0/restart").status == 204
    assert ask("POST", "/connectors/f1/tasks/7/restart").status == 404
    assert ask("POST", "/connectors/f1/tasks/x/restart").status == 404


def test_pause_resume_stop(ask: Ask, herder: FakeHerder, f1: str) -> None:
    for verb, status, state in [
        ("pause", 202, "PAUSED"),
        ("resume", 202, "STARTED"),
        ("stop", 204, "STOPPED"),
        ("stop", 204, "STOPPED"),
    ]:
        answer = ask("PUT", f"/connectors/f1/{verb}")
        assert (answer.status, answer.body, herder.states["f1"].value) == (status, b"", state)
    assert ask("GET", "/connectors/f1").json()["tasks"] == []


def test_tasks(ask: Ask, herder: FakeHerder, f1: str) -> None:
    assert ask("GET", "/connectors/f1/tasks").json()[1] == {
        "id": {"connector": "f1", "task": 1}, "config": {"task.class": "org.example.FileTask", "n": "1"},
    }  # fmt: skip
    assert ask("GET", "/connectors/f1/tasks-config").status == 404
    old = create_app(herder, {"rest.compat.tasks.config": "true"})
    assert list(asyncio.run(call(old, "GET", "/connectors/f1/tasks-config")).json()) == ["f1-0", "f1-1"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("GET", "/config"), ("DELETE", ""), ("GET", "/status"), ("POST", "/restart"),
        ("POST", "/restart?includeTasks=true"), ("POST", "/tasks/0/restart"), ("GET", "/tasks/0/status"), ("GET", "/tasks"),
        ("PUT", "/pause"), ("PUT", "/resume"), ("PUT", "/stop"), ("GET", "/offsets"), ("DELETE", "/offsets"),
    ],
)  # fmt: skip
def test_unknown_connector(ask: Ask, method: str, path: str) -> None:
    answer = ask(method, f"/connectors/nobody{path}")
    assert answer.status == 404
    assert "nobody" in answer.json()["message"]
    assert answer.headers["content-type"] == "application/json"


def test_topics(ask: Ask, herder: FakeHerder, f1: str) -> None:
    assert ask("GET", "/connectors/f1/topics").json() == {"f1": {"topics": ["t1"]}}
    assert ask("GET", "/connectors/nobody/topics").json() == {"nobody": {"topics": []}}
    assert ask("PUT", "/connectors/nobody/topics/reset").status == 202
    herder.tracking = False
    assert ask("GET", "/connectors/f1/topics").status == 403
    assert ask("PUT", "/connectors/f1/topics/reset").status == 403


def test_offsets(ask: Ask, herder: FakeHerder, f1: str) -> None:
    entry = {"partition": {"server": "s"}, "offset": {"lsn": 12345678901234, "ratio": 1.5, "snapshot": True}}
    body = {"offsets": [entry, {"partition": {"server": "t"}, "offset": None}]}
    assert ask("GET", "/connectors/f1/offsets").json() == {"offsets": []}
    assert ask("PATCH", "/connectors/f1/offsets", body).status == 400
    ask("PUT", "/connectors/f1/stop")
    altered = ask("PATCH", "/connectors/f1/offsets", body)
    assert (altered.status, list(altered.json())) == (200, ["message"])
    assert herder.calls[-1] == ("alter_offsets", "f1", body["offsets"])
    assert ask("GET", "/connectors/f1/offsets").json() == {"offsets": [entry]}
    assert "reset" in ask("DELETE", "/connectors/f1/offsets").json()["message"]
    assert ask("GET", "/connectors/f1/offsets").json() == {"offsets": []}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400), ({"offsets": []}, 400), ({"offsets": None}, 400), ({"offsets": [{"offset": {}}]}, 400),
        ({"offsets": [{"partition": None, "offset": {}}]}, 400), ({"offsets": [], "x": 1}, 500), ({"offsets": {}}, 500),
        ({"offsets": [{"partition": {}, "offset": {}, "x": 1}]}, 500), ({"offsets": [{"partition": "p"}]}, 500),
        ({"offsets": [1]}, 500), ([], 500),
    ],
)  # fmt: skip
def test_refused_offsets(ask: Ask, herder: FakeHerder, f1: str, body: Any, status: int) -> None:
    herder.states["f1"] = TargetState.STOPPED
    assert ask("PATCH", "/connectors/f1/offsets", body).status == status
    assert "alter_offsets" not in [name for name, *_ in herder.calls]


def test_plugins(ask: Ask) -> None:
    assert ask("GET", "/connector-plugins").json() == [
        {"class": SINK, "type": "sink"},
        {"class": SOURCE, "type": "source", "version": "1.2.3"},
    ]
    assert [item["type"] for item in ask("GET", "/connector-plugins?connectorsOnly=false").json()] == [
        "sink",
        "source",
        "transformation",
    ]


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("", 200), ("latest", 200), ("1.2.3", 200), ("[1.0,2.0)", 200), ("(,1.0],[1.2,)", 200), ("9", 400), ("[2,)", 400),
        ("(1.2.3,)", 400), ("[1.2.3]", 200), ("[1,2", 400), ("[2,1]", 400), ("(1.0)", 400), ("1,2", 400),
    ],
)  # fmt: skip
def test_plugin_config(ask: Ask, version: str, status: int) -> None:
    answer = ask("GET", f"/connector-plugins/FileSource/config?version={version}")
    assert answer.status == status
    if status == 200:
        assert answer.json()[0]["name"] == "file"


def test_unknown_plugin(ask: Ask) -> None:
    assert ask("GET", "/connector-plugins/Cast/config").status == 404
    assert ask("GET", "/connector-plugins/Cast$Value/config").status == 200


@pytest.mark.parametrize("plugin", [SOURCE, "FileSourceConnector", "FileSource", "Source"])
def test_validate(ask: Ask, plugin: str) -> None:
    answer = ask("PUT", f"/connector-plugins/{plugin}/config/validate", {"connector.class": SOURCE})
    assert answer.status == 200
    assert list(answer.json()) == ["name", "error_count", "groups", "configs"]
    assert answer.json()["name"] == SOURCE
    assert answer.json()["error_count"] == 1


def test_refused_validation(ask: Ask) -> None:
    path = "/connector-plugins/FileSource/config/validate"
    assert ask("PUT", path, {"connector.class": SINK}).status == 400
    assert ask("PUT", path, {}).status == 500
    assert ask("PUT", path, {"connector.class": None}).status == 500
    assert ask("PUT", path, []).status == 500


def test_loggers(ask: Ask) -> None:
    listed = ask("GET", "/admin/loggers").json()
    assert list(listed) == ["headrace.rest", "root"]
    assert listed["root"] == {"level": "INFO", "last_modified": None}
    assert ask("GET", "/admin/loggers/headrace.rest").json() == {"level": "INFO", "last_modified": 5}
    assert ask("GET", "/admin/loggers/nothing").status == 404
    assert ask("PUT", "/admin/loggers/root", {"level": "debug"}).json() == ["root"]
    assert ask("GET", "/admin/loggers/root").json() == {"level": "DEBUG", "last_modified": 1000}
    cluster = ask("PUT", "/admin/loggers/root?scope=cluster", {"level": "WARN"})
    assert (cluster.status, cluster.body) == (204, b"")
    assert ask("PUT", "/admin/loggers/root?scope=galaxy", {"level": "INFO"}).json() == ["root"]


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"level": None}, 400), ({"level": "LOUD"}, 404), ({"level": {}}, 500), ([], 500)]
)
def test_refused_level(ask: Ask, herder: FakeHerder, body: Any, status: int) -> None:
    assert ask("PUT", "/admin/loggers/root", body).status == status
    assert herder.levels["root"] == ("INFO", None)


def test_worker_to_worker_paths(ask: Ask, f1: str) -> None:
    for method, path, body in [("POST", "/connectors/f1/tasks", [{}]), ("PUT", "/connectors/f1/fence", None)]:
        assert ask(method, path, body).status == 500
