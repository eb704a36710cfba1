"""Which keys of a worker reach which client."""

from __future__ import annotations

import pytest

from headrace.errors import ConfigException
from headrace.log.kafka.client_settings import Client, answer_timeout_s, client_settings
from headrace.log.kafka.defaults import producer_settings

WORKER = {
    "bootstrap.servers": "b:1",
    "security.protocol": "SSL",
    "producer.client.rack": "p",
    "consumer.client.rack": "c",
    "admin.client.rack": "a",
    "offset.storage.topic": "o",
}


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (Client.PRODUCER, {"bootstrap.servers": "b:1", "client.rack": "p"}),
        (Client.CONSUMER, {"bootstrap.servers": "b:1", "client.rack": "c"}),
        (Client.ADMIN, {"bootstrap.servers": "b:1", "security.protocol": "SSL", "client.rack": "a"}),
        (Client.STORE, {"bootstrap.servers": "b:1", "security.protocol": "SSL"}),
    ],
)
def test_the_keys_of_each_client(client: Client, expected: dict[str, str]) -> None:
    assert client_settings(client, WORKER) == expected


def test_a_connectors_overrides_come_last() -> None:
    found = client_settings(Client.PRODUCER, WORKER, {"client.rack": "mine", "bootstrap.servers": "other:1"})
    assert found == {"bootstrap.servers": "other:1", "client.rack": "mine"}


def test_brokers_have_to_be_named() -> None:
    with pytest.raises(ConfigException) as caught:
        client_settings(Client.ADMIN, {"admin.bootstrap.servers": " "})
    assert (caught.value.code, caught.value.field) == ("CONFIG_MISSING", "bootstrap.servers")


@pytest.mark.parametrize(
    ("client", "worker", "overrides", "field"),
    [
        (Client.PRODUCER, {"producer.linger": "1"}, {}, "producer.linger"),
        (Client.CONSUMER, {}, {"linger.ms": "1"}, "consumer.override.linger.ms"),
        (Client.ADMIN, {"request.timeout.ms": "soon"}, {}, "request.timeout.ms"),
        (Client.ADMIN, {"default.api.timeout.ms": "soon"}, {}, "default.api.timeout.ms"),
        (Client.PRODUCER, {"producer.security.protocol": "SASL_SSL"}, {}, "producer.sasl.mechanism"),
    ],
)
def test_an_error_names_the_key_as_it_was_given(
    client: Client, worker: dict[str, str], overrides: dict[str, str], field: str
) -> None:
    with pytest.raises(ConfigException) as caught:
        client_settings(client, {"bootstrap.servers": "b:1", **worker}, overrides)
    assert caught.value.field == field


def test_how_long_an_answer_may_take() -> None:
    worker = {"default.api.timeout.ms": "2000"}
    assert answer_timeout_s({}, {}, 40.0) == 40.0
    assert answer_timeout_s(worker, {}, 40.0) == 2.0
    assert answer_timeout_s(worker | {"admin.default.api.timeout.ms": "1500"}, {}, 40.0) == 1.5
    assert answer_timeout_s(worker, {"admin.override.default.api.timeout.ms": "500"}, 40.0) == 0.5


def test_the_largest_record_has_room_in_the_queue() -> None:
    assert producer_settings({}, "p", None)["queue.buffering.max.kbytes"] == 32 << 10
    large = producer_settings({"message.max.bytes": str(50 << 20)}, "p", None)
    assert large["queue.buffering.max.kbytes"] * 1024 > 50 << 20
    small = producer_settings({"queue.buffering.max.kbytes": "1", "message.max.bytes": "1000000"}, "p", None)
    assert small["queue.buffering.max.kbytes"] * 1024 > 1_000_000
