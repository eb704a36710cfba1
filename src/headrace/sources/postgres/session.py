"""PgSession: one run of the source on its connections: decide between snapshot and stream, join them, keep the slot.

A run ends with its first connection error; the task then makes a new one from where the last left off.

How snapshot and stream join: a new slot exports the snapshot of its starting point. Where the slot is older than the snapshot, a
temporary slot gives both, and the stream of the old slot is taken up at the temporary one's point: in either case the rows read
are exactly those committed before the position the stream begins at.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from headrace.cdc.envelope import context_headers
from headrace.cdc.filters import compile_patterns
from headrace.cdc.topics import ADJUSTERS
from headrace.data import Header
from headrace.errors import ConnectException, HeadraceError
from headrace.native import pgoutput
from headrace.sources.postgres import preflight
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.events import SOURCE_SCHEMA, RecordMaker, SourceBlock
from headrace.sources.postgres.failures import raise_as_ours
from headrace.sources.postgres.offsets import Position
from headrace.sources.postgres.registry import TypeRegistry
from headrace.sources.postgres.shapes import Catalog, TableShape
from headrace.sources.postgres.snapshot import Snapshot, SnapshotCounts, SnapshotTable
from headrace.sources.postgres.stream import StreamDecoder
from headrace.sources.postgres.tables import TableCodec, TableOptions
from headrace.systems.postgres import (
    PgTarget,
    ReplicationConnection,
    connect,
    int_to_lsn,
    introspect,
    lsn_to_int,
    map_error,
    quote_literal,
    quote_table,
    slots,
)
from headrace.systems.postgres.introspect import Conn, TableInfo
from headrace.systems.postgres.publications import PublicationInfo
from headrace.systems.postgres.slots import SlotInfo

logger = logging.getLogger(__name__)


class StreamStart(NamedTuple):
    """Where streaming begins: `lsn` for the server, `position` for what to skip, `offset` as the last one handed out."""

    lsn: int
    position: Position
    offset: Mapping[str, Any]


class PgSession:
    """`headers`: shared by all data records of the task's life."""

    def __init__(self, config: PostgresConfig, target: PgTarget, headers: tuple[Header, ...] | None = None) -> None:
        self.config = config
        self.target = target
        self.slot_name: str = config["slot.name"]
        self.capture = preflight.Capture(config)
        prefix = config["topic.prefix"]
        if headers is None:
            headers = context_headers(prefix, "postgresql") if config["extended.headers.enabled"] else ()
        self.headers = headers
        self.block = SourceBlock(prefix, target.dbname)
        modes = config.modes()
        self.maker = RecordMaker(
            self.block,
            config.topics(),
            headers,
            tombstones=config["tombstones.on.delete"],
            encode_binary=None if modes.binary == "bytes" else modes.encode_binary,
        )
        self._sql: Conn | None = None
        self._snapshot_sql: Conn | None = None
        self.replication: ReplicationConnection | None = None
        self._publication: PublicationInfo | None = None
        self._codecs: dict[TableShape, TableCodec] = {}
        self._registry: TypeRegistry | None = None
        self._options: TableOptions | None = None
        self.captured: list[str] = []
        self.sender_timeout_s = 60.0
        self.wait: Callable[[float], object] = time.sleep
        """Waits that many seconds; the task puts one here that a stop ends."""

    # Connections -------------------------------------------------------------------------------------------------

    def connect(self) -> Conn:
        """A SQL connection with database.initial.statements and query timeout applied."""
        connection = connect(self.target)
        try:
            connection.execute(f"SET statement_timeout = {int(self.config['database.query.timeout.ms'])}")
            for statement in self.config.initial_statements():
                connection.execute(statement)
        except Exception as error:
            connection.close()
            raise map_error(error, self.target) from error
        return connection

    @property
    def sql(self) -> Conn:
        """The connection for catalogs."""
        if self._sql is None:
            self._sql = self.connect()
        return self._sql

    def close(self) -> None:
        """Close all connections; a running stream or snapshot ends."""
        for connection in (self.replication, self._snapshot_sql, self._sql):
            if connection is not None:
                connection.close()
        self.replication = self._snapshot_sql = self._sql = None

    # Start -------------------------------------------------------------------------------------------------------

    def open(
        self, stored: Mapping[str, Any] | None, counts: SnapshotCounts, *, resuming: bool = False
    ) -> Snapshot | StreamStart | None:
        """Check, prepare publication and slot, and answer what comes first: a snapshot, the stream, or nothing (None, after
        initial_only). `resuming`: not the task's first session. Raises the product's errors."""
        try:
            return self._open(stored, counts, resuming)
        except Exception as error:
            raise_as_ours(error, self.target)

    def _open(
        self, stored: Mapping[str, Any] | None, counts: SnapshotCounts, resuming: bool
    ) -> Snapshot | StreamStart | None:
        sql = self.sql
        for problem in preflight.server_problems(sql):
            raise problem
        mode = self.config.word("snapshot.mode")
        self.sender_timeout_s = _milliseconds(introspect.setting(sql, "wal_sender_timeout")) / 1000
        tables = self.capture.tables(sql)
        preflight.guard_count(self.config, tables)
        self.captured = [f"{table.name.schema}.{table.name.table}" for table in tables]
        preflight.set_identities(self.config, sql, tables)
        position = Position.of(stored) if stored else None
        finished = position is not None and not position.snapshot_running
        if mode == "initial_only":
            if finished:
                counts.skipped = True
                return None
            return self._snapshot_alone(counts)
        self._publication = preflight.ensure_publication(self.config, sql, self.capture)
        slot = slots.slot(sql, self.slot_name)
        unusable = preflight.slot_problem(sql, slot, self.target.dbname, "")
        if unusable is not None:
            raise unusable
        if slot is not None and slot.lost and mode == "when_needed":
            logger.warning("Replication slot %s is lost; it is made anew, with a new snapshot.", slot.name)
            slots.drop_slot(sql, slot.name)
            slot, finished = None, False
        if finished and stored is not None and position is not None and (resuming or mode != "always"):
            gap = self._gap(slot, position, stored)
            if gap is None:
                counts.skipped = True
                return self._resume(slot, position, stored)
            if mode != "when_needed" or resuming:
                raise gap
            logger.warning("%s A new snapshot is taken.", gap)
        if mode == "no_data":
            counts.skipped = True
            return self._without_snapshot(slot)
        return self._snapshot_joined(slot, counts)

    def _gap(self, slot: SlotInfo | None, position: Position, stored: Mapping[str, Any]) -> HeadraceError | None:
        """Why the log between the stored position and what the slot can give is lost; None when nothing is."""
        remedy = (
            "Changes may be lost. Remove the connector's offsets for a new snapshot, or set snapshot.mode to when_needed, which takes"
            " one by itself."
        )
        if slot is None:
            return ConnectException(
                f"Replication slot {self.slot_name} does not exist, though offsets are stored up to {_shown(stored)}.",
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
        end = lsn_to_int(introspect.current_lsn(self.sql))
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
        strategy = self.config.word("offset.mismatch.strategy")
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

    def _resume(self, slot: SlotInfo | None, position: Position, stored: Mapping[str, Any]) -> StreamStart:
        start = position.commit_lsn
        confirmed = (slot.confirmed_flush_lsn or 0) if slot is not None else 0
        if self.config.word("offset.mismatch.strategy") == "trust_slot" and 0 < confirmed < start:
            logger.warning(
                "Going back to the slot's position %s, as offset.mismatch.strategy asks.", int_to_lsn(confirmed)
            )
            return StreamStart(confirmed, Position(confirmed), stored)
        return StreamStart(start, position, stored)

    def _without_snapshot(self, slot: SlotInfo | None) -> StreamStart:
        if slot is None:
            with self._replication() as replication:
                made = replication.create_slot(self.slot_name, failover=self.config["slot.failover"])
            logger.info("Created replication slot %s at %s.", made.name, int_to_lsn(made.consistent_lsn))
            start = made.consistent_lsn
        else:
            start = slot.confirmed_flush_lsn or 0
        return StreamStart(start, Position(start), {})

    def _replication(self) -> ReplicationConnection:
        timeout = float(self.config["create.slot.command.timeout"])
        return ReplicationConnection(self.target, command_timeout_s=max(timeout, 1.0))

    # Snapshot ----------------------------------------------------------------------------------------------------

    def _snapshot_joined(self, slot: SlotInfo | None, counts: SnapshotCounts) -> Snapshot:
        self._wait(self.config["snapshot.delay.ms"])
        replication = self._replication()
        try:
            if slot is None:
                made = replication.create_slot(self.slot_name, failover=self.config["slot.failover"], snapshot="export")
                logger.info("Created replication slot %s at %s.", made.name, int_to_lsn(made.consistent_lsn))
            else:
                name = f"{self.slot_name[:50]}_snapshot"
                made = replication.create_slot(name, temporary=True, snapshot="export")
            sql = self.connect()
            self._snapshot_sql = sql
            sql.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            sql.execute(f"SET TRANSACTION SNAPSHOT {quote_literal(made.snapshot_name or '')}")
            # One query inside the transaction pins the snapshot: then the exporting connection may go.
            xid = _snapshot_xid(sql)
        finally:
            replication.close()
        return self._snapshot(sql, made.consistent_lsn, xid, counts)

    def _snapshot_alone(self, counts: SnapshotCounts) -> Snapshot:
        """For initial_only: no stream follows, so nothing has to join."""
        self._wait(self.config["snapshot.delay.ms"])
        sql = self._snapshot_sql = self.connect()
        sql.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        lsn = lsn_to_int(introspect.current_lsn(sql))
        return self._snapshot(sql, lsn, _snapshot_xid(sql), counts)

    def _snapshot(self, sql: Conn, lsn: int, xid: int | None, counts: SnapshotCounts) -> Snapshot:
        sql.execute("SET LOCAL statement_timeout = 0")
        sql.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        chosen = self._snapshot_order(self._readable(self.capture.tables(sql)))
        if self.config.word("snapshot.locking.mode") == "shared" and chosen:
            sql.execute(f"SET LOCAL lock_timeout = {int(self.config['snapshot.lock.timeout.ms'])}")
            names = ", ".join(quote_table(*table.name) for table in chosen)
            sql.execute(f"LOCK TABLE {names} IN ACCESS SHARE MODE")
        shapes = Catalog(sql, comments=self.config["include.schema.comments"]).shapes(chosen)
        overrides = self.config.select_overrides()
        tables = [
            SnapshotTable(shape, overrides.get(shape.name), only=table.kind == "r")
            for shape, table in zip(shapes, chosen, strict=True)
        ]
        logger.info("Snapshot of %d tables at %s.", len(tables), int_to_lsn(lsn))
        return Snapshot(
            sql,
            self.target,
            tables,
            self.codec,
            self.refresh_enum,
            self.maker,
            lsn,
            xid,
            counts,
            self.config.rules().on_failure,
        )

    def _readable(self, tables: Sequence[TableInfo]) -> list[TableInfo]:
        """Each row once, under the table the stream will report it for: the root when the publication says so, else its
        partitions; a root whose partitions are not captured is read itself."""
        via_root = self._publication.via_root if self._publication else self.config["publish.via.partition.root"]
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

    def _snapshot_order(self, tables: Sequence[TableInfo]) -> list[TableInfo]:
        key = "snapshot.include.collection.list"
        patterns = compile_patterns(key, self.config.text(key))
        ordered = list(tables)
        if patterns:
            found = [next((i for i, p in enumerate(patterns) if p.fullmatch(_name(t))), -1) for t in ordered]
            ordered = [table for _, table in sorted(zip(found, ordered, strict=True), key=lambda p: p[0]) if _ >= 0]
        order = self.config.word("snapshot.tables.order.by.row.count")
        if order != "disabled":
            ordered.sort(key=lambda table: table.estimated_rows, reverse=order == "descending")
        return ordered

    def end_snapshot(self) -> None:
        """The snapshot was read to its end."""
        if self._snapshot_sql is not None:
            self._snapshot_sql.close()
            self._snapshot_sql = None

    def after_snapshot(self, snapshot: Snapshot) -> StreamStart:
        """Where the stream goes on behind a snapshot."""
        self._wait(self.config["streaming.delay.ms"])
        position = Position.of(snapshot.final_offset)
        return StreamStart(position.commit_lsn, position, snapshot.final_offset)

    def _wait(self, milliseconds: int) -> None:
        if milliseconds:
            self.wait(milliseconds / 1000)

    # Stream ------------------------------------------------------------------------------------------------------

    def stream(self, start: StreamStart) -> StreamDecoder:
        """Begin streaming; PG_SLOT_IN_USE while another process reads the slot."""
        replication = self._replication()
        options = {"proto_version": "1", "publication_names": _identifier_list([self.config["publication.name"]])}
        if replication.server_version >= 140000:
            options["messages"] = "true"
        options.update(self.config.stream_options())
        try:
            replication.start_replication(self.slot_name, start.lsn, options)
        except BaseException:
            replication.close()
            raise
        self.replication = replication
        logger.info("Streaming from slot %s at %s.", self.slot_name, int_to_lsn(start.lsn))
        catalog = Catalog(self.sql, comments=self.config["include.schema.comments"])

        def open_table(relation: pgoutput.Relation) -> TableCodec | None:
            if not self.capture(relation.schema, relation.table):
                return None
            try:
                return self.codec(catalog.of_relation(relation))
            except Exception as error:
                raise_as_ours(error, self.target)

        return StreamDecoder(
            self.maker,
            self.config.rules(),
            start.position,
            start.lsn,
            start.offset,
            open_table,
            self.refresh_enum,
        )

    # Tables ------------------------------------------------------------------------------------------------------

    def codec(self, shape: TableShape) -> TableCodec:
        """The codec of a shape; an equal shape has the same codec, so that schemas stay the same objects."""
        found = self._codecs.get(shape)
        if found is None:
            found = self._codecs[shape] = TableCodec(shape, self._types(), self._table_options())
        return found

    def refresh_enum(self, oid: int, open_ended: bool) -> None:
        """Read an enum's labels anew, or stop checking values against them."""
        self._types().forget(oid, open_ended=open_ended)
        self._codecs.clear()

    def _types(self) -> TypeRegistry:
        if self._registry is None:
            self._registry = TypeRegistry(lambda oids: introspect.types(self.sql, oids))
        return self._registry

    def _table_options(self) -> TableOptions:
        if self._options is None:
            config = self.config
            self._options = TableOptions(
                config.modes(),
                config.topics(),
                SOURCE_SCHEMA,
                self.headers,
                config.filter("column"),
                config.masks(),
                config.message_keys(),
                config.propagated(),
                ADJUSTERS[config.word("schema.name.adjustment.mode")],
                ADJUSTERS[config.word("field.name.adjustment.mode")],
                config.word("event.converting.failure.handling.mode"),
                self.target.dbname,
            )
        return self._options


def _name(table: TableInfo) -> str:
    return f"{table.name.schema}.{table.name.table}"


def _shown(stored: Mapping[str, Any]) -> str:
    lsn = stored.get("lsn_commit") or stored.get("lsn")
    return int_to_lsn(lsn) if isinstance(lsn, int) else str(lsn)


def _snapshot_xid(connection: Conn) -> int | None:
    row = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()
    return row[0] if row else None


def _identifier_list(names: Sequence[str]) -> str:
    return ",".join('"' + name.replace('"', '""') + '"' for name in names)


def _milliseconds(text: str | None) -> float:
    """A duration setting as the server shows it: `1min`, `60s`, `0`."""
    if not text:
        return 60_000.0
    digits = "".join(char for char in text if char.isdigit())
    unit = text[len(digits) :].strip()
    scale = {"": 1.0, "ms": 1.0, "s": 1000.0, "min": 60_000.0, "h": 3_600_000.0, "d": 86_400_000.0}
    return float(digits or 0) * scale.get(unit, 1.0)
