"""Signalling: what stands beside the stream: channels, incremental and blocking snapshots, notifications.

Made only when one of their settings is on. It lives as long as the task; `attach` binds it to each stream anew.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.cdc.notifications import IncrementalNotices, InitialNotices, Notifier, TableNotices
from headrace.cdc.signals.channels import Channel, QueueChannel
from headrace.cdc.signals.payload import WINDOW_CLOSE, Signal, SignalRefused, SnapshotRequest
from headrace.cdc.signals.processor import SignalProcessor
from headrace.data import SourceRecord
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.events import Clock, Offset
from headrace.sources.postgres.incremental.assembly import closes_by_delete, incremental_snapshots
from headrace.sources.postgres.incremental.chunks import Row
from headrace.sources.postgres.incremental.measures import ChunkCounts
from headrace.sources.postgres.incremental.snapshots import IncrementalSnapshots, MoreKeys
from headrace.sources.postgres.incremental.state import SnapshotState
from headrace.sources.postgres.metrics import Numbers
from headrace.sources.postgres.offsets import BLOCKING_KEY
from headrace.sources.postgres.session import PgSession
from headrace.sources.postgres.signals.beside_offset import BesideOffset
from headrace.sources.postgres.signals.blocking import BlockingSnapshots
from headrace.sources.postgres.signals.channels import enabled, open_channels, warn_of_publication
from headrace.sources.postgres.signals.signalled_stream import SignalledStream
from headrace.sources.postgres.signals.snapshot_signals import pending_signals
from headrace.sources.postgres.signals.taken import TakenSignals
from headrace.sources.postgres.snapshot.snapshot import Snapshot
from headrace.sources.postgres.tables import TableCodec
from headrace.spi.context import SourceTaskContext

logger = logging.getLogger(__name__)

_NO_STREAM: list[SourceRecord] = []


class Signalling:
    """`signals.put` takes signals from any thread; everything else runs on the task's."""

    def __init__(self, config: PostgresConfig, context: SourceTaskContext, numbers: Numbers) -> None:
        self._config = config
        self._numbers = numbers
        server = config["topic.prefix"]
        self.notifier = Notifier(
            config["notification.enabled.channels"] or (),
            server,
            topic=config.text("notification.sink.topic.name"),
            tell=context.notify,
        )
        self.notifier.place = lambda: ({"server": server}, self._here())
        self.initial_notices = InitialNotices(self.notifier)
        self._notices = IncrementalNotices(self.notifier)
        self.signals = QueueChannel()
        self._channels = open_channels(config, context)
        self._interval_s = config["signal.poll.interval.ms"] / 1000
        self._next_look = 0.0
        self.taken = TakenSignals(self._channels)
        self._processor = SignalProcessor(self, self._here)
        self.counts = ChunkCounts(numbers.snapshot)
        self.blocking = BlockingSnapshots(self.initial_notices, numbers.snapshot, self.state_changed)
        self._decoder: SignalledStream | None = None
        self._session: PgSession | None = None
        self._snapshots: IncrementalSnapshots | None = None
        self._initial: Snapshot | None = None
        self.skipped = False
        """No initial snapshot was taken: to be told when the stream begins."""
        self._begun = False
        self._changed = False
        self._attached = False
        self._asked = False
        self._out: list[SourceRecord] = _NO_STREAM
        self._clock = Clock.at(0)
        self._base: Offset | None = None
        self._template: list[Any] | None = None
        self._extra: Mapping[str, Any] | None = None

    @property
    def tables(self) -> list[str]:
        """The signalling tables, `schema.table`."""
        return self._config.signal_tables() if "source" in enabled(self._config) else []

    # The initial snapshot -----------------------------------------------------------------------------------------

    def watch(self, snapshot: Snapshot) -> None:
        """Tell of an initial snapshot."""
        if self.notifier.channels:
            self._initial = snapshot
            chosen = self._config.text("snapshot.include.collection.list")
            snapshot.notices = TableNotices(self.initial_notices, snapshot.tables, () if chosen else self.tables)
            self.initial_notices.started()

    def watched(self, *, complete: bool) -> list[SourceRecord]:
        """It is over: the records that tell so."""
        snapshot, self._initial = self._initial, None
        if snapshot is None:
            return []
        if complete:
            self.initial_notices.completed(snapshot.final_offset)
        else:
            self.initial_notices.aborted(snapshot.offset)
        return self.notifier.take()

    # The stream ---------------------------------------------------------------------------------------------------

    def attach(self, session: PgSession, decoder: SignalledStream, at: Offset) -> None:
        """Stand beside a stream that begins at the offset `at`."""
        self._session, self._decoder = session, decoder
        warn_of_publication(self._config, session.connections.sql, self.tables)
        held = pending_signals(at)
        self.signals.put_back([*held, *(one for one in self.taken.again() if one not in held)])
        decoder.listener = self
        decoder.signal_tables = frozenset(self.tables)
        decoder.deletes = closes_by_delete(self._config)
        paused = self._snapshots.paused if self._snapshots is not None else False
        state = SnapshotState.of(at)
        self._snapshots = incremental_snapshots(self._config, session, state, self._notices, self.counts, self)
        if self._snapshots is not None:
            self._snapshots.paused = paused and state.running
        decoder.snapshots = self._snapshots
        if not self._attached:
            self.blocking.load(at.get(BLOCKING_KEY))
            self._attached = True
        self.blocking.attach(session, decoder)
        decoder.prepare()
        self._begun = self._asked = False
        self._extra = self._keys()
        decoder.carry(self._extra)

    def detach(self) -> None:
        """The stream has ended."""
        self._decoder = None
        self.blocking.give_up()

    def close(self) -> None:
        for channel in self._channels:
            channel.close()

    # In the task's loop -------------------------------------------------------------------------------------------

    def before_reading(self, out: list[SourceRecord], reached: int | None) -> None:
        """Look for signals, and do what is due. `reached`: everything before this position of the log is decoded, None in the midst of
        something."""
        self._into(out, Clock.at(time.time_ns()))
        snapshots = self._snapshots
        if not self._begun:
            self._begun = True
            if self.skipped:
                self.skipped = False
                self.initial_notices.skipped()
            if snapshots is not None:
                snapshots.begin()
        now = time.monotonic()
        if self.signals.arrived.is_set():
            self._process(self.signals)
        if now >= self._next_look:
            self._next_look = now + self._interval_s
            for channel in self._channels:
                self._process(channel)
        if snapshots is not None:
            if snapshots.due:
                snapshots.read_chunk()
            elif snapshots.closes_at is not None and reached is not None and reached >= snapshots.closes_at:
                snapshots.hand_out()
        self._flush()

    def _process(self, channel: Channel) -> None:
        found = channel.read()
        self.taken.took(found)
        for signal in found:
            logger.info("Signal %s, type %s, from channel %s.", signal.id, signal.type, signal.channel)
            self._processor.process(signal)

    def after_feeding(self, out: list[SourceRecord], reached: int | None) -> bool:
        """`reached`: as in `before_reading`. Answers whether the server is to be asked how far it is."""
        snapshots, ask = self._snapshots, False
        if snapshots is not None and snapshots.closes_at is not None and reached is not None:
            ask = reached < snapshots.closes_at
            if not ask:
                self.reached(out)
        # Whatever else is waited for: the stream may stand still until the blocking snapshot is open.
        return self.blocking.waits_for(reached) or ask

    @property
    def awaits_position(self) -> bool:
        """Something is to be done as soon as the stream comes to a position."""
        return self.blocking.busy or (self._snapshots is not None and self._snapshots.closes_at is not None)

    def wait_s(self, usual: float) -> float:
        """How long the stream may be waited for."""
        if self.awaits_position or (self._snapshots is not None and self._snapshots.due):
            return min(usual, 0.02)
        return min(usual, max(0.001, self._next_look - time.monotonic())) if self._channels else usual

    def take_changed(self) -> bool:
        """Whether the offsets say something else since the last call."""
        changed, self._changed = self._changed, False
        return changed

    # Offsets ------------------------------------------------------------------------------------------------------

    @property
    def extra(self) -> Mapping[str, Any] | None:
        """What the offsets carry beside the position."""
        return self._extra

    def _keys(self) -> dict[str, Any] | None:
        keys = self._snapshots.state.keys() if self._snapshots is not None else {}
        pending = self.blocking.pending()
        if pending:
            keys[BLOCKING_KEY] = json.dumps(pending, ensure_ascii=False)
        return keys or None

    def here(self) -> Offset:
        """The offset of something that comes now."""
        return self._here()

    def _here(self) -> Offset:
        if self._decoder is None:
            return {} if self._initial is None else self._initial.offset
        return BesideOffset(self._decoder.offset, self._extra or {})

    def state_changed(self) -> None:
        self._changed = True
        self._extra = self._keys()
        if self._decoder is not None:
            self._decoder.carry(self._extra)

    # What the stream tells ----------------------------------------------------------------------------------------

    def _into(self, out: list[SourceRecord], clock: Clock, base: Offset | None = None) -> None:
        self._out, self._clock, self._base, self._template = out, clock, base, None

    def _flush(self) -> None:
        if self.notifier.out:
            self._out += self.notifier.take()

    def signalled(self, values: Sequence[Any], *, deleted: bool, out: list[SourceRecord], clock: Clock) -> None:
        self._into(out, clock)
        if len(values) != 3:
            logger.warning("The signalling table has %d columns captured where there must be three.", len(values))
            return
        id, type, data = (value if value is None or isinstance(value, str) else str(value) for value in values)
        if deleted:
            # The row that opened the window was taken away.
            self._processor.process(Signal((id or "").replace("open", "close"), WINDOW_CLOSE, None))
        else:
            self._processor.process(Signal(id, type, data))
        self._flush()

    def reached(self, out: list[SourceRecord]) -> None:
        self._into(out, Clock.at(time.time_ns()))
        if self._snapshots is not None:
            self._snapshots.hand_out()
        self._flush()

    def changed(
        self,
        made: list[SourceRecord],
        xid: int,
        codec: TableCodec,
        before: Offset,
        out: list[SourceRecord],
        clock: Clock,
    ) -> None:
        self._into(out, clock, before)
        if self._snapshots is not None:
            self._snapshots.changed(made, xid, codec)

    def row(self, codec: TableCodec, row: Row, more: MoreKeys | None) -> None:
        """See `Emitter`."""
        decoder, clock = self._decoder, self._clock
        assert decoder is not None
        if self._template is None:
            self._template = decoder.maker.block.template(clock.us, None, None, None)
            self._template[4] = "incremental"
            self._template[6] = decoder.sequence_now()
        source = self._template.copy()
        source[9], source[10] = codec.shape.schema, codec.shape.table
        offset = self._base if self._base is not None else BesideOffset(decoder.offset, self._extra or {}, more)
        decoder.maker.change(
            self._out, codec, "r", codec.key_of(row.values), None, codec.row(row.values), source, clock, offset
        )
        self._numbers.snapshot.rows += 1
        self._numbers.snapshot.last_event_ns = clock.ns

    # What signals ask ---------------------------------------------------------------------------------------------

    def execute(self, id: str, request: SnapshotRequest) -> None:
        if request.blocking:
            self.blocking.ask(id, request)
        else:
            self._running_snapshots().execute(id, request)

    def stop(self, collections: tuple[str, ...]) -> None:
        self._running_snapshots().stop(collections)

    def pause(self) -> None:
        self._running_snapshots().pause()

    def resume(self) -> None:
        self._running_snapshots().resume()

    def schema_changes(self, data: Mapping[str, Any]) -> None:
        if not data.get("changes") or not data.get("database"):
            raise SignalRefused("changes or database is missing")
        logger.info("A schema-changes signal needs no action: the definitions of tables follow the stream.")

    def window_opened(self, id: str) -> None:
        logger.debug("Window %s opened.", id)

    def window_closed(self, id: str) -> None:
        if self._snapshots is not None:
            self._snapshots.window_closed(id)

    def _running_snapshots(self) -> IncrementalSnapshots:
        if self._snapshots is None:
            raise SignalRefused(
                "incremental snapshots need signal.data.collection, or read.only=true with another signal channel"
            )
        return self._snapshots
