"""Where a Redis server is and how to identify to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from headrace.errors import ConfigException


@dataclass(frozen=True, slots=True)
class RedisTarget:
    """Coordinates of one server. Files are paths of PEM files, empty = none; `timeout_s` bounds connecting and each answer."""

    host: str = "localhost"
    port: int = 6379
    database: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    tls_insecure: bool = False
    key_file: str = ""
    cert_file: str = ""
    key_password: str = field(default="", repr=False)
    ca_file: str = ""
    timeout_s: float = 60.0

    @property
    def address(self) -> str:
        """`host:port`, for messages."""
        return f"{self.host}:{self.port}"


def parse_uri(uri: str) -> dict[str, str | int | bool]:
    """The attributes of `RedisTarget` that a `redis[s]://[user:password@]host[:port][/database]` names.

    ConfigException (field redis.uri) if it is not such a URI."""
    parts = urlsplit(uri)
    try:
        port = parts.port
        database = int(parts.path.strip("/") or 0)
    except ValueError:
        raise _refused("the port and the database must be numbers") from None
    if parts.scheme not in ("redis", "rediss"):
        raise _refused("the scheme must be redis or rediss")
    if not parts.hostname:
        raise _refused("it names no host")
    found: dict[str, str | int | bool] = {"host": parts.hostname, "tls": parts.scheme == "rediss", "database": database}
    if port is not None:
        found["port"] = port
    if parts.username:
        found["username"] = unquote(parts.username)
    if parts.password:
        found["password"] = unquote(parts.password)
    return found


def _refused(reason: str) -> ConfigException:
    # The URI may hold a password, so it is not repeated.
    return ConfigException(
        f"Invalid value for configuration redis.uri: {reason}.",
        code="REDIS_URI_INVALID",
        field="redis.uri",
        remedy="Write redis://host:port, or rediss://host:port for TLS.",
    )
