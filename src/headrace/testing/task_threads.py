"""Task runners on threads of the test's process."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from headrace.errors import ConfigException
from headrace.runtime.herder import State
from headrace.runtime.task_runner import TaskRunner, TaskSpec
from headrace.spi.connector import Connector
from headrace.spi.plugins import PluginRegistry
from headrace.testing.memory_log import MemoryLog, MemoryOffsetStore

JSON: Final = "org.apache.kafka.connect.json.JsonConverter"
WORKER: Final = {"key.converter": JSON, "value.converter": JSON, "offset.flush.interval.ms": "50"}
"""The worker's settings unless others are given: JSON with schemas, so that nothing is lost on the way; quick commits."""


class Listener:
    """Takes note of a task's state."""

    def __init__(self) -> None:
        self.state: State | None = None
        self.topics: list[str] = []
        self.notifications: list[dict[str, Any]] = []

    def on_state(self, state: State) -> None:
        self.state = state

    def on_topics(self, topics: Sequence[str]) -> None:
        self.topics.extend(topics)

    def on_notification(self, notification: Mapping[str, Any]) -> None:
        self.notifications.append(dict(notification))


class TaskThread:
    """One task on its own thread. `error`: what it failed with."""

    def __init__(
        self,
        kind: Literal["source", "sink"],
        number: int,
        name: str,
        configs: tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]],
        log: MemoryLog,
        registry: PluginRegistry,
    ) -> None:
        task, connector, worker = configs
        self.listener = Listener()
        self.error: BaseException | None = None
        spec = TaskSpec(name, number, kind, None, dict(task), dict(connector), dict(worker))
        self.runner = TaskRunner(
            spec, log=log, offsets=MemoryOffsetStore(log), registry=registry, listener=self.listener
        )
        self._thread = threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def join(self, deadline_s: float) -> None:
        """Wait for the end. AssertionError when it does not come."""
        self._thread.join(deadline_s)
        if self.alive:
            raise AssertionError(
                f"The task did not end within {deadline_s} s of being asked to; stage: {self.runner.progress()[0]}"
            )

    def _run(self) -> None:
        try:
            self.runner.run()
        except BaseException as error:
            self.error = error


def check_config(connector: Connector, config: Mapping[str, str]) -> None:
    """Validate as a worker does before it starts anything. ConfigException with all that was refused."""
    refused = [value for value in connector.validate(config) if value.errors]
    if refused:
        raise ConfigException(
            " ".join(error for value in refused for error in value.errors),
            field=refused[0].name,
        )


def with_task_class(config: Mapping[str, str], task_class: type[Any]) -> dict[str, str]:
    """A task's configuration as the worker hands it over."""
    return {**config, "task.class": f"{task_class.__module__}.{task_class.__qualname__}"}
