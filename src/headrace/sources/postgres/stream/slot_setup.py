"""Makes the connector's slot, as a failover slot where that is asked for and possible. Source: PostgreSQL manual, "Logical Replication
Failover"."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from headrace.errors import HeadraceError, RetriableException
from headrace.sources.postgres.config import PostgresConfig
from headrace.systems.postgres import ReplicationConnection, SlotCreated, int_to_lsn, introspect, slots
from headrace.systems.postgres.introspect import Conn
from headrace.systems.postgres.slots import SlotInfo

logger = logging.getLogger(__name__)

_FAILOVER_SINCE = 170000


def create_slot(
    config: PostgresConfig, sql: Conn, replication: ReplicationConnection, snapshot: Literal["export", "nothing"]
) -> SlotCreated:
    """Make the slot. slot.failover is left, with a warning, on servers that have no such slots, as Debezium leaves it.

    RetriableException PG_SLOT_WAITS when transactions that write keep the server from making it."""
    failover = config["slot.failover"]
    if failover and (replication.server_version < _FAILOVER_SINCE or introspect.in_recovery(sql)):
        logger.warning("slot.failover is left: only a primary of version 17 or newer makes failover slots.")
        failover = False
    with _waiting(config, sql, replication):
        made = replication.create_slot(config["slot.name"], failover=failover, snapshot=snapshot)
    logger.info("Created replication slot %s at %s.", made.name, int_to_lsn(made.consistent_lsn))
    return made


def create_temporary_slot(config: PostgresConfig, sql: Conn, replication: ReplicationConnection) -> SlotCreated:
    """A slot that lives as long as its connection, with its snapshot; raises as `create_slot`."""
    # The server goes on making one that nobody waits for any more, so each has a name of its own.
    name = f"{config['slot.name'][:41]}_snapshot_{secrets.token_hex(6)}"
    with _waiting(config, sql, replication):
        return replication.create_slot(name, temporary=True, snapshot="export")


@contextmanager
def _waiting(config: PostgresConfig, sql: Conn, replication: ReplicationConnection) -> Iterator[None]:
    try:
        yield
    except HeadraceError as error:
        if error.code != "PG_TIMEOUT":
            raise
        # The server goes on making the slot, and holds it, until it is told to stop.
        slots.end_backend(sql, replication.backend_pid)
        raise _waits(config, sql) from error


def _waits(config: PostgresConfig, sql: Conn) -> RetriableException:
    blocker = slots.oldest_writer(sql)
    waits = f"it waits for {blocker}" if blocker else "it waits for transactions that write"
    return RetriableException(
        f"Replication slot {config['slot.name']} was not made within {config['create.slot.command.timeout']} s: {waits}.",
        code="PG_SLOT_WAITS",
        field="create.slot.command.timeout",
        remedy="End transactions that have been open for long, or raise create.slot.command.timeout.",
    )


def warn_of_failover(config: PostgresConfig, slot: SlotInfo | None) -> None:
    """Tell of a slot that is there but is not kept by standbys, though slot.failover asks for it."""
    if slot is not None and config["slot.failover"] and not slot.failover:
        logger.warning(
            "Replication slot %s is no failover slot, so standbys do not keep it, though slot.failover is set. On servers from 17"
            " ALTER_REPLICATION_SLOT makes it one; else drop it and take a new snapshot.",
            slot.name,
        )
