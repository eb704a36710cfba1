"""Opens snapshots, and decides what of an earlier one still counts.

A blocking snapshot, asked for while the stream runs, goes: `open_snapshot`; read the stream up to the snapshot's `lsn`; hand on what `poll`
gives until it gives None; go on with the stream. The rows are exactly those of the transactions that committed before `lsn`.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.offsets import Position, reached_offset, snapshot_offset
from headrace.sources.postgres.signals.snapshot_signals import HeldSignals
from headrace.sources.postgres.snapshot.catch_up import CatchUp
from headrace.sources.postgres.snapshot.chunks import ChunkPlanner
from headrace.sources.postgres.snapshot.copied import Copies
from headrace.sources.postgres.snapshot.export import Exported, closed_on_failure, export_snapshot
from headrace.sources.postgres.snapshot.plan import plan_snapshot
from headrace.sources.postgres.snapshot.progress import Progress, table_id
from headrace.sources.postgres.snapshot.snapshot import Snapshot, SnapshotCounts, SnapshotTable, present_row
from headrace.sources.postgres.stream import continuity
from headrace.sources.postgres.tables import TableCodec
from headrace.systems.postgres import int_to_lsn
from headrace.systems.postgres.introspect import Conn, TableInfo
from headrace.systems.postgres.publications import PublicationInfo, published_columns
from headrace.systems.postgres.slots import SlotInfo

if TYPE_CHECKING:
    from headrace.sources.postgres.session import PgSession, StreamStart

logger = logging.getLogger(__name__)

_MULTIPLIER: Final = "snapshot.max.threads.multiplier"
_SHAPING: Final = (
    *("column.", "datatype.", "message.key", "topic.", "schema.name.", "field.name.", "include.", "table.ignore"),
    *("decimal.", "time.precision", "binary.", "hstore.", "interval.", "money.", "unavailable.", "extended.headers"),
    *("snapshot.include", "snapshot.select", "publish.via", "converters", "post.processors", "database.initial"),
)
"""Settings that say what is read and how it looks: under others, what has been read would have to be read anew."""


def initial_snapshot(
    session: PgSession,
    slot: SlotInfo | None,
    stored: Mapping[str, Any] | None,
    counts: SnapshotCounts,
    publication: PublicationInfo,
) -> Snapshot:
    """The snapshot that a stream goes on from, at its `lsn`: a new one, or what was left to do of one that broke."""
    config = session.config
    progress = _progress_of(session, slot, stored)
    if progress is not None and progress.shape not in ("", _shape(config)):
        logger.warning("The settings of the snapshot have changed since it was begun: all tables are read anew.")
        progress.done, progress.oids, progress.partial = [], [], {}
    exported = export_snapshot(session, slot)
    with closed_on_failure(exported):
        return _initial(session, stored, counts, publication, progress, exported)


def _initial(
    session: PgSession,
    stored: Mapping[str, Any] | None,
    counts: SnapshotCounts,
    publication: PublicationInfo,
    progress: Progress | None,
    exported: Exported,
) -> Snapshot:
    config, sql = session.config, session.connections.sql
    tables = _planned(session, exported.sql, publication)
    at = reached_offset(exported.lsn, exported.xid, 0).as_dict()
    if progress is None:
        logger.info("Snapshot of %d tables at %s.", len(tables), int_to_lsn(exported.lsn))
        return _snapshot(session, exported, tables, counts, Progress(at, _shape(config)))
    for name in progress.forget_replaced({table.id: table.oid for table in tables}):
        logger.warning("Table %s was dropped and made again since it was read: it is read anew.", name)
    left = [table for table in tables if table.id not in progress.done]
    followed = _followed(sql, config, publication)
    for name in [name for name in progress.partial if name not in followed]:
        del progress.partial[name]
    logger.info(
        "The snapshot goes on at %s: %d tables are read, %d in part, %d not yet.",
        int_to_lsn(exported.lsn),
        len(progress.done),
        len(progress.partial),
        len(left) - len(progress.partial),
    )
    before = CatchUp(
        session,
        _start(progress.stream),
        exported.lsn,
        [table.id for table in left if table.id not in progress.partial],
        progress.partial,
        _row_then(exported.sql),
        snapshot_offset(exported.lsn, exported.xid, 0, last=False),
        progress.mark(),
        HeldSignals(stored or {}),
    )
    progress.stream, progress.shape = at, _shape(config)
    return _snapshot(session, exported, left, counts, progress, before)


def lone_snapshot(session: PgSession, counts: SnapshotCounts) -> Snapshot:
    """A snapshot that no stream follows, of the state at its beginning. One that broke is taken anew, for nothing could bring what was
    read up to date."""
    exported = export_snapshot(session, None, alone=True)
    with closed_on_failure(exported):
        tables = _planned(session, exported.sql, None)
        logger.info("Snapshot of %d tables at %s.", len(tables), int_to_lsn(exported.lsn))
        return _snapshot(session, exported, tables, counts, Progress({}))


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
    the last carries; None for those of an initial snapshot. Both may be set anew between two polls. Close it, and `session.connections.close_snapshot()`, when done.

    Raises what the server and its driver raise."""
    exported = export_snapshot(session, None, temporary=True)
    config = session.config
    with closed_on_failure(exported):
        planned = plan_snapshot(
            exported.sql,
            config,
            tables,
            via_root=config["publish.via.partition.root"],
            sent=published_columns(exported.sql, config["publication.name"]),
            queries=queries,
        )
        return _snapshot(session, exported, planned, counts, Progress({}), None, offset, final_offset)


# What of an earlier snapshot counts -----------------------------------------------------------------------------------


def _progress_of(session: PgSession, slot: SlotInfo | None, stored: Mapping[str, Any] | None) -> Progress | None:
    """How far an unfinished snapshot was; None when it cannot go on, for the slot no longer has what has changed since."""
    if stored is None or not Position.of(stored).snapshot_running:
        return None
    progress = Progress.of(stored)
    if progress is None:
        # Debezium's: nothing counts as read, but rows were handed out, whose deletions the target must learn of.
        progress = Progress(reached_offset(Position.of(stored).commit_lsn, None, 0).as_dict())
    if slot is None:
        logger.warning("Replication slot %s is gone: the unfinished snapshot is taken anew.", session.slot_name)
        return None
    lost = continuity.gap(
        session.config, session.connections.sql, slot, _start(progress.stream).position, progress.stream
    )
    if lost is None:
        return progress
    if slot.lost:
        raise lost
    logger.warning("The unfinished snapshot is taken anew. %s", lost)
    return None


def _start(stream: Mapping[str, Any]) -> StreamStart:
    from headrace.sources.postgres.session import StreamStart

    position = Position.of(stream)
    return StreamStart(position.commit_lsn, position, stream)


def _shape(config: PostgresConfig) -> str:
    relevant = sorted(item for item in config.raw.items() if item[0].startswith(_SHAPING))
    return hashlib.sha256(repr(relevant).encode()).hexdigest()[:16]


def _followed(sql: Conn, config: PostgresConfig, publication: PublicationInfo) -> frozenset[str]:
    """The tables all of whose inserts and updates reach the stream, by `table_id`."""
    if config.rules().skipped & {"c", "u"} or not {"insert", "update"} <= publication.operations:
        return frozenset()
    columns = "rowfilter IS NULL" if sql.info.server_version >= 150_000 else "true"
    rows = sql.execute(
        f"SELECT p.schemaname, p.tablename FROM pg_catalog.pg_publication_tables p WHERE p.pubname = %s AND {columns}",
        (publication.name,),
    ).fetchall()
    return frozenset(table_id(*row) for row in rows)


def _row_then(sql: Conn) -> Callable[[TableCodec, Sequence[Any]], list[Any] | None]:
    def row_then(codec: TableCodec, texts: Sequence[Any]) -> list[Any] | None:
        # A failure must not end the transaction that has the snapshot.
        with sql.transaction():
            return present_row(sql, codec, texts)

    return row_then


# Together ------------------------------------------------------------------------------------------------------------


def _planned(session: PgSession, sql: Conn, publication: PublicationInfo | None) -> list[SnapshotTable]:
    via_root = publication.via_root if publication else session.config["publish.via.partition.root"]
    sent = published_columns(sql, publication.name) if publication else {}
    return plan_snapshot(sql, session.config, session.capture.snapshot_tables(sql), via_root=via_root, sent=sent)


def _snapshot(
    session: PgSession,
    exported: Exported,
    tables: Sequence[SnapshotTable],
    counts: SnapshotCounts,
    progress: Progress,
    before: CatchUp | None = None,
    offset: Mapping[str, Any] | None = None,
    final_offset: Mapping[str, Any] | None = None,
) -> Snapshot:
    config = session.config
    threads, whole = config["snapshot.max.threads"], config["legacy.snapshot.max.threads"]
    planner = ChunkPlanner(exported.sql, threads, _multiplier(config), progress, whole=whole)
    # Statements of the user's may change how the lanes' sessions write values.
    copies = Copies(exported.sql.info.server_version, plain=bool(config.initial_statements()))
    return Snapshot(
        exported.lanes,
        copies,
        planner,
        session.target,
        tables,
        session.codecs.of,
        session.codecs.refresh_enum,
        session.maker,
        exported.lsn,
        exported.xid,
        counts,
        progress,
        on_failure=config.rules().on_failure,
        before=before,
        offset=offset,
        final_offset=final_offset,
        # Debezium marks no first record where whole tables are read side by side.
        mark_first=not whole or threads == 1,
    )


def _multiplier(config: PostgresConfig) -> Callable[[str], int]:
    """Chunks for each thread, by `schema.table`; a key may name the database, too."""
    dbname = config["database.dbname"]

    def multiplier(table: str) -> int:
        for key in (f"{_MULTIPLIER}.{table}", f"{_MULTIPLIER}.{dbname}.{table}"):
            own = config.text(key)
            if own is not None and own.strip().isdigit() and int(own) > 0:
                return int(own)
            if own is not None:
                logger.warning("%s is %s, which is no positive number: %s holds.", key, own, _MULTIPLIER)
        return int(config[_MULTIPLIER])

    return multiplier
