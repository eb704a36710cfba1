"""What tasks are given: their contexts, offset reader and metrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from headrace.errors import RetriableException
from headrace.foundation.telemetry import Sample
from headrace.log.stores import OffsetStore
from headrace.runtime.advances import Advances
from headrace.runtime.errant import Reporter
from headrace.spi.context import (
    ErrantRecordReporter,
    OffsetReader,
    PluginMetrics,
    SourceOffset,
    SourcePartition,
    TopicPartition,
    TopicReader,
    TransactionContext,
)

Labels = tuple[tuple[str, str], ...]


class TaskPluginMetrics:
    """Metrics a task declares itself; read from any thread."""

    def __init__(self) -> None:
        self._gauges: dict[tuple[str, Labels], Callable[[], float | None]] = {}
        self._totals: dict[tuple[str, Labels], list[float]] = {}

    def gauge(self, name: str, read: Callable[[], float | None], labels: Mapping[str, str] | None = None) -> None:
        """See `PluginMetrics.gauge`. A later gauge of the same name and labels replaces the earlier."""
        self._gauges[name, tuple((labels or {}).items())] = read

    def counter(self, name: str, labels: Mapping[str, str] | None = None) -> Callable[[float], None]:
        """See `PluginMetrics.counter`. The same name and labels give the same total."""
        total = self._totals.setdefault((name, tuple((labels or {}).items())), [0.0])

        def add(amount: float) -> None:
            total[0] += amount

        return add

    def samples(self) -> list[Sample]:
        """The present values; a gauge that raises shows as NaN."""
        result = [Sample(name, labels, total[0], "counter") for (name, labels), total in list(self._totals.items())]
        for (name, labels), read in list(self._gauges.items()):
            try:
                value = read()
            except Exception:
                # A broken gauge must not cost the task its other metrics; NaN shows that there is no value.
                value = math.nan
            if value is not None:
                result.append(Sample(name, labels, float(value)))
        return result


class StoreOffsetReader:
    """The `OffsetReader` of a connector."""

    def __init__(self, store: OffsetStore, connector: str) -> None:
        self._store = store
        self._connector = connector

    def offset(self, partition: SourcePartition) -> dict[str, Any] | None:
        return self._store.get(self._connector, [partition])[0]

    def offsets(self, partitions: Iterable[SourcePartition]) -> list[dict[str, Any] | None]:
        return self._store.get(self._connector, partitions)


class _Context:
    """Common to both."""

    def __init__(self, connector: str, task_id: int, configs: Mapping[str, str], stopping: Callable[[], bool]) -> None:
        self.connector_name = connector
        self.task_id = task_id
        self.own_metrics = TaskPluginMetrics()
        self.metrics: PluginMetrics = self.own_metrics
        self._configs = configs
        self._stopping = stopping

    def configs(self) -> Mapping[str, str]:
        return self._configs

    def stopping(self) -> bool:
        return self._stopping()


class SourceContext(_Context):
    """The `SourceTaskContext`."""

    def __init__(
        self,
        connector: str,
        task_id: int,
        configs: Mapping[str, str],
        stopping: Callable[[], bool],
        offset_reader: OffsetReader,
        advances: Advances,
        topic_reader: Callable[[str, str], TopicReader],
        notify: Callable[[Mapping[str, Any]], None],
    ) -> None:
        super().__init__(connector, task_id, configs, stopping)
        self.offset_reader: OffsetReader = offset_reader
        self.transaction_context: TransactionContext | None = None
        self.topic_reader = topic_reader
        self.notify = notify
        self._advances = advances

    def advance(self, partition: SourcePartition, offset: SourceOffset, *, urgent: bool = False) -> None:
        self._advances.add(partition, offset, urgent=urgent)


class SinkContext(_Context):
    """The `SinkTaskContext`. What the task asks for is kept here until the loop does it; called from the task's thread."""

    def __init__(
        self,
        connector: str,
        task_id: int,
        configs: Mapping[str, str],
        stopping: Callable[[], bool],
        assignment: Callable[[], set[TopicPartition]],
        topic_ids: Callable[[Iterable[str]], dict[str, str]],
    ) -> None:
        super().__init__(connector, task_id, configs, stopping)
        self._assignment = assignment
        self._topic_ids = topic_ids
        self._reporter: Reporter | None = None
        self.seeks: dict[TopicPartition, int] = {}
        self.timeout_ms: int | None = None
        self.paused: set[TopicPartition] = set()
        self.commit_requested = False

    def offset(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.seeks.update({TopicPartition(*partition): offset for partition, offset in offsets.items()})

    def timeout(self, timeout_ms: int) -> None:
        self.timeout_ms = timeout_ms

    def assignment(self) -> set[TopicPartition]:
        return self._assignment()

    def topic_id(self, topic: str) -> str:
        found = self._topic_ids([topic])
        if topic not in found:
            raise RetriableException(f"Topic {topic} has just been deleted.", code="TOPIC_GONE")
        return found[topic]

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused.update(partitions)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused.difference_update(partitions)

    def request_commit(self) -> None:
        self.commit_requested = True

    def set_reporter(self, reporter: Reporter) -> None:
        """Called before the task starts, when there is somewhere to report to."""
        self._reporter = reporter

    def errant_record_reporter(self) -> ErrantRecordReporter | None:
        return self._reporter
