"""Call one task by hand: for tests that say what happens between two calls.

with SourceDriver(MySourceConnector, config) as source:
    first = source.take(10)
with SourceDriver(MySourceConnector, config, offsets=source.offsets(first[:4])) as source:   # as if it had died there
    ...
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from headrace.data import SinkRecord, SourceRecord
from headrace.errors import DataException, RetriableException
from headrace.spi.connector import Connector, SinkConnector, SourceConnector
from headrace.spi.context import SourceOffset, SourcePartition, TopicPartition
from headrace.spi.sink import SinkTask
from headrace.spi.source import SourceTask
from headrace.testing.stand_ins import (
    ConnectorContextStub,
    ErrantCollector,
    Offsets,
    Offsetting,
    SinkContextStub,
    SourceContextStub,
)
from headrace.testing.task_threads import with_task_class


def plan(connector: Connector, config: Mapping[str, str], number: int, max_tasks: int) -> dict[str, str]:
    """Start a connector, take the configuration of one of its tasks, stop it. AssertionError when it plans too few."""
    connector.initialize(ConnectorContextStub())
    try:
        connector.start(dict(config))
        configs = connector.task_configs(max_tasks)
    finally:
        connector.stop()
    if number >= len(configs):
        raise AssertionError(f"task_configs({max_tasks}) gave {len(configs)} tasks; there is no task {number}.")
    return configs[number]


class SourceDriver:
    """One source task; as a context manager it is started, and stopped and closed at the end."""

    def __init__(
        self,
        connector: type[SourceConnector],
        config: Mapping[str, str],
        *,
        offsets: Iterable[tuple[SourcePartition, SourceOffset]] = (),
        number: int = 0,
        max_tasks: int = 1,
    ) -> None:
        instance = connector()
        self.stored = Offsetting(offsets)
        task_config = plan(instance, config, number, max_tasks)
        self.task: SourceTask = instance.task_class()()
        self._config = with_task_class(task_config, instance.task_class())
        self.context = SourceContextStub(self._config, number, self.stored)

    def start(self) -> Self:
        self.task.initialize(self.context)
        self.task.start(dict(self._config))
        return self

    def poll(self) -> list[SourceRecord]:
        """One call of `poll`; a RetriableException counts as nothing yet."""
        try:
            return list(self.task.poll() or ())
        except RetriableException:
            return []

    def take(self, until: int | Callable[[list[SourceRecord]], Any], deadline_s: float = 20.0) -> list[SourceRecord]:
        """Poll until there are so many records, or the condition holds; returns all of them. AssertionError in the end."""
        deadline = time.monotonic() + deadline_s
        records: list[SourceRecord] = []
        while not (len(records) >= until if isinstance(until, int) else until(records)):
            if time.monotonic() > deadline:
                raise AssertionError(f"Only {len(records)} records came within {deadline_s} s: {records[-3:]}")
            records += self.poll()
        return records

    def offsets(self, records: Iterable[SourceRecord]) -> Offsets:
        """What is stored once these records are committed, beside what was stored at the start."""
        stored = Offsetting(self.stored.pairs())
        for record in records:
            stored.put(record.source_partition, record.source_offset)
        return stored.pairs()

    def commit(self, records: Sequence[SourceRecord]) -> None:
        """Tell the task that these records are durable."""
        for record in records:
            self.stored.put(record.source_partition, record.source_offset)
            self.task.commit_record(record)
        self.task.offsets_committed([(record.source_partition, record.source_offset) for record in records[-1:]])
        self.task.commit()

    def end(self) -> None:
        """`stop`, then `close`."""
        self.context.is_stopping = True
        self.task.stop()
        self.task.close()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.end()
            raise

    def __exit__(self, *exc: object) -> None:
        self.end()


class SinkDriver:
    """One sink task with its partitions open. `reporter`: None = there is nowhere to report bad records to."""

    def __init__(
        self,
        connector: type[SinkConnector],
        config: Mapping[str, str],
        partitions: Iterable[TopicPartition],
        *,
        reporter: ErrantCollector | None = None,
    ) -> None:
        instance = connector()
        task_config = plan(instance, config, 0, 1)
        self.task: SinkTask = instance.task_class()()
        self._config = with_task_class({**config, **task_config}, instance.task_class())
        self.reporter = reporter
        self.context = SinkContextStub(self._config, 0, reporter)
        self._partitions = list(partitions)
        self._next: dict[TopicPartition, int] = {}

    def start(self) -> Self:
        self.task.initialize(self.context)
        self.task.start(dict(self._config))
        self.open(self._partitions)
        return self

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        """These partitions are assigned."""
        self.context.owned.update(partitions)
        for partition in partitions:
            self._next.setdefault(partition, 0)
        self.task.open(list(partitions))

    def put(self, records: Sequence[SinkRecord]) -> None:
        """One call of `put`; what it raises is raised."""
        self.task.put(list(records))
        for record in records:
            partition = TopicPartition(record.original_topic, record.original_partition)
            self._next[partition] = max(self._next.get(partition, 0), record.original_offset + 1)

    def put_until_taken(self, records: Sequence[SinkRecord], deadline_s: float = 20.0) -> int:
        """`put` again while it raises RetriableException, as the worker does; returns how often it did."""
        deadline = time.monotonic() + deadline_s
        refusals = 0
        while True:
            try:
                self.put(records)
            except RetriableException as error:
                refusals += 1
                if time.monotonic() > deadline:
                    raise AssertionError(f"The same records were refused for {deadline_s} s: {error}") from error
                time.sleep(0.02)
            else:
                return refusals

    def commit(self) -> dict[TopicPartition, int]:
        """What `pre_commit` says is durable: the next offset to read per partition. DataException for an answer it may not give."""
        offered = {partition: self._next[partition] for partition in self.context.owned}
        answer = dict(self.task.pre_commit(dict(offered)))
        for partition, offset in answer.items():
            if partition not in offered or not 0 <= offset <= offered[partition]:
                raise DataException(
                    f"pre_commit answered {offset} for {partition}; it was offered {offered.get(partition)}."
                )
        return answer

    def close(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """These partitions are taken away: commit, then `close`. Returns what was durable."""
        answer = self.commit()
        self.context.owned.difference_update(partitions)
        self.task.close(list(partitions))
        for partition in partitions:
            self._next.pop(partition, None)
        return answer

    def end(self) -> None:
        """A graceful end: commit and close what is open, then `stop`."""
        self.context.is_stopping = True
        try:
            if self.context.owned:
                self.close(sorted(self.context.owned))
        finally:
            self.task.stop()

    def abandon(self) -> None:
        """As after a failure: nothing more is committed, only `stop` is called."""
        self.context.is_stopping = True
        self.context.owned.clear()
        self.task.stop()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.task.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.end()
        else:
            self.abandon()
