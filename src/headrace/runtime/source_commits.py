"""Telling a source task what became durable: its records, then its positions."""

from __future__ import annotations

import logging
import time

from headrace.errors import RetriableException
from headrace.runtime.appender import OrderedAppender
from headrace.runtime.measures import StageClock
from headrace.runtime.task_metrics import SourceMetrics
from headrace.runtime.tolerance import TaskStopping
from headrace.spi.source import SourceTask

logger = logging.getLogger(__name__)


class SourceCommits:
    """For the task's thread."""

    def __init__(self, task: SourceTask, appender: OrderedAppender, numbers: SourceMetrics, stages: StageClock) -> None:
        self._task = task
        self._appender = appender
        self._numbers = numbers
        self._stages = stages

    def flush(self) -> None:
        """Store what waits in the log, and tell the task. Raises what an append failed with."""
        self._appender.flush()
        self.settle()

    def settle(self) -> None:
        """Tell the task what became durable."""
        settled = self._appender.settle()
        if settled is None:
            return
        task = self._task
        self._stages.enter("commit")
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
        self._stages.enter("idle")

    def finish(self, *, failed: bool) -> None:
        """Commit what can be committed before the end; a failure that is already on its way stands."""
        try:
            if not self._appender.failed:
                self._appender.flush()
            self.settle()
        except TaskStopping:
            logger.info("Ended while the log took no records; they are read again at the next start.")
        except Exception:
            if not failed:
                raise
            logger.exception("Failed to commit before the end.")
