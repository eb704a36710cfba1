"""The sink's tests run twice where blocks may make a difference: with single records, and with blocks of them."""

from __future__ import annotations

import pytest
from tests.redis_sink import harness

from headrace.native import core

TWICE = ("test_types", "test_exactly_once")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.module.__name__.rpartition(".")[2] in TWICE:
        metafunc.parametrize("put_as", ["records", "blocks"] if core is not None else ["records"], indirect=True)


@pytest.fixture(autouse=True)
def put_as(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "PUT_BLOCKS", getattr(request, "param", "records") == "blocks")
