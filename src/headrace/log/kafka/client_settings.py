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
from headrace.log.kafka.java_settings import API_TIMEOUT, Kind, translate

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
    names = _names(client, worker)
    given = {name: worker[key] for name, key in names.items()} | dict(overrides or {})
    if not given.get("bootstrap.servers", "").strip():
        raise ConfigException(
            "Kafka's brokers are not named.",
            code="CONFIG_MISSING",
            field="bootstrap.servers",
            remedy="Set bootstrap.servers to host:port of one or more brokers.",
        )
    # The worker's own keys are in its file beside many others, and some of them are of its group.
    shared = frozenset(worker) - frozenset(overrides or {}) if client in (Client.ADMIN, Client.STORE) else frozenset()
    try:
        return translate(_KINDS[client], given, shared=shared)
    except ConfigException as error:
        if error.field is not None:
            error.field = _where(error.field, client, names, overrides or {})
        raise


def answer_timeout_s(worker: Mapping[str, str], connector: Mapping[str, str], default: float) -> float:
    """How long the cluster may take for an answer: the admin client's default.api.timeout.ms."""
    names = _names(Client.ADMIN, worker)
    text = overrides_of(Client.ADMIN, connector).get(API_TIMEOUT) or worker.get(names.get(API_TIMEOUT, ""))
    return default if text is None else int(text) / 1000


def overrides_of(client: Client, connector: Mapping[str, str]) -> dict[str, str]:
    """A connector's keys for that client, without their prefix."""
    prefix = f"{client.value}override."
    return {key.removeprefix(prefix): value for key, value in connector.items() if key.startswith(prefix)}


def _names(client: Client, worker: Mapping[str, str]) -> dict[str, str]:
    """The keys of the worker that this client takes, by their plain names."""
    prefix = client.value
    if client in (Client.ADMIN, Client.STORE):
        names = {key: key for key in worker if not key.startswith(_PREFIXES)}
    else:
        names = {key: key for key in worker if key == "bootstrap.servers"}
    if prefix:
        names |= {key.removeprefix(prefix): key for key in worker if key.startswith(prefix)}
    return names


def _where(name: str, client: Client, names: Mapping[str, str], overrides: Mapping[str, str]) -> str:
    """The key that a person finds a client's setting under: with a missing one, that it would have in the worker's file."""
    return f"{client.value}override.{name}" if name in overrides else names.get(name, f"{client.value}{name}")
