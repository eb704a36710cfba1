from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from headrace.rest.server import create_app
from tests.rest.fake_herder import SOURCE, FakeHerder
from tests.rest.serving import Answer, call

Ask = Callable[..., Answer]


@pytest.fixture
def herder() -> FakeHerder:
    return FakeHerder()


@pytest.fixture
def ask(herder: FakeHerder) -> Ask:
    app = create_app(herder, {})

    def request(method: str, path: str, body: Any = None, **more: Any) -> Answer:
        return asyncio.run(call(app, method, path, body, **more))

    return request


@pytest.fixture
def f1(ask: Ask) -> str:
    assert (
        ask("POST", "/connectors", {"name": "f1", "config": {"connector.class": SOURCE, "tasks.max": 2}}).status == 201
    )
    return "f1"
