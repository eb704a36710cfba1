"""The server on real sockets: listeners, TLS refusals, Basic authentication, ending."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import httpx
import pytest

from headrace.errors import ConfigException, ConnectException
from headrace.rest.listeners import bind, parse_listeners
from headrace.rest.server import create_app, serve
from tests.rest.fake_herder import SOURCE, FakeHerder
from tests.rest.serving import running

BASIC = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"


def test_serves_and_ends(herder: FakeHerder) -> None:
    with running(herder) as urls:
        answer = httpx.get(f"{urls[0]}/")
        assert answer.json()["kafka_cluster_id"] == "cluster-1"
        created = httpx.post(f"{urls[0]}/connectors", json={"name": "a/b", "config": {"connector.class": SOURCE}})
        assert httpx.get(created.headers["location"]).json()["name"] == "a/b"
        deleted = httpx.delete(f"{urls[0]}/connectors/a%2Fb")
        assert (deleted.status_code, deleted.content) == (204, b"")
        head = httpx.head(f"{urls[0]}/connectors")
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "2")
    with pytest.raises(httpx.ConnectError):
        httpx.get(urls[0])


def test_admin_listener_has_the_admin_paths_alone(herder: FakeHerder) -> None:
    with running(herder, {"admin.listeners": "http://127.0.0.1:0"}) as (public, admin):
        assert httpx.get(f"{public}/admin/loggers").status_code == 404
        assert httpx.get(f"{admin}/admin/loggers").status_code == 200
        assert httpx.get(f"{admin}/connectors").status_code == 404
        assert httpx.get(f"{public}/connectors").status_code == 200


def test_listens_on_all_interfaces_by_default(herder: FakeHerder) -> None:
    with running(herder, {"listeners": "http://:0"}) as urls:
        port = httpx.URL(urls[0]).port
        assert httpx.get(f"http://127.0.0.1:{port}/connectors").json() == []


def test_answers_do_not_wait_for_acknowledgements() -> None:
    """With Nagle's algorithm an answer's second packet waits for the client's delayed acknowledgement."""
    (listener,) = parse_listeners({"listeners": "http://127.0.0.1:0"})
    with bind(listener) as listening:
        assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_taken_port_is_told(herder: FakeHerder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listener = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConnectException) as caught, running(herder, {"listeners": listener}):
            pass
    assert (caught.value.code, caught.value.field) == ("REST_BIND_FAILED", "listeners")


def test_cancelling_ends_the_server(herder: FakeHerder) -> None:
    async def scenario() -> str:
        bound = asyncio.get_running_loop().create_future()
        settings = {"listeners": "http://127.0.0.1:0"}
        task = asyncio.create_task(serve(herder, settings, on_bound=lambda urls: bound.set_result(urls[0])))
        url = await bound
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{url}/connectors")).status_code == 200
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return str(url)

    url = asyncio.run(asyncio.wait_for(scenario(), 10))
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


@pytest.mark.parametrize("text", ["", "ftp://:1", "http://:99999", "localhost:8083", "http://:8083/x"])
def test_wrong_listeners_are_refused(text: str) -> None:
    with pytest.raises(ConfigException) as caught:
        parse_listeners({"listeners": text})
    assert caught.value.field == "listeners"
    assert caught.value.remedy


def test_admin_listener_must_differ() -> None:
    with pytest.raises(ConfigException) as caught:
        parse_listeners({"listeners": "http://:1,https://:2", "admin.listeners": "http://:1"})
    assert caught.value.field == "admin.listeners"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({}, "ssl.keystore.location"),
        ({"ssl.keystore.location": "x.jks"}, "ssl.keystore.type"),
        ({"ssl.keystore.location": "nothing.pem", "listeners.https.ssl.keystore.type": "PEM"}, "ssl.keystore.location"),
    ],
)
def test_https_needs_pem(herder: FakeHerder, settings: dict[str, str], field: str) -> None:
    with pytest.raises(ConfigException) as caught, running(herder, {"listeners": "https://127.0.0.1:0", **settings}):
        pass
    assert caught.value.field == field


def test_basic_authentication(herder: FakeHerder, tmp_path: Path) -> None:
    users = tmp_path / "users.properties"
    users.write_text("# who may call\nalice=s3cret\nbob = ä\n", encoding="utf-8")
    settings = {"rest.extension.classes": BASIC, "rest.basic.auth.credentials.file": str(users)}
    with running(herder, settings) as urls:
        refused = httpx.get(f"{urls[0]}/connectors")
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Basic")
        assert set(refused.json()) == {"error_code", "message"}
        assert httpx.get(f"{urls[0]}/connectors", auth=("alice", "wrong")).status_code == 401
        assert httpx.get(f"{urls[0]}/connectors", auth=("nobody", "\0")).status_code == 401
        assert httpx.get(f"{urls[0]}/connectors", auth=("alice", "s3cret")).status_code == 200
        assert httpx.get(f"{urls[0]}/connectors", auth=("bob", "ä")).status_code == 200
        assert httpx.post(f"{urls[0]}/connectors/x/tasks", json=[]).status_code == 500
    assert not [call for call in herder.calls if call[0] != "connectors"]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"rest.extension.classes": "org.example.Other"}, "rest.extension.classes"),
        ({"rest.extension.classes": BASIC}, "rest.basic.auth.credentials.file"),
        (
            {"rest.extension.classes": BASIC, "rest.basic.auth.credentials.file": "/nothing"},
            "rest.basic.auth.credentials.file",
        ),
    ],
)
def test_refused_extensions(herder: FakeHerder, settings: dict[str, str], field: str) -> None:
    with pytest.raises(ConfigException) as caught:
        create_app(herder, settings)
    assert caught.value.field == field
