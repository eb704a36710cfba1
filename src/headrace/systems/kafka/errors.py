"""What a broker's error number, or a connection that fails, means: code, field, remedy, who can help."""

from __future__ import annotations

import asyncio
import socket
import ssl
from enum import IntEnum
from typing import Final

from headrace.errors import ConfigException, ConnectException, HeadraceError, RetriableException


class ErrorCode(IntEnum):
    """The numbers that the requests used here are answered with. Source: Kafka protocol guide, "Error Codes"."""

    NONE = 0
    NETWORK_EXCEPTION = 13
    COORDINATOR_LOAD_IN_PROGRESS = 14
    COORDINATOR_NOT_AVAILABLE = 15
    NOT_COORDINATOR = 16
    ILLEGAL_GENERATION = 22
    INCONSISTENT_GROUP_PROTOCOL = 23
    INVALID_GROUP_ID = 24
    UNKNOWN_MEMBER_ID = 25
    INVALID_SESSION_TIMEOUT = 26
    REBALANCE_IN_PROGRESS = 27
    GROUP_AUTHORIZATION_FAILED = 30
    CLUSTER_AUTHORIZATION_FAILED = 31
    UNSUPPORTED_SASL_MECHANISM = 33
    ILLEGAL_SASL_STATE = 34
    UNSUPPORTED_VERSION = 35
    SASL_AUTHENTICATION_FAILED = 58
    MEMBER_ID_REQUIRED = 79
    GROUP_MAX_SIZE_REACHED = 81
    FENCED_INSTANCE_ID = 82


_Text = tuple[str, str | None, str | None]
_REFUSED: Final[dict[int, _Text]] = {
    ErrorCode.INCONSISTENT_GROUP_PROTOCOL: (
        "the group has members of another kind",
        "group.id",
        "Set a group.id that no consumer group has, and a connect.protocol that all workers of the group have in common.",
    ),
    ErrorCode.INVALID_GROUP_ID: ("the group's name is invalid", "group.id", None),
    ErrorCode.INVALID_SESSION_TIMEOUT: (
        "the session timeout is out of the broker's bounds",
        "session.timeout.ms",
        "Set a session.timeout.ms between the broker's group.min.session.timeout.ms and group.max.session.timeout.ms.",
    ),
    ErrorCode.GROUP_AUTHORIZATION_FAILED: (
        "the user may not be a member of the group",
        "group.id",
        "Grant the user Read on the group.",
    ),
    ErrorCode.CLUSTER_AUTHORIZATION_FAILED: ("the user may not do this in the cluster", None, "Grant it to the user."),
    ErrorCode.UNSUPPORTED_SASL_MECHANISM: (
        "the broker does not have the mechanism",
        "sasl.mechanism",
        "Set a sasl.mechanism of the broker's listener.",
    ),
    ErrorCode.SASL_AUTHENTICATION_FAILED: (
        "the broker refused the user name or password",
        "sasl.jaas.config",
        "Correct the user name and password in sasl.jaas.config.",
    ),
    ErrorCode.GROUP_MAX_SIZE_REACHED: ("the group has as many members as the broker allows", "group.id", None),
    ErrorCode.FENCED_INSTANCE_ID: ("another member has this group.instance.id", "group.instance.id", None),
}
_AGAIN: Final = frozenset(
    {
        ErrorCode.NETWORK_EXCEPTION,
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
        ErrorCode.ILLEGAL_GENERATION,
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.REBALANCE_IN_PROGRESS,
        ErrorCode.MEMBER_ID_REQUIRED,
    }
)


def answered(api: str, number: int, told: str | None = None) -> HeadraceError:
    """The product's error for an error number in an answer to `api`; `told`: the broker's own words. Its code is KAFKA_ and the number's name."""
    try:
        name = ErrorCode(number).name
    except ValueError:
        name = f"ERROR_{number}" if number >= 0 else "SERVER_ERROR"
    code, words = f"KAFKA_{name}", f": {told}" if told else ""
    if number in _REFUSED:
        text, field, remedy = _REFUSED[number]
        return ConfigException(f"{api}: {text}{words}.", code=code, field=field, remedy=remedy)
    kind = RetriableException if number in _AGAIN else ConnectException
    return kind(f"{api} was answered with error {number} ({name}){words}.", code=code)


def failed(address: str, error: BaseException) -> HeadraceError:
    """The product's error for anything raised while connecting to or talking with the broker at `address`."""
    if isinstance(error, HeadraceError):
        return error
    if isinstance(error, socket.gaierror):
        return RetriableException(
            f"The host of {address} is not known.",
            code="KAFKA_HOST_UNKNOWN",
            field="bootstrap.servers",
            remedy="Check bootstrap.servers, the brokers' advertised.listeners and the name service.",
        )
    if isinstance(error, ssl.SSLError):
        return ConfigException(
            f"TLS with {address} failed: {error.reason or error}.",
            code="KAFKA_TLS",
            field="ssl.truststore.location",
            remedy="Check security.protocol, and that ssl.truststore.location has the authority of the broker's certificate.",
        )
    if isinstance(error, ConnectionRefusedError):
        return RetriableException(
            f"No broker listens on {address}.",
            code="KAFKA_CONNECT_REFUSED",
            field="bootstrap.servers",
            remedy="Start the broker, or correct bootstrap.servers.",
        )
    if isinstance(error, TimeoutError):
        return RetriableException(f"{address} did not answer in time.", code="KAFKA_TIMEOUT")
    if isinstance(error, asyncio.IncompleteReadError):
        return RetriableException(
            f"{address} closed the connection.",
            code="KAFKA_CONNECTION_LOST",
            remedy="If it always does, check that security.protocol is that of the broker's listener.",
        )
    return RetriableException(f"The connection to {address} was lost: {error}", code="KAFKA_CONNECTION_LOST")
