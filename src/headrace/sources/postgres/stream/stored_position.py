"""The offsets of the task's one source partition: what was handed over, what of it is durable, and what the slot may forget."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.data import SourceRecord
from headrace.data.batch import SourceBatch
from headrace.errors import HeadraceError
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.events import Offset
from headrace.sources.postgres.offsets import flush_position
from headrace.sources.postgres.stream.feedback import Feedback
from headrace.sources.postgres.stream.stream import StreamDecoder
from headrace.spi.context import SourceOffset, SourcePartition, SourceTaskContext

logger = logging.getLogger(__name__)


class StoredPosition:
    """`handed`: the offset handed over last in this life of the task; `committed`: the one that is durable."""

    def __init__(self, config: PostgresConfig, context: SourceTaskContext) -> None:
        self._context = context
        self._manual = config.manual_flush
        self._interval_s = config["status.update.interval.ms"] / 1000
        self._next = 0.0
        self.partition = {"server": config["topic.prefix"]}
        self.handed: Mapping[str, Any] | None = None
        self.committed: Mapping[str, Any] | None = context.offset_reader.offset(self.partition)

    @property
    def at(self) -> Mapping[str, Any] | None:
        """Where to go on; None for nowhere yet."""
        return self.handed if self.handed is not None else self.committed

    def flushed(self) -> int:
        """What the slot may forget now, 0 for nothing."""
        return 0 if self.committed is None or self._manual else flush_position(self.committed) or 0

    def hand_over(self, records: Sequence[SourceRecord]) -> Sequence[SourceRecord]:
        """These leave the task."""
        if isinstance(records, SourceBatch):
            self.handed = records.offsets[records.last_ordinal]
        elif records:
            self.handed = records[-1].source_offset
        return records

    def tell(self, offset: Offset) -> None:
        """Store an offset that no record carries."""
        self.handed = offset
        self._context.advance(self.partition, offset, urgent=True)

    def move_on(self, decoder: StreamDecoder, feedback: Feedback, reached: int | None) -> None:
        """Nothing came for us: let the stored offset follow the stream, and the slot the offset, once it is committed. `reached`: the
        position up to which everything is handed out, None in the midst of something."""
        now, urgent = time.monotonic(), feedback.pressed
        if not urgent and now < self._next:
            return
        told = self.committed if urgent or self.handed is None else self.handed
        if reached is None or reached <= (flush_position(told or {}) or 0):
            return
        self._next = now + self._interval_s
        self.handed = decoder.move_on(reached, time.time_ns() // 1000)
        self._context.advance(self.partition, self.handed, urgent=urgent)

    def is_durable(self, offsets: Sequence[tuple[SourcePartition, SourceOffset]], feedback: Feedback | None) -> bool:
        """Take note of committed offsets and confirm them to the slot; whether ours was among them."""
        ours = False
        for partition, offset in offsets:
            if dict(partition) != self.partition:
                continue
            ours, self.committed = True, dict(offset)
            lsn = None if feedback is None or self._manual else flush_position(offset)
            if feedback is not None and lsn:
                try:
                    feedback.confirm(lsn)
                except HeadraceError as error:
                    # The next poll meets the broken connection; the position is sent again over the new one.
                    logger.info("The position could not be confirmed yet: %s", error)
        return ours
