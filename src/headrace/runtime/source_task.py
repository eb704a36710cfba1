"""The source loop: poll → transforms → converters → append with offsets → tell the task what is durable.

Each poll's records are one unit: appended in one commit with the offsets the ledger allows, in the order they were polled. The
contract of each step is in connect-runtime's AbstractWorkerSourceTask; exactly once into the log is ours (one commit).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from headrace.data import SourceRecord
from headrace.data.batch import SourceBatch
from headrace.errors import RetriableException
from headrace.foundation.backoff import Backoff
from headrace.foundation.failpoints import failpoint
from headrace.foundation.telemetry import Sample
from headrace.log.spi import EncodedBatch
from headrace.runtime.advances import Advances
from headrace.runtime.appender import AppendUnit, OrderedAppender, Position
from headrace.runtime.assembly import build_chain, build_converters, build_task
from headrace.runtime.chain import TransformChain
from headrace.runtime.contexts import SourceContext, StoreOffsetReader
from headrace.runtime.herder import State
from headrace.runtime.record_encoder import RecordEncoder
from headrace.runtime.salvage import Salvage
from headrace.runtime.task_loop import TaskLoop, TaskSpec, TaskSurroundings, client_id
from headrace.runtime.task_metrics import SourceMetrics
from headrace.runtime.task_settings import read_int, read_text
from headrace.runtime.tolerance import Origin, TaskStopping
from headrace.runtime.topic_creation import TopicDirectory, topic_groups
from headrace.runtime.topic_reader import LogTopicReader
from headrace.spi.source import SourceTask

logger = logging.getLogger(__name__)

ADVANCE_INTERVAL_S = 5.0
"""Commits of offsets alone come no faster than this, unless the task calls them urgent."""
_POLL_RETRY = Backoff(0.1, 5.0)


class SourceLoop(TaskLoop):
    """Runs one source task."""

    def __init__(self, spec: TaskSpec, around: TaskSurroundings) -> None:
        metrics = SourceMetrics(spec.connector, spec.task_id)
        super().__init__(spec, around, metrics)
        self._numbers = metrics
        worker = spec.worker_config
        self._flush_s = read_int(worker, "offset.flush.interval.ms", 60_000) / 1000
        self._topics = TopicDirectory(
            around.log,
            topic_groups(spec.connector_config, worker),
            read_int(worker, "log.embedded.num.partitions", 1),
        )
        self._advances = Advances(min(self._flush_s, ADVANCE_INTERVAL_S), time.monotonic)
        self._context = SourceContext(
            spec.connector,
            spec.task_id,
            dict(spec.task_config),
            lambda: self.stopping,
            StoreOffsetReader(around.offsets, spec.connector),
            self._advances,
            lambda topic, group: LogTopicReader(around.log, topic, group),
            lambda notification: around.listener.on_notification(notification),
        )
        self._task: SourceTask | None = None
        self._stop_lock = threading.Lock()
        self._stop_called = False
        self._stopper: threading.Thread | None = None
        self._polling = False
        self._last_flush = 0.0
        self._poll_failures = 0
        self._wants_records = False

    def samples(self) -> list[Sample]:
        return [*super().samples(), *self._context.own_metrics.samples()]

    def wake(self) -> None:
        # Connect's `stop` cuts a poll short, yet may block: neither the caller nor the task's thread shall wait for it.
        if self.stopping and self._polling and self._claim_stop():
            stopper = threading.Thread(target=self._call_stop, name="headrace-task-stop", daemon=True)
            stopper.start()
            # Only a started thread may be joined, and the task's thread joins whatever it finds here.
            self._stopper = stopper

    def signal(self, id: str, type: str, data: str | None) -> None:
        if self._task is None or self.stopping:
            raise RetriableException("The task is not running yet.", code="TASK_NOT_RUNNING", remedy="Try again.")
        self._task.signal(id, type, data)

    def _claim_stop(self) -> bool:
        with self._stop_lock:
            first, self._stop_called = not self._stop_called, True
            return first

    def _call_stop(self) -> None:
        if self._task is not None:
            self.quietly("stop the source task", self._task.stop)

    def run_here(self) -> None:
        spec = self.spec
        registry = self.around.registry
        if self.stopping:
            return
        self.stages.enter("start")
        task: SourceTask = build_task(registry, spec.kind, spec.connector_config)
        converters = build_converters(registry, spec.connector_config, spec.worker_config)
        chain: TransformChain[SourceRecord] = TransformChain(
            build_chain(registry, spec.connector_config), self.tolerance
        )
        self.prepare_dead_letters()
        appender = OrderedAppender(
            self.until_log_can(
                "open the producer",
                lambda: self.around.log.producer(client_id("producer", spec), self._transactional_id()),
            ),
            spec.connector,
            self._numbers,
            self.halt,
            self._create_again,
            self._salvage(),
        )
        encoder = RecordEncoder(
            converters,
            lambda topic: self.until_log_can("create topics", lambda: self._topics.partitions(topic)),
            self.tolerance,
        )
        self._task = task
        self._wants_records = type(task).commit_record is not SourceTask.commit_record
        try:
            task.initialize(self._context)
            task.start(dict(spec.task_config))
            self._polling = True
            self._loop(task, chain, encoder, appender)
        except TaskStopping:
            logger.info(
                "Stopped while an operation waited to be tried again; its records are read again at the next start."
            )
            self._finish(task, appender, failed=False)
        except BaseException:
            self._finish(task, appender, failed=True)
            raise
        else:
            self._finish(task, appender, failed=False)
        finally:
            self.stages.enter("close")
            if self._claim_stop():
                self._call_stop()
            if self._stopper is not None:
                self._stopper.join()
            self.quietly("close the source task", task.close)
            self.quietly("close the producer", appender.close)
            self.quietly("close the transforms", chain.close)
            self.quietly("close the converters", converters.close)
            self.stages.enter("idle")

    def _transactional_id(self) -> str:
        group = self.spec.worker_config.get("group.id", "connect")
        return f"{group}-{self.spec.connector}-{self.spec.task_id}"

    def _salvage(self) -> Salvage | None:
        required = read_text(self.spec.connector_config, "exactly.once.support", "requested").lower() == "required"
        if required or not self.policy.tolerate_all:
            # What is salvaged is appended in pieces: a crash in between would repeat some.
            return None
        letters = self.make_letters()
        return Salvage(self.make_tolerance(letters), letters)

    def _create_again(self, topics: Sequence[str]) -> None:
        self._topics.forget(topics)
        for topic in topics:
            self._topics.partitions(topic)

    def _loop(
        self,
        task: SourceTask,
        chain: TransformChain[SourceRecord],
        encoder: RecordEncoder,
        appender: OrderedAppender,
    ) -> None:
        self._last_flush = time.monotonic()
        while not self.stopping:
            appender.check()
            if self.paused:
                self._flush(task, appender)
                task.paused()
                self.report_state(State.PAUSED)
                self.wait_while_paused()
                continue
            self.report_state(State.RUNNING)
            records = self._poll(task)
            if records:
                failpoint("source.after_read")
                self._process(records, chain, encoder, appender)
            self._advances.enter(appender)
            if self._advances.due(appender):
                appender.flush()
            self._settle(task, appender)
            if time.monotonic() - self._last_flush >= self._flush_s:
                if appender.has_committable():
                    self._flush(task, appender)
                self._last_flush = time.monotonic()

    def _poll(self, task: SourceTask) -> Sequence[SourceRecord] | None:
        self.stages.enter("poll")
        started = time.monotonic()
        try:
            records = task.poll()
            if not records:
                self.stages.rename("idle")
        except RetriableException as error:
            if self.stopping:
                return None
            if self._poll_failures == 0:
                logger.warning("The source cannot be read now; trying again: %s", error)
            self.wait(_POLL_RETRY.delay(self._poll_failures))
            self._poll_failures += 1
            return None
        finally:
            self.stages.enter("idle")
        if self._poll_failures:
            logger.info("The source can be read again.")
            self._poll_failures = 0
        if records:
            self._numbers.poll_ms.record((time.monotonic() - started) * 1000)
            self._numbers.polled.record(len(records))
            self._numbers.batch_size.record(len(records))
        return records

    def _process(
        self,
        records: Sequence[SourceRecord],
        chain: TransformChain[SourceRecord],
        encoder: RecordEncoder,
        appender: OrderedAppender,
    ) -> None:
        tickets = _tickets(records, appender)
        if isinstance(records, SourceBatch):
            batches = self._encode_parts(records, chain, encoder)
        else:
            batches = self._encode(records, chain, encoder)
        self.report_topics([batch.topic for batch in batches])
        if self.letters is not None and (letters := self.letters.peek()) is not None:
            batches.append(letters)
            self.letters.drop(len(letters))
        self.stages.enter("idle")
        unit = AppendUnit(batches, tickets, len(records), records if self._wants_records else ())
        if batches:
            self._numbers.active.record(appender.ledger.active_records)
            appender.submit(unit)
        else:
            appender.drop(unit)

    def _encode_parts(
        self, batch: SourceBatch, chain: TransformChain[SourceRecord], encoder: RecordEncoder
    ) -> list[EncodedBatch]:
        """A batch that has columns: as `_encode`."""
        originals: dict[int, SourceRecord] = {}

        def origin_at(ordinal: int) -> Origin:
            if not originals:
                whole = batch.loosened_whole()
                originals.update(zip(whole.ordinals, whole.records, strict=True))
            return originals[ordinal]

        result = batch
        if len(chain):
            self.stages.enter("transform")
            result = chain.apply_parts(batch, origin_at)
        self.stages.enter("convert")
        return encoder.encode_parts(result, lambda record, ordinal: origin_at(ordinal) if len(chain) else record)

    def _encode(
        self, records: Sequence[SourceRecord], chain: TransformChain[SourceRecord], encoder: RecordEncoder
    ) -> list[EncodedBatch]:
        """What is left of the records behind the chain and the converters."""
        alive: Sequence[SourceRecord] = records
        origins: dict[int, SourceRecord] | None = None
        if len(chain):
            self.stages.enter("transform")
            results = chain.apply(records, lambda i: records[i])
            alive = [record for record in results if record is not None]

            def origin_of(record: SourceRecord, _: int) -> Origin:
                nonlocal origins
                if origins is None:
                    origins = {id(r): o for r, o in zip(results, records, strict=True) if r is not None}
                return origins[id(record)]

        else:

            def origin_of(record: SourceRecord, _: int) -> Origin:
                return record

        self.stages.enter("convert")
        return encoder.encode(alive, origin_of) if alive else []

    def _flush(self, task: SourceTask, appender: OrderedAppender) -> None:
        appender.flush()
        self._settle(task, appender)

    def _settle(self, task: SourceTask, appender: OrderedAppender) -> None:
        """Tell the task what became durable."""
        settled = appender.settle()
        if settled is None:
            return
        self.stages.enter("commit")
        started = time.monotonic()
        if settled.written:
            self._numbers.written.record(settled.written)
        for record in settled.records:
            task.commit_record(record)
        if settled.positions:
            offsets = [(p.partition, p.offset) for p in settled.positions if p.offset is not None]
            try:
                task.offsets_committed(offsets)
                task.commit()
            except RetriableException as error:
                # What is durable in the log stays so; the source hears of it again with the next commit.
                logger.warning("The source could not take note of committed offsets: %s", error)
                self._numbers.committed(started, ok=False)
            else:
                self._numbers.committed(started)
        self.stages.enter("idle")

    def _finish(self, task: SourceTask, appender: OrderedAppender, *, failed: bool) -> None:
        """Commit what can be committed before the end; a failure that is already on its way stands."""
        if self.cancelled:
            return
        try:
            if not appender.failed:
                appender.flush()
            self._settle(task, appender)
        except TaskStopping:
            logger.info("Ended while the log took no records; they are read again at the next start.")
        except Exception:
            if not failed:
                raise
            logger.exception("Failed to commit before the end.")


def _tickets(records: Sequence[SourceRecord], appender: OrderedAppender) -> list[Position]:
    """One ticket per source partition of the batch, with its last offset. A record without source partition has none."""
    if isinstance(records, SourceBatch):
        count = len(records)
        return [appender.ticket(records.source_partition, records.offsets[records.last_ordinal], count)]
    last = {id(record.source_partition): index for index, record in enumerate(records)}
    counts = Counter([id(record.source_partition) for record in records]) if len(last) > 1 else {}
    found: dict[tuple[object, ...], tuple[SourceRecord, int]] = {}
    for key, index in sorted(last.items(), key=itemgetter(1)):
        record = records[index]
        partition: Any = record.source_partition
        if partition is not None:
            items = tuple(partition.items())
            before = found[items][1] if items in found else 0
            found[items] = (record, before + counts.get(key, len(records)))
    return [appender.ticket(r.source_partition, r.source_offset, count) for r, count in found.values()]
