"""What must be true of server, role and slot before anything is started, and which tables are captured; each failure names its setting."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from headrace.cdc.filters import NameFilter
from headrace.errors import ConfigException, HeadraceError, RetriableException
from headrace.sources.postgres.config import PostgresConfig
from headrace.systems.postgres import introspect, quote_identifier, quote_table
from headrace.systems.postgres.introspect import Conn, TableInfo
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
