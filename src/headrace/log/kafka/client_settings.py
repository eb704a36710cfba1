"""From a worker's and a connector's configuration to the client library's settings.

Which keys a client takes, as Connect builds its clients: those of connectors (producer, consumer) have `bootstrap.servers` and
what stands under `producer.` or `consumer.`; the admin client has the worker's own keys and what stands under `admin.`; the clients
of the worker's own topics have the worker's own keys. A connector's overrides come last. Source: KIP-458, ConnectUtils, Worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from headrace.errors import ConfigException
from headrace.log.kafka.java_settings import Kind, translate

_PREFIXES: Final = ("producer.", "consumer.", "admin.")


class Client(Enum):
    """What a client is for; the value is the prefix of its keys in the worker's configuration, if it has one."""

    PRODUCER = "producer."
    CONSUMER = "consumer."
    ADMIN = "admin."
    STORE = ""
    """Reads and writes the worker's own topics."""


_KINDS: Final = {
    Client.PRODUCER: Kind.PRODUCER,
    Client.CONSUMER: Kind.CONSUMER,
    Client.ADMIN: Kind.OTHER,
    Client.STORE: Kind.OTHER,
}


def client_settings(
    client: Client, worker: Mapping[str, str], overrides: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The library's settings of a client. `overrides`: the connector's, without their prefix `producer.override.` and the like.

    ConfigException: CONFIG_MISSING without bootstrap.servers, and what `java_settings.translate` refuses."""
    given = _given(client, worker) | dict(overrides or {})
    if not given.get("bootstrap.servers", "").strip():
        raise ConfigException(
            "Kafka's brokers are not named.",
            code="CONFIG_MISSING",
            field="bootstrap.servers",
            remedy="Set bootstrap.servers to host:port of one or more brokers.",
        )
    # The worker's own keys are in its file beside many others, and some of them are of its group.
    shared = frozenset(worker) - frozenset(overrides or {}) if client in (Client.ADMIN, Client.STORE) else frozenset()
    return translate(_KINDS[client], given, shared=shared)


def _given(client: Client, worker: Mapping[str, str]) -> dict[str, str]:
    """The keys of the worker that this client takes, under their plain names."""
    prefix = client.value
    if client in (Client.ADMIN, Client.STORE):
        given = {key: value for key, value in worker.items() if not key.startswith(_PREFIXES)}
    else:
        given = {key: value for key, value in worker.items() if key == "bootstrap.servers"}
    if prefix:
        given |= {key.removeprefix(prefix): value for key, value in worker.items() if key.startswith(prefix)}
    return given
