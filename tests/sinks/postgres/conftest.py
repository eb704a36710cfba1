"""The sink's tests run twice where blocks may make a difference: with single records, and with blocks of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.sinks.postgres import kit
from tests.sinks.postgres.world import World

from headrace.native import core
from headrace.testing.servers import PostgresServer

TWICE = ("test_sink", "test_connections", "test_connections_conflicts", "test_types", "test_positions")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.module.__name__.rpartition(".")[2] in TWICE:
        metafunc.parametrize("put_as", ["records", "blocks"] if core is not None else ["records"], indirect=True)


@pytest.fixture(autouse=True)
def put_as(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "PUT_BLOCKS", getattr(request, "param", "records") == "blocks")


@pytest.fixture
def world(postgres: PostgresServer, make_database: Callable[..., str]) -> Iterator[World]:
    made = World(postgres, make_database())
    yield made
    made.stop()
