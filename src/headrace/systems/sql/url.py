"""`connection.url` as JDBC sources take it, turned into what SQLAlchemy opens."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from headrace.errors import ConfigException
from headrace.foundation.redaction import hide

logger = logging.getLogger(__name__)

FIELD: Final = "connection.url"
_DRIVERS: Final = {
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "sqlserver": "mssql+pymssql",
    "oracle": "oracle+oracledb",
    "sqlite": "sqlite",
}
_EXAMPLES: Final = "jdbc:postgresql://host:5432/db, jdbc:mysql://host:3306/db, jdbc:sqlite:/path/to/file"
_POSTGRES_SAME: Final = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword"})
_POSTGRES_OTHER: Final = {
    "ApplicationName": "application_name",
    "connectTimeout": "connect_timeout",
    "loginTimeout": "connect_timeout",
}


@dataclass(frozen=True, slots=True)
class SqlTarget:
    """A database to open; its secrets are hidden in logs and errors from now on. `dialect`: postgresql, mysql, sqlite, mssql, oracle …"""

    url: URL
    arguments: dict[str, Any] = field(default_factory=dict)
    """What the driver's connect function gets besides."""

    def __post_init__(self) -> None:
        values = [
            str(value) for key, value in {**self.url.query, **self.arguments}.items() if "password" in key.lower()
        ]
        hide([*values, str(self.url.password or "")])

    @property
    def dialect(self) -> str:
        return self.url.get_backend_name()

    @property
    def shown(self) -> str:
        """For people: without the password, and without parameters, which may be secrets, too."""
        return self.url.set(query={}).render_as_string(hide_password=True)


def parse_url(text: str, user: str | None = None, password: str | None = None) -> SqlTarget:
    """From a JDBC URL, or one of SQLAlchemy's (`postgresql+psycopg://…`). `user` and `password` win over those in it.

    ConfigException (SQL_URL_INVALID) for a malformed one or one of a database that is not known."""
    plain = text.strip()
    if not plain.lower().startswith("jdbc:"):
        return SqlTarget(_with_user(_sqlalchemy_url(plain), user, password))
    kind, _, rest = plain[5:].partition(":")
    kind = kind.lower()
    if kind not in _DRIVERS:
        raise _refused(f"The URL names the database kind {kind!r}.")
    if kind == "sqlite":
        return SqlTarget(URL.create("sqlite", database=rest.partition("?")[0] or ":memory:"))
    if kind == "sqlserver":
        url, query = _sqlserver(rest)
    elif kind == "oracle":
        url, query = _oracle(rest)
    else:
        url, query = _common(kind, rest)
    user = user or query.pop("user", None)
    password = password or query.pop("password", None)
    arguments = _postgres(query) if kind == "postgresql" else {}
    if query:
        logger.warning("Parameters of connection.url without effect here: %s", ", ".join(sorted(query)))
    return SqlTarget(_with_user(url, user, password), arguments)


def _common(kind: str, rest: str) -> tuple[URL, dict[str, str]]:
    """`//host:port/database?a=b`, or `database` alone."""
    try:
        parts = urlsplit(f"{kind}:{rest}" if rest.startswith("//") else f"{kind}://localhost/{rest}")
        host, port = parts.hostname or "localhost", parts.port
    except ValueError:
        # What is taken for the port may be part of a password.
        raise _refused("Malformed URL; / ? # @ : in a user or password must be percent-encoded.") from None
    if "," in parts.netloc:
        raise _refused("Several hosts in one URL are not supported.")
    url = URL.create(
        _DRIVERS[kind],
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        host=host,
        port=port,
        database=unquote(parts.path.lstrip("/")) or None,
    )
    return url, dict(parse_qsl(parts.query, keep_blank_values=True))


def _sqlserver(rest: str) -> tuple[URL, dict[str, str]]:
    """`//host:port;databaseName=db;user=…`"""
    place, *settings = rest.removeprefix("//").split(";")
    query = {key.strip(): value for key, _, value in (item.partition("=") for item in settings if item)}
    host, _, port = place.partition(":")
    if port and not port.isdigit():
        raise _refused(f"Malformed port {port!r}.")
    database = query.pop("databaseName", None) or query.pop("database", None)
    return URL.create(
        _DRIVERS["sqlserver"], host=host or "localhost", port=int(port) if port else None, database=database
    ), query


def _oracle(rest: str) -> tuple[URL, dict[str, str]]:
    """`thin:@//host:port/service` or `thin:@host:port:sid`"""
    found = re.fullmatch(r"thin:@(?://)?([^:/]+)(?::(\d+))?(?:/([^?]+)|:(\w+))(?:\?.*)?", rest)
    if not found:
        raise _refused("Malformed URL.")
    host, port, service, sid = found.groups()
    url = URL.create(_DRIVERS["oracle"], host=host, port=int(port) if port else None, database=sid)
    return (url.update_query_dict({"service_name": service}) if service else url), {}


def _postgres(query: dict[str, str]) -> dict[str, Any]:
    """pgjdbc's parameters as libpq's; those that are taken leave the query."""
    arguments: dict[str, Any] = {"application_name": "headrace", "connect_timeout": "10"}
    # A peer that is gone without a word is noticed, also in the middle of an answer.
    arguments |= {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}
    options = ["-c timezone=UTC", "-c datestyle=ISO"]
    for key in list(query):
        if key in _POSTGRES_SAME:
            arguments[key] = query.pop(key)
        elif key in _POSTGRES_OTHER:
            arguments[_POSTGRES_OTHER[key]] = query.pop(key)
        elif key == "currentSchema":
            options.append("-c search_path=" + query.pop(key).replace("\\", "\\\\").replace(" ", "\\ "))
        elif key == "ssl" and query.pop(key).lower() in ("", "true"):
            arguments.setdefault("sslmode", "verify-full")
    arguments["options"] = " ".join(options)
    return arguments


def _sqlalchemy_url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise _refused("Malformed URL.") from None
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def _with_user(url: URL, user: str | None, password: str | None) -> URL:
    if user:
        url = url.set(username=user)
    return url.set(password=password) if password else url


def _refused(reason: str) -> ConfigException:
    return ConfigException(reason, code="SQL_URL_INVALID", field=FIELD, remedy=f"Use for example {_EXAMPLES}.")
