"""Appending until the log has taken it: what may pass is waited for, a topic that went missing is made again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from headrace.errors import NotFoundException, RetriableException
from headrace.foundation.backoff import Backoff
from headrace.log.spi import EncodedBatch, Producer, SourceOffsetEntry
from headrace.runtime.measures import RETRY, StageClock
from headrace.runtime.task_metrics import SourceMetrics
from headrace.runtime.tolerance import TaskStopping

logger = logging.getLogger(__name__)

_RETRY: Final = Backoff(0.1, 5.0)


class LastingAppend:
    """Calls the producer of one task, on one thread at a time.

    `halt`: the task is to stop: no more waiting. `recreate`: called with the topics of a batch when one of them is missing."""

    def __init__(
        self,
        producer: Producer,
        metrics: SourceMetrics,
        stages: StageClock,
        halt: threading.Event,
        recreate: Callable[[Sequence[str]], None],
    ) -> None:
        self._producer = producer
        self._metrics = metrics
        self._stages = stages
        self._halt = halt
        self._recreate = recreate

    def __call__(self, batches: Sequence[EncodedBatch], entries: Sequence[SourceOffsetEntry]) -> None:
        """One append, as often as it takes. TaskStopping when the task ends meanwhile; raises what does not pass."""
        attempt = 0
        recreated = False
        while True:
            try:
                self._producer.append(batches, entries)
                break
            except NotFoundException:
                # The topic was deleted while the task ran: create it again as configured, but only once.
                if recreated or not batches:
                    raise
                recreated = True
                self._recreate([batch.topic for batch in batches])
            except RetriableException as error:
                self._metrics.append_retries += 1
                if not self._metrics.append_blocked:
                    self._metrics.append_blocked = True
                    logger.warning("The log takes no records now; trying again until it does: %s", error)
                self._stages.enter(RETRY)
                if self._halt.wait(_RETRY.delay(attempt)):
                    raise TaskStopping from error
                self._stages.enter("append")
                attempt += 1
        if self._metrics.append_blocked:
            self._metrics.append_blocked = False
            logger.info("The log takes records again.")
