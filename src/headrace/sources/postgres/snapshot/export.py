"""Exports a snapshot of the server, at a position of the log that is known, and opens the lanes that read under it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from headrace.sources.postgres.snapshot.lanes import Lanes
from headrace.sources.postgres.snapshot.plan import snapshot_xid, unlimited
from headrace.sources.postgres.stream.slot_setup import create_slot, create_temporary_slot
from headrace.systems.postgres import introspect, lsn_to_int, quote_literal
from headrace.systems.postgres.copying import CopySession
from headrace.systems.postgres.introspect import Conn
from headrace.systems.postgres.slots import SlotInfo

if TYPE_CHECKING:
    from headrace.sources.postgres.session import PgSession

_READ_BYTES: Final = 1 << 20


class Exported(NamedTuple):
    """An open snapshot of the server: its position, the transaction that asks the catalogs, the lanes that read."""

    lsn: int
    xid: int | None
    sql: Conn
    lanes: Lanes


def export_snapshot(
    session: PgSession, slot: SlotInfo | None, *, alone: bool = False, temporary: bool = False
) -> Exported:
    """Make the slot, or a temporary one beside it, and open its snapshot; `alone`: the present state, without a slot."""
    with _connecting(session) as opening:
        return _export(session, slot, opening, alone=alone, temporary=temporary)


def _export(
    session: PgSession,
    slot: SlotInfo | None,
    opening: _Opening,
    *,
    alone: bool,
    temporary: bool,
) -> Exported:
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    if alone:
        sql = opening.sql()
        sql.execute(begin)
        lsn = lsn_to_int(introspect.current_lsn(sql))
        row = sql.execute("SELECT pg_export_snapshot()").fetchone()
        name = row[0] if row else ""
        return Exported(lsn, snapshot_xid(sql), sql, _lanes(session, sql, name, opening.sessions()))
    replication = session.connections.exporting = session.connections.open_replication()
    try:
        if slot is None and not temporary:
            made = create_slot(session.config, session.connections.sql, replication, "export")
        else:
            made = create_temporary_slot(session.config, session.connections.sql, replication)
        name = made.snapshot_name or ""
        sql = opening.sql()
        sql.execute(f"{begin}; SET TRANSACTION SNAPSHOT {quote_literal(name)}")
        # The exporting connection may go when all have taken the snapshot over.
        return Exported(made.consistent_lsn, snapshot_xid(sql), sql, _lanes(session, sql, name, opening.sessions()))
    finally:
        session.connections.exporting = None
        replication.close()


@contextmanager
def closed_on_failure(exported: Exported) -> Iterator[None]:
    """Close the lanes when what is to read by them cannot be made: their transactions would hold the server's clean-up back."""
    try:
        yield
    except BaseException:
        exported.lanes.close()
        raise


class _Opening(NamedTuple):
    """What connects meanwhile; each waits until it has."""

    sql: Callable[[], Conn]
    sessions: Callable[[], list[CopySession]]


@contextmanager
def _connecting(session: PgSession) -> Iterator[_Opening]:
    """The snapshot's connection and the lanes' sessions connect side by side, while the body does something else. On a failure the
    sessions are closed; the connection is closed with all others."""
    threads: int = session.config["snapshot.max.threads"]
    with ThreadPoolExecutor(threads + 1, "headrace-snapshot-connect") as pool:
        sql = pool.submit(session.connections.open_snapshot)
        opening = [pool.submit(CopySession, session.target) for _ in range(threads)]
        try:
            yield _Opening(sql.result, lambda: [one.result() for one in opening])
        except BaseException:
            for one in opening:
                if not one.cancel() and one.exception() is None:
                    one.result().close()
            raise


def _lanes(session: PgSession, sql: Conn, snapshot: str, sessions: Sequence[CopySession]) -> Lanes:
    config = session.config
    begin = [
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        f"SET TRANSACTION SNAPSHOT {quote_literal(snapshot)}",
        *unlimited(sql.info.server_version),
    ]
    statements = ["SET row_security = off", *config.initial_statements(), "; ".join(begin)]
    for one in sessions:
        one.execute(statements)
    limit: int = config["max.queue.size.in.bytes"] or _READ_BYTES
    return Lanes(sessions, max(8192, min(_READ_BYTES, limit // len(sessions))))
