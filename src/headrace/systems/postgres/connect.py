"""Opens psycopg connections to a `PgTarget`."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import Connection

from headrace.systems.postgres.errors import map_error
from headrace.systems.postgres.servers import ROLE_QUERY, Role, choose
from headrace.systems.postgres.target import TEXT_FORMAT, PgTarget

Conn = Connection[tuple[Any, ...]]


def connect(target: PgTarget, autocommit: bool = True) -> Conn:
    """A connection with session settings that make text the same everywhere (UTC, ISO dates, full float digits).

    Raises the mapped error (see `errors.map_error`) when there is none to be had.
    """
    return connect_and_tell(target, autocommit)[0]


def connect_and_tell(target: PgTarget, autocommit: bool = True) -> tuple[Conn, PgTarget]:
    """As `connect`; and which of the target's servers it is, for further connections to the same one."""
    connection, chosen = choose(target, _open, _role)
    connection.autocommit = autocommit
    return connection, chosen


def _open(target: PgTarget) -> Conn:
    try:
        return psycopg.connect(**conninfo(target), autocommit=True)
    except psycopg.Error as error:
        raise map_error(error, target) from error


def _role(connection: Conn, target: PgTarget) -> Role:
    status = connection.info.parameter_status
    # Told at the log-in by servers from 14, unless something in between keeps it back.
    standby, read_only = status("in_hot_standby"), status("default_transaction_read_only")
    if standby is None or read_only is None:
        try:
            standby, read_only = connection.execute(ROLE_QUERY).fetchone() or ("", "")
        except psycopg.Error as error:
            raise map_error(error, target) from error
    return Role(standby in ("on", "true"), read_only == "on")


def conninfo(target: PgTarget) -> dict[str, Any]:
    """libpq's parameters for one server."""
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
    if target.channel_binding != "prefer":
        info["channel_binding"] = target.channel_binding
    if target.address is not None:
        info["hostaddr"] = target.address
    for name in ("password", "sslrootcert", "sslcert", "sslkey", "sslpassword"):
        value = getattr(target, name)
        if value is not None:
            info[name] = value
    return info
