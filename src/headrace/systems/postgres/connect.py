"""Opens psycopg connections to a `PgTarget`."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import Connection

from headrace.systems.postgres.errors import map_error
from headrace.systems.postgres.target import TEXT_FORMAT, PgTarget


def connect(target: PgTarget, autocommit: bool = True) -> Connection[tuple[Any, ...]]:
    """A connection with session settings that make text the same everywhere (UTC, ISO dates, full float digits).

    Raises the mapped error (see `errors.map_error`) when there is none to be had.
    """
    try:
        return psycopg.connect(**conninfo(target), autocommit=autocommit)
    except psycopg.Error as error:
        raise map_error(error, target) from error


def conninfo(target: PgTarget) -> dict[str, Any]:
    """libpq's parameters for `target`."""
    info: dict[str, Any] = {
        "host": target.host,
        "port": target.port,
        "dbname": target.dbname,
        "user": target.user,
        "sslmode": target.sslmode,
        "application_name": target.application_name,
        "connect_timeout": max(2, round(target.connect_timeout_s)),
        "keepalives": int(target.tcp_keepalive),
        "client_encoding": "UTF8",
        "options": " ".join(f"-c {name}={value}" for name, value in TEXT_FORMAT.items()),
    }
    for name in ("password", "sslrootcert", "sslcert", "sslkey", "sslpassword"):
        value = getattr(target, name)
        if value is not None:
            info[name] = value
    return info
