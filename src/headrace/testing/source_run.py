"""Runs a source as a worker does, in the test's process, on a log in memory.

run = run_source(MySourceConnector, {"topic": "t"}, until=10)
assert [record.value["id"] for record in run.records] == list(range(10))
assert run_source(MySourceConnector, {"topic": "t"}, until=5, resume=run).records[-1].value["id"] == 14
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from headrace.data import SinkRecord
from headrace.runtime.contexts import StoreOffsetReader
from headrace.spi.connector import SourceConnector
from headrace.spi.context import OffsetReader
from headrace.testing.class_registry import class_name, registry_with
from headrace.testing.decoding import LogReader
from headrace.testing.memory_log import MemoryLog, MemoryOffsetStore
from headrace.testing.task_threads import WORKER, TaskThread, check_config, with_task_class

Until = int | Callable[[list[SinkRecord]], Any]
"""A number of records, or a condition on those there are."""


class SourceRun:
    """A connector with its tasks. `start`, `wait`, `stop` or `kill`, as often as wanted; as a context manager it starts and stops.

    `config`: the connector's settings, with framework settings (`transforms`, `errors.tolerance`, converters …) where wanted;
    plugins are named by class, installed or among `plugins`. `log`: the log to go on with, by default a new one.
    `max_tasks`: tasks.max. `worker`: settings of the worker, added to JSON converters with schemas.
    """

    def __init__(
        self,
        connector: type[SourceConnector],
        config: Mapping[str, str],
        *,
        max_tasks: int = 1,
        log: MemoryLog | None = None,
        plugins: Iterable[type[Any]] = (),
        worker: Mapping[str, str] | None = None,
        name: str = "test",
        deadline_s: float = 30.0,
    ) -> None:
        self.name = name
        self.log = log or MemoryLog()
        self.deadline_s = deadline_s
        self.max_tasks = max_tasks
        self.config = {"name": name, "connector.class": class_name(connector), **config}
        self._class = connector
        self._worker = {**WORKER, **(worker or {})}
        self._registry = registry_with([connector, *plugins])
        self._reader = LogReader(self.log, self._registry, self.config, self._worker)
        self._connector: SourceConnector | None = None
        self._tasks: list[TaskThread] = []
        self._plan_lock = threading.RLock()
        self._background_error: BaseException | None = None
        self.replans = 0
        """How often the connector asked for its tasks to be planned anew."""

    def start(self) -> SourceRun:
        """Validate, start the connector, plan and start its tasks. ConfigException for refused settings."""
        check_config(self._class(), self.config)
        with self._plan_lock:
            connector = self._connector = self._class()
            try:
                connector.initialize(_Context(self))
                connector.start(dict(self.config))
                self._start_tasks(connector)
            except BaseException:
                self._end_connector()
                raise
        return self

    def _start_tasks(self, connector: SourceConnector) -> None:
        configs = connector.task_configs(self.max_tasks)
        self._tasks = [
            TaskThread(
                "source",
                number,
                self.name,
                (with_task_class(config, connector.task_class()), self.config, self._worker),
                self.log,
                self._registry,
            )
            for number, config in enumerate(configs)
        ]
        for task in self._tasks:
            task.start()

    def replan(self) -> None:
        """What the worker does when the connector asks for it: end the tasks, plan them again, start them."""
        with self._plan_lock:
            self.replans += 1
            if self._connector is not None:
                self._end_tasks()
                self._start_tasks(self._connector)

    def request_replan(self) -> None:
        threading.Thread(target=self.replan, name=f"{self.name}-replan", daemon=True).start()

    def background_error(self, error: BaseException) -> None:
        self._background_error = error

    @property
    def records(self) -> list[SinkRecord]:
        """All records in the log, decoded; those of one partition in order. Dead letters are not among them."""
        return self._reader.records({self.config.get("errors.deadletterqueue.topic.name", "")})

    @property
    def dead_letters(self) -> list[bytes | None]:
        """The values in the dead letter topic."""
        topic = self.config.get("errors.deadletterqueue.topic.name", "")
        return [
            value for partition in range(self.log.topics().get(topic, 0)) for value in self.log.values(topic, partition)
        ]

    @property
    def offsets(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The committed (source partition, source offset) pairs."""
        return MemoryOffsetStore(self.log).list(self.name)

    @property
    def tasks(self) -> list[TaskThread]:
        return list(self._tasks)

    def wait(self, until: Until, deadline_s: float | None = None) -> list[SinkRecord]:
        """Wait until the log has so many records in all, or the condition holds for them; returns all of them.

        Raises what a task or the connector failed with; AssertionError when the time is over."""
        deadline = time.monotonic() + (self.deadline_s if deadline_s is None else deadline_s)
        while True:
            records = self.records
            if len(records) >= until if isinstance(until, int) else until(records):
                return records
            self.check()
            if time.monotonic() > deadline:
                wanted = f"{until} records" if isinstance(until, int) else "what was waited for"
                raise AssertionError(f"{wanted} did not come in time; there are {len(records)} records: {records[-3:]}")
            time.sleep(0.005)

    def check(self) -> None:
        """Raise what a task or the connector has failed with, if anything."""
        errors = [self._background_error, *(task.error for task in self._tasks)]
        for error in errors:
            if error is not None:
                self._background_error = None
                for task in self._tasks:
                    task.error = None
                raise error

    def stop(self) -> None:
        """End gracefully, as a worker does: what was polled is committed. Raises what a task failed with."""
        with self._plan_lock:
            try:
                self._end_tasks()
            finally:
                self._end_connector()
        self.check()

    def kill(self) -> None:
        """End as if the process had died, before or after the commit at hand: no other follows. What is in the log stays."""
        with self._plan_lock:
            for task in self._tasks:
                task.runner.cancel()
            for task in self._tasks:
                task.join(self.deadline_s)
                task.error = None
            self._end_connector()

    def _end_tasks(self) -> None:
        for task in self._tasks:
            task.runner.stop()
        for task in self._tasks:
            task.join(self.deadline_s)

    def _end_connector(self) -> None:
        connector, self._connector = self._connector, None
        if connector is not None:
            connector.stop()

    def __enter__(self) -> SourceRun:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()


class _Context:
    """The `ConnectorContext` of a run."""

    def __init__(self, run: SourceRun) -> None:
        self.connector_name = run.name
        self.offset_reader: OffsetReader = StoreOffsetReader(MemoryOffsetStore(run.log), run.name)
        self._run = run

    def request_task_reconfiguration(self) -> None:
        self._run.request_replan()

    def raise_error(self, error: BaseException) -> None:
        self._run.background_error(error)


def run_source(
    connector: type[SourceConnector],
    config: Mapping[str, str],
    until: Until,
    *,
    resume: SourceRun | None = None,
    **options: Any,
) -> SourceRun:
    """Run a source until that many *further* records are in the log (or the condition holds for all of them), then stop it.

    `resume`: an earlier run, whose log and offsets are gone on with. `options`: as for `SourceRun`. What a task fails with is raised."""
    if resume is not None:
        options.setdefault("log", resume.log)
        options.setdefault("name", resume.name)
    run = SourceRun(connector, config, **options)
    before = len(run.records)
    with run:
        run.wait(before + until if isinstance(until, int) else until)
    return run
