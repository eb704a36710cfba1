"""What must be true of server, role, slot and publication before anything is started; each failure names its setting."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from headrace.cdc.filters import NameFilter
from headrace.errors import ConfigException, ConnectException, HeadraceError, RetriableException
from headrace.sources.postgres.config import PostgresConfig
from headrace.systems.postgres import introspect, publications, quote_identifier, quote_table
from headrace.systems.postgres.introspect import Conn, TableInfo, TableName
from headrace.systems.postgres.publications import PublicationInfo
from headrace.systems.postgres.slots import SlotInfo

logger = logging.getLogger(__name__)

OLDEST_SERVER = 130000


def server_problems(connection: Conn) -> list[HeadraceError]:
    """What is wrong with server and role, all of it."""
    problems: list[HeadraceError] = []
    version = introspect.server_version(connection)
    if version < OLDEST_SERVER:
        problems.append(
            ConfigException(
                f"The server has version {version // 10000}; 13 is the oldest that is supported.",
                code="PG_VERSION",
                field="database.hostname",
                remedy="Upgrade the server.",
            )
        )
    level = introspect.setting(connection, "wal_level")
    if level != "logical":
        problems.append(
            ConfigException(
                f"wal_level of the server is {level}, not logical.",
                code="PG_WAL_LEVEL",
                field="database.hostname",
                remedy="Set wal_level = logical on the server and restart it.",
            )
        )
    role = introspect.current_role(connection)
    if not role.replication:
        problems.append(
            ConfigException(
                f"The role {role.name} may not replicate.",
                code="PG_NO_REPLICATION_ROLE",
                field="database.user",
                remedy=f'ALTER ROLE "{role.name}" REPLICATION, or use a role that has it.',
            )
        )
    return problems


def slot_problem(connection: Conn, slot: SlotInfo | None, database: str, application: str) -> HeadraceError | None:
    """Why an existing slot cannot be ours; one that is read under our own name is."""
    if slot is None:
        return None
    field = "slot.name"
    if slot.slot_type != "logical" or slot.plugin != "pgoutput" or slot.database != database:
        return ConfigException(
            f"Replication slot {slot.name} is {slot.slot_type}, plug-in {slot.plugin}, database {slot.database}.",
            code="PG_SLOT_FOREIGN",
            field=field,
            remedy="Choose another slot.name, or drop that slot.",
        )
    if slot.active and not _ours(connection, slot, application):
        return RetriableException(
            f"Replication slot {slot.name} is being read by another process (pid {slot.active_pid}).",
            code="PG_SLOT_IN_USE",
            field=field,
            remedy="Stop the other reader, or give this connector a slot of its own.",
        )
    return None


def _ours(connection: Conn, slot: SlotInfo, application: str) -> bool:
    row = connection.execute(
        "SELECT application_name FROM pg_catalog.pg_stat_activity WHERE pid = %s", (slot.active_pid,)
    ).fetchone()
    return row is not None and row[0] == application[:63]


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


class Capture:
    """Which tables are captured."""

    def __init__(self, config: PostgresConfig) -> None:
        self._schemas: NameFilter = config.filter("schema")
        self._tables: NameFilter = config.filter("table")
        self.ignore_builtin: bool = config["table.ignore.builtin"]
        self.signal_tables = frozenset(config.signal_tables())

    def __call__(self, schema: str, table: str) -> bool:
        """True for a captured table; a signalling table is one, whatever the lists say."""
        return self.listed(schema, table) or f"{schema}.{table}" in self.signal_tables

    def listed(self, schema: str, table: str) -> bool:
        """True for a table that the lists choose."""
        if self.ignore_builtin and (schema == "information_schema" or schema.startswith("pg_")):
            return False
        return self._schemas(schema) and self._tables(f"{schema}.{table}")

    def tables(self, connection: Conn) -> list[TableInfo]:
        """The captured tables that exist, by schema and name."""
        found = introspect.tables(connection, system=not self.ignore_builtin)
        return [table for table in found if self(*table.name)]

    def snapshot_tables(self, connection: Conn) -> list[TableInfo]:
        """Those to be read by an initial snapshot: not a signalling table that is captured for its signals only."""
        return [table for table in self.tables(connection) if self.listed(*table.name)]


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


def set_identities(config: PostgresConfig, connection: Conn, tables: Sequence[TableInfo]) -> None:
    """Apply replica.identity.autoset.values to captured tables."""
    rules = config.identities()
    for table in tables:
        for pattern, clause in rules:
            if not pattern.fullmatch(f"{table.name.schema}.{table.name.table}"):
                continue
            # Altering a table waits for all who use it: only where it changes something.
            if clause != _identity(connection, table):
                connection.execute(f"ALTER TABLE {quote_table(*table.name)} REPLICA IDENTITY {clause}")
                logger.info("Replica identity of %s.%s set to %s.", *table.name, clause)
            break


def _identity(connection: Conn, table: TableInfo) -> str:
    """As a clause of ALTER TABLE."""
    if table.replica_identity != "INDEX":
        return table.replica_identity
    row = connection.execute(
        "SELECT c.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = %s AND i.indisreplident",
        (table.oid,),
    ).fetchone()
    return f"USING INDEX {quote_identifier(row[0])}" if row else table.replica_identity


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


def guard_count(config: PostgresConfig, tables: Sequence[TableInfo]) -> None:
    """guardrail.collections.max."""
    limit = config["guardrail.collections.max"]
    if not limit or len(tables) <= limit:
        return
    text = f"{len(tables)} tables are captured, more than guardrail.collections.max = {limit}."
    if config.word("guardrail.collections.limit.action") == "fail":
        raise ConfigException(
            text,
            code="TOO_MANY_TABLES",
            field="guardrail.collections.max",
            remedy="Narrow the include lists or raise the limit.",
        )
    logger.warning(text)
