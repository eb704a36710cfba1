"""Fixtures of the PostgreSQL source's tests: a database, a connection to it, settings to capture it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from headrace.native import core
from headrace.testing.servers import PostgresServer


@pytest.fixture
def database(make_database: Callable[..., str]) -> str:
    return make_database()


@pytest.fixture
def sql(postgres: PostgresServer, database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.dsn(database), autocommit=True) as connection:
        yield connection


@pytest.fixture
def props(postgres: PostgresServer, database: str) -> dict[str, str]:
    """Settings of a source for the database; its slot is dropped with the database."""
    return {
        "name": "test",
        "topic.prefix": "srv",
        "database.hostname": "127.0.0.1",
        "database.port": str(postgres.port),
        "database.user": "postgres",
        "database.password": "postgres",
        "database.dbname": database,
        "plugin.name": "pgoutput",
        "slot.name": f"slot_{database}",
        "publication.name": "pub",
        "poll.interval.ms": "50",
        "retriable.restart.connector.wait.ms": "50",
        "slot.retry.delay.ms": "1000",
    }


@pytest.fixture(params=["core", "twin"])
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test with the Rust core and with the Python decoders alone."""
    if request.param == "twin":
        for module in ("stream.intake", "stream.blocks", "stream.binary", "types.native_rows"):
            monkeypatch.setattr(f"headrace.sources.postgres.{module}.core", None)
    elif core is None:
        pytest.skip("needs the Rust core")
    return str(request.param)
