"""What went wrong between us and PostgreSQL, as one of the product's errors.

`map_error` takes whatever a connection raised — psycopg's errors, our own protocol's `ServerError`, OSError — and answers
with a stable code, the setting it is about and what to do. SQLSTATE decides; message texts are looked at only where libpq
has no SQLSTATE to give (failures before the server spoke). Source: PostgreSQL manual, appendix A.
"""

from __future__ import annotations

import re
import socket
import ssl
from typing import Final, NamedTuple

import psycopg

from headrace.errors import ConfigException, ConnectException, HeadraceError, NotFoundException, RetriableException
from headrace.systems.postgres.auth import AuthError
from headrace.systems.postgres.target import PgTarget

DatabaseError: Final = psycopg.Error
"""What psycopg's calls raise; pass it to `map_error`."""


class ServerError(Exception):
    """An ErrorResponse of the server, by its fields (`C` SQLSTATE, `M` message, `D` detail, `H` hint …)."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(fields.get("M", "unknown error"))
        self.fields = fields
        self.sqlstate = fields.get("C", "XX000")


class ConnectionLostError(Exception):
    """The server closed the connection, or it does not speak as agreed."""


class _Rule(NamedTuple):
    code: str
    kind: type[HeadraceError]
    part: str | None
    remedy: str


_RETRY: Final = RetriableException
_SQLSTATES: Final[dict[str, _Rule]] = {
    "28P01": _Rule("PG_AUTH_FAILED", ConfigException, "password", "Set the right user and password."),
    "28000": _Rule(
        "PG_AUTH_FAILED", ConfigException, "user", "Check the user name, pg_hba.conf and whether TLS is demanded."
    ),
    "3D000": _Rule("PG_DATABASE_UNKNOWN", ConfigException, "dbname", "Set the name of an existing database."),
    "42501": _Rule("PG_PERMISSION", ConfigException, "user", "Grant the role the privilege the message names."),
    "57P01": _Rule("PG_SHUTDOWN", _RETRY, None, "Nothing, if the server is being restarted."),
    "57P02": _Rule("PG_SHUTDOWN", _RETRY, None, "Look at the server's log; it restarts by itself."),
    "57P03": _Rule("PG_STARTING", _RETRY, None, "Wait until the server has started."),
    "57014": _Rule("PG_CANCELLED", _RETRY, None, "Raise statement_timeout of the role if it was a timeout."),
    "53300": _Rule("PG_TOO_MANY_CONNECTIONS", _RETRY, None, "Free connections or raise max_connections."),
    "53400": _Rule(
        "PG_LIMIT", ConnectException, None, "Raise the server's limit the message names (max_replication_slots, …)."
    ),
    "53100": _Rule("PG_DISK_FULL", _RETRY, None, "Free disk space on the server."),
    "53200": _Rule("PG_OUT_OF_MEMORY", _RETRY, None, "Give the server more memory."),
    "55006": _Rule("PG_SLOT_IN_USE", _RETRY, None, "Stop the other reader, or use a slot of its own."),
    "42704": _Rule("PG_OBJECT_MISSING", NotFoundException, None, "Create what the message names."),
    "42P01": _Rule("PG_TABLE_MISSING", NotFoundException, None, "Create the table."),
    "42703": _Rule("PG_COLUMN_MISSING", NotFoundException, None, "Create the column."),
    "42P07": _Rule("PG_EXISTS", ConnectException, None, "Use another name, or drop what is there."),
    "42710": _Rule("PG_EXISTS", ConnectException, None, "Use another name, or drop what is there."),
    "40001": _Rule("PG_CONFLICT", _RETRY, None, "Nothing: the transaction is tried again."),
    "40P01": _Rule("PG_CONFLICT", _RETRY, None, "Nothing: the transaction is tried again."),
    "55P03": _Rule("PG_LOCKED", _RETRY, None, "End what holds the lock."),
    "25006": _Rule("PG_READ_ONLY", _RETRY, "host", "Connect to the primary server."),
    "25P03": _Rule("PG_TIMEOUT", _RETRY, None, "Raise idle_in_transaction_session_timeout of the role."),
    "58P01": _Rule("PG_WAL_REMOVED", ConnectException, None, "Take a new snapshot; raise max_slot_wal_keep_size."),
}
_CONNECTION: Final = _Rule("PG_CONNECTION_LOST", _RETRY, None, "Look whether the server runs and the network holds.")
_REFUSED: Final = _Rule("PG_CONNECT_REFUSED", _RETRY, "host", "Start the server, or set the right host and port.")
_HOST: Final = _Rule("PG_HOST_UNKNOWN", ConfigException, "host", "Set a host name that can be resolved.")
_TIMEOUT: Final = _Rule("PG_TIMEOUT", _RETRY, "host", "Check address, firewall and load of the server.")
_TLS: Final = _Rule("PG_TLS", ConfigException, "sslmode", "Check the TLS mode, the certificates and the host name.")
_NO_PASSWORD: Final = _Rule("PG_AUTH_FAILED", ConfigException, "password", "Set the password.")

_WAL_LEVEL: Final = _Rule(
    "PG_WAL_LEVEL", ConfigException, "host", "Set wal_level = logical on the server and restart it."
)
_NO_REPLICATION: Final = _Rule(
    "PG_NO_REPLICATION_ROLE", ConfigException, "user", "ALTER ROLE … REPLICATION, or use a role that has it."
)
_SLOT_MISSING: Final = _Rule("PG_SLOT_MISSING", NotFoundException, None, "Create the slot, or let the source do it.")
_SLOT_LOST: Final = _Rule("PG_SLOT_INVALID", ConnectException, None, "Drop the slot and take a new snapshot.")
_PUBLICATION: Final = _Rule("PG_PUBLICATION_MISSING", NotFoundException, None, "Create the publication.")

_BEFORE_SERVER: Final[tuple[tuple[str, _Rule], ...]] = (
    (r"could not translate host name|failed to resolve host|Name or service not known|nodename nor servname", _HOST),
    (r"no password supplied", _NO_PASSWORD),
    (
        r"password authentication failed|SCRAM",
        _Rule("PG_AUTH_FAILED", ConfigException, "password", "Set the right user and password."),
    ),
    (
        r"pg_hba\.conf|role \".*\" does not exist|authentication failed|not permitted to log in",
        _SQLSTATES["28000"],
    ),
    (r"database \".*\" does not exist", _SQLSTATES["3D000"]),
    (r"too many clients|too many connections|remaining connection slots", _SQLSTATES["53300"]),
    (r"the database system is (starting up|shutting down|in recovery)|not yet accepting", _SQLSTATES["57P03"]),
    (r"SSL|certificate|private key|tls", _TLS),
    (r"timeout expired|timed out|connection timeout", _TIMEOUT),
    (r"Connection refused|could not connect|connection to server .* failed: (No such file|Network|No route)", _REFUSED),
)


def map_error(error: BaseException, target: PgTarget) -> HeadraceError:
    """The product's error for `error`; one that is already ours is given back as it is."""
    if isinstance(error, HeadraceError):
        return error
    rule, text = _rule_for(error)
    return rule.kind(
        f"PostgreSQL {target.where()}: {text}",
        code=rule.code,
        field=None if rule.part is None else target.config_field(rule.part),
        remedy=rule.remedy,
    )


def _rule_for(error: BaseException) -> tuple[_Rule, str]:
    if isinstance(error, ServerError):
        return _by_sqlstate(error.sqlstate, _server_text(error)), _server_text(error)
    if isinstance(error, psycopg.Error):
        text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if error.sqlstate:
            detail = error.diag.message_detail
            full = f"{error.diag.message_primary or text}{f' ({detail})' if detail else ''}"
            return _by_sqlstate(error.sqlstate, full), f"{full} [SQLSTATE {error.sqlstate}]"
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return _before_server(str(error)), text
        return _Rule("PG_ERROR", ConnectException, None, "Look at the message."), text
    if isinstance(error, AuthError):
        return _Rule("PG_AUTH_FAILED", ConfigException, "password", "Set the right user and password."), str(error)
    if isinstance(error, socket.gaierror):
        return _HOST, f"host name {error.args[-1]}"
    if isinstance(error, ssl.SSLError):
        return _TLS, str(error.args[-1] if error.args else error)
    if isinstance(error, TimeoutError):
        return _TIMEOUT, "no answer in time"
    if isinstance(error, ConnectionRefusedError | FileNotFoundError):
        return _REFUSED, "connection refused"
    if isinstance(error, ConnectionLostError | OSError):
        return _CONNECTION, str(error) or type(error).__name__
    return _Rule("PG_ERROR", ConnectException, None, "Look at the message."), f"{type(error).__name__}: {error}"


def _server_text(error: ServerError) -> str:
    detail = error.fields.get("D")
    return f"{error}{f' ({detail})' if detail else ''} [SQLSTATE {error.sqlstate}]"


def _by_sqlstate(sqlstate: str, text: str) -> _Rule:
    if "wal_level" in text and sqlstate in ("55000", "22023"):
        return _WAL_LEVEL
    if sqlstate == "42501" and re.search(r"replication|walsender|REPLICATION|WAL sender", text):
        return _NO_REPLICATION
    if sqlstate == "28000" and "pg_hba" not in text and "replication" in text.lower():
        return _NO_REPLICATION
    if sqlstate == "42704" and "replication slot" in text:
        return _SLOT_MISSING
    if sqlstate == "42704" and "publication" in text:
        return _PUBLICATION
    if sqlstate == "55000" and re.search(r"slot .*(invalidated|no longer|exceeded)|can no longer", text):
        return _SLOT_LOST
    rule = _SQLSTATES.get(sqlstate)
    if rule is not None:
        return rule
    if sqlstate[:2] in ("08", "57"):
        return _CONNECTION
    if sqlstate[:2] == "53":
        return _Rule("PG_RESOURCES", _RETRY, None, "Free the resource the message names.")
    return _Rule("PG_ERROR", ConnectException, None, "Look at the message and the server's log.")


def _before_server(text: str) -> _Rule:
    text = re.sub(r'"[^"]*"', '""', text)  # names in quotes may hold any word
    for pattern, rule in _BEFORE_SERVER:
        if re.search(pattern, text, re.IGNORECASE):
            return rule
    return _CONNECTION
