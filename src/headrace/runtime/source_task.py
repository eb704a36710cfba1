"""The source loop: poll → transforms → converters → append with offsets → tell the task what is durable.

Each poll's records are one unit: appended in one commit with the offsets the ledger allows, in the order they were polled. The
contract of each step is in connect-runtime's AbstractWorkerSourceTask; exactly once into the log is ours (one commit).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from headrace.data import SourceRecord
from headrace.errors import RetriableException
from headrace.foundation.backoff import Backoff
from headrace.foundation.failpoints import failpoint
from headrace.foundation.telemetry import Sample
from headrace.runtime.advances import Advances
from headrace.runtime.append_units import AppendUnit
from headrace.runtime.appender import OrderedAppender
from headrace.runtime.assembly import build_chain, build_converters, build_task
from headrace.runtime.chain import TransformChain
from headrace.runtime.contexts import SourceContext, StoreOffsetReader
from headrace.runtime.exactly_once import transactional_id
from headrace.runtime.herder import State
from headrace.runtime.record_encoder import RecordEncoder
from headrace.runtime.salvage import Salvage
from headrace.runtime.source_commits import SourceCommits
from headrace.runtime.source_conversion import SourceConversion
from headrace.runtime.source_tickets import tickets_of
from headrace.runtime.task_loop import TaskLoop, TaskSpec, TaskSurroundings, client_id
from headrace.runtime.task_metrics import SourceMetrics
from headrace.runtime.task_settings import read_int, read_text
from headrace.runtime.tolerance import TaskStopping
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
        self._topics = TopicDirectory(around.log, topic_groups(spec.connector_config, worker))
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
                lambda: self.around.log.producer(
                    client_id("producer", spec), transactional_id(spec.worker_config, spec.connector, spec.task_id)
                ),
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
        commits = SourceCommits(task, appender, self._numbers, self.stages)
        self._task = task
        self._wants_records = type(task).commit_record is not SourceTask.commit_record
        try:
            task.initialize(self._context)
            task.start(dict(spec.task_config))
            self._polling = True
            self._loop(task, SourceConversion(chain, encoder, self.stages), appender, commits)
        except TaskStopping:
            logger.info(
                "Stopped while an operation waited to be tried again; its records are read again at the next start."
            )
            self._finish(commits, failed=False)
        except BaseException:
            self._finish(commits, failed=True)
            raise
        else:
            self._finish(commits, failed=False)
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
        self, task: SourceTask, conversion: SourceConversion, appender: OrderedAppender, commits: SourceCommits
    ) -> None:
        self._last_flush = time.monotonic()
        while not self.stopping:
            appender.check()
            if self.paused:
                commits.flush()
                task.paused()
                self.report_state(State.PAUSED)
                self.wait_while_paused()
                continue
            self.report_state(State.RUNNING)
            records = self._poll(task)
            if records:
                failpoint("source.after_read")
                self._process(records, conversion, appender)
            self._advances.enter(appender)
            if self._advances.due(appender):
                appender.flush()
            commits.settle()
            if time.monotonic() - self._last_flush >= self._flush_s:
                if appender.has_committable():
                    commits.flush()
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
        self, records: Sequence[SourceRecord], conversion: SourceConversion, appender: OrderedAppender
    ) -> None:
        tickets = tickets_of(records, appender)
        batches = conversion.batches_of(records)
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

    def _finish(self, commits: SourceCommits, *, failed: bool) -> None:
        if not self.cancelled:
            commits.finish(failed=failed)
