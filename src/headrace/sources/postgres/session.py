"""PgSession: one run of the source on its connections: decide between snapshot and stream, join them, keep the slot.

A run ends with its first connection error; the task then makes a new one from where the last left off.

How snapshot and stream join: a new slot exports the snapshot of its starting point. Where the slot is older than the snapshot, a
temporary slot gives both, and the stream of the old slot is taken up at the temporary one's point: in either case the rows read
are exactly those committed before the position the stream begins at. How a broken snapshot goes on is told in `snapshot`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from headrace.data import Header
from headrace.sources.postgres import preflight, publishing
from headrace.sources.postgres.codecs import Codecs, table_options
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.connections import Connections, sender_timeout_s
from headrace.sources.postgres.events import RecordMaker, SourceBlock
from headrace.sources.postgres.failures import raise_as_ours
from headrace.sources.postgres.offsets import Position
from headrace.sources.postgres.snapshot import factory as snapshot_factory
from headrace.sources.postgres.snapshot.modes import SnapshotMode
from headrace.sources.postgres.snapshot.snapshot import Snapshot, SnapshotCounts
from headrace.sources.postgres.stream import continuity
from headrace.sources.postgres.stream import factory as stream_factory
from headrace.sources.postgres.stream.slot_setup import create_slot, warn_of_failover
from headrace.sources.postgres.stream.stream import StreamDecoder
from headrace.sources.postgres.stream.transactions import TransactionMaker
from headrace.sources.postgres.tables import TableCodec
from headrace.sources.postgres.types.registry import TypeRegistry
from headrace.systems.postgres import (
    PgTarget,
    introspect,
    map_error,
    slots,
)
from headrace.systems.postgres.publications import PublicationInfo
from headrace.systems.postgres.slots import SlotInfo

logger = logging.getLogger(__name__)


class StreamStart(NamedTuple):
    """Where streaming begins: `lsn` for the server, `position` for what to skip, `offset` as the last one handed out."""

    lsn: int
    position: Position
    offset: Mapping[str, Any]


class SnapshotLaterError(Exception):
    """The snapshot's delay runs until the monotonic time `at`: open another session then."""

    def __init__(self, at: float) -> None:
        self.at = at


class PgSession:
    """`headers`: shared by all data records of the task's life."""

    def __init__(self, config: PostgresConfig, target: PgTarget, headers: tuple[Header, ...] = ()) -> None:
        self.config = config
        self.slot_name: str = config["slot.name"]
        self.mode = SnapshotMode.of(config)
        self.capture = preflight.Capture(config)
        prefix = config["topic.prefix"]
        self.headers = headers
        self.block = SourceBlock(prefix, target.dbname)
        modes = config.modes()
        make = TransactionMaker if config["provide.transaction.metadata"] else RecordMaker
        self.maker = make(
            self.block,
            config.topics(),
            headers,
            tombstones=config["tombstones.on.delete"],
            encode_binary=None if modes.binary == "bytes" else modes.encode_binary,
        )
        self.connections = Connections(config, target)
        self._publication: PublicationInfo | None = None
        self.captured: list[str] = []
        self.sender_timeout_s = 60.0
        self.snapshot_at: float | None = None
        """The monotonic time from when on a snapshot may be taken; the task carries it from session to session."""
        self.texts_only = False
        """slot.stream.binary cannot be had."""
        self.stream_class: Callable[[type[StreamDecoder]], type[StreamDecoder]] = lambda plain: plain
        """What streams are made of: given the class that the settings ask for."""

    @property
    def target(self) -> PgTarget:
        """The server of this run, once it is chosen."""
        return self.connections.target

    @cached_property
    def codecs(self) -> Codecs:
        """Of the captured tables."""
        types = TypeRegistry(lambda oids: introspect.types(self.connections.sql, oids))
        return Codecs(types, table_options(self.config, self.headers, self.target.dbname))

    # Start -------------------------------------------------------------------------------------------------------

    def open(
        self, stored: Mapping[str, Any] | None, counts: SnapshotCounts, *, resuming: bool = False
    ) -> Snapshot | StreamStart | None:
        """Check, prepare publication and slot, and answer what comes first: a snapshot, the stream, or nothing (None, after
        initial_only). `resuming`: not the task's first session. Raises the product's errors, and SnapshotLaterError."""
        try:
            return self._open(stored, counts, resuming)
        except Exception as error:
            raise_as_ours(error, self.target)

    def _open(
        self, stored: Mapping[str, Any] | None, counts: SnapshotCounts, resuming: bool
    ) -> Snapshot | StreamStart | None:
        sql = self.connections.sql
        for problem in preflight.server_problems(sql):
            raise problem
        mode = self.mode
        self.sender_timeout_s = sender_timeout_s(sql)
        tables = self.capture.tables(sql)
        preflight.guard_count(self.config, tables)
        self.captured = [f"{table.name.schema}.{table.name.table}" for table in tables]
        position = Position.of(stored) if stored else None
        slot = self._usable_slot(sql) if mode.stream else None
        given_up = slot is not None and slot.lost and mode.on_loss
        finished = position is not None and not position.snapshot_running and not given_up
        going_on = finished and (resuming or not mode.again)
        lost = None
        if mode.stream and going_on and position is not None and stored is not None:
            lost = continuity.gap(self.config, sql, slot, position, stored)
            if lost is not None and (resuming or not mode.on_loss):
                raise lost
        # Up to here nothing is changed: it may be the wrong server.
        preflight.set_identities(self.config, sql, tables)
        if not mode.stream:
            if not mode.first or going_on:
                counts.skipped = True
                return None
            self._delay_snapshot()
            return snapshot_factory.lone_snapshot(self, counts)
        self._publication = publishing.ensure_publication(self.config, sql, self.capture)
        publishing.warn_of_operations(self.config, self._publication)
        if given_up:
            logger.warning("Replication slot %s is lost; it is made anew, with a new snapshot.", self.slot_name)
            slots.drop_slot(sql, self.slot_name)
            slot = stored = None
        if going_on and position is not None and stored is not None:
            if lost is None:
                counts.skipped = True
                return self._resume(slot, position, stored)
            logger.warning("%s A new snapshot is taken.", lost)
        elif not mode.first:
            counts.skipped = True
            return self._without_snapshot(slot)
        self._delay_snapshot()
        return snapshot_factory.initial_snapshot(self, slot, stored, counts, self._publication)

    def _usable_slot(self, sql: introspect.Conn) -> SlotInfo | None:
        slot = slots.slot(sql, self.slot_name)
        unusable = preflight.slot_problem(sql, slot, self.target.dbname, "")
        if unusable is not None:
            raise unusable
        return slot

    def _resume(self, slot: SlotInfo | None, position: Position, stored: Mapping[str, Any]) -> StreamStart:
        warn_of_failover(self.config, slot)
        return StreamStart(position.commit_lsn, position, stored)

    def _without_snapshot(self, slot: SlotInfo | None) -> StreamStart:
        if slot is None:
            with self.connections.open_replication() as replication:
                made = create_slot(self.config, self.connections.sql, replication, "nothing")
            start = made.consistent_lsn
        else:
            start = slot.confirmed_flush_lsn or 0
        return StreamStart(start, Position(start), {})

    # Snapshot ----------------------------------------------------------------------------------------------------

    def after_snapshot(self, snapshot: Snapshot) -> StreamStart:
        """Where the stream goes on behind a snapshot."""
        position = Position.of(snapshot.final_offset)
        return StreamStart(position.commit_lsn, position, snapshot.final_offset)

    def _delay_snapshot(self) -> None:
        delay_s = self.config["snapshot.delay.ms"] / 1000
        if not delay_s:
            return
        if self.snapshot_at is None:
            logger.info("The snapshot begins in %g s (snapshot.delay.ms).", delay_s)
            self.snapshot_at = time.monotonic() + delay_s
        if time.monotonic() < self.snapshot_at:
            raise SnapshotLaterError(self.snapshot_at)

    # Stream ------------------------------------------------------------------------------------------------------

    def stream(self, start: StreamStart, adapt: Callable[[TableCodec], TableCodec] | None = None) -> StreamDecoder:
        """Begin streaming; PG_SLOT_IN_USE while another process reads the slot. `adapt` may put another codec in a table's place."""
        return stream_factory.open_stream(self, start, adapt)

    def drop_slot(self) -> None:
        """Drop the slot once its stream has ended, for slot.drop.on.stop; a failure is logged. Closes all connections."""
        deadline = time.monotonic() + 5.0
        while True:
            try:
                slots.drop_slot(self.connections.sql, self.slot_name)
                break
            except Exception as error:
                mapped = map_error(error, self.target)
                if mapped.code != "PG_SLOT_IN_USE" or time.monotonic() > deadline:
                    logger.error("slot.drop.on.stop: %s", mapped)
                    break
                time.sleep(0.05)
        self.connections.close()
