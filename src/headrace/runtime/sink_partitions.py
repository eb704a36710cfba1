"""The partitions of a sink task: given and taken away by the group, paused, sought, committed."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.log.spi import Consumer, EncodedBatch, RebalanceListener
from headrace.runtime.contexts import SinkContext
from headrace.runtime.errant import Reporter
from headrace.runtime.sink_ahead import LookAhead
from headrace.runtime.sink_offsets import SinkOffsets
from headrace.runtime.sink_pending import PendingBatch
from headrace.runtime.task_loop import TaskLoop
from headrace.runtime.task_metrics import SinkMetrics
from headrace.spi.context import TopicPartition
from headrace.spi.sink import SinkTask


class SinkPartitions:
    """For the task's thread. `pending`, `ahead`: what has been read of them; it goes where they go. `reporter`: flushed before a commit."""

    def __init__(
        self,
        loop: TaskLoop,
        task: SinkTask,
        consumer: Consumer,
        offsets: SinkOffsets,
        context: SinkContext,
        numbers: SinkMetrics,
        pending: PendingBatch,
        ahead: LookAhead,
        reporter: Reporter | None,
    ) -> None:
        self._loop = loop
        self._task = task
        self._consumer = consumer
        self._offsets = offsets
        self._context = context
        self._numbers = numbers
        self._pending = pending
        self._ahead = ahead
        self._reporter = reporter
        self.paused: set[TopicPartition] = set()
        """Paused in the log."""
        self.error: Exception | None = None
        """What the task raised while the group gave or took."""

    def listener(self) -> RebalanceListener:
        return RebalanceListener(self._assigned, self._revoked, self._lost)

    def apply_seeks(self) -> None:
        """Go where the task has asked to go, in what it still owns."""
        seeks, self._context.seeks = self._context.seeks, {}
        owned = {p: offset for p, offset in seeks.items() if p in self._offsets.positions}
        if not owned:
            return
        self._loop.until_log_can("check where to read on", lambda: self._offsets.check_within(owned))
        for partition, offset in owned.items():
            self._offsets.seek(partition, offset)
            self._pending.drop({partition})
            self._ahead.drop({partition})

    def apply_pauses(self, *, everything: bool) -> None:
        """Pause what the task wants paused, or all, and resume the rest."""
        owned = set(self._offsets.positions)
        wanted = owned if everything else owned & self._context.paused
        current = self.paused & owned
        if wanted - current:
            self._consumer.pause(wanted - current)
        if current - wanted:
            self._consumer.resume(current - wanted)
        self.paused = set(wanted)

    def commit(self) -> None:
        """Commit what the task says is durable; where it cannot say, go back to what was."""
        self._context.commit_requested = False
        if not self._offsets.positions:
            return
        self._loop.stages.enter("commit")
        try:
            if self._reporter is not None:
                self._reporter.flush()
            rewound = self._offsets.commit(self._offsets.owned(), closing=False)
            self._pending.drop(rewound)
            self._ahead.drop(rewound)
        finally:
            self._loop.stages.enter("idle")

    def give_back(self, batches: Sequence[EncodedBatch]) -> None:
        """They were polled for nothing: the next poll gives them again."""
        for batch in batches:
            partition = TopicPartition(batch.topic, batch.partition)
            if partition in self._offsets.positions and batch.offsets is not None:
                self._consumer.seek(partition, batch.offsets[0])

    def close(self, partitions: Sequence[TopicPartition], *, lost: bool) -> None:
        """Give them up: commit first, unless they are `lost` already."""
        if not partitions:
            return
        self._loop.stages.enter("commit")
        try:
            if not lost and not self._loop.cancelled:
                if self._reporter is not None:
                    self._reporter.flush()
                self._offsets.commit(partitions, closing=True)
        finally:
            self._pending.drop(set(partitions))
            self._ahead.drop(set(partitions))
            self._offsets.remove(partitions)
            self._context.paused.difference_update(partitions)
            self.paused.difference_update(partitions)
            self._numbers.partition_count = len(self._offsets.positions)
            self._task.close(list(partitions))
            self._loop.stages.enter("idle")

    # Called by the consumer within `poll`: what the task raises must not look like an error of the log, so it waits until
    # the poll has returned.

    def _assigned(self, partitions: Sequence[TopicPartition]) -> None:
        self._loop.stages.enter("open")
        try:
            self._offsets.add(partitions)
            self._numbers.partition_count = len(self._offsets.positions)
            self._task.open(list(partitions))
        except Exception as error:
            self.error = error
        self._loop.stages.enter("idle")

    def _revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self._given_up(partitions, lost=False)

    def _lost(self, partitions: Sequence[TopicPartition]) -> None:
        self._given_up(partitions, lost=True)

    def _given_up(self, partitions: Sequence[TopicPartition], *, lost: bool) -> None:
        try:
            self.close([p for p in partitions if p in self._offsets.positions], lost=lost)
        except Exception as error:
            self.error = error
