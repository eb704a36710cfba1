"""Which producer.override.*, consumer.override.* and admin.override.* keys a connector may set. Source: KIP-458, KIP-1188."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headrace.errors import ConfigException
from headrace.log.factory import is_kafka
from headrace.runtime.framework_config import CLIENT_PREFIXES
from headrace.spi.plugins import PluginKind

_KEY: Final = "connector.client.config.override.policy"
_PRINCIPAL: Final = frozenset({"sasl.jaas.config", "sasl.mechanism", "security.protocol"})
_PACKAGE: Final = "org.apache.kafka.connect.connector.policy."
_SUFFIX: Final = "ConnectorClientConfigOverridePolicy"


def policy_name(worker_config: Mapping[str, str]) -> str:
    """All, None, Principal or Allowlist, from its alias, simple or full class name. ConfigException when it is another."""
    given = worker_config.get(_KEY, "All").strip()
    short = given.removeprefix(_PACKAGE).removesuffix(_SUFFIX)
    for name in ("All", "None", "Principal", "Allowlist"):
        if short.lower() == name.lower():
            return name
    raise ConfigException(
        f"Unknown override policy {given}.", field=_KEY, remedy="Use All, None, Principal or Allowlist."
    )


def refused_overrides(worker_config: Mapping[str, str], config: Mapping[str, str]) -> list[tuple[str, str]]:
    """(key, reason) for each override that the worker's policy does not allow."""
    name = policy_name(worker_config)
    if name == "All":
        return []
    allowed: frozenset[str] = _PRINCIPAL if name == "Principal" else frozenset()
    if name == "Allowlist":
        listed = worker_config.get("connector.client.config.override.allowlist", "")
        allowed = frozenset(item.strip() for item in listed.split(",") if item.strip())
    refused = []
    for key in config:
        prefix = next((prefix for prefix in CLIENT_PREFIXES if key.startswith(prefix)), None)
        if prefix is not None and key.removeprefix(prefix) not in allowed:
            refused.append((key, f"The worker's override policy {name} does not allow connectors to set {key}."))
    return refused


def unusable_overrides(worker_config: Mapping[str, str], config: Mapping[str, str]) -> list[tuple[str, str]]:
    """(key, reason) for the first override that Kafka's client library cannot do; none where the log is not on Kafka."""
    if not is_kafka(worker_config):
        return []
    given = [key for key in config if key.startswith(CLIENT_PREFIXES)]
    if not given:
        return []
    from headrace.log.kafka.log import KafkaLog

    try:
        KafkaLog(worker_config, config).check_settings()
    except ConfigException as error:
        # The library names a setting in its words only.
        near = next((key for key in given if key.partition(".override.")[2] in error.message), given[0])
        return [(error.field if error.field in given else near, f"{error.message} {error.remedy or ''}".strip())]
    return []


def shown_overrides(kind: PluginKind, config: Mapping[str, str]) -> list[str]:
    """The override keys that a validation answer lists: those of the clients that connectors of this kind use."""
    prefix = "producer.override." if kind is PluginKind.SOURCE else "consumer.override."
    return sorted(key for key in config if key.startswith(prefix))
