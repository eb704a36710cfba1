"""Replication slots over SQL: inspect and drop. (They are created on a replication connection.)"""

from __future__ import annotations

from dataclasses import dataclass

from headrace.systems.postgres.introspect import Conn
from headrace.systems.postgres.lsn import lsn_to_int


@dataclass(frozen=True, slots=True)
class SlotInfo:
    """A row of pg_replication_slots; positions as integers, None where the server has none.

    `wal_status`: reserved, extended, unreserved, lost. `safe_wal_bytes`: room before the slot is lost, None = no limit.
    `invalidation_reason` (servers from 17; before, "wal_removed" is told from wal_status). `retained_bytes`: WAL kept for it.
    """

    name: str
    plugin: str | None
    slot_type: str
    database: str | None
    temporary: bool
    active: bool
    active_pid: int | None
    restart_lsn: int | None
    confirmed_flush_lsn: int | None
    wal_status: str | None
    safe_wal_bytes: int | None
    retained_bytes: int | None
    invalidation_reason: str | None
    failover: bool
    synced: bool

    @property
    def lost(self) -> bool:
        """True when the slot can never be read again."""
        return self.wal_status == "lost" or self.invalidation_reason is not None


def slots(connection: Conn, name: str | None = None) -> list[SlotInfo]:
    """All slots of the server, or the one of that name."""
    version = connection.info.server_version
    reason = "invalidation_reason" if version >= 170000 else "CASE WHEN wal_status = 'lost' THEN 'wal_removed' END"
    if 160000 <= version < 170000:
        reason = "CASE WHEN conflicting THEN 'conflict' WHEN wal_status = 'lost' THEN 'wal_removed' END"
    extra = "failover, synced" if version >= 170000 else "false, false"
    rows = connection.execute(
        f"SELECT slot_name, plugin, slot_type, database, temporary, active, active_pid, restart_lsn::text,"
        f" confirmed_flush_lsn::text, wal_status, safe_wal_size,"
        f" CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint END,"
        f" {reason}, {extra} FROM pg_catalog.pg_replication_slots WHERE %s::text IS NULL OR slot_name = %s ORDER BY slot_name",
        (name, name),
    ).fetchall()
    return [SlotInfo(*(*row[:7], _lsn(row[7]), _lsn(row[8]), *row[9:])) for row in rows]


def slot(connection: Conn, name: str) -> SlotInfo | None:
    """The slot of that name, None when there is none."""
    found = slots(connection, name)
    return found[0] if found else None


def catalog_xmin(connection: Conn, name: str) -> int | None:
    """The oldest transaction whose catalog rows are kept for the slot; None when there is no such slot."""
    row = connection.execute(
        "SELECT catalog_xmin::text::bigint FROM pg_catalog.pg_replication_slots WHERE slot_name = %s", (name,)
    ).fetchone()
    return None if row is None else row[0]


def end_backend(connection: Conn, pid: int) -> None:
    """End a session of our own role that does not come to an end by itself; nothing happens when it has gone."""
    connection.execute("SELECT pg_terminate_backend(%s)", (pid,))


def oldest_writer(connection: Conn) -> str | None:
    """The transaction that a new slot waits for longest, in words; None when nothing is being written."""
    row = connection.execute(
        "SELECT format('process %s (%s, %s, %s since %s)', pid, usename, coalesce(nullif(application_name, ''), 'no application name'),"
        "  state, date_trunc('second', xact_start)) AS words, xact_start FROM pg_catalog.pg_stat_activity"
        " WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
        " UNION ALL SELECT format('prepared transaction %L of %s, since %s', gid, owner, date_trunc('second', prepared)), prepared"
        "  FROM pg_catalog.pg_prepared_xacts ORDER BY 2 LIMIT 1"
    ).fetchone()
    return None if row is None else row[0]


def drop_slot(connection: Conn, name: str) -> bool:
    """Drop the slot; False when there was none. ObjectInUse (SQLSTATE 55006) while somebody reads from it."""
    row = connection.execute(
        "SELECT count(pg_drop_replication_slot(slot_name)) FROM pg_catalog.pg_replication_slots WHERE slot_name = %s",
        (name,),
    ).fetchone()
    # pg_drop_replication_slot answers void, which count() counts as a value.
    return bool(row and row[0])


def _lsn(text: str | None) -> int | None:
    return None if text is None else lsn_to_int(text)
