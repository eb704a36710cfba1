"""What a task or connector that is called by hand is given: contexts that take note, offsets, a collector of bad records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from headrace.data import SinkRecord
from headrace.log.offset_codec import offset_key, offset_value, parse_key, parse_value
from headrace.runtime.contexts import TaskPluginMetrics
from headrace.runtime.topic_reader import LogTopicReader
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
from headrace.testing.memory_log import MemoryLog

Offsets = list[tuple[dict[str, Any], dict[str, Any]]]
NAME = "test"


class Offsetting:
    """An `OffsetReader` over pairs, which it keeps as the log would: flat JSON."""

    def __init__(self, pairs: Iterable[tuple[SourcePartition, SourceOffset]] = ()) -> None:
        self._stored: dict[bytes, bytes | None] = {}
        for partition, offset in pairs:
            self.put(partition, offset)

    def put(self, partition: SourcePartition, offset: SourceOffset) -> None:
        """Store. DataException (OFFSET_INVALID) unless both are flat maps of JSON scalars."""
        self._stored[offset_key(NAME, partition)] = offset_value(offset)

    def offset(self, partition: SourcePartition) -> dict[str, Any] | None:
        value = self._stored.get(offset_key(NAME, partition))
        return None if value is None else parse_value(value)

    def offsets(self, partitions: Iterable[SourcePartition]) -> list[dict[str, Any] | None]:
        return [self.offset(partition) for partition in partitions]

    def pairs(self) -> Offsets:
        """All that is stored."""
        return [(parse_key(key)[1], parse_value(value)) for key, value in self._stored.items() if value is not None]


class ConnectorContextStub:
    """A `ConnectorContext` that takes note."""

    connector_name = NAME

    def __init__(self, offsets: Offsetting | None = None) -> None:
        self.offset_reader: OffsetReader = offsets or Offsetting()
        self.reconfigurations = 0
        self.errors: list[BaseException] = []

    def request_task_reconfiguration(self) -> None:
        self.reconfigurations += 1

    def raise_error(self, error: BaseException) -> None:
        self.errors.append(error)


class _TaskContext:
    connector_name = NAME

    def __init__(self, config: Mapping[str, str], task_id: int) -> None:
        self.task_id = task_id
        self.metrics: PluginMetrics = TaskPluginMetrics()
        self.is_stopping = False
        self._config = config

    def configs(self) -> Mapping[str, str]:
        return self._config

    def stopping(self) -> bool:
        return self.is_stopping


class SourceContextStub(_TaskContext):
    """A `SourceTaskContext` that takes note. `advances`: what the task moved on without a record."""

    def __init__(self, config: Mapping[str, str], task_id: int, offsets: Offsetting) -> None:
        super().__init__(config, task_id)
        self.offset_reader: OffsetReader = offsets
        self.transaction_context: TransactionContext | None = None
        self.advances: Offsets = []
        self.notifications: list[dict[str, Any]] = []
        self.log = MemoryLog()
        """What `topic_reader` reads."""

    def advance(self, partition: SourcePartition, offset: SourceOffset, *, urgent: bool = False) -> None:
        self.advances.append((dict(partition), dict(offset)))

    def topic_reader(self, topic: str, group: str) -> TopicReader:
        return LogTopicReader(self.log, topic, group)

    def notify(self, notification: Mapping[str, Any]) -> None:
        self.notifications.append(dict(notification))


class ErrantCollector:
    """An `ErrantRecordReporter` that keeps what is reported."""

    def __init__(self) -> None:
        self.reported: list[tuple[SinkRecord, BaseException]] = []

    def report(self, record: SinkRecord, error: BaseException) -> Future[None]:
        self.reported.append((record, error))
        done: Future[None] = Future()
        done.set_result(None)
        return done


class SinkContextStub(_TaskContext):
    """A `SinkTaskContext` that takes note."""

    def __init__(self, config: Mapping[str, str], task_id: int, reporter: ErrantCollector | None) -> None:
        super().__init__(config, task_id)
        self.owned: set[TopicPartition] = set()
        self.sought: dict[TopicPartition, int] = {}
        self.paused: set[TopicPartition] = set()
        self.timeout_ms: int | None = None
        self.commit_requests = 0
        self._reporter = reporter

    def offset(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.sought.update(offsets)

    def timeout(self, timeout_ms: int) -> None:
        self.timeout_ms = timeout_ms

    def assignment(self) -> set[TopicPartition]:
        return set(self.owned)

    def topic_id(self, topic: str) -> str:
        return f"id-of-{topic}"

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused.update(partitions)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused.difference_update(partitions)

    def request_commit(self) -> None:
        self.commit_requests += 1

    def errant_record_reporter(self) -> ErrantRecordReporter | None:
        return self._reporter
