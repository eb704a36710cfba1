"""The same clients, and our own command line, against a real standalone worker with tasks in processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from kafka_connect import KafkaConnect
from kafka_connect_api.kafka_connect_api import Api, Cluster, Connector

from headrace.cli.main import main
from headrace.client.connect import ConnectClient
from headrace.client.models import Offset
from headrace.errors import (
    AlreadyExistsException,
    ConfigException,
    ConnectException,
    IllegalStateException,
    NotFoundException,
)
from tests.runtime.worker_support import Worker
from tests.support import wait_until

CONFIG = {"connector.class": "DummySource", "topic": "t1"}


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    worker = Worker(tmp_path_factory.mktemp("worker")).start()
    try:
        yield worker
    finally:
        worker.close()


def test_kafka_connect_py(worker: Worker) -> None:
    client = KafkaConnect(worker.url)
    assert client.get_cluster_info()["version"].startswith("4.3.1")
    assert client.create_connector({"name": "py", "config": CONFIG})["tasks"] == [{"connector": "py", "task": 0}]
    wait_until(lambda: client.get_connector_task_status("py", 0)["state"] == "RUNNING")
    assert client.list_connectors(expand="status", pattern="py", state="RUNNING")["py"]["status"]["type"] == "source"
    assert client.update_connector("py", {**CONFIG, "records": 2})["config"]["records"] == "2"
    wait_until(lambda: client.list_connector_topics("py") == {"py": {"topics": ["t1"]}})
    client.pause_connector("py")
    wait_until(lambda: client.get_connector_status("py")["tasks"][0]["state"] == "PAUSED")
    client.resume_connector("py")
    wait_until(lambda: client.get_connector_status("py")["tasks"][0]["state"] == "RUNNING")
    assert client.restart_connector("py", include_tasks=True)["tasks"][0]["state"] == "RESTARTING"
    wait_until(lambda: client.get_connector_status("py")["tasks"][0]["state"] == "RUNNING")
    client.restart_connector_task("py", 0)
    assert client.validate_connector_config("DummySource", CONFIG)["name"] == "DummySource"
    assert any(plugin["class"].endswith("DummySource") for plugin in client.list_connector_plugins())
    client.delete_connector("py")
    assert "py" not in client.list_connectors()


def test_kafka_connect_api(worker: Worker) -> None:
    cluster = Cluster(Api(url=worker.url))
    connector = Connector(cluster, "api")
    connector.config = CONFIG
    assert connector.exists()
    wait_until(lambda: connector.state == "RUNNING" and connector.tasks and connector.tasks[0].is_running())
    assert "task.class" in connector.tasks[0].config
    connector.cycle_connector()
    connector.restart()
    wait_until(lambda: connector.state == "RUNNING")
    cluster.root_logger = "DEBUG"
    assert cluster.loggers["root"]["level"] == "DEBUG"
    cluster.root_logger = "INFO"
    connector.delete()
    assert Connector(cluster, "api").name not in cluster.connectors


def test_own_client(worker: Worker) -> None:
    name = "own/100% ä"
    with ConnectClient(worker.url, timeout_s=20) as client:
        client.create(name, CONFIG, initial_state="STOPPED")
        assert client.connector(name).tasks == ()
        with pytest.raises(AlreadyExistsException):
            client.create(name, CONFIG)
        positions = [Offset({"part": "0"}, {"at": 41})]
        client.alter_offsets(name, positions)
        assert client.offsets(name) == positions
        with pytest.raises(ConnectException, match="partitions need the key part"):
            client.alter_offsets(name, [Offset({"x": 1}, {"at": 1})])
        client.resume(name)
        wait_until(lambda: client.status(name).all_in("RUNNING"))
        wait_until(lambda: client.offsets(name)[0].offset != {"at": 41})
        with pytest.raises(IllegalStateException):
            client.reset_offsets(name)
        client.stop(name)
        client.reset_offsets(name)
        assert client.offsets(name) == []
        with pytest.raises(ConfigException, match=r"tasks\.max"):
            client.patch_config(name, {"tasks.max": "many"})
        assert client.patch_config(name, {"topic": None}).config.get("topic") is None
        client.delete(name)
        with pytest.raises(NotFoundException):
            client.status(name)


def test_refusals(worker: Worker) -> None:
    def status(method: str, path: str, body: object = None) -> int:
        answer = httpx.request(method, worker.url + path, json=body)
        assert set(answer.json()) == {"error_code", "message"}, answer.text
        assert answer.json()["error_code"] == answer.status_code
        return answer.status_code

    assert status("POST", "/connectors", {"name": "", "config": CONFIG}) == 400
    assert status("POST", "/connectors", {"name": "x", "config": {}}) == 400
    assert status("POST", "/connectors", {"name": "x", "config": {"connector.class": "org.example.Nothing"}}) == 400
    assert status("POST", "/connectors", {"name": "x", "config": {**CONFIG, "records": "many"}}) == 400
    assert status("POST", "/connectors", {"name": "x", "config": {**CONFIG, "topic": None}}) == 400
    assert status("PUT", "/connectors/x/config", {"connector.class": "org.example.Nothing"}) == 400
    assert status("PUT", "/connector-plugins/DummySource/config/validate", {}) == 500
    assert status("PUT", "/connector-plugins/Nothing/config/validate", {"connector.class": "Nothing"}) == 500
    assert status("GET", "/connector-plugins/Nothing/config") == 404
    assert status("PUT", "/admin/loggers/root", {"level": "LOUD"}) == 404
    for method, path in [("GET", ""), ("PUT", "/pause"), ("PUT", "/resume"), ("PUT", "/stop"), ("POST", "/restart"), ("GET", "/status"),
                         ("GET", "/tasks"), ("GET", "/offsets"), ("DELETE", "/offsets"), ("DELETE", ""), ("POST", "/tasks/0/restart"),
                         ("POST", "/restart?includeTasks=true"), ("GET", "/config")]:  # fmt: skip
        assert status(method, f"/connectors/nobody{path}") == 404, path
    assert status("PATCH", "/connectors/nobody/config", {"a": "b"}) == 404
    assert status("PATCH", "/connectors/nobody/offsets", {"offsets": [{"partition": {"p": 1}, "offset": None}]}) == 404
    assert httpx.get(f"{worker.url}/connectors/nobody/topics").json() == {"nobody": {"topics": []}}
    assert httpx.put(f"{worker.url}/connectors/nobody/topics/reset").status_code == 202


def test_plugins_and_metrics(worker: Worker) -> None:
    types = [plugin["type"] for plugin in httpx.get(f"{worker.url}/connector-plugins?connectorsOnly=false").json()]
    assert types == sorted(
        types, key=["sink", "source", "transformation", "predicate", "converter", "header_converter"].index
    )
    keys = httpx.get(f"{worker.url}/connector-plugins/DummySource/config").json()
    assert keys[0]["name"] == "topic"
    assert {key["name"] for key in keys} >= {"tasks.max", "errors.tolerance"}
    secret = httpx.put(
        f"{worker.url}/connector-plugins/DummySource/config/validate", json={**CONFIG, "name": "n", "secret": "s3cret"}
    )
    assert "s3cret" not in secret.text
    assert secret.json()["error_count"] == 0, secret.text
    metrics = httpx.get(f"{worker.url}/metrics")
    assert metrics.status_code == 200
    assert "# TYPE " in metrics.text


def test_command_line(worker: Worker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        code = main(["connectors", *arguments, "--url", worker.url])
        return code, capsys.readouterr().out

    file = tmp_path / "c.json"
    file.write_text(json.dumps({"name": "cli", "config": CONFIG}))
    code, out = run("apply", str(file), "--wait")
    assert (code, out.splitlines()[0]) == (0, "cli: created")
    assert run("apply", str(file)) == (0, "cli: unchanged\n")
    code, out = run("list", "--json")
    assert json.loads(out)["cli"]["status"]["connector"]["state"] == "RUNNING"
    file.write_text(json.dumps({"name": "cli", "config": {**CONFIG, "behave": "raise-config"}}))
    assert run("apply", str(file), "--wait", "stopped")[0] == 7
    assert "FAILED" in run("describe", "cli")[1]
    assert run("stop", "cli", "--wait", "stopped")[0] == 0
    assert run("offsets", "reset", "cli")[0] == 0
    assert run("delete", "cli")[0] == 0
    assert run("describe", "cli")[0] == 4
