"""Settings of the Redis sink: those of com.redis.kafka.connect.RedisSinkConnector 1.1.0, and a few of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.keys import invalid_value
from headrace.config.validators import at_least, between, one_of
from headrace.systems.redis import RedisTarget, parse_uri

KEYED_TYPES: Final = ("HASH", "JSON", "JSON_STRING", "STRING")
COLLECTION_TYPES: Final = ("STREAM", "LIST", "SET", "ZSET")
DEFAULT_PLACEHOLDER: Final = "__debezium_unavailable_value"

_HIGH, _MEDIUM, _LOW = Importance.HIGH, Importance.MEDIUM, Importance.LOW


def _type(name: str, value: Any) -> None:
    if str(value).upper() == "TIMESERIES":
        raise invalid_value(name, value, "time series are not written; write the samples with STREAM or ZSET")
    one_of(*(t.lower() for t in (*KEYED_TYPES, *COLLECTION_TYPES)), ignore_case=True)(name, value)


def _no_cluster(name: str, value: Any) -> None:
    if value:
        raise invalid_value(
            name, value, "Redis Cluster is not supported: positions and data must lie in one transaction"
        )


@cache
def config_def() -> ConfigDef:
    """The declared settings."""
    d = ConfigDef()
    group = "Connection"
    d.define(
        "redis.uri",
        ConfigType.STRING,
        "",
        None,
        _MEDIUM,
        "redis[s]://[user:password@]host[:port][/database]; what it names goes before redis.host, redis.port and the like.",
        group=group,
    )
    d.define("redis.host", ConfigType.STRING, "localhost", None, _HIGH, "Host of the server.", group=group)
    d.define("redis.port", ConfigType.INT, 6379, between(1, 65535), _HIGH, "Port of the server.", group=group)
    d.define(
        "redis.username",
        ConfigType.STRING,
        "",
        None,
        _MEDIUM,
        "User name (ACL); empty for the default user.",
        group=group,
    )
    d.define("redis.password", ConfigType.PASSWORD, "", None, _MEDIUM, "Password.", group=group)
    d.define("redis.database", ConfigType.INT, 0, at_least(0), _LOW, "Number of the database.", group=group)
    d.define("redis.cluster", ConfigType.BOOLEAN, False, _no_cluster, _MEDIUM, "Must be false.", group=group)
    d.define("redis.tls", ConfigType.BOOLEAN, False, None, _MEDIUM, "Connect by TLS.", group=group)
    d.define("redis.insecure", ConfigType.BOOLEAN, False, None, _MEDIUM, "Accept any server certificate.", group=group)
    d.define(
        "redis.key.file", ConfigType.STRING, "", None, _MEDIUM, "File of the client's private key (PEM).", group=group
    )
    d.define(
        "redis.key.cert",
        ConfigType.STRING,
        "",
        None,
        _MEDIUM,
        "File of the client's certificate chain (PEM).",
        group=group,
    )
    d.define(
        "redis.key.password", ConfigType.PASSWORD, "", None, _MEDIUM, "Password of the private key file.", group=group
    )
    d.define(
        "redis.cacert", ConfigType.STRING, "", None, _MEDIUM, "File of the CA certificates to trust (PEM).", group=group
    )
    d.define("redis.timeout", ConfigType.LONG, 60, at_least(1), _MEDIUM, "Seconds to wait for an answer.", group=group)
    d.define(
        "redis.pool",
        ConfigType.INT,
        8,
        at_least(1),
        _LOW,
        "Connections of the original's pool.",
        group=group,
        no_effect="a task writes in order over one connection",
    )
    group = "Writing"
    d.define(
        "redis.type",
        ConfigType.STRING,
        "STREAM",
        _type,
        _HIGH,
        "What to write per record: HASH (HSET), JSON (JSON.SET, needs the module), JSON_STRING (SET of JSON text), STRING (SET), "
        "STREAM (XADD), LIST (RPUSH), SET (SADD), ZSET (ZADD).",
        group=group,
    )
    d.define(
        "redis.keyspace",
        ConfigType.STRING,
        "${topic}",
        None,
        _MEDIUM,
        "First part of every key, or the key of the collection; ${topic} stands for the record's topic. Empty: the record's key alone.",
        group=group,
    )
    d.define(
        "redis.separator",
        ConfigType.STRING,
        ":",
        None,
        _MEDIUM,
        "Between keyspace and key, and between the parts of a key of several fields.",
        group=group,
    )
    d.define(
        "redis.key.pattern",
        ConfigType.STRING,
        "",
        None,
        _MEDIUM,
        "The whole key, instead of keyspace and separator: ${topic}, ${key}, ${key.field}, ${value.field} stand for their values. "
        "With ${value.…}, rows are deleted by delete events; a tombstone alone names no row and is passed over.",
        group=group,
    )
    d.define(
        "redis.key.ttl",
        ConfigType.LONG,
        -1,
        None,
        _LOW,
        "Seconds after which a written key expires; -1 = never. A record header of this name goes before it.",
        group=group,
    )
    d.define(
        "redis.charset",
        ConfigType.STRING,
        "UTF-8",
        one_of("utf-8", "utf8", ignore_case=True),
        _LOW,
        "Text is written in UTF-8.",
        group=group,
    )
    d.define(
        "redis.multiexec",
        ConfigType.BOOLEAN,
        False,
        None,
        _LOW,
        "Whether the original wraps a batch in MULTI and EXEC.",
        group=group,
        no_effect="every batch is one transaction with its positions (MULTI; a script for STREAM and LIST)",
    )
    d.define(
        "redis.wait.replicas",
        ConfigType.INT,
        0,
        at_least(0),
        _LOW,
        "Replicas that must have a batch before it counts as written.",
        group=group,
    )
    d.define(
        "redis.wait.timeout",
        ConfigType.LONG,
        1000,
        at_least(1),
        _LOW,
        "Milliseconds to wait for those replicas.",
        group=group,
    )
    d.define(
        "redis.truncate.mode",
        ConfigType.STRING,
        "fail",
        one_of("fail", "ignore"),
        _LOW,
        "What a truncate event does: fail (errors.tolerance decides) or ignore.",
        group=group,
    )
    d.define(
        "redis.offset.scope",
        ConfigType.STRING,
        "connector",
        one_of("connector", "shared"),
        _LOW,
        "Where positions are kept: connector = keys with the connector's name, so that connectors never meet; shared = the original "
        "connector's keys, to take over from it or hand back.",
        group=group,
    )
    d.define(
        "unavailable.value.placeholder",
        ConfigType.STRING,
        DEFAULT_PLACEHOLDER,
        None,
        _LOW,
        "The source's placeholder of values that an update left unchanged; such fields are left as they are.",
        group=group,
    )
    return d


@dataclass(frozen=True, slots=True)
class RedisSinkConfig:
    """The parsed settings. `type` in upper case."""

    target: RedisTarget
    type: str
    keyspace: str
    separator: str
    key_pattern: str
    key_ttl_s: int
    wait_replicas: int
    wait_timeout_ms: int
    truncate_fails: bool
    shared_offsets: bool
    placeholder: str

    @staticmethod
    def parse(props: Mapping[str, str]) -> RedisSinkConfig:
        """ConfigException for the first value that is refused."""
        v = config_def().parse(props)
        return RedisSinkConfig(
            target=target_of(v),
            type=v["redis.type"].upper(),
            keyspace=v["redis.keyspace"],
            separator=v["redis.separator"],
            key_pattern=v["redis.key.pattern"] or "",
            key_ttl_s=v["redis.key.ttl"],
            wait_replicas=v["redis.wait.replicas"],
            wait_timeout_ms=v["redis.wait.timeout"],
            truncate_fails=v["redis.truncate.mode"] == "fail",
            shared_offsets=v["redis.offset.scope"] == "shared",
            placeholder=v["unavailable.value.placeholder"],
        )


def target_of(v: Mapping[str, Any]) -> RedisTarget:
    """The server named by parsed settings. ConfigException (field redis.uri)."""
    named: dict[str, Any] = {
        "host": v["redis.host"],
        "port": v["redis.port"],
        "database": v["redis.database"],
        "username": v["redis.username"],
        "password": v["redis.password"].value if v["redis.password"] else "",
        "tls": v["redis.tls"],
    }
    if v["redis.uri"]:
        named |= parse_uri(v["redis.uri"])
    return RedisTarget(
        **named,
        tls_insecure=v["redis.insecure"],
        key_file=v["redis.key.file"],
        cert_file=v["redis.key.cert"],
        key_password=v["redis.key.password"].value if v["redis.key.password"] else "",
        ca_file=v["redis.cacert"],
        timeout_s=float(v["redis.timeout"]),
    )
