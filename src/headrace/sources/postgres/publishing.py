"""The connector's publication: made or fitted to the captured tables as publication.autocreate.mode asks."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from headrace.errors import ConfigException, ConnectException, HeadraceError
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.preflight import Capture
from headrace.systems.postgres import introspect, publications
from headrace.systems.postgres.introspect import Conn, TableInfo, TableName
from headrace.systems.postgres.publications import PublicationInfo

logger = logging.getLogger(__name__)


def publication_problem(config: PostgresConfig, found: PublicationInfo | None) -> HeadraceError | None:
    """A publication that is missing and may not be made, or is for all tables where only the captured ones are wanted."""
    if found is not None and found.all_tables and config.word("publication.autocreate.mode") == "filtered":
        return ConfigException(
            f"Publication {found.name} is for all tables and cannot be narrowed to the captured ones, as"
            " publication.autocreate.mode=filtered asks.",
            code="PG_PUBLICATION_FOR_ALL_TABLES",
            field="publication.name",
            remedy="Drop the publication so that it is made anew, or set publication.autocreate.mode to all_tables.",
        )
    if found is None and config.word("publication.autocreate.mode") == "disabled":
        return ConfigException(
            f"Publication {config['publication.name']} does not exist, and publication.autocreate.mode is disabled.",
            code="PG_PUBLICATION_MISSING",
            field="publication.name",
            remedy="Create the publication, or let publication.autocreate.mode create it.",
        )
    return None


def ensure_publication(config: PostgresConfig, connection: Conn, capture: Capture) -> PublicationInfo:
    """The publication as publication.autocreate.mode wants it: made, or fitted to the captured tables when filtered.

    ConfigException PG_PUBLICATION_MISSING, PG_NO_TABLES."""
    name = config["publication.name"]
    mode = config.word("publication.autocreate.mode")
    found = publications.publication(connection, name)
    problem = publication_problem(config, found)
    if problem is not None:
        raise problem
    if found is None:
        if introspect.in_recovery(connection):
            raise _on_standby(f"Publication {name} does not exist", "Create the publication on the primary.")
        _create(config, connection, capture, name, mode)
    elif mode == "filtered":
        _fit(connection, capture, name)
    made = publications.publication(connection, name)
    if made is None:
        raise ConnectException(
            f"Publication {name} went away.", code="PG_PUBLICATION_MISSING", field="publication.name"
        )
    return made


def _fit(connection: Conn, capture: Capture, name: str) -> None:
    wanted = _published(capture.tables(connection))
    if set(wanted) == set(_explicit_tables(connection, name)):
        return
    if not wanted:
        raise _no_tables()
    if introspect.in_recovery(connection):
        raise _on_standby(
            f"Publication {name} does not have exactly the captured tables",
            "On the primary: ALTER PUBLICATION … SET TABLE " + ", ".join(f"{t.schema}.{t.table}" for t in wanted) + ".",
        )
    publications.set_tables(connection, name, wanted)
    logger.info("Publication %s now has %d tables.", name, len(wanted))


def _on_standby(fact: str, remedy: str) -> ConfigException:
    return ConfigException(
        f"{fact}, and the server is a standby, where publications cannot be changed.",
        code="PG_STANDBY_READ_ONLY",
        field="publication.name",
        remedy=remedy,
    )


def _create(config: PostgresConfig, connection: Conn, capture: Capture, name: str, mode: str) -> None:
    tables: list[TableName] | None = None
    if mode == "filtered":
        tables = _published(capture.tables(connection))
        if not tables:
            raise _no_tables()
    elif mode == "no_tables":
        tables = []
    try:
        publications.create_publication(connection, name, tables, via_root=config["publish.via.partition.root"])
    except Exception as error:
        if getattr(error, "sqlstate", None) != "42501":
            raise
        raise ConfigException(
            f"The role may not create publication {name} (publication.autocreate.mode={mode}): {error}",
            code="PG_PERMISSION",
            field="publication.autocreate.mode",
            remedy="A publication for all tables needs a superuser. Use publication.autocreate.mode=filtered with a role that owns "
            "the tables and may CREATE in the database, or let a superuser create the publication.",
        ) from error
    logger.info("Created publication %s (%s).", name, mode)


def _published(tables: Sequence[TableInfo]) -> list[TableName]:
    """A partition is published with its root when that is captured too."""
    roots_captured = any(table.kind == "p" for table in tables)
    return [table.name for table in tables if not (table.is_partition and roots_captured and table.kind == "r")] or [
        table.name for table in tables
    ]


def _explicit_tables(connection: Conn, name: str) -> list[TableName]:
    rows = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_publication_rel r"
        " JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid JOIN pg_catalog.pg_class c ON c.oid = r.prrelid"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE p.pubname = %s",
        (name,),
    ).fetchall()
    return [TableName(*row) for row in rows]


def _no_tables() -> ConfigException:
    return ConfigException(
        "No table is captured, so there is nothing to publish.",
        code="PG_NO_TABLES",
        field="table.include.list",
        remedy="Correct the include and exclude lists, or create the tables first.",
    )


def warn_of_operations(config: PostgresConfig, found: PublicationInfo) -> None:
    """Changes that are wanted but that the publication does not send."""
    skipped = {item.strip().lower() for item in config["skipped.operations"] or []}
    words = {"c": "insert", "u": "update", "d": "delete", "t": "truncate"}
    missing = [word for op, word in words.items() if op not in skipped and word not in found.operations]
    if missing:
        logger.warning(
            "Publication %s does not publish %s; such changes are not captured. Alter the publication, or name them in"
            " skipped.operations.",
            found.name,
            ", ".join(missing),
        )
