"""Bad configurations end in an error at the right field."""

from __future__ import annotations

import pytest

from headrace.sinks.redis import RedisSinkConnector
from headrace.testing.servers import RedisServer, free_port


def errors(props):
    return {v.name: v.errors for v in RedisSinkConnector().validate(props) if v.errors}


def test_a_good_configuration_has_no_errors(redis):
    assert errors({"redis.uri": redis.uri, "redis.type": "hash"}) == {}


def test_what_the_server_refuses_is_found_before_anything_starts(redis):
    assert (
        "REDIS_CONNECT_REFUSED" in errors({"redis.port": str(free_port()), "redis.host": "127.0.0.1"})["redis.port"][0]
    )
    assert "REDIS_CONNECT_REFUSED" in errors({"redis.uri": f"redis://127.0.0.1:{free_port()}"})["redis.uri"][0]
    assert "REDIS_HOST_UNKNOWN" in errors({"redis.host": "no-such-host.invalid"})["redis.host"][0]
    assert "JSON_STRING" in errors({"redis.uri": redis.uri, "redis.type": "JSON"})["redis.type"][0]


def test_a_wrong_password_names_the_password():
    with RedisServer(password="right") as server:
        assert "REDIS_AUTH_FAILED" in errors({"redis.uri": server.uri.replace("right", "wrong")})["redis.password"][0]
        found = errors({"redis.host": server.host, "redis.port": str(server.port), "redis.password": "wrong"})
        assert "wrong" not in str(found).replace("WRONGPASS", "")
        assert errors({"redis.uri": server.uri}) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redis.type", "BLOB"),
        ("redis.type", "TIMESERIES"),
        ("redis.cluster", "true"),
        ("redis.port", "0"),
        ("redis.port", "x"),
        ("redis.uri", "http://localhost"),
        ("redis.uri", "redis://localhost:port"),
        ("redis.key.pattern", "${vlaue.id}"),
        ("redis.key.pattern", "${value}"),
        ("redis.offset.scope", "none"),
    ],
)
def test_refused_values(redis, name, value):
    found = errors({"redis.host": redis.host, "redis.port": str(redis.port), name: value})
    assert list(found) == [name]
