"""Polling the log for a sink task: what comes is what the task can be given, and what went wrong meanwhile is told first."""

from __future__ import annotations

import logging

from headrace.errors import RetriableException
from headrace.log.spi import Consumer, EncodedBatch
from headrace.runtime.contexts import SinkContext
from headrace.runtime.measures import IDLE, RETRY
from headrace.runtime.sink_lag import SinkLag
from headrace.runtime.sink_partitions import SinkPartitions
from headrace.runtime.sink_pending import PendingBatch
from headrace.runtime.task_loop import TaskLoop
from headrace.spi.context import TopicPartition

logger = logging.getLogger(__name__)


class SinkPolls:
    """For the task's thread. Both polls raise what the task raised while the group gave or took partitions.

    `max_records`: the most of one poll."""

    def __init__(
        self,
        loop: TaskLoop,
        consumer: Consumer,
        partitions: SinkPartitions,
        context: SinkContext,
        pending: PendingBatch,
        lag: SinkLag,
        max_records: int,
    ) -> None:
        self._loop = loop
        self._consumer = consumer
        self._partitions = partitions
        self._context = context
        self._pending = pending
        self._lag = lag
        self._max_records = max_records

    def poll(self, wait_s: float, *, paused: bool) -> list[EncodedBatch]:
        """What there is, waiting for it unless the task has been told something since. `paused`: whether it was when the turn began."""
        loop = self._loop
        try:
            loop.stages.enter("poll")
            batches = self._consumer.poll(self._max_records, 0.0)
            if not batches and wait_s > 0 and not loop.stopping and loop.paused is paused:
                loop.stages.enter(RETRY if self._pending else IDLE)
                batches = self._consumer.poll(self._max_records, wait_s)
                loop.stages.enter("poll")
        except RetriableException as error:
            logger.warning("The log cannot be read now; trying again: %s", error)
            batches = []
            if self._partitions.error is None:
                loop.wait(1.0)
        return self._polled(batches)

    def poll_ahead(self) -> list[EncodedBatch]:
        """Once more, without waiting, for what is decoded while the task writes what is pending."""
        self._loop.stages.enter("poll")
        try:
            batches = self._consumer.poll(self._max_records, 0.0)
        except RetriableException:
            # The next poll tells of it, if it lasts.
            batches = []
        return self._polled(batches)

    def _polled(self, batches: list[EncodedBatch]) -> list[EncodedBatch]:
        partitions = self._partitions
        if partitions.error is not None:
            raise partitions.error
        self._lag.measure()
        if batches and self._context.seeks:
            # The task asked for another place while the partition was opened: what was read from here is not for it.
            sought = set(self._context.seeks)
            batches = [b for b in batches if TopicPartition(b.topic, b.partition) not in sought]
        partitions.apply_seeks()
        return batches
