"""§1 of the REST contract: what every path has in common."""

from __future__ import annotations

import asyncio
import json

import pytest

from headrace.errors import ConfigException, ConnectException, IllegalStateException
from headrace.rest.server import create_app
from headrace.runtime.herder import TargetState
from tests.rest.conftest import Ask
from tests.rest.fake_herder import SOURCE, FakeHerder
from tests.rest.serving import Answer, call

CONFIG = {"connector.class": SOURCE}


def assert_error(answer: Answer, status: int, *, bare: bool = False) -> str:
    assert answer.status == status, answer.body
    assert set(answer.json()) == {"error_code", "message"}
    assert answer.json()["error_code"] == status
    assert ("content-type" not in answer.headers) if bare else answer.headers["content-type"] == "application/json"
    return str(answer.json()["message"])


def test_routing_errors_have_a_json_body_without_content_type(ask: Ask, f1: str) -> None:
    assert_error(ask("GET", "/nothing"), 404, bare=True)
    assert_error(ask("GET", "/connectors/f1/tasks/x/status"), 404)
    assert_error(ask("GET", "/connectors/f1/tasks/99999999999/status"), 404)
    assert_error(ask("GET", "/connectors//config"), 404, bare=True)
    refused = ask("DELETE", "/connectors")
    assert_error(refused, 405, bare=True)
    assert refused.headers["allow"] == "GET,HEAD,OPTIONS,POST"
    assert_error(ask("PUT", "/connectors/f1/config", CONFIG, headers={"content-type": "text/plain"}), 415, bare=True)
    assert_error(ask("PUT", "/connectors/f1/pause", headers={"content-type": "text/plain"}), 415, bare=True)
    assert_error(ask("POST", "/connectors", raw=b"{}", headers={"content-type": ""}), 415, bare=True)
    assert_error(ask("GET", "/connectors", headers={"accept": "text/html"}), 406, bare=True)
    assert_error(ask("GET", "/connectors", headers={"accept": "application/json;q=0, text/*"}), 406, bare=True)


@pytest.mark.parametrize(
    "accept", ["*/*", "application/*", "text/html, application/json;q=0.1", "application/json; charset=utf-8"]
)
def test_acceptable(ask: Ask, accept: str) -> None:
    assert ask("GET", "/connectors", headers={"accept": accept}).status == 200


def test_media_type_parameters_are_fine(ask: Ask) -> None:
    sent = {"content-type": "application/json; charset=UTF-8"}
    assert ask("PUT", "/connectors/f1/config", CONFIG, headers=sent).status == 201


@pytest.mark.parametrize(
    "raw",
    [
        b"{", b"[]", b"null", b"", b"  ", b"\xff", b'"text"', b'{"name":"a"}', b'{"name":"a","config":null}',
        b'{"name":"a","config":[]}', b'{"name":"a","config":{"x":{}}}', b'{"name":"a","config":{"x":[1]}}',
        b'{"name":"a","config":{},"more":1}', b'{"name":"a","config":{},"initial_state":"ASLEEP"}',
        b'{"name":{},"config":{}}', b'{"name":"a","config":{"x":NaN}}', b'{"name":"a","config":{}} x',
        b'{"name":"a","config":{"x":"\\ud800"}}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_unmappable_body_is_500_and_changes_nothing(ask: Ask, herder: FakeHerder, raw: bytes) -> None:
    sent = {"content-type": "application/json"}
    assert_error(ask("POST", "/connectors", raw=raw, headers=sent), 500)
    assert herder.calls == []


def test_config_values_keep_their_literal_text(ask: Ask, herder: FakeHerder) -> None:
    raw = b'{"connector.class":"%s","a":1,"b":1.50,"c":true,"d":false,"e":1E5,"f":-0,"g":123456789012345678901234567890,"h":" s "}'
    answer = ask("PUT", "/connectors/n/config", raw=raw % SOURCE.encode())
    assert answer.status == 201
    expected = {
        "a": "1",
        "b": "1.50",
        "c": "true",
        "d": "false",
        "e": "1E5",
        "f": "-0",
        "g": "123456789012345678901234567890",
        "h": " s ",
    }
    assert answer.json()["config"] == {"connector.class": SOURCE, **expected, "name": "n"}
    assert {type(value) for value in herder.calls[0][2].values()} == {str}


def test_null_value_is_a_validation_error(ask: Ask) -> None:
    message = assert_error(ask("PUT", "/connectors/n/config", {**CONFIG, "file": None}), 400)
    assert "file" in message


def test_trailing_slash(ask: Ask, f1: str) -> None:
    assert ask("GET", "/connectors/").json() == ["f1"]
    assert ask("GET", "/connectors/f1/").json()["name"] == "f1"


def test_head_and_options(ask: Ask, f1: str) -> None:
    get, head = ask("GET", "/connectors/f1"), ask("HEAD", "/connectors/f1")
    assert (head.status, head.body, head.headers) == (200, b"", get.headers)
    assert ask("HEAD", "/connectors/f1/restart").status == 405
    options = ask("OPTIONS", "/connectors/f1/config")
    assert (options.status, options.headers["content-type"]) == (200, "text/plain")
    assert options.headers["allow"] == "GET,HEAD,OPTIONS,PATCH,PUT"
    assert options.body == b"GET, HEAD, OPTIONS, PATCH, PUT"
    assert ask("OPTIONS", "/nothing").status == 404


@pytest.mark.parametrize(
    ("text", "meant"), [("true", True), ("TRUE", True), ("True", True), ("yes", False), ("1", False), ("", False)]
)
def test_boolean_parameters(ask: Ask, f1: str, text: str, meant: bool) -> None:
    assert ask("POST", f"/connectors/f1/restart?includeTasks={text}").status == (202 if meant else 204)


@pytest.mark.parametrize("name", ["a/b", "100%", "with space", "ä", "..", "q?x#y", "a;b"])
def test_any_name_can_be_addressed(ask: Ask, name: str) -> None:
    from urllib.parse import quote

    created = ask("POST", "/connectors", {"name": name, "config": CONFIG})
    assert created.status == 201
    path = f"/connectors/{quote(name, safe='')}"
    assert created.headers["location"] == f"http://worker:8083{path}"
    assert ask("GET", path).json()["name"] == name
    assert ask("GET", f"{path}/tasks/0/status").status == 200
    assert ask("DELETE", path).status == 204


def test_broken_percent_encoding_is_400(ask: Ask) -> None:
    assert_error(ask("GET", "/connectors/%zz"), 400, bare=True)
    assert_error(ask("PUT", "/connectors/%FF/config", CONFIG), 400, bare=True)


def test_errors_carry_code_and_remedy(ask: Ask, herder: FakeHerder) -> None:
    herder.explode = ConnectException("Disk of f1 is full.", code="LOG_DISK_FULL", remedy="Free some space.")
    assert (
        assert_error(ask("GET", "/connectors/f1"), 500)
        == "[LOG_DISK_FULL] Disk of f1 is full. Remedy: Free some space."
    )
    herder.explode = ZeroDivisionError("nobody thought of it")
    assert assert_error(ask("GET", "/connectors/f1"), 500) == "ZeroDivisionError: nobody thought of it"
    herder.explode = ConfigException("bad")
    assert_error(ask("GET", "/connectors/f1"), 400)
    herder.explode = IllegalStateException("off", code="TOPIC_TRACKING_DISABLED")
    assert_error(ask("GET", "/connectors/f1/topics"), 403)


def test_timeout_names_the_stage_and_lets_the_operation_go_on(herder: FakeHerder) -> None:
    async def scenario() -> Answer:
        app = create_app(herder, {}, operation_timeout_s=0.02)
        herder.configs["f1"], herder.states["f1"] = dict(CONFIG), TargetState.STARTED
        herder.block = asyncio.Event()
        waiting = asyncio.create_task(call(app, "PUT", "/connectors/f1/stop"))
        while not herder.calls:
            await asyncio.sleep(0)
        blocked, herder.block = herder.block, None
        answer = await waiting
        blocked.set()
        while herder.states["f1"] is not TargetState.STOPPED:
            await asyncio.sleep(0)
        return answer

    message = assert_error(asyncio.run(asyncio.wait_for(scenario(), 10)), 500)
    assert "[TIMEOUT]" in message
    assert "ready to handle requests" in message


def test_too_large_a_body_is_refused(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.rest.app.MAX_BODY_BYTES", 100)
    assert_error(ask("PUT", "/connectors/n/config", {**CONFIG, "x": "y" * 100}), 413)


def test_cors(herder: FakeHerder) -> None:
    app = create_app(
        herder,
        {
            "access.control.allow.origin": "https://ui.example.org, http://*.local",
            "access.control.allow.methods": "GET,PUT",
        },
    )

    def get(origin: str, method: str = "GET", **headers: str) -> Answer:
        sent = {"origin": origin, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return asyncio.run(call(app, method, "/connectors", headers=sent))

    assert get("https://ui.example.org").headers["access-control-allow-origin"] == "https://ui.example.org"
    assert get("http://a.local").headers["access-control-allow-origin"] == "http://a.local"
    assert "access-control-allow-origin" not in get("https://evil.example.org").headers
    preflight = get("http://a.local", "OPTIONS", access_control_request_method="PUT")
    assert preflight.headers["access-control-allow-methods"] == "GET,PUT"
    other = get("https://evil.example.org", "OPTIONS", access_control_request_method="PUT")
    assert "access-control-allow-methods" not in other.headers
    plain = asyncio.run(call(create_app(herder, {}), "GET", "/connectors", headers={"origin": "http://a.local"}))
    assert "access-control-allow-origin" not in plain.headers


def test_extra_headers(herder: FakeHerder) -> None:
    rules = 'add X-One: 1; mode=block, "set Cache-Control: no-cache, no-store", addDate Expires: 60000'
    answer = asyncio.run(call(create_app(herder, {"response.http.headers.config": rules}), "GET", "/nothing"))
    assert answer.headers["x-one"] == "1; mode=block"
    assert answer.headers["cache-control"] == "no-cache, no-store"
    assert answer.headers["expires"].endswith("GMT")


@pytest.mark.parametrize("rules", ["X-One: 1", "remove X: 1", "set X", "setDate X: soon", "set X Y: 1"])
def test_wrong_extra_headers_are_refused(herder: FakeHerder, rules: str) -> None:
    with pytest.raises(ConfigException) as caught:
        create_app(herder, {"response.http.headers.config": rules})
    assert caught.value.field == "response.http.headers.config"
    assert caught.value.remedy


def test_admin_paths_can_be_switched_off(herder: FakeHerder) -> None:
    app = create_app(herder, {"admin.listeners": ""})
    assert asyncio.run(call(app, "GET", "/admin/loggers")).status == 404
    assert asyncio.run(call(app, "GET", "/connectors")).status == 200


def test_json_is_utf8(ask: Ask) -> None:
    body = ask("POST", "/connectors", {"name": "ä", "config": CONFIG}).body
    assert "ä".encode() in body
    assert json.loads(body)["name"] == "ä"
