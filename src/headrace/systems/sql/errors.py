"""Drivers' errors as ours: gone or busy (try again), or refused."""

from __future__ import annotations

from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from headrace.errors import ConnectException, HeadraceError, RetriableException
from headrace.systems.sql.url import FIELD, SqlTarget

_REFUSED_STATES: Final = ("28", "3D", "42", "22", "0A")
"""SQLSTATE classes that time does not mend: authorization, no such database, syntax, data, not supported."""
_SQLITE_PASSING: Final = frozenset({5, 6, 9, 10, 14})
"""BUSY, LOCKED, INTERRUPT, IOERR, CANTOPEN. Nearly all that SQLite refuses is an OperationalError, too."""
_MYSQL_PASSING: Final = frozenset({1040, 1053, 1077, 1129, 1135, 1152, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1317})
"""Of the server's errors, which begin at 1000 (the client's at 2000): too many connections, shutdown, network, locks, interrupted.
An unknown column, a wrong password and a missing database are OperationalErrors as well."""


def map_error(error: Exception, target: SqlTarget, *, masked: bool = False) -> Exception:
    """The error to raise instead; what is ours already, and what is no error of a database, stays.

    `masked`: the statement is a secret, so nothing that may quote it is in the message."""
    if isinstance(error, HeadraceError):
        return error
    if not isinstance(error, SQLAlchemyError):
        return error
    cause = error.orig if isinstance(error, DBAPIError) else None
    message = _masked(error, cause) if masked else str(cause or error).strip()
    if _passes(error, cause):
        code = "SQL_TRANSIENT" if getattr(cause, "sqlstate", None) else "SQL_UNREACHABLE"
        return RetriableException(
            f"{target.shown} cannot be read now: {message}",
            code=code,
            field=FIELD,
            remedy="Check that the database runs and that the URL, user and password are right.",
        )
    return ConnectException(
        f"{target.shown} refuses: {message}",
        code="SQL_REFUSED",
        field=FIELD,
        remedy="Correct what the database names (query, tables, columns, user or rights), then restart the task.",
    )


def _passes(error: SQLAlchemyError, cause: BaseException | None) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    sqlite_code = getattr(cause, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return sqlite_code & 0xFF in _SQLITE_PASSING
    if not (isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated):
        return False
    number = cause.args[0] if cause is not None and cause.args else None
    if isinstance(number, int) and 1000 <= number < 2000:
        return number in _MYSQL_PASSING
    return not str(getattr(cause, "sqlstate", None) or "").startswith(_REFUSED_STATES)


def _masked(error: SQLAlchemyError, cause: BaseException | None) -> str:
    state = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    return f"{type(cause or error).__name__}{f' ({state})' if state else ''}; the database's words may quote the query"
