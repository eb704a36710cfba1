"""A client's settings, from the keys that Kafka's Java clients have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import at_least, one_of
from headrace.errors import ConfigException
from headrace.foundation.backoff import Backoff
from headrace.systems.kafka.security import Security, security_def

_T = ConfigType
_HIGH, _LOW = Importance.HIGH, Importance.LOW
_ROWS: Final[tuple[tuple[str, ConfigType, Any, Any, Importance, str], ...]] = (
    ("bootstrap.servers", _T.LIST, [], None, _HIGH, "Brokers that tell of the others, host:port each."),
    ("client.id", _T.STRING, "", None, _LOW, "The name that the brokers see."),
    ("client.dns.lookup", _T.STRING, "use_all_dns_ips",
     one_of("use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"), _LOW,
     "All addresses of a name are tried in either case."),
    ("request.timeout.ms", _T.INT, 40000, at_least(0), _LOW, "How long an answer may take."),
    ("retry.backoff.ms", _T.LONG, 100, at_least(0), _LOW, "The first wait before something is tried again."),
    ("retry.backoff.max.ms", _T.LONG, 1000, at_least(0), _LOW, "The longest such wait."),
    ("socket.connection.setup.timeout.ms", _T.LONG, 10000, at_least(0), _LOW, "How long opening a connection may take."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """`bootstrap`: at least one; times in seconds."""

    bootstrap: tuple[Address, ...]
    client_id: str
    security: Security
    request_timeout_s: float
    connect_timeout_s: float
    retry: Backoff


def client_def() -> ConfigDef:
    """The keys that are looked at."""
    definition = ConfigDef()
    for name, type, default, validator, importance, text in _ROWS:
        definition.define(name, type, default, validator, importance, text)
    definition.embed(security_def())
    return definition


def client_settings(properties: Mapping[str, str]) -> ClientSettings:
    """From a worker's properties (references resolved). ConfigException for values that are missing, wrong or not supported."""
    values = client_def().parse(properties)
    servers = [server.strip() for server in values["bootstrap.servers"] if server.strip()]
    if not servers:
        raise ConfigException(
            "Kafka's brokers are not named.",
            code="CONFIG_MISSING",
            field="bootstrap.servers",
            remedy="Set bootstrap.servers to host:port of one or more brokers.",
        )
    return ClientSettings(
        tuple(address(server) for server in servers),
        values["client.id"],
        Security.of(values),
        values["request.timeout.ms"] / 1000,
        values["socket.connection.setup.timeout.ms"] / 1000,
        Backoff(values["retry.backoff.ms"] / 1000, values["retry.backoff.max.ms"] / 1000),
    )


def address(text: str) -> Address:
    """From `host:port` or `[host]:port`; a protocol in front (`SSL://`) is ignored, as Kafka does. ConfigException."""
    host, colon, port = text.rpartition("://")[2].rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not colon or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise ConfigException(f"{text!r} is not host:port.", field="bootstrap.servers")
    return Address(host, int(port))
