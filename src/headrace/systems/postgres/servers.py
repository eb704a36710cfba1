"""Several servers behind one target: how they are written, and which of them a connection is opened to.

As libpq does with `host`, `target_session_attrs` and `load_balance_hosts`: hosts, and the addresses each name has, are tried in turn, each with
the whole connect timeout; a server that cannot be reached or is of the wrong kind is passed over, one that refuses us is not. Source:
PostgreSQL manual, "Specifying Multiple Hosts" and "Parameter Key Words"; `prefer-primary` is the JDBC driver's.
"""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, Protocol, TypeVar

from headrace.errors import ConfigException, HeadraceError, RetriableException, RetryClass
from headrace.systems.postgres.target import PgTarget

SESSION_ATTRS: Final = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby", "prefer-primary")
TARGET_SERVER_TYPES: Final = {
    "any": "any",
    "primary": "primary",
    "master": "primary",
    "secondary": "standby",
    "slave": "standby",
    "preferPrimary": "prefer-primary",
    "preferSecondary": "prefer-standby",
    "preferSlave": "prefer-standby",
}
"""What the JDBC driver's targetServerType means, in our words."""
ROLE_QUERY: Final = "SELECT pg_is_in_recovery()::text, current_setting('transaction_read_only')"
"""Asks a server for its role, the values being `true` or `false` and `on` or `off`."""
_HOST: Final = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>\d+))?")


class Server(NamedTuple):
    """A host and the port it listens on."""

    host: str
    port: int


class Role(NamedTuple):
    """What a server says of itself: `standby` while it recovers, `read_only` when it takes no writes by default."""

    standby: bool
    read_only: bool


class _Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=_Closable)


def servers(hosts: str, port: int) -> list[Server]:
    """The servers of a list. ValueError when it is malformed; the text names the part."""
    return [_server(part.strip(), port) for part in hosts.split(",")]


def _server(text: str, port: int) -> Server:
    if text.startswith("/") or (text.count(":") > 1 and "[" not in text):
        return Server(text, port)
    match = _HOST.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a host or host:port")
    found = int(match["port"] or port)
    if not 0 <= found < 1 << 16:
        raise ValueError(f"{found} is not a port")
    return Server(match["v6"] or match["name"].strip(), found)


def session_attrs(server_type: str) -> str | None:
    """The JDBC driver's targetServerType in our words, None for one that it does not have."""
    return {name.lower(): attrs for name, attrs in TARGET_SERVER_TYPES.items()}.get(server_type.lower())


def choose(
    target: PgTarget, open_one: Callable[[PgTarget], C], role: Callable[[C, PgTarget], Role]
) -> tuple[C, PgTarget]:
    """Open a connection to the first server that suits, and tell which one it is: a target of that server only, for further connections.

    `open_one` opens one to a target of one address; both raise the product's errors; `role` asks a connection."""
    wanted = target.session_attrs
    failures: list[HeadraceError] = []
    fallback: tuple[C, PgTarget] | None = None
    for one in _candidates(target, failures):
        opened: C | None = None
        try:
            opened = open_one(one)
            mismatch = "" if wanted == "any" else _mismatch(wanted, role(opened, one))
        except HeadraceError as error:
            _close(opened)
            if not _passed_over(error):
                _close(fallback and fallback[0])
                raise
            failures.append(error)
            continue
        if not mismatch:
            _close(fallback and fallback[0])
            return opened, one
        if wanted.startswith("prefer-") and fallback is None:
            fallback = (opened, one)
            continue
        opened.close()
        failures.append(_unsuited(one, f"the server {mismatch}, {wanted} is wanted"))
    if fallback is not None:
        return fallback
    raise _summary(target, failures)


def _close(connection: _Closable | None) -> None:
    if connection is not None:
        connection.close()


def _candidates(target: PgTarget, failures: list[HeadraceError]) -> Iterator[PgTarget]:
    """A target for each address of each server; a name without one goes to `failures`."""
    if target.address is not None:
        yield target
        return
    try:
        found: Sequence[Server] = servers(target.host, target.port)
    except ValueError as error:
        raise ConfigException(
            f"Invalid value {target.host} for configuration {target.config_field('host')}: {error}",
            field=target.config_field("host"),
            remedy="Write host, host:port or [address]:port, several separated by commas.",
        ) from None
    if target.load_balance:
        found = random.sample(found, len(found))
    for server in found:
        one = replace(target, host=server.host, port=server.port)
        if server.host.startswith("/"):
            yield one
            continue
        try:
            infos = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            failures.append(_unknown_host(one, error))
            continue
        addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
        if target.load_balance:
            random.shuffle(addresses)
        for address in addresses:
            yield replace(one, address=address)


def _mismatch(wanted: str, role: Role) -> str:
    """What the server is that it should not be; empty when it suits."""
    if wanted in ("primary", "prefer-primary"):
        return "is a standby" if role.standby else ""
    if wanted in ("standby", "prefer-standby"):
        return "" if role.standby else "is no standby"
    read_only = role.standby or role.read_only
    return "" if read_only == (wanted == "read-only") else f"takes {'no ' if read_only else ''}writes"


def _passed_over(error: HeadraceError) -> bool:
    """Whether another server may do better: this one was not reached, or not understood; it did not say no."""
    return error.retry_class is RetryClass.RETRY or error.code in ("PG_HOST_UNKNOWN", "PG_TLS")


def _unknown_host(target: PgTarget, error: Exception) -> HeadraceError:
    return ConfigException(
        f"PostgreSQL {target.where()}: host name {error.args[-1]}",
        code="PG_HOST_UNKNOWN",
        field=target.config_field("host"),
        remedy="Set a host name that can be resolved.",
    )


def _unsuited(target: PgTarget, text: str) -> HeadraceError:
    return RetriableException(
        f"PostgreSQL {target.where()}: {text}",
        code="PG_NO_SUITED_SERVER",
        field=target.config_field("session_attrs"),
        remedy="Name a server of that kind, or wait until one is promoted.",
    )


def _summary(target: PgTarget, failures: Sequence[HeadraceError]) -> HeadraceError:
    """The one failure there is; of several, the kind that waiting may help, and all their texts."""
    ranked = sorted(
        failures, key=lambda error: (error.retry_class is not RetryClass.RETRY, error.code != "PG_NO_SUITED_SERVER")
    )
    first = ranked[0]
    texts = dict.fromkeys(error.message.removeprefix("PostgreSQL ") for error in failures)
    if len(texts) == 1:
        return first
    return type(first)(
        f"PostgreSQL {target.where()}: no server to be had: {'; '.join(texts)}",
        code=first.code,
        field=first.field,
        remedy=first.remedy,
    )
