"""Whatever is asked, the answer has a shape of the contract, and nothing escapes the application."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.rest.server import create_app
from tests.rest.fake_herder import SOURCE, FakeHerder
from tests.rest.serving import Answer, call

METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO"])
PARTS = st.one_of(
    st.sampled_from(
        ["connectors", "f1", "config", "status", "tasks", "0", "restart", "offsets", "topics", "reset", "admin", "loggers", "root",
         "connector-plugins", "FileSource", "validate", "pause", "resume", "stop", "health", "metrics", "fence", "", "%2F", "%00"]
    ),
    st.text("abc%/;.=é\x00", max_size=6).map(lambda text: text.encode().decode("latin-1")),
)  # fmt: skip
PATHS = st.lists(PARTS, max_size=6).map(lambda parts: "/" + "/".join(parts))
QUERIES = st.sampled_from(
    ["", "?expand=status&expand=x", "?includeTasks=true&onlyFailed=%ff", "?version=[1", "?scope=%zz", "?&&=", "?a"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
CONFIGS = st.dictionaries(
    st.sampled_from(["connector.class", "name", "tasks.max", "x"]), JSON | st.just(SOURCE), max_size=4
)
BODIES = st.one_of(
    st.binary(max_size=40),
    (JSON | CONFIGS).map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {}, optional={"name": JSON, "config": CONFIGS, "initial_state": JSON, "offsets": JSON, "level": JSON}
    ).map(lambda value: json.dumps(value).encode()),
)
HEADERS = st.fixed_dictionaries(
    {"content-type": st.sampled_from(["application/json", "", "text/plain", "application/json;x", "/"])},
    optional={
        "accept": st.sampled_from(["*/*", "", "x", "application/json;q=no"]),
        "authorization": st.just("Basic !"),
    },
)


def assert_contract(method: str, answer: Answer) -> None:
    assert answer.status in (200, 201, 202, 204, 400, 403, 404, 405, 406, 409, 415, 500, 503)
    assert "content-type" not in answer.headers or answer.headers["content-type"].startswith(
        ("application/json", "text/plain")
    )
    if method == "HEAD" or answer.status in (202, 204):
        return
    if answer.status >= 400 and "status" not in answer.json():
        assert set(answer.json()) == {"error_code", "message"}
        assert answer.json()["error_code"] == answer.status
    elif answer.headers["content-type"] == "application/json":
        answer.json()


@settings(max_examples=600, deadline=None)
@given(METHODS, PATHS, QUERIES, BODIES, HEADERS)
def test_every_answer_is_of_the_contract(
    method: str, path: str, query: str, body: bytes, headers: dict[str, str]
) -> None:
    herder = FakeHerder()
    app = create_app(herder, {})

    async def scenario() -> Any:
        await call(app, "PUT", "/connectors/f1/config", {"connector.class": SOURCE})
        return await call(app, method, path + query, headers=headers, raw=body)

    assert_contract(method, asyncio.run(scenario()))
    assert all(type(value) is str for config in herder.configs.values() for value in config.values())


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([("POST", "/connectors"), ("PUT", "/connectors/f1/config"), ("PATCH", "/connectors/f1/config"),
                        ("PATCH", "/connectors/f1/offsets"), ("PUT", "/admin/loggers/root"),
                        ("PUT", "/connector-plugins/FileSource/config/validate")]), BODIES)  # fmt: skip
def test_every_body_is_answered(target: tuple[str, str], body: bytes) -> None:
    test = test_every_answer_is_of_the_contract.hypothesis.inner_test  # type: ignore[attr-defined]
    test(*target, "", body, {"content-type": "application/json"})
