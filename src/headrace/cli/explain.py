"""Of keys that no definition covers: which are passed on, which have no effect, and why.

Kafka Connect hands every key to the connector, so a misspelt one is silently without effect; here each key is accounted for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from headrace.cli.check import Explain, Verdict, nearest
from headrace.config import KeyPattern

Answer = tuple[Verdict, str | None] | None
Lookup = Callable[[str, str], list[str] | None]
"""(prefix such as `key.converter`, class name) → the plugin's own keys; None when it cannot be had."""

CONVERTERS: Final = ("key.converter", "value.converter", "header.converter")
CLIENTS: Final = ("producer.override.", "consumer.override.", "admin.override.")
NO_CLIENTS: Final = "the embedded log has no Kafka clients to configure"
DISTRIBUTED_KEYS: Final = frozenset(
    {
        "group.id",
        "offset.storage.topic",
        "offset.storage.partitions",
        "offset.storage.replication.factor",
        "config.storage.topic",
        "config.storage.replication.factor",
        "status.storage.topic",
        "status.storage.partitions",
        "status.storage.replication.factor",
        "session.timeout.ms",
        "heartbeat.interval.ms",
        "rebalance.timeout.ms",
        "connect.protocol",
        "scheduled.rebalance.max.delay.ms",
        "worker.sync.timeout.ms",
        "worker.unsync.backoff.ms",
        "exactly.once.source.support",
        "metadata.max.age.ms",
        "inter.worker.key.generation.algorithm",
        "inter.worker.key.size",
        "inter.worker.key.ttl.ms",
        "inter.worker.signature.algorithm",
        "inter.worker.verification.algorithms",
    }
)
CLIENT_KEYS: Final = frozenset(
    {
        "client.id",
        "request.timeout.ms",
        "retry.backoff.ms",
        "retry.backoff.max.ms",
        "reconnect.backoff.ms",
        "reconnect.backoff.max.ms",
        "connections.max.idle.ms",
        "security.protocol",
        "send.buffer.bytes",
        "receive.buffer.bytes",
        "metadata.recovery.strategy",
        "metadata.recovery.rebootstrap.trigger.ms",
        "client.dns.lookup",
    }
)
METRIC_KEYS: Final = frozenset(
    {"metric.reporters", "metrics.sample.window.ms", "metrics.num.samples", "metrics.recording.level"}
)
GONE: Final = ("internal.key.converter", "internal.value.converter", "rest.host.name", "rest.port")


def connector_key(
    config: Mapping[str, str | None],
    *,
    other_direction: Iterable[str],
    worker_keys: Iterable[str],
    lookup: Lookup,
    has_clients: bool,
    patterns: Sequence[KeyPattern] = (),
) -> Explain:
    """For a connector. `patterns`: its own, by declaration. `other_direction`: the framework's keys for sinks when it is a source, and the reverse."""
    others, workers = frozenset(other_direction), frozenset(worker_keys)

    def explain(key: str) -> Answer:
        if key.startswith(CLIENTS):
            return (Verdict.USED, "passed to Kafka's client") if has_clients else (Verdict.IGNORED, NO_CLIENTS)
        for prefix in CONVERTERS:
            if key.startswith(prefix + "."):
                reason = f"{prefix} is not set here, so the worker's converter is used with the worker's settings"
                return _converter_key(key, prefix, config, lookup, reason)
        for kind in ("transforms", "predicates"):
            if key.startswith(kind + "."):
                return _alias_key(key, kind, config)
        if key.startswith("topic.creation."):
            return _topic_group_key(key, config)
        for pattern in patterns:
            if pattern.matches(key, config):
                return _by_pattern(pattern, key, config)
        if key in others:
            return Verdict.IGNORED, "it is for connectors of the other direction"
        if key in workers:
            return Verdict.IGNORED, "it is a worker's setting, not a connector's"
        return None

    return explain


def worker_key(
    config: Mapping[str, str | None],
    *,
    connector_keys: Iterable[str],
    lookup: Lookup,
    has_clients: bool,
    patterns: Sequence[KeyPattern] = (),
) -> Explain:
    """For a standalone worker. `has_clients`: its log is on Kafka."""
    connectors = frozenset(connector_keys)

    def explain(key: str) -> Answer:
        for prefix in CONVERTERS:
            if key.startswith(prefix + "."):
                return _converter_key(key, prefix, config, lookup, f"{prefix} is not set")
        for pattern in patterns:
            if pattern.matches(key, config):
                return _by_pattern(pattern, key, config)
        if has_clients and (found := _client_key(key)) is not None:
            return Verdict.USED, found
        if key.startswith(("listeners.https.", "ssl.")):
            return Verdict.IGNORED, "of TLS settings only PEM key store and trust store are used"
        if key.startswith(("producer.", "consumer.", "admin.", "sasl.", *CLIENTS)) or key in CLIENT_KEYS:
            return Verdict.IGNORED, NO_CLIENTS
        if key in METRIC_KEYS or key.startswith("metrics.context."):
            return Verdict.IGNORED, "metrics are at /metrics, without reporters"
        if key in DISTRIBUTED_KEYS or key.startswith(("offset.storage.", "config.storage.", "status.storage.")):
            return Verdict.IGNORED, "it is for distributed workers"
        if key in GONE or key.startswith(("internal.key.converter.", "internal.value.converter.")):
            return Verdict.IGNORED, "Kafka 4 dropped it"
        if key in connectors:
            return Verdict.IGNORED, "it is a connector's setting, not a worker's"
        return None

    return explain


def _client_key(key: str) -> str | None:
    """What a setting of Kafka's clients is used for; None if it is none. Unknown ones are refused before."""
    if key.startswith(("producer.", "consumer.", "admin.")) and not key.startswith(CLIENTS):
        return "passed to Kafka's client"
    if key.startswith(("sasl.", "ssl.")) or key in CLIENT_KEYS:
        return "passed to Kafka's admin client; those of connectors have theirs under producer. and consumer."
    return None


def _converter_key(key: str, prefix: str, config: Mapping[str, str | None], lookup: Lookup, unset: str) -> Answer:
    class_name = config.get(prefix)
    if not class_name:
        return Verdict.IGNORED, unset
    own = lookup(prefix, class_name)
    if own is None:
        return Verdict.USED, f"passed to {class_name}"
    names = [f"{prefix}.{name}" for name in own]
    if key in names:
        return Verdict.USED, None
    return Verdict.UNKNOWN, nearest(key, names)


def _alias_key(key: str, kind: str, config: Mapping[str, str | None]) -> Answer:
    return _unlisted(key.removeprefix(kind + ".").partition(".")[0], kind, config)


def _topic_group_key(key: str, config: Mapping[str, str | None]) -> Answer:
    group = key.removeprefix("topic.creation.").partition(".")[0]
    if group == "default":
        return Verdict.USED, "a setting of new topics"
    return _unlisted(group, "topic.creation.groups", config) or (Verdict.USED, "a setting of new topics")


def _by_pattern(pattern: KeyPattern, key: str, config: Mapping[str, str | None]) -> Answer:
    reason = pattern.ignored(key, config)
    return (Verdict.IGNORED, reason) if reason else (Verdict.USED, None)


def _unlisted(name: str, kind: str, config: Mapping[str, str | None]) -> Answer:
    listed = [item.strip() for item in (config.get(kind) or "").split(",")]
    return None if name in listed else (Verdict.IGNORED, f"{name} is not listed in {kind}")
