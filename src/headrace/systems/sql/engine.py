"""From a target to an engine of SQLAlchemy's, with each database's own preparations."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.pool import NullPool

from headrace.errors import ConfigException
from headrace.systems.sql.moments import MOMENT_FUNCTION, moment_text
from headrace.systems.sql.url import FIELD, SqlTarget

_ISOLATION: Final = {
    "DEFAULT": None,
    "READ_UNCOMMITTED": "READ UNCOMMITTED",
    "READ_COMMITTED": "READ COMMITTED",
    "REPEATABLE_READ": "REPEATABLE READ",
    "SERIALIZABLE": "SERIALIZABLE",
    "SQL_SERVER_SNAPSHOT": "SNAPSHOT",
}


def open_engine(target: SqlTarget, isolation: str) -> Engine:
    """Nothing is connected yet. ConfigException (SQL_DRIVER_MISSING) when the driver is not installed."""
    options: dict[str, Any] = {"poolclass": NullPool, "connect_args": target.arguments}
    level = _ISOLATION[isolation]
    if level is not None:
        options["isolation_level"] = level
    try:
        engine = create_engine(_existing(target.url), **options)
    except (NoSuchModuleError, ImportError) as error:
        raise ConfigException(
            f"There is no driver for {target.shown}: {error}",
            code="SQL_DRIVER_MISSING",
            field=FIELD,
            remedy=f"Install the Python driver that SQLAlchemy's {target.url.drivername} needs.",
        ) from error
    if target.dialect == "postgresql":
        event.listen(engine, "connect", _text_for_documents)
    elif target.dialect == "sqlite":
        event.listen(engine, "connect", _with_moment_function)
    return engine


def _existing(url: URL) -> URL:
    """A file of SQLite's is opened if it is there, and never made: a misspelt name would be an empty database."""
    name = url.database or ":memory:"
    if url.get_backend_name() != "sqlite" or name == ":memory:" or "uri" in url.query:
        return url
    return url.set(database=f"file:{quote(name)}").update_query_dict({"mode": "rw", "uri": "true"})


def _text_for_documents(connection: Any, record: Any) -> None:
    """JSON and the like as the text they are."""
    from psycopg.types.string import TextLoader

    for name in ("json", "jsonb", "uuid"):
        connection.adapters.register_loader(name, TextLoader)


def _with_moment_function(connection: Any, record: Any) -> None:
    connection.create_function(MOMENT_FUNCTION, 2, moment_text, deterministic=True)
