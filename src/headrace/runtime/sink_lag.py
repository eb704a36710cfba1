"""How far a sink task is behind the ends of its partitions, looked at now and then."""

from __future__ import annotations

import time
from typing import Final

from headrace.errors import RetriableException
from headrace.log.spi import Consumer
from headrace.runtime.measures import now_ms
from headrace.runtime.sink_offsets import SinkOffsets
from headrace.runtime.task_metrics import SinkMetrics

_LAG_EVERY_S: Final = 1.0


class SinkLag:
    """For the task's thread."""

    def __init__(self, consumer: Consumer, offsets: SinkOffsets, numbers: SinkMetrics) -> None:
        self._consumer = consumer
        self._offsets = offsets
        self._numbers = numbers
        self._next = 0.0
        self.last_timestamp = 0
        """Of the record read last, in ms."""

    def measure(self) -> None:
        """Look, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _LAG_EVERY_S
        owned = self._offsets.owned()
        try:
            ends = self._consumer.end_offsets(owned)
        except RetriableException:
            # The log is busy: the lag shows its last value until the next look.
            return
        lags = [max(0, ends[p] - self._offsets.positions[p]) for p in owned if p in ends]
        numbers = self._numbers
        numbers.lag_records = sum(lags)
        numbers.lag_max = max(lags, default=0)
        behind = numbers.lag_records and self.last_timestamp
        numbers.lag_seconds = max(0.0, (now_ms() - self.last_timestamp) / 1000) if behind else 0.0
