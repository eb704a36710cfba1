"""PostgresSourceTask: the loop. Connect, snapshot, stream, confirm; take the connection up again when it breaks.

`poll` reads the socket itself: while the framework works on a batch, the kernel's buffer collects the next chunk, which is
the lazy reading that spares the server. A second thread only sends the position now and then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence

from headrace.cdc.envelope import context_headers
from headrace.data import Header, SourceRecord
from headrace.errors import HeadraceError, RetryClass
from headrace.sources.postgres import metrics
from headrace.sources.postgres.beats import Heartbeats
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.events import Clock
from headrace.sources.postgres.failures import as_ours
from headrace.sources.postgres.retries import Retries
from headrace.sources.postgres.session import PgSession, SnapshotLaterError, StreamStart
from headrace.sources.postgres.signals.beside import Beside, beside_stream, not_taken
from headrace.sources.postgres.snapshot.snapshot import Snapshot
from headrace.sources.postgres.stream.binary import BinaryRefusedError
from headrace.sources.postgres.stream.feedback import Feedback, FlushPolicy
from headrace.sources.postgres.stream.intake import Intake, open_intake
from headrace.sources.postgres.stream.stored_position import StoredPosition
from headrace.sources.postgres.stream.stream import StreamDecoder
from headrace.spi import SourceTask
from headrace.spi.context import SourceOffset, SourcePartition

logger = logging.getLogger(__name__)

_READ_BYTES = 1 << 20
_PRESSED_S = 0.05


class PostgresSourceTask(SourceTask):
    """One task reads one database through one slot."""

    def __init__(self) -> None:
        self.numbers = metrics.Numbers()
        self._stop = threading.Event()
        self._session: PgSession | None = None
        self._snapshot: Snapshot | None = None
        self._next: StreamStart | None = None
        self._decoder: StreamDecoder | None = None
        self._feedback: Feedback | None = None
        self._intake: Intake | None = None
        self._wait_until = 0.0
        self._snapshot_at: float | None = None
        self._finished = False
        self._beside: Beside | None = None
        self._texts_only = False

    def start(self, props: Mapping[str, str]) -> None:
        config = self._config = PostgresConfig.parse(props)
        self._headers: tuple[Header, ...] = ()
        if config["extended.headers.enabled"]:
            self._headers = context_headers(config["topic.prefix"], "postgresql")
        self._retries = Retries(config, time.monotonic)
        self._position = StoredPosition(config, self.context)
        self._limit: int = config["max.batch.size"]
        # Debezium's default is for records that are objects; what is decoded natively comes in larger batches unless asked for.
        self._exact_limit = "max.batch.size" in props
        self._wait_s = min(1.0, config["poll.interval.ms"] / 1000)
        self._heartbeats = Heartbeats(config)
        self._read_bytes = config["max.queue.size.in.bytes"] or _READ_BYTES
        self.numbers.queue_capacity = config["max.queue.size"]
        self.numbers.queue_bytes_limit = config["max.queue.size.in.bytes"]
        self._tags = dict(tag.split("=", 1) for tag in config["custom.metric.tags"] or [] if "=" in tag)
        metrics.register(self.context.metrics, self.numbers, config["topic.prefix"], self._tags, [])
        self._beside = beside_stream(config, self.context, self.numbers)
        if self._beside is not None:
            metrics.register_chunks(
                self.context.metrics, self._beside.signalling.counts, config["topic.prefix"], self._tags
            )

    # Loop --------------------------------------------------------------------------------------------------------

    def poll(self) -> Sequence[SourceRecord] | None:
        if self._stop.is_set():
            return None
        if self._finished:
            self._stop.wait(1.0)
            return None
        pause = self._wait_until - time.monotonic()
        if pause > 0:
            self._stop.wait(min(pause, 1.0))
            return None
        try:
            records = self._advance()
        except Exception as error:
            self._after_error(error)
            return None
        if records:
            self._retries.succeeded()
        return records

    def _advance(self) -> Sequence[SourceRecord]:
        if self._session is None:
            self._open()
        if self._snapshot is not None:
            records = self._snapshot.poll(self._limit)
            if records is not None:
                return self._position.hand_over(records)
            told = self._leave_snapshot()
            if told:
                return self._position.hand_over(told)
        if self._next is not None and time.monotonic() >= self._wait_until:
            self._start_stream(self._next)
        if self._decoder is None:
            return []
        return self._stream()

    def _open(self) -> None:
        application = f"headrace {self.context.connector_name}"
        session = PgSession(self._config, self._config.target(application), self._headers)
        session.snapshot_at = self._snapshot_at
        session.texts_only = self._texts_only
        if self._beside is not None:
            session.stream_class = self._beside.stream_class
        self._session = session
        resuming = self._position.handed is not None
        try:
            first = session.open(self._position.at, self.numbers.snapshot, resuming=resuming)
        except SnapshotLaterError as later:
            self._disconnect()
            self._snapshot_at = self._wait_until = later.at
            return
        self.numbers.captured = session.captured
        if isinstance(first, Snapshot):
            self._snapshot = first
            if self._beside is not None:
                self._beside.signalling.watch(first)
            for table in session.captured:
                metrics.register_table(
                    self.context.metrics, self.numbers, self._config["topic.prefix"], self._tags, table
                )
        elif first is None:
            logger.info("snapshot.mode wants neither snapshot nor stream: nothing is left to do.")
            self._finished = True
        else:
            if self._beside is not None and not resuming:
                self._beside.signalling.skipped = True
            self._next = first

    def _leave_snapshot(self) -> list[SourceRecord]:
        assert self._session is not None
        assert self._snapshot is not None
        snapshot, self._snapshot = self._snapshot, None
        self._session.connections.close_snapshot()
        told = self._beside.signalling.watched(complete=True) if self._beside is not None else []
        if not self._session.mode.stream:
            logger.info("The snapshot is complete, and snapshot.mode wants no stream: nothing is left to do.")
            self._finished = True
            self._session.connections.close()
            return told
        self._next = self._session.after_snapshot(snapshot)
        self._wait_until = time.monotonic() + self._config["streaming.delay.ms"] / 1000
        return told

    def _start_stream(self, start: StreamStart) -> None:
        assert self._session is not None
        decoder = self._session.stream(start)
        decoder.counts = self.numbers.stream
        if self._beside is not None:
            self._beside.attach(self._session, decoder, start.offset)
        self._decoder, self._next = decoder, None
        assert self._session.connections.replication is not None
        interval = self._config["status.update.interval.ms"] / 1000
        if self._session.sender_timeout_s:
            interval = min(interval, self._session.sender_timeout_s / 3)
        timeout_s, action = self._config["lsn.flush.timeout.ms"] / 1000, self._config.word("lsn.flush.timeout.action")
        policy = FlushPolicy(timeout_s, action)
        self._feedback = Feedback(self._session.connections.replication, interval, self._position.flushed(), policy)
        self._intake = open_intake(
            decoder,
            self._session.connections.replication,
            self._read_bytes,
            self._config.stream_options(),
            exact_limit=self._exact_limit,
        )
        self.numbers.connected = True

    def _stream(self) -> Sequence[SourceRecord]:
        decoder, session, feedback, intake = self._decoder, self._session, self._feedback, self._intake
        assert decoder is not None
        assert feedback is not None
        assert session is not None
        assert intake is not None
        beside = self._beside
        out: list[SourceRecord] = []
        if beside is not None:
            instead = beside.instead(self._limit)
            if instead is not None:
                return self._position.hand_over(instead)
            beside.before_reading(out, self._reached(decoder))
        deadline = time.monotonic() + self._patience(feedback)
        clock = Clock.at(time.time_ns())
        while not intake.made(out):
            if not intake.pending:
                remaining = deadline - time.monotonic()
                if remaining < 0 or self._stop.is_set() or not intake.read(remaining):
                    break
            clock = Clock.at(time.time_ns())
            held = not intake.feed(out, self._limit, clock)
            feedback.received(max(decoder.reached, decoder.last_end), decoder.reply_wanted)
            decoder.reply_wanted = False
            if feedback.pressed or held or (beside is not None and beside.signalling.awaits_position):
                break
        self.numbers.queued = intake.pending
        if beside is not None:
            beside.fed(out, self._reached(decoder), feedback, intake.made(out))
        if self._heartbeats.due:
            out.append(self._heartbeats.record(session, decoder, lambda: self._reached(decoder)))
        records = intake.batch(out, clock)
        if not records:
            told = beside.told() if beside is not None else None
            if told is not None:
                self._position.tell(told)
            self._position.move_on(decoder, feedback, self._reached(decoder))
        else:
            decoder.handed_over()
            self._position.hand_over(records)
        if beside is not None:
            beside.signalling.taken.handed(self._position.handed)
        return records

    def _patience(self, feedback: Feedback) -> float:
        """How long the stream is waited for."""
        wait_s: float = self._wait_s
        beat_s = self._heartbeats.interval_s
        if beat_s:
            wait_s = min(wait_s, beat_s)
        if self._beside is not None:
            wait_s = self._beside.signalling.wait_s(wait_s)
        return min(wait_s, _PRESSED_S) if feedback.pressed else wait_s

    # Confirmation ------------------------------------------------------------------------------------------------

    def _reached(self, decoder: StreamDecoder) -> int | None:
        """The position up to which everything has been decoded and handed out; None in the middle of something."""
        if decoder.in_transaction or (self._intake is not None and self._intake.pending):
            return None
        return max(decoder.reached, decoder.last_end)

    def offsets_committed(self, offsets: Sequence[tuple[SourcePartition, SourceOffset]]) -> None:
        if self._position.is_durable(offsets, self._feedback) and self._beside is not None:
            self._beside.signalling.taken.committed(self._position.committed or {})

    # Failure and end ---------------------------------------------------------------------------------------------

    def _after_error(self, error: Exception) -> None:
        """Decide whether the connection is taken up again. Raises what ends the task."""
        if self._stop.is_set():
            self._disconnect()
            return
        if isinstance(error, BinaryRefusedError):
            logger.info("The stream is taken up again without slot.stream.binary. %s", error.message)
            self._texts_only = True
            self._disconnect()
            return
        ours = error if self._session is None else as_ours(error, self._session.target)
        if not isinstance(ours, HeadraceError) or ours.retry_class is not RetryClass.RETRY:
            raise ours from (None if ours is error else error)
        self._disconnect()
        self.numbers.reconnects += 1
        self._wait_until = time.monotonic() + self._retries.wait_s(ours)

    def _disconnect(self) -> None:
        """End the session; what was decoded but not handed out is read again."""
        self.numbers.connected = False
        if self._feedback is not None:
            self._feedback.stop()
        if self._intake is not None:
            self._intake.close()
        if self._beside is not None:
            self._beside.detach()
        if self._snapshot is not None:
            if self._beside is not None:
                self._beside.signalling.watched(complete=False)
            self._snapshot.close()
        if self._session is not None:
            self._session.connections.close()
        self._session = self._snapshot = self._next = self._decoder = self._feedback = self._intake = None

    def signal(self, id: str, type: str, data: str | None) -> None:
        if self._beside is None:
            raise not_taken()
        self._beside.signal(id, type, data)

    def paused(self) -> None:
        """Give the replication connection back: one that lives but does not read would keep the server from shutting down. A
        snapshot is given up, too, for it keeps the server from cleaning up, if it can go on later."""
        if self._decoder is not None or (self._snapshot is not None and self._snapshot.resumable):
            self._disconnect()

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        self._stop.set()
        session = self._session
        self._disconnect()
        if self._beside is not None:
            self._beside.signalling.close()
        if session is not None and self._config["slot.drop.on.stop"]:
            session.drop_slot()
