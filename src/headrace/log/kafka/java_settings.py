"""Settings of Kafka's Java clients in the names and values of librdkafka: what it has, what it needs not, what it cannot.

Nothing is left out in silence: a key is translated, or is one that has no effect on data and is told of once, or is refused with what to use
instead. Source: Kafka's ProducerConfig, ConsumerConfig, AdminClientConfig; librdkafka CONFIGURATION.md.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Final

from headrace.errors import ConfigException
from headrace.log.kafka.security_settings import is_security_key, security_settings

_logger = logging.getLogger(__name__)


class Kind(Enum):
    """What sort of client the settings are for."""

    PRODUCER = "producer"
    CONSUMER = "consumer"
    OTHER = "other"
    """An administrator, or one of several sorts: only what all clients have."""


_COMMON: Final = {
    key: key
    for key in (
        *("bootstrap.servers", "client.id", "client.rack", "client.dns.lookup", "security.protocol"),
        *("retry.backoff.ms", "retry.backoff.max.ms", "reconnect.backoff.ms", "reconnect.backoff.max.ms"),
        *("connections.max.idle.ms", "metadata.max.age.ms", "socket.connection.setup.timeout.ms"),
        *("metadata.recovery.strategy", "metadata.recovery.rebootstrap.trigger.ms", "enable.metrics.push"),
    )
} | {
    "send.buffer.bytes": "socket.send.buffer.bytes",
    "receive.buffer.bytes": "socket.receive.buffer.bytes",
    "request.timeout.ms": "socket.timeout.ms",
}
_OWN: Final[dict[Kind, dict[str, str]]] = {
    Kind.OTHER: {},
    Kind.PRODUCER: {
        **{
            key: key for key in ("acks", "enable.idempotence", "linger.ms", "batch.size", "compression.type", "retries")
        },
        **{
            key: key
            for key in ("delivery.timeout.ms", "max.in.flight.requests.per.connection", "transaction.timeout.ms")
        },
        **{f"compression.{codec}.level": "compression.level" for codec in ("gzip", "lz4", "zstd")},
        "max.request.size": "message.max.bytes",
        "buffer.memory": "queue.buffering.max.kbytes",
    },
    Kind.CONSUMER: {
        **{key: key for key in ("group.instance.id", "session.timeout.ms", "heartbeat.interval.ms", "check.crcs")},
        **{key: key for key in ("max.poll.interval.ms", "isolation.level", "fetch.min.bytes", "fetch.max.bytes")},
        **{
            key: key
            for key in ("max.partition.fetch.bytes", "partition.assignment.strategy", "allow.auto.create.topics")
        },
        "fetch.max.wait.ms": "fetch.wait.max.ms",
    },
}
_ELSEWHERE: Final = frozenset({"group.id", "max.poll.records", "auto.offset.reset"})
"""A sink task's consumer has them by other ways."""
API_TIMEOUT: Final = "default.api.timeout.ms"
"""Of the admin client: how long the log waits for an answer."""
_WITHOUT_EFFECT: Final = (
    *("metric.reporters", "metrics.", "auto.include.jmx.reporter", "max.block.ms", API_TIMEOUT),
    *("exclude.internal.topics", "partitioner.adaptive.partitioning.enable", "partitioner.availability.timeout.ms"),
    *(
        "socket.connection.setup.timeout.max.ms",
        "confluent.",
        "io.confluent.",
        "log4j.",
        "transaction.two.phase.commit.enable",
    ),
    *("bootstrap.controllers", "metadata.max.idle.ms", "enable.metrics.push"),
)
"""Java-only keys, or prefixes of such."""
_SERIALIZER: Final = "org.apache.kafka.common.serialization.bytearray"
_ONLY: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    **{
        f"{part}.{what}er": ((f"{_SERIALIZER}{what}er",), f"Converters make the bytes: set {part}.converter.")
        for part in ("key", "value")
        for what in ("serializ", "deserializ")
    },
    "enable.auto.commit": (("false",), "Offsets are committed once records are written: leave it out."),
    "partitioner.class": (
        ("", "null", "org.apache.kafka.clients.producer.internals.defaultpartitioner"),
        "Set the partition by a transform.",
    ),
    "partitioner.ignore.keys": (("false",), "Records of a key stay in one partition: leave it out."),
}
"""What cannot be otherwise: the values that may be given, in small letters, and what to do instead."""
_MONITORING: Final = "io.confluent.monitoring.clients.interceptor."
_ASSIGNORS: Final = {
    "RangeAssignor": "range",
    "RoundRobinAssignor": "roundrobin",
    "CooperativeStickyAssignor": "cooperative-sticky",
}
_SMALLEST: Final = {"batch.size": 1, "socket.send.buffer.bytes": 0, "socket.receive.buffer.bytes": 0}


def translate(kind: Kind, given: Mapping[str, str], *, shared: frozenset[str] = frozenset()) -> dict[str, str]:
    """The settings for librdkafka. `shared`: keys from a file with other keys beside, of which those that no client has are passed over.

    ConfigException: KAFKA_SETTING_UNKNOWN, KAFKA_SETTING_UNSUPPORTED, KAFKA_SETTING_INVALID with the key as `field`."""
    found: dict[str, str] = {}
    names = {**_COMMON, **_OWN[kind]}
    for key, value in given.items():
        if key in names:
            found |= _value(key, names[key], value.strip(), given)
        elif key == API_TIMEOUT and kind is Kind.OTHER:
            _number(key, value)
        elif not _needs_nothing(key, value.strip()) and not is_security_key(key) and key not in shared:
            raise ConfigException(
                f"{key} is no setting of a {kind.value} client that is known here.",
                code="KAFKA_SETTING_UNKNOWN",
                field=key,
                remedy="Correct its name, or leave it out.",
            )
    return found | security_settings(given)


def _value(key: str, name: str, value: str, given: Mapping[str, str]) -> dict[str, str]:
    if key == "buffer.memory":
        return {name: str(max(_number(key, value) >> 10, 1))}
    if key.startswith("compression.") and key.endswith(".level"):
        codec = key.removeprefix("compression.").removesuffix(".level")
        return {name: value} if given.get("compression.type", "").strip() == codec else {}
    if key == "partition.assignment.strategy":
        return {name: _assignor(value)}
    if key == "fetch.max.bytes":
        # An answer may be larger than that by what is around the records.
        return {name: value, "receive.message.max.bytes": str(max(_number(key, value) + 1024, 100_000_000))}
    if key == "request.timeout.ms":
        return {name: str(min(_number(key, value), 300_000))}
    if name in _SMALLEST:
        return {name: str(max(_number(key, value), _SMALLEST[name]))}
    return {name: value.lower() if value in ("True", "False") else value}


def _number(key: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ConfigException(
            f"{key} cannot be {value!r}.", code="KAFKA_SETTING_INVALID", field=key, remedy="Use an integer."
        ) from None


def _assignor(value: str) -> str:
    """All cooperative, or none: where both are named, Java's consumer uses the one that takes all first."""
    names = [part.strip().rsplit(".", 1)[-1] for part in value.split(",") if part.strip()]
    found = [_ASSIGNORS.get(name, name if name in _ASSIGNORS.values() else "") for name in names]
    if not found or "" in found:
        raise _unsupported("partition.assignment.strategy", value, f"Use one of {', '.join(_ASSIGNORS)}.")
    return ",".join([name for name in found if name != "cooperative-sticky"] or found[:1])


def _needs_nothing(key: str, value: str) -> bool:
    """Whether it can be left out; if somebody may have expected something of it, that is said once."""
    if key in _ELSEWHERE:
        return True
    if key in _ONLY:
        only, remedy = _ONLY[key]
        if value.lower() not in only:
            raise _unsupported(key, value, remedy)
        return True
    if key == "transactional.id":
        _say_once(f"{key} is replaced by the worker's own")
        return True
    if key == "interceptor.classes":
        classes = [part.strip() for part in value.split(",") if part.strip()]
        if not all(name.startswith(_MONITORING) for name in classes):
            raise _unsupported(key, value, "Java classes cannot be run: use a transform, or the worker's metrics.")
        _say_once(f"{key} is without effect: there is no Confluent monitoring")
        return True
    if key.startswith(_WITHOUT_EFFECT):
        _say_once(f"{key} is a setting of Java clients and without effect")
        return True
    return False


@lru_cache(maxsize=256)
def _say_once(text: str) -> None:
    _logger.warning("%s.", text)


def _unsupported(key: str, value: str, remedy: str) -> ConfigException:
    return ConfigException(
        f"{key}={value} cannot be done with the client library.",
        code="KAFKA_SETTING_UNSUPPORTED",
        field=key,
        remedy=remedy,
    )
