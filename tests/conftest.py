"""Fixtures that all tests share: real servers, started once per run, and fresh databases."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from headrace.testing.kafka_server import KafkaServer, missing
from headrace.testing.servers import PostgresServer, RedisServer

# No example is held to a time: a machine that does something else as well would fail it. A failure shows how to repeat it.
settings.register_profile("headrace", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("headrace")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the whole run; superuser postgres/postgres, SCRAM for everybody."""
    with PostgresServer(durable=False) as server:
        yield server


@pytest.fixture
def make_database(postgres: PostgresServer) -> Iterator[Callable[..., str]]:
    """`make_database(name=None) -> name`: a fresh database; dropped afterwards with its slots."""
    made: list[str] = []

    def make(name: str | None = None) -> str:
        name = name or f"test_{os.getpid()}_{next(_numbers)}"
        postgres.create_database(name)
        made.append(name)
        return name

    yield make
    if not postgres.running:
        postgres.start()
    for name in made:
        postgres.drop_database(name)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis(redis_server: RedisServer) -> RedisServer:
    """A Redis-protocol server, empty."""
    import redis as redis_py

    redis_server.start()
    with redis_py.Redis(host=redis_server.host, port=redis_server.port) as client:
        client.flushall()
    return redis_server


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaServer]:
    """A real Kafka broker for the whole run; topics, groups and transactional ids are the test's own: see `unique`.
    Its listener SASL asks for user headrace, password river (PLAIN)."""
    if reason := missing():
        pytest.skip(reason)
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    settings = {
        "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl.plain.sasl.jaas.config": f'{login} user_headrace="river";',
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        "group.min.session.timeout.ms": "500",
    }
    with KafkaServer(settings=settings, listeners={"SASL": "SASL_PLAINTEXT"}) as server:
        yield server


@pytest.fixture
def unique() -> str:
    """A name that no other test of the run has: for topics, groups and transactional ids on a shared broker."""
    return f"t{os.getpid()}-{next(_numbers)}"
