"""Runs a sink as a worker does, in the test's process, on a log in memory.

run = run_sink(MySinkConnector, config, [sink_record("orders", {"id": 1}, {"id": 1, "total": 2.5})])
assert not run.dead_letters                    # all records are committed now
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from headrace.data import ConnectRecord
from headrace.log.spi import TopicSpec
from headrace.runtime.contexts import StoreOffsetReader
from headrace.runtime.sink_consumer import subscription
from headrace.spi.connector import SinkConnector
from headrace.spi.context import OffsetReader, TopicPartition
from headrace.testing.class_registry import class_name, registry_with
from headrace.testing.decoding import LogWriter
from headrace.testing.memory_log import MemoryLog, MemoryOffsetStore
from headrace.testing.task_threads import WORKER, TaskThread, check_config, with_task_class


class SinkRun:
    """A connector with its tasks; see `SourceRun` for the arguments. `topics` (or `topics.regex`) belongs to the config.

    Topics are made with `partitions` partitions each, before the tasks start."""

    def __init__(
        self,
        connector: type[SinkConnector],
        config: Mapping[str, str],
        *,
        max_tasks: int = 1,
        partitions: int = 1,
        log: MemoryLog | None = None,
        plugins: Iterable[type[Any]] = (),
        worker: Mapping[str, str] | None = None,
        name: str = "test",
        deadline_s: float = 30.0,
    ) -> None:
        self.name = name
        self.log = log or MemoryLog(partitions=partitions)
        self.deadline_s = deadline_s
        self.max_tasks = max_tasks
        self.config = {"name": name, "connector.class": class_name(connector), **config}
        self._class = connector
        self._worker = {**WORKER, **(worker or {})}
        self._registry = registry_with([connector, *plugins])
        self._writer = LogWriter(self.log, self._registry, self.config, self._worker)
        self._connector: SinkConnector | None = None
        self._tasks: list[TaskThread] = []
        self.failure: BaseException | None = None
        """What the connector reported in the background."""

    def start(self) -> SinkRun:
        """Validate, start the connector and its tasks. ConfigException for refused settings."""
        topics, _ = subscription(self.config)
        missing = [name for name in topics or () if name not in self.log.topics()]
        self.log.create_topics([TopicSpec(name, self.log.default_partitions) for name in missing])
        check_config(self._class(), self.config)
        connector = self._connector = self._class()
        connector.initialize(_Context(self))
        connector.start(dict(self.config))
        configs = connector.task_configs(self.max_tasks)
        self._tasks = [
            TaskThread(
                "sink",
                number,
                self.name,
                (with_task_class({**self.config, **config}, connector.task_class()), self.config, self._worker),
                self.log,
                self._registry,
            )
            for number, config in enumerate(configs)
        ]
        for task in self._tasks:
            task.start()
        return self

    def send(self, records: Iterable[ConnectRecord]) -> None:
        """Append records to the log; also before `start`."""
        self._writer.write(records)

    @property
    def committed(self) -> dict[TopicPartition, int]:
        """The next log offset to read, per partition."""
        return self.log.group_offsets(f"connect-{self.name}")

    @property
    def ends(self) -> dict[TopicPartition, int]:
        """Where the partitions end that the connector reads and that have records."""
        topics, pattern = subscription(self.config)
        names = self.log.topics()
        chosen = [t for t in topics if t in names] if topics else [t for t in names if _matches(pattern, t)]
        partitions = [TopicPartition(topic, number) for topic in chosen for number in range(names[topic])]
        return {partition: end for partition, end in self.log.end_offsets(partitions).items() if end}

    @property
    def dead_letters(self) -> list[bytes | None]:
        """The values in the dead letter topic."""
        topic = self.config.get("errors.deadletterqueue.topic.name", "")
        return [value for number in range(self.log.topics().get(topic, 0)) for value in self.log.values(topic, number)]

    @property
    def tasks(self) -> list[TaskThread]:
        return list(self._tasks)

    def wait(self, deadline_s: float | None = None) -> None:
        """Wait until every record is committed. Raises what a task failed with; AssertionError when the time is over."""
        deadline = time.monotonic() + (self.deadline_s if deadline_s is None else deadline_s)
        while not self._all_committed():
            self.check()
            if time.monotonic() > deadline:
                raise AssertionError(f"Committed are {self.committed}, but the log ends at {self.ends}.")
            time.sleep(0.005)

    def _all_committed(self) -> bool:
        committed = self.committed
        return all(committed.get(partition, 0) >= end for partition, end in self.ends.items())

    def check(self) -> None:
        """Raise what a task or the connector has failed with, if anything."""
        for error in (self.failure, *(task.error for task in self._tasks)):
            if error is not None:
                self.failure = None
                for task in self._tasks:
                    task.error = None
                raise error

    def stop(self) -> None:
        """End gracefully: the partitions are flushed, committed and closed. Raises what a task failed with."""
        try:
            self._end(lambda task: task.runner.stop())
        finally:
            self._end_connector()
        self.check()

    def kill(self) -> None:
        """End without committing anything more."""
        self._end(lambda task: task.runner.cancel())
        for task in self._tasks:
            task.error = None
        self._end_connector()

    def _end(self, tell: Callable[[TaskThread], None]) -> None:
        for task in self._tasks:
            tell(task)
        for task in self._tasks:
            task.join(self.deadline_s)

    def _end_connector(self) -> None:
        connector, self._connector = self._connector, None
        if connector is not None:
            connector.stop()

    def __enter__(self) -> SinkRun:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()


class _Context:
    def __init__(self, run: SinkRun) -> None:
        self.connector_name = run.name
        self.offset_reader: OffsetReader = StoreOffsetReader(MemoryOffsetStore(run.log), run.name)
        self._run = run

    def request_task_reconfiguration(self) -> None:
        """A run's plan stays."""

    def raise_error(self, error: BaseException) -> None:
        self._run.failure = error


def _matches(pattern: str | None, topic: str) -> bool:
    return pattern is not None and re.fullmatch(pattern, topic) is not None


def run_sink(
    connector: type[SinkConnector], config: Mapping[str, str], records: Sequence[ConnectRecord], **options: Any
) -> SinkRun:
    """Run a sink until all these records are committed, then stop it. `topics` may be left out: then it is theirs.

    `options`: as for `SinkRun`. What a task fails with is raised."""
    if "topics" not in config and "topics.regex" not in config:
        config = {**config, "topics": ",".join(dict.fromkeys(record.topic for record in records))}
    run = SinkRun(connector, config, **options)
    run.send(records)
    with run:
        run.wait()
    return run
