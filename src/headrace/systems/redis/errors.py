"""What an error of redis-py, or an error answer of the server, means: code, field, remedy, who can help."""

from __future__ import annotations

import socket

import redis.exceptions as rx

from headrace.errors import ConfigException, ConnectException, DataException, HeadraceError, RetriableException
from headrace.systems.redis.target import RedisTarget

_NO_PERMISSION_IN_SCRIPT = ("ACL failure in script", "The user executing the script can't")


def map_error(error: BaseException, target: RedisTarget) -> HeadraceError:
    """The product's error for anything raised while talking to `target`."""
    if isinstance(error, HeadraceError):
        return error
    text = str(error)
    cause = _root(error)
    if isinstance(error, rx.AuthenticationError) or text.startswith(("WRONGPASS", "NOAUTH", "invalid username")):
        return _auth_failed(target)
    if isinstance(cause, socket.gaierror):
        return RetriableException(
            f"The host {target.host} is not known.",
            code="REDIS_HOST_UNKNOWN",
            field="redis.host",
            remedy="Check redis.host and the name service.",
        )
    if isinstance(cause, ConnectionRefusedError):
        return RetriableException(
            f"No server listens on {target.address}.",
            code="REDIS_CONNECT_REFUSED",
            field="redis.port",
            remedy="Start the server, or correct redis.host and redis.port.",
        )
    if isinstance(error, rx.TimeoutError) or isinstance(cause, TimeoutError):
        return RetriableException(
            f"{target.address} did not answer within {target.timeout_s:g} s.",
            code="REDIS_TIMEOUT",
            field="redis.timeout",
            remedy="Check the network and the server's load, or raise redis.timeout.",
        )
    if isinstance(error, rx.ResponseError):
        return map_reply(reply_text(error), target)
    if isinstance(error, (rx.ConnectionError, OSError)):
        return RetriableException(
            f"The connection to {target.address} was lost: {text}", code="REDIS_CONNECTION_LOST", field="redis.host"
        )
    return ConnectException(f"Redis at {target.address}: {type(error).__name__}: {text}", code="REDIS_ERROR")


def reply_text(error: BaseException) -> str:
    """An error answer as the server wrote it; redis-py takes the code off those it has a class for."""
    code = getattr(error, "status_code", None)
    return f"{code} {error}" if code else str(error)


def map_reply(text: str, target: RedisTarget) -> HeadraceError:
    """The product's error for an error answer such as `OOM command not allowed …`."""
    word = text.split(" ", 1)[0]
    if word in ("WRONGPASS", "NOAUTH"):
        return _auth_failed(target)
    if word in ("NOPERM", "NOPERMISSION") or any(phrase in text for phrase in _NO_PERMISSION_IN_SCRIPT):
        return ConnectException(
            f"The user may not do this on {target.address}: {text}",
            code="REDIS_NO_PERMISSION",
            field="redis.username",
            remedy="Grant the user the keys and commands of this connector (ACL SETUSER).",
        )
    if word == "WRONGTYPE":
        return DataException(
            f"A key already holds a value of another kind: {text}",
            code="REDIS_WRONG_TYPE",
            field="redis.keyspace",
            remedy="Choose another redis.keyspace or redis.key.pattern, or delete the key.",
        )
    if word in ("MOVED", "ASK", "CROSSSLOT", "CLUSTERDOWN"):
        return ConfigException(
            f"{target.address} is a cluster node: {text}",
            code="REDIS_CLUSTER",
            field="redis.uri",
            remedy="Name a server that is not part of a cluster.",
        )
    if word == "OOM" or "maxmemory" in text:
        return RetriableException(
            f"{target.address} is out of memory: {text}",
            code="REDIS_OUT_OF_MEMORY",
            remedy="Raise maxmemory or delete keys; writing goes on by itself then.",
        )
    if word in ("LOADING", "READONLY", "MASTERDOWN", "BUSY", "TRYAGAIN", "MISCONF", "NOREPLICAS", "UNKILLABLE"):
        return RetriableException(f"{target.address} cannot write now: {text}", code=f"REDIS_{word}")
    if "unknown command" in text.lower():
        return ConfigException(
            f"{target.address} does not have this command: {text}",
            code="REDIS_NO_COMMAND",
            field="redis.type",
            remedy="Choose a redis.type that the server supports, or load the module.",
        )
    return ConnectException(f"{target.address} answered: {text}", code="REDIS_ERROR")


def _auth_failed(target: RedisTarget) -> HeadraceError:
    return ConfigException(
        f"{target.address} refused the user name or password.",
        code="REDIS_AUTH_FAILED",
        field="redis.password",
        remedy="Correct redis.username and redis.password.",
    )


def _root(error: BaseException) -> BaseException:
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error
