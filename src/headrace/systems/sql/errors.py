"""Drivers' errors as ours: gone or busy (try again), or refused."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from headrace.errors import ConnectException, HeadraceError, RetriableException
from headrace.systems.sql.url import FIELD, SqlTarget

_REFUSED_STATES = ("28", "3D", "42", "22", "0A")
"""SQLSTATE classes that time does not mend: authorization, no such database, syntax, data, not supported."""


def map_error(error: Exception, target: SqlTarget) -> Exception:
    """The error to raise instead; what is ours already, and what is no error of a database, stays."""
    if isinstance(error, HeadraceError):
        return error
    if not isinstance(error, SQLAlchemyError):
        return error
    cause = error.orig if isinstance(error, DBAPIError) else None
    message = str(cause or error).strip()
    state = str(getattr(cause, "sqlstate", None) or "")
    transient = isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
    if transient and not state.startswith(_REFUSED_STATES) and "no such" not in message and "syntax" not in message:
        code = "SQL_TRANSIENT" if state else "SQL_UNREACHABLE"
        return RetriableException(
            f"{target.shown} cannot be read now: {message}",
            code=code,
            field=FIELD,
            remedy="Check that the database runs and that the URL, user and password are right.",
        )
    return ConnectException(f"{target.shown} refuses: {message}", code="SQL_REFUSED", field=FIELD)
