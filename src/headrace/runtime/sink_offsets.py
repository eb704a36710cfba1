"""A sink task's offsets: consumed, committed, and where to go back to when a commit fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence

from headrace.errors import ConnectException, RetriableException
from headrace.foundation.failpoints import failpoint
from headrace.log.spi import Consumer
from headrace.runtime.contexts import SinkContext
from headrace.runtime.task_metrics import SinkMetrics
from headrace.spi.context import TopicPartition
from headrace.spi.sink import SinkTask

logger = logging.getLogger(__name__)


class SinkOffsets:
    """All offsets are "next to read", by the log's own coordinates. Not thread-safe."""

    def __init__(self, consumer: Consumer, task: SinkTask, context: SinkContext, metrics: SinkMetrics) -> None:
        self._consumer = consumer
        self._task = task
        self._context = context
        self._metrics = metrics
        self.positions: dict[TopicPartition, int] = {}
        """Per owned partition, behind what `put` took."""
        self._committed: dict[TopicPartition, int] = {}
        self._fallback: dict[TopicPartition, int] = {}
        """Where records are safe up to: the last commit, or the place the task chose, or where it began."""

    def owned(self) -> list[TopicPartition]:
        return list(self.positions)

    def add(self, partitions: Sequence[TopicPartition]) -> None:
        """Partitions newly assigned."""
        committed = self._consumer.committed(partitions)
        for partition in partitions:
            position = self._consumer.position(partition)
            self.positions[partition] = self._fallback[partition] = position
            if partition in committed:
                self._committed[partition] = committed[partition]

    def remove(self, partitions: Iterable[TopicPartition]) -> None:
        """Partitions that were given up."""
        for partition in partitions:
            for offsets in (self.positions, self._committed, self._fallback):
                offsets.pop(partition, None)

    def consumed(self, ends: Mapping[TopicPartition, int]) -> None:
        """`put` took the records below these offsets."""
        for partition, offset in ends.items():
            if partition in self.positions:
                self.positions[partition] = offset

    def check_within(self, seeks: Mapping[TopicPartition, int]) -> None:
        """ConnectException (SEEK_BEYOND_END) if one of these offsets has not been reached: all appended below it would be
        passed over, and nobody would notice."""
        for partition, end in self._consumer.end_offsets(seeks).items():
            if seeks[partition] > end:
                raise ConnectException(
                    f"The sink asks to read {partition.topic}-{partition.partition} from offset {seeks[partition]}, but the "
                    f"topic ends at {end}: its position belongs to records that this topic does not have.",
                    code="SEEK_BEYOND_END",
                    remedy="Stop the connector and set its offsets with PATCH /connectors/<name>/offsets, or reset them with "
                    "DELETE to write the topic from its start; then resume it.",
                )

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from there; what lies before is the task's own business."""
        self._consumer.seek(partition, offset)
        self.positions[partition] = self._fallback[partition] = offset

    def commit(self, partitions: Sequence[TopicPartition], *, closing: bool) -> set[TopicPartition]:
        """Ask the task what is durable and commit that.

        When the task raises: nothing is committed, and unless `closing` the partitions are read again from the last safe
        place; these are returned."""
        metrics = self._metrics
        started = time.monotonic()
        metrics.commit_seq_no += 1
        offered = {partition: self.positions[partition] for partition in partitions}
        try:
            durable = self._task.pre_commit(dict(offered))
        except Exception:
            metrics.committed(started, ok=False)
            if closing:
                logger.exception("Offsets are not committed: the sink could not make its records durable.")
                return set()
            logger.exception(
                "Offsets are not committed, records are given again: the sink could not make them durable."
            )
            return self._rewind()
        chosen = self._valid(durable, offered)
        if not chosen:
            metrics.skips.record(1)
            return set()
        changed = {p: offset for p, offset in chosen.items() if self._committed.get(p) != offset}
        try:
            if changed:
                self._consumer.commit(changed)
        except RetriableException as error:
            # The group has moved on or the log is busy: the next commit covers these, or the next owner reads again.
            logger.warning("Offsets could not be committed: %s", error)
            metrics.committed(started, ok=False)
            return set()
        failpoint("sink.after_offset_commit")
        self._committed.update(chosen)
        self._fallback.update(chosen)
        metrics.completions.record(1)
        metrics.committed(started)
        return set()

    def _rewind(self) -> set[TopicPartition]:
        rewound = set(self.positions)
        for partition, offset in self._fallback.items():
            self._consumer.seek(partition, offset)
            self.positions[partition] = offset
        return rewound

    def _valid(
        self, durable: Mapping[TopicPartition, int] | None, offered: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        chosen: dict[TopicPartition, int] = {}
        for partition, offset in (durable or {}).items():
            if partition not in self.positions:
                logger.warning("The sink named an offset of %s, which it does not own; ignored.", partition)
            elif partition not in offered:
                continue
            elif offset > offered[partition]:
                logger.warning(
                    "The sink named offset %d of %s, beyond what it was given (%d); ignored.",
                    offset,
                    partition,
                    offered[partition],
                )
            else:
                chosen[partition] = offset
        return chosen
