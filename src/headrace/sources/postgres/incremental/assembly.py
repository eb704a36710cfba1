"""Puts together what incremental snapshots are made of, for one session and its settings."""

from __future__ import annotations

from headrace.cdc.notifications import IncrementalNotices
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.incremental.chunks import ChunkReader, table_name
from headrace.sources.postgres.incremental.measures import ChunkCounts
from headrace.sources.postgres.incremental.snapshots import Emitter, IncrementalSnapshots
from headrace.sources.postgres.incremental.state import SnapshotState
from headrace.sources.postgres.incremental.tables import ChunkTables, NoSuchTableError, as_streamed, table_names
from headrace.sources.postgres.incremental.watermarks import LogPositions, SignalRows, Watermarks
from headrace.sources.postgres.session import PgSession


def closes_by_delete(config: PostgresConfig) -> bool:
    """Whether a window ends with the deletion of the row that opened it."""
    return config.word("incremental.snapshot.watermarking.strategy") == "insert_delete"


def incremental_snapshots(
    config: PostgresConfig,
    session: PgSession,
    state: SnapshotState,
    notices: IncrementalNotices,
    counts: ChunkCounts,
    emitter: Emitter,
) -> IncrementalSnapshots | None:
    """None where the settings leave nothing to mark windows with."""
    marks = _watermarks(config)
    if marks is None:
        return None
    tables = ChunkTables(
        session.codecs,
        captured=session.capture,
        comments=config["include.schema.comments"],
        publication=lambda: config["publication.name"],
    )
    size, on_failure = config["incremental.snapshot.chunk.size"], config.rules().on_failure

    def captured() -> list[str]:
        found = table_names(session.connections.sql)
        return [f"{name.schema}.{name.table}" for name in found if session.capture(*name)]

    def streamed(id: str) -> list[str]:
        try:
            name = table_name(id)
        except NoSuchTableError:
            return [id]
        found = as_streamed(session.connections.sql, config["publication.name"], name)
        return [f"{one.schema}.{one.table}" for one in found if session.capture(*one)] or [id]

    return IncrementalSnapshots(
        state,
        ChunkReader(tables, session.target, size, on_failure),
        marks,
        notices,
        counts,
        emitter,
        lambda: session.connections.sql,
        session.target,
        captured,
        streamed,
    )


def _watermarks(config: PostgresConfig) -> Watermarks | None:
    if config["read.only"]:
        return LogPositions()
    tables = config.signal_tables()
    return SignalRows(table_name(tables[0]), delete=closes_by_delete(config)) if tables else None
