"""The client against a real server, and against answers only a JVM cluster gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from headrace.client.connect import ConnectClient
from headrace.client.models import Offset
from headrace.errors import (
    AlreadyExistsException,
    ConfigException,
    ConnectException,
    HeadraceError,
    IllegalStateException,
    NotFoundException,
    RetriableException,
)
from headrace.runtime.herder import TargetState
from tests.rest.fake_herder import SOURCE, FakeHerder
from tests.rest.serving import running

CONFIG = {"connector.class": SOURCE, "tasks.max": "2"}


@pytest.fixture
def herder() -> FakeHerder:
    return FakeHerder()


@pytest.fixture
def client(herder: FakeHerder) -> Iterator[ConnectClient]:
    with running(herder) as urls, ConnectClient(urls[0] + "/", timeout_s=10) as client:
        yield client


def test_life_of_a_connector(client: ConnectClient, herder: FakeHerder) -> None:
    assert client.cluster().kafka_cluster_id == "cluster-1"
    name = "a/b 100%"
    assert client.create(name, CONFIG, initial_state="PAUSED").tasks == (0, 1)
    assert herder.states[name] is TargetState.PAUSED
    assert client.connectors() == [name]
    client.resume(name)
    assert client.status(name).all_in("RUNNING")
    created, info = client.put_config(name, {**CONFIG, "file": "x"})
    assert (created, info.config["file"], info.type) == (False, "x", "source")
    assert "file" not in client.patch_config(name, {"file": None}).config
    assert client.config(name) == {**CONFIG, "name": name}
    assert client.connector(name).config == {**CONFIG, "name": name}
    herder.failed[name, 1] = "trace"
    assert [(item.id, item.trace) for item in client.status(name).failures] == [(1, "trace")]
    assert client.task_status(name, 1).state == "FAILED"
    plan = client.restart(name, include_tasks=True, only_failed=True)
    assert plan is not None
    assert [task.state for task in plan.tasks] == ["RUNNING", "RESTARTING"]
    assert client.restart(name) is None
    client.restart_task(name, 0)
    assert [task.id for task in client.tasks(name)] == [0, 1]
    assert client.topics(name) == ["t1"]
    client.reset_topics(name)
    expanded = client.expanded()[name]
    assert expanded.status is not None
    assert expanded.info is not None
    assert expanded.status == client.status(name)
    client.pause(name)
    assert not client.status(name).all_in("RUNNING")
    with pytest.raises(IllegalStateException):
        client.reset_offsets(name)
    client.stop(name)
    assert client.status(name).all_in("STOPPED")
    positions = [Offset({"p": 1}, {"o": 2})]
    assert "altered" in client.alter_offsets(name, positions)
    assert client.offsets(name) == positions
    assert "reset" in client.reset_offsets(name)
    client.delete(name)
    with pytest.raises(NotFoundException) as caught:
        client.status(name)
    assert caught.value.code == "CONNECTOR_NOT_FOUND"


def test_plugins_and_loggers(client: ConnectClient) -> None:
    assert [plugin.type for plugin in client.plugins()] == ["sink", "source"]
    assert len(client.plugins(connectors_only=False)) == 3
    assert client.plugin_config("FileSource")[0]["name"] == "file"
    assert list(client.validate(CONFIG).errors) == ["file"]
    assert client.validate({**CONFIG, "file": "x"}).error_count == 0
    with pytest.raises(ConfigException):
        client.validate({})
    assert client.set_level("root", "DEBUG") == ["root"]
    assert client.set_level("root", "WARN", cluster=True) == []
    assert [(item.name, item.level) for item in client.loggers()] == [("headrace.rest", "INFO"), ("root", "WARN")]


def test_errors_come_back_as_they_were(client: ConnectClient) -> None:
    client.create("f1", CONFIG)
    with pytest.raises(AlreadyExistsException) as taken:
        client.create("f1", CONFIG)
    assert (taken.value.message, taken.value.remedy) == ("Connector f1 already exists", "Choose another name.")
    with pytest.raises(ConfigException) as refused:
        client.create("f2", {"connector.class": "org.example.Nothing"})
    assert refused.value.code == "PLUGIN_NOT_FOUND"
    assert SOURCE in (refused.value.remedy or "")


def answering(*answers: tuple[int, Any]) -> tuple[ConnectClient, list[httpx.Request], list[float]]:
    requests: list[httpx.Request] = []
    pauses: list[float] = []
    left = list(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        status, body = left.pop(0)
        return httpx.Response(status, content=body if isinstance(body, bytes) else json.dumps(body).encode())

    client = ConnectClient(
        "http://jvm:8083/connect", transport=httpx.MockTransport(handle), sleep=pauses.append, retries=3
    )
    return client, requests, pauses


BUSY = (409, {"error_code": 409, "message": "Cannot complete request momentarily due to stale configuration"})


def test_rebalance_is_waited_for() -> None:
    client, requests, pauses = answering(BUSY, BUSY, (204, b""))
    client.delete("f1")
    assert len(requests) == 3
    assert pauses == [0.2, 0.4]
    assert str(requests[0].url) == "http://jvm:8083/connect/connectors/f1"


def test_lasting_rebalance_is_told() -> None:
    client, requests, _ = answering(BUSY, BUSY, BUSY, BUSY)
    with pytest.raises(RetriableException) as caught:
        client.stop("f1")
    assert caught.value.code == "REST_REBALANCING"
    assert len(requests) == 4


def test_taken_name_is_told_from_a_rebalance() -> None:
    missing = (404, {"error_code": 404, "message": "Connector f1 not found"})
    info = {"name": "f1", "config": {}, "tasks": [], "type": "source"}
    client, requests, _ = answering(BUSY, missing, (201, info))
    assert client.create("f1", CONFIG).name == "f1"
    assert [request.method for request in requests] == ["POST", "GET", "POST"]
    client, _, pauses = answering((409, {"error_code": 409, "message": "Connector f1 already exists"}), (200, info))
    with pytest.raises(AlreadyExistsException):
        client.create("f1", CONFIG)
    assert pauses == []


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, {"error_code": 400, "message": "bad"}, ConfigException, "CONFIG_INVALID"),
        (401, b"User cannot access the resource.", ConnectException, "REST_UNAUTHORIZED"),
        (403, {"error_code": 403, "message": "off"}, IllegalStateException, "REST_FORBIDDEN"),
        (404, {"error_code": 404, "message": None}, NotFoundException, "NOT_FOUND"),
        (404, b"<html>starting</html>", ConnectException, "REST_NOT_CONNECT"),
        (500, {"error_code": 500, "message": "boom"}, ConnectException, "REST_FAILED"),
        (502, b"Bad gateway", ConnectException, "REST_NOT_CONNECT"),
        (200, b"<html></html>", ConnectException, "REST_NOT_CONNECT"),
    ],
)
def test_statuses_become_errors(status: int, body: Any, kind: type[HeadraceError], code: str) -> None:
    client, _, _ = answering((status, body))
    with pytest.raises(kind) as caught:
        client.config("f1")
    assert caught.value.code == code


def test_nobody_there(unused_tcp_port: int) -> None:
    with pytest.raises(ConnectException) as caught, ConnectClient(f"http://127.0.0.1:{unused_tcp_port}") as client:
        client.connectors()
    assert (caught.value.code, caught.value.field) == ("REST_UNREACHABLE", "url")


@pytest.mark.parametrize("url", ["", "localhost:8083", "ftp://x", "http://"])
def test_wrong_address(url: str) -> None:
    with pytest.raises(ConfigException) as caught:
        ConnectClient(url)
    assert caught.value.field == "url"


@pytest.fixture
def unused_tcp_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])
