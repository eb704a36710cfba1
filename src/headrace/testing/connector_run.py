"""What runs of sources and of sinks have in common: a connector with its tasks on threads, started and ended as a worker does it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Generic, Literal, Self, TypedDict, TypeVar

from headrace.runtime.contexts import StoreOffsetReader
from headrace.spi.connector import SinkConnector, SourceConnector
from headrace.spi.context import OffsetReader
from headrace.testing.class_registry import class_name, registry_with
from headrace.testing.memory_log import MemoryLog, MemoryOffsetStore
from headrace.testing.task_threads import WORKER, TaskThread, check_config, with_task_class

C = TypeVar("C", SourceConnector, SinkConnector)


class RunOptions(TypedDict, total=False):
    """The arguments of a run that both directions take, see `ConnectorRun`."""

    max_tasks: int
    plugins: Iterable[type[Any]]
    worker: Mapping[str, str] | None
    name: str
    deadline_s: float


class ConnectorRun(ABC, Generic[C]):
    """`start`, `stop` or `kill`, as often as wanted; as a context manager it starts and stops, and kills after an exception.

    `config`: the connector's settings, with framework settings (`transforms`, `errors.tolerance`, converters …) where wanted;
    plugins are named by class, installed or among `plugins`. `log`: the log to go on with. `max_tasks`: tasks.max. `worker`:
    settings of the worker, added to JSON converters with schemas. `deadline_s`: how long an end or a wait may take."""

    kind: ClassVar[Literal["source", "sink"]]

    def __init__(
        self,
        connector: type[C],
        config: Mapping[str, str],
        log: MemoryLog,
        *,
        max_tasks: int = 1,
        plugins: Iterable[type[Any]] = (),
        worker: Mapping[str, str] | None = None,
        name: str = "test",
        deadline_s: float = 30.0,
    ) -> None:
        self.name = name
        self.log = log
        self.deadline_s = deadline_s
        self.max_tasks = max_tasks
        self.config = {"name": name, "connector.class": class_name(connector), **config}
        self.failure: BaseException | None = None
        """What the connector reported in the background."""
        self._class: type[C] = connector
        self._worker = {**WORKER, **(worker or {})}
        self._registry = registry_with([connector, *plugins])
        self._connector: C | None = None
        self._tasks: list[TaskThread] = []
        self._plan_lock = threading.RLock()

    def start(self) -> Self:
        """Validate, start the connector, plan and start its tasks. ConfigException for refused settings."""
        self._before_start()
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

    def _before_start(self) -> None:
        """What has to be there before the connector starts."""

    @abstractmethod
    def _task_config(self, planned: Mapping[str, str]) -> Mapping[str, str]:
        """The settings of a task, from those its connector planned."""

    @abstractmethod
    def replan(self) -> None:
        """The connector asks for its tasks to be planned anew."""

    def _start_tasks(self, connector: C) -> None:
        self._tasks = []
        for number, planned in enumerate(connector.task_configs(self.max_tasks)):
            settings = with_task_class(self._task_config(planned), connector.task_class())
            configs = (settings, self.config, self._worker)
            self._tasks.append(TaskThread(self.kind, number, self.name, configs, self.log, self._registry))
        for task in self._tasks:
            task.start()

    @property
    def dead_letters(self) -> list[bytes | None]:
        """The values in the dead letter topic."""
        topic = self.config.get("errors.deadletterqueue.topic.name", "")
        return [value for number in range(self.log.topics().get(topic, 0)) for value in self.log.values(topic, number)]

    @property
    def tasks(self) -> list[TaskThread]:
        return list(self._tasks)

    def check(self) -> None:
        """Raise what a task or the connector has failed with, if anything."""
        for error in (self.failure, *(task.error for task in self._tasks)):
            if error is not None:
                self.failure = None
                self._forget_errors()
                raise error

    def stop(self) -> None:
        """End gracefully, as a worker does: what is at hand is committed. Raises what a task failed with."""
        with self._plan_lock:
            try:
                self._end_tasks(lambda task: task.runner.stop())
            finally:
                self._end_connector()
        self.check()

    def kill(self) -> None:
        """End as if the process had died, before or after the commit at hand: no other follows. What is in the log stays."""
        with self._plan_lock:
            try:
                self._end_tasks(lambda task: task.runner.cancel())
            finally:
                self._forget_errors()
                self._end_connector()

    def _end_tasks(self, tell: Callable[[TaskThread], None]) -> None:
        for task in self._tasks:
            tell(task)
        for task in self._tasks:
            task.join(self.deadline_s)

    def _forget_errors(self) -> None:
        for task in self._tasks:
            task.error = None

    def _end_connector(self) -> None:
        connector, self._connector = self._connector, None
        if connector is not None:
            connector.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()


class _Context:
    """The `ConnectorContext` of a run."""

    def __init__(self, run: ConnectorRun[Any]) -> None:
        self.connector_name = run.name
        self.offset_reader: OffsetReader = StoreOffsetReader(MemoryOffsetStore(run.log), run.name)
        self._run = run

    def request_task_reconfiguration(self) -> None:
        self._run.replan()

    def raise_error(self, error: BaseException) -> None:
        self._run.failure = error
