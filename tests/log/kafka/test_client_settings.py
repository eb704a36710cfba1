"""Which keys of a worker reach which client."""

from __future__ import annotations

import pytest

from headrace.errors import ConfigException
from headrace.log.kafka.client_settings import Client, client_settings

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
