"""Clients nobody here wrote, driven through their public functions and command line against our server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka_connect import KafkaConnect
from kafka_connect_api.errors import GenericConflict, GenericNotFound
from kafka_connect_api.kafka_connect_api import Api, Cluster, Connector

from headrace.runtime.herder import TargetState
from tests.rest.fake_herder import SOURCE, FakeHerder
from tests.rest.serving import running

CONFIG = {"connector.class": SOURCE, "tasks.max": "2"}


@pytest.fixture
def url(herder: FakeHerder) -> Iterator[str]:
    with running(herder) as urls:
        yield urls[0]


def test_kafka_connect_py(url: str, herder: FakeHerder) -> None:
    client = KafkaConnect(url)
    assert client.get_cluster_info()["kafka_cluster_id"] == "cluster-1"
    assert client.create_connector({"name": "f1", "config": CONFIG})["name"] == "f1"
    assert client.update_connector("f1", {**CONFIG, "file": "x"})["config"]["file"] == "x"
    assert client.list_connectors() == ["f1"]
    assert client.list_connectors(expand="status", state="running")["f1"]["status"]["type"] == "source"
    assert client.get_connector("f1")["tasks"] == [{"connector": "f1", "task": 0}, {"connector": "f1", "task": 1}]
    assert client.get_connector_config("f1")["file"] == "x"
    herder.failed["f1", 0] = "trace"
    assert client.get_connector_task_status("f1", 0)["trace"] == "trace"
    restarted = client.restart_connector("f1", include_tasks=True, only_failed=True)
    assert restarted["tasks"][0]["state"] == "RESTARTING"
    assert client.restart_connector("f1") is None
    client.restart_connector_task("f1", 1)
    client.pause_connector("f1")
    assert client.get_connector_status("f1")["connector"]["state"] == "PAUSED"
    client.resume_all_connectors()
    assert herder.states["f1"] is TargetState.STARTED
    assert client.list_connector_tasks("f1")[0]["id"] == {"connector": "f1", "task": 0}
    assert client.list_connector_topics("f1") == {"f1": {"topics": ["t1"]}}
    client.reset_connector_topics("f1")
    assert client.list_connector_plugins()[1]["class"] == SOURCE
    assert client.validate_connector_config("FileSource", CONFIG)["error_count"] == 1
    client.delete_connector("f1")
    assert client.list_connectors() == []


def test_kafka_connect_command_line(url: str, tmp_path: Path) -> None:
    def kc(*arguments: str) -> str:
        command = [str(Path(sys.executable).with_name("kafka-connect")), "--url", url, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout

    file = tmp_path / "f1.json"
    file.write_text(json.dumps({"name": "f1", "config": CONFIG}))
    assert json.loads(kc("create", "--config-file", str(file)))["type"] == "source"
    assert json.loads(kc("list", "--expand", "info"))["f1"]["info"]["name"] == "f1"
    kc("pause", "f1")
    assert json.loads(kc("status", "f1"))["connector"]["state"] == "PAUSED"
    kc("delete", "f1")
    assert json.loads(kc("list")) == []


def test_kafka_connect_api(url: str, herder: FakeHerder) -> None:
    cluster = Cluster(Api(url=url))
    assert cluster.version.startswith("4.3.1")
    assert cluster.kafka_cluster == "cluster-1"
    connector = Connector(cluster, "f1")
    connector.config = CONFIG
    assert connector.exists()
    assert list(cluster.connectors) == ["f1"]
    assert connector.connector_class == SOURCE
    assert [task.id for task in connector.tasks] == [0, 1]
    assert connector.tasks[0].is_running()
    connector.cycle_connector()
    connector.restart()
    assert connector.state == "RUNNING"
    cluster.root_logger = "DEBUG"
    assert cluster.loggers["root"]["level"] == "DEBUG"
    assert cluster.set_logger_log_level("headrace.rest", "WARN") == ["headrace.rest"]
    with pytest.raises(GenericConflict):
        cluster.api.post("/connectors", json={"name": "f1", "config": CONFIG})
    connector.delete()
    with pytest.raises(GenericNotFound):
        _ = connector.status
    assert herder.configs == {}
