"""Opens a snapshot of given tables at a known position of the log.

A blocking snapshot, asked for while the stream runs, goes: stop the stream; `open_snapshot`; hand on what `poll` gives until it
gives None; go on from `snapshot.lsn` or from where the stream stood, as the caller wants it: the rows are exactly those of the
transactions that committed before `snapshot.lsn`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headrace.sources.postgres.snapshot import Snapshot, SnapshotCounts
from headrace.sources.postgres.snapshot_plan import plan_snapshot, snapshot_xid
from headrace.systems.postgres import quote_literal
from headrace.systems.postgres.introspect import TableInfo
from headrace.systems.postgres.publications import published_columns

if TYPE_CHECKING:
    from headrace.sources.postgres.session import PgSession


def open_snapshot(
    session: PgSession,
    tables: Sequence[TableInfo],
    counts: SnapshotCounts,
    *,
    queries: Mapping[str, str] | None = None,
    offset: Mapping[str, Any] | None = None,
    final_offset: Mapping[str, Any] | None = None,
) -> Snapshot:
    """A snapshot of `tables` under a new exported snapshot of the server. `queries`: a SELECT by `schema.table` in place of the whole
    table, None for those of snapshot.select.statement.overrides. `offset`: what all records carry but the last, `final_offset` what
    the last carries; None for those of an initial snapshot. Close it, and `session.connections.close_snapshot()`, when done.

    Raises what the server and its driver raise."""
    name = f"{session.slot_name[:50]}_snapshot"
    replication = session.connections.open_replication()
    try:
        made = replication.create_slot(name, temporary=True, snapshot="export")
        sql = session.connections.open_snapshot()
        sql.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        sql.execute(f"SET TRANSACTION SNAPSHOT {quote_literal(made.snapshot_name or '')}")
        xid = snapshot_xid(sql)
    finally:
        replication.close()
    config = session.config
    sent = published_columns(sql, config["publication.name"])
    planned = plan_snapshot(
        sql, config, tables, via_root=config["publish.via.partition.root"], sent=sent, queries=queries
    )
    snapshot = Snapshot(
        sql,
        session.target,
        planned,
        session.codecs.of,
        session.codecs.refresh_enum,
        session.maker,
        made.consistent_lsn,
        xid,
        counts,
        config.rules().on_failure,
    )
    if offset is not None:
        snapshot.offset = offset
    if final_offset is not None:
        snapshot.final_offset = final_offset
    return snapshot
