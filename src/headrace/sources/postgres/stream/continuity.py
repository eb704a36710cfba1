"""Whether the slot still has everything behind the stored position: a gap is an error, never silent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from headrace.errors import ConnectException, HeadraceError
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.offsets import Position
from headrace.systems.postgres import int_to_lsn, introspect, lsn_to_int
from headrace.systems.postgres.introspect import Conn
from headrace.systems.postgres.slots import SlotInfo

logger = logging.getLogger(__name__)


def gap(
    config: PostgresConfig, sql: Conn, slot: SlotInfo | None, position: Position, stored: Mapping[str, Any]
) -> HeadraceError | None:
    """Why the log between the stored position and what the slot can give is lost; None when nothing is.

    The slot is only ever confirmed at a committed offset: it stands beyond the stored one if somebody else moved it."""
    name: str = config["slot.name"]
    remedy = (
        "Changes may be lost. Remove the connector's offsets for a new snapshot, or set snapshot.mode to when_needed, which takes"
        " one by itself."
    )
    if slot is None:
        return ConnectException(
            f"Replication slot {name} does not exist, though offsets are stored up to {_shown(stored)}.",
            code="PG_SLOT_MISSING",
            field="slot.name",
            remedy=remedy,
        )
    if slot.lost:
        return ConnectException(
            f"Replication slot {slot.name} is lost ({slot.invalidation_reason or slot.wal_status}): the server has removed log it"
            " needs.",
            code="PG_SLOT_LOST",
            field="slot.name",
            remedy=remedy + " Drop the slot first.",
        )
    bound = position.commit_lsn or position.lsn
    end = lsn_to_int(introspect.current_lsn(sql))
    if bound > end:
        return ConnectException(
            f"The stored position {int_to_lsn(bound)} lies behind the end of the server's log, {int_to_lsn(end)}: another server, or"
            " one restored to an earlier state.",
            code="PG_POSITION_AHEAD",
            field="database.hostname",
            remedy=remedy,
        )
    confirmed = slot.confirmed_flush_lsn or 0
    if confirmed <= bound:
        return None
    strategy = config.word("offset.mismatch.strategy")
    if strategy in ("trust_slot", "trust_greater_lsn"):
        logger.warning(
            "Slot %s stands at %s, ahead of the stored position %s; going on from the slot because offset.mismatch.strategy is %s.",
            slot.name,
            int_to_lsn(confirmed),
            int_to_lsn(bound),
            strategy,
        )
        return None
    return ConnectException(
        f"Replication slot {slot.name} stands at {int_to_lsn(confirmed)}, ahead of the stored position {int_to_lsn(bound)}: it was"
        " dropped and made again, or read by somebody else.",
        code="PG_SLOT_BEHIND_POSITION",
        field="slot.name",
        remedy=remedy + " offset.mismatch.strategy=trust_slot accepts the gap.",
    )


def _shown(stored: Mapping[str, Any]) -> str:
    lsn = stored.get("lsn_commit") or stored.get("lsn")
    return int_to_lsn(lsn) if isinstance(lsn, int) else str(lsn)
