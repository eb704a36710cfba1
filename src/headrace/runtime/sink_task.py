"""The sink loop: poll → converters → transforms → put → commit what the task says is durable.

Records are put in the order of the log within each partition. A RetriableException from `put` gives the same batch again while
all partitions are paused; an exception while committing rewinds to the last committed offsets. Offsets are always those of the
log, whatever transforms did. The contract of each step is in connect-runtime's WorkerSinkTask.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from headrace.data import SinkRecord
from headrace.data.batch import SinkBatch
from headrace.errors import RetriableException
from headrace.foundation.failpoints import failpoint
from headrace.foundation.telemetry import Sample
from headrace.log.spi import Consumer, EncodedBatch, Producer
from headrace.runtime.assembly import build_chain, build_converters, build_task
from headrace.runtime.chain import TransformChain
from headrace.runtime.contexts import SinkContext
from headrace.runtime.dead_letters import class_name
from headrace.runtime.errant import Reporter
from headrace.runtime.herder import State
from headrace.runtime.record_decoder import RecordDecoder
from headrace.runtime.sink_ahead import LookAhead, worth_it
from headrace.runtime.sink_consumer import max_poll_records, open_consumer, subscription
from headrace.runtime.sink_intake import DecodedAhead, SinkIntake
from headrace.runtime.sink_lag import SinkLag
from headrace.runtime.sink_offsets import SinkOffsets
from headrace.runtime.sink_partitions import SinkPartitions
from headrace.runtime.sink_pending import PendingBatch
from headrace.runtime.sink_polls import SinkPolls
from headrace.runtime.task_loop import TaskLoop, TaskSpec, TaskSurroundings, client_id
from headrace.runtime.task_metrics import SinkMetrics
from headrace.runtime.task_settings import read_int
from headrace.runtime.tolerance import TaskStopping
from headrace.spi.context import TopicPartition
from headrace.spi.sink import SinkTask

logger = logging.getLogger(__name__)

IDLE_PUT_S = 1.0
"""While no records come, `put` is called with none this often, so that a task can write what it holds back by time."""


class SinkLoop(TaskLoop):
    """Runs one sink task."""

    def __init__(self, spec: TaskSpec, around: TaskSurroundings) -> None:
        metrics = SinkMetrics(spec.connector, spec.task_id)
        super().__init__(spec, around, metrics)
        self._numbers = metrics
        config, worker = spec.connector_config, spec.worker_config
        self._commit_every_s = read_int(worker, "offset.flush.interval.ms", 60_000) / 1000
        self._max_records_set = max_poll_records(config, worker)
        self._context = SinkContext(
            spec.connector,
            spec.task_id,
            dict(spec.task_config),
            lambda: self.stopping,
            self._assignment,
            lambda names: self.until_log_can("look up topics", lambda: around.log.topic_ids(names)),
        )
        self._task: SinkTask
        self._consumer: Consumer
        self._offsets: SinkOffsets
        self._partitions: SinkPartitions
        self._polls: SinkPolls
        self._lag: SinkLag
        self._intake: SinkIntake
        self._reporter: Reporter | None = None
        self._letter_producer: Producer | None = None
        self._pending = PendingBatch()
        self._ahead = LookAhead(lambda batches: self._intake.decode_ahead(batches))
        self._next_commit = 0.0
        self._ready = False
        self._wake_lock = threading.Lock()

    def samples(self) -> list[Sample]:
        return [*super().samples(), *self._context.own_metrics.samples()]

    def wake(self) -> None:
        with self._wake_lock:
            if self._ready:
                self._consumer.wakeup()

    def _assignment(self) -> set[TopicPartition]:
        return set(self._offsets.positions) if self._ready else set()

    # -- life ---------------------------------------------------------------------------------------------------------

    def run_here(self) -> None:
        spec, log, registry = self.spec, self.around.log, self.around.registry
        if self.stopping:
            return
        self.stages.enter("start")
        task = self._task = build_task(registry, spec.kind, spec.connector_config)
        self._converters = build_converters(registry, spec.connector_config, spec.worker_config)
        self._chain: TransformChain[SinkRecord] = TransformChain(
            build_chain(registry, spec.connector_config), self.tolerance
        )
        topics, pattern = subscription(spec.connector_config)
        self.prepare_dead_letters()
        decoder = RecordDecoder(self._converters, self.tolerance)
        self._intake = SinkIntake(log, decoder, self._chain, self._write_letters, self.stages)
        if self.letters is not None:
            self._letter_producer = log.producer(client_id("dlq-producer", spec))
        if self.letters is not None or self.policy.log_enabled:
            name, intake = class_name(type(task)), self._intake
            self._reporter = Reporter(self.tolerance, intake.raw_of, intake.write_letters, name, intake.lock)
            self._context.set_reporter(self._reporter)
        consumer = self._consumer = self.until_log_can(
            "open the consumer",
            lambda: open_consumer(
                log, spec.connector, client_id("consumer", spec), spec.connector_config, spec.worker_config
            ),
        )
        offsets = self._offsets = SinkOffsets(consumer, task, self._context, self._numbers)
        self._lag = SinkLag(consumer, offsets, self._numbers)
        context, pending, numbers = self._context, self._pending, self._numbers
        partitions = self._partitions = SinkPartitions(
            self, task, consumer, offsets, context, numbers, pending, self._ahead, self._reporter
        )
        self._ready = True
        try:
            task.initialize(self._context)
            task.start(dict(spec.task_config))
            max_records = self._max_records_set or task.poll_records
            self._polls = SinkPolls(self, consumer, partitions, context, pending, self._lag, max_records)
            consumer.subscribe(topics, pattern, partitions.listener())
            self._next_commit = time.monotonic() + self._commit_every_s
            while not self.stopping:
                self._iterate()
        except TaskStopping:
            logger.info(
                "Stopped while an operation waited to be tried again; its records come again at the next start."
            )
        finally:
            self._end()

    def _end(self) -> None:
        self.stages.enter("close")
        self.quietly(
            "commit and close the partitions", lambda: self._partitions.close(self._offsets.owned(), lost=False)
        )
        self.quietly("stop the sink task", self._task.stop)
        self._ahead.close()
        with self._wake_lock:
            # A closed consumer must not be woken.
            self._ready = False
        self.quietly("leave the group", self._consumer.close)
        if self._letter_producer is not None:
            self.quietly("close the dead letter producer", self._letter_producer.close)
        self.quietly("close the transforms", self._chain.close)
        self.quietly("close the converters", self._converters.close)
        self.stages.enter("idle")

    # -- one turn -----------------------------------------------------------------------------------------------------

    def _iterate(self) -> None:
        partitions = self._partitions
        partitions.apply_seeks()
        now = time.monotonic()
        if self._context.commit_requested or now >= self._next_commit:
            partitions.commit()
            self._next_commit = now + self._commit_every_s
            partitions.apply_seeks()
        paused = self.paused
        self.report_state(State.PAUSED if paused else State.RUNNING)
        partitions.apply_pauses(everything=paused or bool(self._pending))
        # Read before the partitions were paused: not for now.
        partitions.give_back(self._ahead.drop(partitions.paused))
        batches, decoded = self._ahead.take() if self._ahead else (self._poll(now, paused), None)
        if self.stopping or self.paused:
            # Polled for nothing: after a pause, or by the next task, they are read again.
            partitions.give_back(batches)
            return
        if self._pending:
            # Partitions that were assigned just now and not yet paused.
            partitions.give_back(batches)
            if time.monotonic() >= self._pending.retry_at:
                self._deliver()
            return
        self._take(batches, decoded)
        wanted = isinstance(self._pending.records, SinkBatch) and worth_it(batches)
        if wanted and (more := self._polls.poll_ahead()):
            # Decoded while the task writes what is pending.
            self._ahead.begin(more)
        self._deliver()

    def _poll(self, now: float, paused: bool) -> list[EncodedBatch]:
        wait = min(IDLE_PUT_S, max(0.0, self._next_commit - now))
        if self._pending:
            wait = min(wait, max(0.0, self._pending.retry_at - now))
        return self._polls.poll(wait, paused=paused)

    def _take(self, batches: Sequence[EncodedBatch], decoded: DecodedAhead | None) -> None:
        """Decode and transform what was polled; it is pending until `put` took it."""
        if not batches:
            return
        failpoint("sink.after_read")
        count = sum(len(batch) for batch in batches)
        self._numbers.read.record(count)
        self._numbers.batch_size.record(count)
        self.report_topics([batch.topic for batch in batches])
        self._pending.fill(batches, self._intake.take(batches, decoded))
        self._lag.last_timestamp = max(batch.timestamps[-1] for batch in batches)
        self._numbers.active_count = len(self._pending.records)
        self._numbers.active.record(len(self._pending.records))

    def _deliver(self) -> None:
        pending = self._pending
        records = pending.records
        self.stages.enter("put")
        if records:
            failpoint("sink.before_put")
        started = time.monotonic()
        try:
            self._task.put(records)
        except RetriableException as error:
            timeout_ms, self._context.timeout_ms = self._context.timeout_ms, None
            if pending.failures == 0:
                logger.warning("The sink takes no records now; giving them again until it does: %s", error)
            pending.refused(time.monotonic(), timeout_ms)
            self._numbers.errors.retries += 1
            return
        finally:
            self.stages.enter("idle")
        if records:
            self._numbers.put_ms.record((time.monotonic() - started) * 1000)
            self._numbers.sent.record(len(records))
            failpoint("sink.after_put")
        if pending.failures:
            logger.info("The sink takes records again.")
            pending.failures = 0
        self._offsets.consumed(pending.ends)
        pending.clear()
        self._numbers.active_count = 0

    def _write_letters(self) -> None:
        if self._letter_producer is not None:
            self.write_letters(self._letter_producer)
