"""The two kinds of instances: the connector, which plans, and its tasks, which do."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from headrace.errors import ConfigException, ConnectTimeoutException, IllegalStateException
from headrace.foundation.telemetry import Sample
from headrace.runtime.herder import State, TargetState
from headrace.runtime.hosting.messages import (
    ConnectorStarted,
    ConnectorWork,
    Failure,
    Notified,
    Pause,
    PlanFailed,
    PlanTasks,
    ReconfigurationRequested,
    Resume,
    SendSignal,
    SignalAnswered,
    StateChanged,
    TasksPlanned,
    TaskStarted,
    TaskWork,
    TopicsUsed,
    Up,
    error_of,
)
from headrace.runtime.hosting.supervision import Limits
from headrace.runtime.restart_policy import RestartPolicy
from headrace.runtime.standalone.instance import Environment, Instance

T = TypeVar("T")

_SIGNAL_WAIT_S = 10.0
_MEMORY = "headrace.task.memory.limit.bytes"


class Settings:
    """A connector's raw configuration, and what its running instance said about it with references resolved."""

    def __init__(self, environment: Environment, config: dict[str, str], kind: str) -> None:
        self.config = config
        self.kind = kind
        self.resolved: dict[str, str] = {}
        self._worker = environment.config.text

    def get(self, key: str, default: str) -> str:
        return self.resolved.get(key, self.config.get(key, default))

    def policy(self) -> RestartPolicy:
        plain = {key: value for key, value in self.config.items() if "${" not in value}
        try:
            return RestartPolicy.of(self._worker, {**plain, **self.resolved})
        except ConfigException:
            # Validated before it was stored; a reference that resolves to nonsense must not stop the worker.
            return RestartPolicy.of(self._worker, {})

    def memory_limit(self, default: int) -> int:
        text = self.get(_MEMORY, str(default))
        return int(text) if text.isdigit() else default


class ConnectorInstance(Instance):
    """Life: `bring_up` → `plan` as often as needed → `end`."""

    def __init__(
        self,
        environment: Environment,
        name: str,
        settings: Settings,
        on_restart: Callable[[], Awaitable[None]],
        on_reconfigure: Callable[[], Awaitable[None]],
        on_expired: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(environment, name, "worker", environment.connector_starts, on_restart)
        self.settings = settings
        self._on_reconfigure = on_reconfigure
        self._on_expired = on_expired
        self._started: asyncio.Future[None] | None = None
        self._planned: asyncio.Future[list[dict[str, str]]] | None = None
        self._expiry: asyncio.TimerHandle | None = None

    def work(self) -> ConnectorWork:
        return ConnectorWork(self.name, self.settings.kind, self.settings.config)

    def policy(self) -> RestartPolicy:
        return self.settings.policy()

    async def bring_up(self) -> None:
        """Start and wait until it runs. Raises what it failed with; the status is FAILED then."""
        self._started = asyncio.get_running_loop().create_future()
        await self.launch()
        await self._started

    async def plan(self) -> list[dict[str, str]]:
        """The task configurations it wants, raw. Raises what it failed with."""
        assert self.hosted is not None
        self._planned = asyncio.get_running_loop().create_future()
        self.hosted.send(PlanTasks())
        return await self._planned

    def on_message(self, message: Up) -> None:
        if isinstance(message, ConnectorStarted):
            self.version = message.version
            self.settings.resolved = message.settings
            self.running(State.RUNNING)
            if message.ttl_ms is not None and self.settings.get("config.action.reload", "restart") == "restart":
                self._expiry = asyncio.get_running_loop().call_later(message.ttl_ms / 1000, self._expire)
            _settle(self._started, None)
        elif isinstance(message, TasksPlanned):
            _settle(self._planned, message.configs)
        elif isinstance(message, PlanFailed):
            # The instance cannot say what to run: it fails as a whole, and the policy decides about another try.
            assert self.hosted is not None
            self.hosted.kill(message.failure)
        elif isinstance(message, ReconfigurationRequested):
            self.keep(self._on_reconfigure())
        elif isinstance(message, Failure) and self.hosted is not None:
            self.keep(self.hosted.stop(self.environment.config.seconds("task.shutdown.graceful.timeout.ms")))

    def on_failed(self, failure: Failure) -> None:
        for waiting in (self._started, self._planned):
            if waiting is not None and not waiting.done():
                waiting.set_exception(error_of(failure))
                waiting.exception()  # mark as seen: nobody waits any more when the operation was cancelled

    def _expire(self) -> None:
        self.log.info("A value from a config provider has expired: restarting.")
        self.keep(self._on_expired())

    def cancel_restart(self) -> None:
        super().cancel_restart()
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None


def _settle(waiting: asyncio.Future[T] | None, value: T) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(value)


class TaskInstance(Instance):
    """One task of a connector."""

    def __init__(
        self,
        environment: Environment,
        name: str,
        task_id: int,
        settings: Settings,
        config: dict[str, str],
        target: Callable[[], TargetState],
        on_topics: Callable[[list[str]], None],
        on_restart: Callable[[TaskInstance], Awaitable[None]],
        on_notification: Callable[[dict[str, Any]], None],
    ) -> None:
        super().__init__(environment, name, f"task-{task_id}", environment.task_starts, lambda: on_restart(self))
        self.task_id = task_id
        self.settings = settings
        self.config = config
        self._target = target
        self._on_topics = on_topics
        self._on_notification = on_notification
        self._signals: dict[int, asyncio.Future[None]] = {}
        self._numbers = itertools.count(1)

    def work(self) -> TaskWork:
        paused = self._target() is TargetState.PAUSED
        return TaskWork(self.name, self.task_id, self.settings.kind, self.config, self.settings.config, paused)

    def policy(self) -> RestartPolicy:
        return self.settings.policy()

    def limits(self) -> Limits:
        limits = self.environment.host.limits
        return dataclasses.replace(limits, memory_bytes=self.settings.memory_limit(limits.memory_bytes))

    def on_message(self, message: Up) -> None:
        if isinstance(message, TaskStarted):
            self.version = message.version
        elif isinstance(message, StateChanged):
            state = State(message.state)
            if state in (State.RUNNING, State.PAUSED):
                self.running(state)
        elif isinstance(message, TopicsUsed):
            self._on_topics(message.topics)
        elif isinstance(message, Notified):
            self._on_notification(message.notification)
        elif isinstance(message, SignalAnswered):
            waiting = self._signals.pop(message.number, None)
            if waiting is not None and not waiting.done():
                if message.failure is None:
                    waiting.set_result(None)
                else:
                    waiting.set_exception(error_of(message.failure))

    async def signal(self, id: str, type: str, data: str | None) -> None:
        """Hand the task a signal and wait until it is taken. Raises why it is not; IllegalStateException (TASK_NOT_RUNNING)."""
        if self.hosted is None or self.state is not State.RUNNING:
            raise IllegalStateException(
                f"Task {self.task_id} of connector {self.name} is {self.state.value}.",
                code="TASK_NOT_RUNNING",
                remedy="Signals are taken while the task runs.",
            )
        number = next(self._numbers)
        self._signals[number] = asyncio.get_running_loop().create_future()
        self.hosted.send(SendSignal(number, id, type, data))
        try:
            await asyncio.wait_for(self._signals[number], _SIGNAL_WAIT_S)
        except TimeoutError:
            raise ConnectTimeoutException(
                f"Task {self.task_id} of connector {self.name} did not answer.", code="TASK_SILENT"
            ) from None
        finally:
            self._signals.pop(number, None)

    def set_paused(self, paused: bool) -> None:
        """Pause or resume; a failed task stays failed."""
        if self.hosted is not None:
            self.hosted.send(Pause() if paused else Resume())

    def samples(self) -> list[Sample]:
        """What the task last measured."""
        return self.hosted.samples if self.hosted is not None else []
