"""Follows the stream from where a broken snapshot stood up to the new one's position; why is told in `snapshot`.

Of a table of which nothing has been read only deletions and truncations pass; of one that is partly read everything, made whole; of
all others everything as it is.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from headrace.cdc import transactions
from headrace.data import SourceRecord
from headrace.foundation.failpoints import failpoint
from headrace.native import pgoutput
from headrace.sources.postgres.events import Clock
from headrace.sources.postgres.signals.channels import enabled
from headrace.sources.postgres.signals.snapshot_signals import HeldSignals
from headrace.sources.postgres.snapshot.progress import ProgressMark, SnapshotOffset, table_id
from headrace.sources.postgres.stream.feedback import Feedback
from headrace.sources.postgres.tables import TableCodec
from headrace.systems.postgres import int_to_lsn, slots

if TYPE_CHECKING:
    from headrace.sources.postgres.session import PgSession, StreamStart
    from headrace.sources.postgres.stream.stream import StreamDecoder

logger = logging.getLogger(__name__)

_READ_BYTES: Final = 1 << 20
_WAIT_S: Final = 0.5
_RELEASE_S: Final = 5.0


class CatchUp:
    """`until`: transactions that committed before it are handed out, no others. `unread`, `partial`: tables by `table_id` of which nothing,
    something is read. `row_then(codec, texts)`: the row that the new snapshot has for the key in a row of texts, None when there is
    none. `base`, `mark`, `signals`: what the offsets hold beside the stream's own."""

    def __init__(
        self,
        session: PgSession,
        start: StreamStart,
        until: int,
        unread: Collection[str],
        partial: Collection[str],
        row_then: Callable[[TableCodec, Sequence[Any]], list[Any] | None],
        base: Mapping[str, Any],
        mark: ProgressMark,
        signals: HeldSignals,
    ) -> None:
        self._session = session
        self._start = start
        self._until = until
        self._unread = frozenset(unread)
        self._partial = frozenset(partial)
        self._row_then = row_then
        self._base = base
        self._mark = mark
        self.signals = signals
        self._signal_tables = frozenset(session.config.signal_tables() if "source" in enabled(session.config) else ())
        self._decoder: StreamDecoder | None = None
        self._feedback: Feedback | None = None
        self._payloads: Sequence[bytes] = ()
        self._index = 0
        self._last = False
        self._gone: set[tuple[str, str]] = set()
        self.handed = self.dropped = 0

    def poll(self, limit: int) -> list[SourceRecord] | None:
        """Records, none when none have arrived; None when everything up to the position has been handed out. Raises what a stream
        raises."""
        if self._decoder is None:
            self._open()
        decoder = self._decoder
        assert decoder is not None
        out: list[SourceRecord] = []
        deadline = time.monotonic() + _WAIT_S
        while not out and (self._index < len(self._payloads) or self._fetch(decoder)):
            made: list[SourceRecord] = []
            self._index = decoder.feed(self._payloads, self._index, made, limit, Clock.at(time.time_ns()))
            self._feedback_received(decoder)
            decoder.handed_over()
            out = [record for record in made if self._passes(record)]
            self._gone.clear()
            self.handed += len(out)
            self.dropped += len(made) - len(out)
            if time.monotonic() >= deadline:
                break
        failpoint("snapshot.catch_up")
        base = {**self._base, **self.signals.keys()}
        for record in out:
            record.source_offset = SnapshotOffset(base, self._mark, record.source_offset)
        if not out and self._reached(decoder):
            logger.info(
                "Caught up to %s: %d changes handed out, %d left to the snapshot.",
                int_to_lsn(self._until),
                self.handed,
                self.dropped,
            )
            self.close()
            self._released()
            return None
        return out

    def close(self) -> None:
        """Give the slot back, so that the stream can have it."""
        feedback, self._feedback = self._feedback, None
        if feedback is not None:
            feedback.stop()
        connections = self._session.connections
        if self._decoder is None or connections.replication is None:
            return
        connections.replication.close()
        connections.replication = None
        self._decoder = None

    def _released(self) -> None:
        """Wait until the server has noticed that the slot is free."""
        deadline = time.monotonic() + _RELEASE_S
        while time.monotonic() < deadline:
            slot = slots.slot(self._session.connections.sql, self._session.slot_name)
            if slot is None or not slot.active:
                return
            time.sleep(0.02)

    # Stream -------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        session = self._session
        decoder = session.stream(self._start, self._adapted)
        # A row may come to lie where the snapshot does not read any more by an update that changes nothing.
        decoder.rules = replace(decoder.rules, skip_unchanged=False)
        self._decoder = decoder
        replication = session.connections.replication
        assert replication is not None
        interval = min(session.config["status.update.interval.ms"] / 1000, (session.sender_timeout_s or 60.0) / 3)
        # Nothing is confirmed: until the snapshot is complete, the slot stays where the snapshot began.
        self._feedback = Feedback(replication, interval, 0)

    def _fetch(self, decoder: StreamDecoder) -> bool:
        """Read what has arrived, up to the first transaction that is too late. False when there is nothing to decode."""
        if self._last or self._reached(decoder):
            return False
        replication = self._session.connections.replication
        assert replication is not None
        payloads, self._index = replication.read(_READ_BYTES, _WAIT_S), 0
        if not payloads:
            # The server tells its position when it is asked.
            replication.send_status(max(decoder.reached, decoder.last_end), 0, 0, reply=True)
        for index, payload in enumerate(payloads):
            if payload[0] == pgoutput.XLOG_DATA and self._too_late(payload):
                payloads, self._last = payloads[:index], True
                break
        self._payloads = payloads
        return bool(payloads)

    def _too_late(self, payload: bytes) -> bool:
        kind = payload[25]
        if kind == pgoutput.BEGIN:
            return pgoutput.begin(payload).final_lsn >= self._until
        if kind == pgoutput.MESSAGE and not pgoutput.message(payload).transactional:
            return int.from_bytes(payload[1:9], "big") >= self._until
        return False

    def _feedback_received(self, decoder: StreamDecoder) -> None:
        if self._feedback is not None:
            self._feedback.received(max(decoder.reached, decoder.last_end), decoder.reply_wanted)
        decoder.reply_wanted = False

    def _reached(self, decoder: StreamDecoder) -> bool:
        if decoder.in_transaction or self._index < len(self._payloads):
            return False
        return self._last or max(decoder.reached, decoder.last_end) >= self._until

    # Filter -------------------------------------------------------------------------------------------------------

    def _adapted(self, codec: TableCodec) -> TableCodec:
        name = table_id(codec.shape.schema, codec.shape.table)
        if codec.shape.name in self._signal_tables:
            codec = self.signals.watched(codec)
        if name not in self._partial or codec.shape.identity == "f" or not codec.shape.key or not codec.toast_slots:
            return codec
        whole = copy.copy(codec)
        decode_new = codec.decode_new

        def decode(payload: bytes, pos: int) -> tuple[list[Any], int]:
            row, end = decode_new(payload, pos)
            if codec.lacks(row):
                then = self._row_then(codec, pgoutput.raw_tuple(payload, pos)[0])
                if then is not None:
                    codec.fill_unchanged(row, then)
                else:
                    # Its deletion, or its next key, comes before the position.
                    self._gone.add((name, repr(codec.key_of(row))))
            return row, end

        whole.decode_new = decode
        # Those that take its place for a row that is hard to decode are to do the same.
        whole.slow = lambda: self._adapted(codec.slow())  # type: ignore[method-assign]
        whole.loosened = lambda names: self._adapted(codec.loosened(names))  # type: ignore[method-assign]
        return whole

    def _passes(self, record: SourceRecord) -> bool:
        value = record.value
        if value is None or value.schema is transactions.VALUE_SCHEMA:
            return True
        # Several tables may share a topic.
        source = value["source"]
        name = table_id(source["schema"], source["table"])
        if name in self._unread:
            return value["op"] in ("d", "t")
        if self._gone and (name, repr(record.key)) in self._gone:
            return value["op"] not in ("c", "u")
        return True
