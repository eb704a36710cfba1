"""What a snapshot reads, and in which order; its transaction is made ready for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from headrace.cdc.filters import compile_patterns
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.shapes import Catalog
from headrace.sources.postgres.snapshot.chunks import SnapshotTable
from headrace.systems.postgres import quote_table
from headrace.systems.postgres.introspect import Conn, TableInfo, TableName

logger = logging.getLogger(__name__)


def plan_snapshot(
    sql: Conn,
    config: PostgresConfig,
    tables: Sequence[TableInfo],
    *,
    via_root: bool,
    sent: Mapping[TableName, frozenset[str]],
    queries: Mapping[str, str] | None = None,
) -> list[SnapshotTable]:
    """Of the captured tables those to read, in order. `sql`: in the transaction that has the snapshot; timeouts are lifted
    and locks taken in it. `via_root`: the stream reports partitions under the name of their root. `sent`: see `Catalog.shapes`: a
    column that no later change brings would grow old in the target. `queries`: a SELECT by `schema.table`, None for the configured ones."""
    sql.execute("; ".join(unlimited(sql.info.server_version)))
    chosen = _in_order(config, _readable(tables, via_root))
    if config.word("snapshot.locking.mode") == "shared" and chosen:
        sql.execute(f"SET LOCAL lock_timeout = {int(config['snapshot.lock.timeout.ms'])}")
        names = ", ".join(quote_table(*table.name) for table in chosen)
        sql.execute(f"LOCK TABLE {names} IN ACCESS SHARE MODE")
    shapes = Catalog(sql, comments=config["include.schema.comments"]).shapes(chosen, sent)
    overrides = config.select_overrides() if queries is None else queries
    return [
        SnapshotTable(shape, overrides.get(shape.name), only=table.kind == "r", oid=table.oid, kind=table.kind)
        for shape, table in zip(shapes, chosen, strict=True)
    ]


def unlimited(server_version: int) -> list[str]:
    """What lifts the timeouts of the open transaction."""
    names = ["statement_timeout", "idle_in_transaction_session_timeout"]
    if server_version >= 170_000:
        names.append("transaction_timeout")
    return [f"SET LOCAL {name} = 0" for name in names]


def snapshot_xid(connection: Conn) -> int | None:
    """The transaction id that the snapshot of the open transaction ends at."""
    row = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()
    return row[0] if row else None


def _readable(tables: Sequence[TableInfo], via_root: bool) -> list[TableInfo]:
    """Each row once, under the table the stream will report it for: the root when the publication says so, else its
    partitions; a root whose partitions are not captured is read itself."""
    roots = [table for table in tables if table.kind == "p"]
    if not roots:
        return list(tables)
    if via_root:
        return [table for table in tables if not table.is_partition]
    if any(table.is_partition and table.kind == "r" for table in tables):
        return [table for table in tables if table.kind != "p"]
    logger.warning(
        "Partitioned tables are captured, but not their partitions, whose names changes come under; set"
        " publish.via.partition.root or capture the partitions too."
    )
    return list(tables)


def _in_order(config: PostgresConfig, tables: Sequence[TableInfo]) -> list[TableInfo]:
    key = "snapshot.include.collection.list"
    patterns = compile_patterns(key, config.text(key))
    ordered = list(tables)
    if patterns:
        found = [next((i for i, p in enumerate(patterns) if p.fullmatch(_name(t))), -1) for t in ordered]
        ordered = [table for _, table in sorted(zip(found, ordered, strict=True), key=lambda p: p[0]) if _ >= 0]
    order = config.word("snapshot.tables.order.by.row.count")
    if order != "disabled":
        ordered.sort(key=lambda table: table.estimated_rows, reverse=order == "descending")
    return ordered


def _name(table: TableInfo) -> str:
    return f"{table.name.schema}.{table.name.table}"
