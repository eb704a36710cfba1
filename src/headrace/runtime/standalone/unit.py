"""One connector of a standalone worker: its configuration, target state, instance and tasks; all changes one after another."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from headrace.errors import ConnectException, HeadraceError, IllegalStateException, NotFoundException
from headrace.runtime.herder import ConnectorInfo, ConnectorStatus, State, TargetState
from headrace.runtime.hosting.messages import RemoteError
from headrace.runtime.standalone.documents import Remembered
from headrace.runtime.standalone.instance import Environment
from headrace.runtime.standalone.instances import ConnectorInstance, Settings, TaskInstance

logger = logging.getLogger(__name__)

NOTIFICATIONS_KEPT = 100
"""Of each connector the last ones are shown, until the worker ends."""

_RESTING = {TargetState.PAUSED: State.PAUSED, TargetState.STOPPED: State.STOPPED, TargetState.STARTED: State.UNASSIGNED}


class ConnectorUnit:
    """See the module's docstring. Public coroutines take the unit's lock; starting goes on in the background, for a plugin may take
    long to start, and is broken off by the next change."""

    def __init__(self, environment: Environment, name: str, kind: str, remembered: Remembered) -> None:
        self.name = name
        self.kind = kind
        self.target = remembered.target
        self.topics: list[str] = list(remembered.topics)
        self.task_configs: list[dict[str, str]] = list(remembered.tasks)
        self.tasks: list[TaskInstance] = []
        self.notifications: deque[dict[str, Any]] = deque(maxlen=NOTIFICATIONS_KEPT)
        self._gone: HeadraceError | None = None
        self._environment = environment
        self._lock = asyncio.Lock()
        self._tasks_lock = asyncio.Lock()
        """Taken last. A start goes on without the unit's lock: its new tasks must not meet a restart of the old ones."""
        self._starting: asyncio.Task[None] | None = None
        self._applying: asyncio.Task[None] | None = None
        self._replan = False
        self.settings = Settings(environment, remembered.config, kind)
        self.connector = self._new_connector()
        self._config_changed = False

    @property
    def closed(self) -> bool:
        """Ended for good: whoever waited for its turn meanwhile must start nothing any more."""
        return self._gone is not None

    def _require_open(self) -> None:
        if self._gone is not None:
            raise self._gone

    @property
    def config(self) -> dict[str, str]:
        """The raw configuration."""
        return self.settings.config

    @property
    def info(self) -> ConnectorInfo:
        return ConnectorInfo(self.name, dict(self.config), tuple(range(len(self.task_configs))), self.kind)

    @property
    def status(self) -> ConnectorStatus:
        tasks = tuple(task.status(task.task_id) for task in self.tasks)
        return ConnectorStatus(self.name, self.connector.status(), tasks, self.kind)

    def _new_connector(self) -> ConnectorInstance:
        instance = ConnectorInstance(
            self._environment, self.name, self.settings, self._connector_restart, self.reconfigure, self._expired
        )
        instance.state = _RESTING[self.target]
        return instance

    def _grace_s(self) -> float:
        return self._environment.config.seconds("task.shutdown.graceful.timeout.ms")

    # --- starting ---

    async def start(self) -> None:
        """Begin in the target state, as after the worker's start or after creation."""
        async with self._lock:
            if self.target is TargetState.PAUSED:
                await self._run_tasks(self.task_configs)
            elif self.target is TargetState.STARTED:
                self._bring_up()

    async def settled(self, timeout_s: float) -> None:
        """Wait until a start in progress has ended, however it did."""
        if self._starting is not None:
            await asyncio.wait((self._starting,), timeout=timeout_s)

    def _bring_up(self) -> None:
        self._starting = self.connector.keep(self._start_connector())

    async def _start_connector(self) -> None:
        try:
            if not self.connector.alive:
                await self.connector.bring_up()
            while True:
                self._replan = False
                configs = await self.connector.plan()
                # Never half done: a change that comes now waits for it, see _break_off.
                self._applying = asyncio.create_task(self._apply(configs))
                await asyncio.shield(self._applying)
                if not self._replan:
                    return
        except Exception as error:
            # What the connector itself failed with is its status by now; anything else (a full disk) becomes it.
            self.connector.give_up(error)

    async def _apply(self, configs: list[dict[str, str]]) -> None:
        async with self._tasks_lock:
            same = configs == self.task_configs and len(self.tasks) == len(configs) and not self._config_changed
            if same:
                return
            await self._end_tasks()
            self.task_configs = configs
            self._config_changed = False
            await self._environment.documents.save_tasks(self.name, configs)
            await self._run_tasks(configs)

    async def _run_tasks(self, configs: list[dict[str, str]]) -> None:
        self.tasks = [
            TaskInstance(
                self._environment,
                self.name,
                number,
                self.settings,
                config,
                lambda: self.target,
                self._topics_used,
                self._task_restart,
                self.notifications.append,
            )
            for number, config in enumerate(configs)
        ]
        await asyncio.gather(*(task.launch() for task in self.tasks))

    async def _break_off(self) -> None:
        starting, self._starting = self._starting, None
        if starting is not None and not starting.done():
            starting.cancel()
            await asyncio.wait((starting,))
        if self._applying is not None and not self._applying.done():
            await asyncio.wait((self._applying,))

    # --- ending ---

    async def _end_tasks(self) -> None:
        """All tasks have the graceful time together: they are asked at once."""
        tasks, self.tasks = self.tasks, []
        await asyncio.gather(*(task.end(self._grace_s()) for task in tasks))

    async def _end_connector(self) -> None:
        """A connector that is still starting is not waited for: it may be what hangs."""
        ready = self.connector.started
        await self.connector.end(self._grace_s() if ready else min(1.0, self._grace_s()))

    async def shut_down(self) -> None:
        """End all children for good; nothing stored is changed."""
        async with self._lock:
            self._gone = ConnectException("The worker is stopping.", code="WORKER_STOPPING")
            await self._break_off()
            await asyncio.gather(self._end_connector(), self._end_tasks())

    async def delete(self) -> None:
        """End everything and forget the connector; its offsets stay."""
        async with self._lock:
            self._require_open()
            self._gone = NotFoundException(f"Connector {self.name} not found", code="CONNECTOR_NOT_FOUND")
            await self._break_off()
            await asyncio.gather(self._end_connector(), self._end_tasks())
            try:
                await self._environment.documents.forget(self.name)
            except Exception as error:
                # Not forgotten, so it is still there: failed, and started again as any other.
                self._gone = None
                self.connector.give_up(error)
                raise

    # --- changing ---

    async def replace_config(self, config: dict[str, str], kind: str) -> None:
        """Take a new configuration, stored already, and run by it."""
        async with self._lock:
            self._require_open()
            await self._break_off()
            self._config_changed = self._config_changed or config != self.config
            other_class = config.get("connector.class") != self.config.get("connector.class")
            self.kind = kind
            await self._end_connector()
            self.settings = Settings(self._environment, config, kind)
            self.connector = self._new_connector()
            if self.target is TargetState.STARTED:
                self._bring_up()
            elif self.target is TargetState.PAUSED and self._config_changed:
                await self._end_tasks()
                if other_class:
                    # What the former class has planned says nothing to this one; it plans when it is resumed.
                    self.task_configs = []
                    await self._environment.documents.save_tasks(self.name, [])
                await self._run_tasks(self.task_configs)

    async def set_target(self, target: TargetState) -> None:
        """Go to a target state and remember it: first, for what cannot be remembered must not be begun."""
        async with self._lock:
            self._require_open()
            await self._environment.documents.save_target(self.name, target)
            await self._break_off()
            if target is TargetState.STOPPED:
                await asyncio.gather(self._end_connector(), self._end_tasks())
                self.task_configs = []
                await self._environment.documents.save_tasks(self.name, [])
            elif target is TargetState.PAUSED:
                await self._end_connector()
            self.target = target
            if target is TargetState.STARTED:
                if not self.connector.started:
                    self.connector.state = _RESTING[target]
                for task in self.tasks:
                    task.set_paused(False)
                self._bring_up()
                return
            self.connector.state = _RESTING[target]
            self.connector.failure = None
            for task in self.tasks:
                task.set_paused(True)

    async def reconfigure(self) -> None:
        """The connector asks for its tasks to be planned again."""
        async with self._lock:
            if self.closed or self.target is not TargetState.STARTED or not self.connector.alive:
                return
            if self._starting is not None and not self._starting.done():
                self._replan = True
            else:
                self._bring_up()

    # --- restarting ---

    async def restart_connector(self) -> None:
        """Restart the instance alone. ConnectException with the failure's code if its start fails: the request was right."""
        async with self._lock:
            self._require_open()
            await self._restart_connector(State.RESTARTING)
        await self.settled(self._environment.host.limits.start_s or 120.0)
        if self.connector.state is State.FAILED and self.connector.failure is not None:
            failure = self.connector.failure
            raise RemoteError(failure.message, code=failure.code, field=failure.field, remedy=failure.remedy)

    async def _restart_connector(self, shown: State) -> None:
        await self._break_off()
        await self._end_connector()
        if self.target is TargetState.STARTED:
            self.connector.state = shown
            self._bring_up()
        else:
            self.connector.state = _RESTING[self.target]

    async def restart_task(self, task_id: int) -> None:
        async with self._lock, self._tasks_lock:
            self._require_open()
            await self._restart_task(self.task(task_id))

    def task(self, task_id: int) -> TaskInstance:
        """NotFoundException if there is none of that number."""
        if not 0 <= task_id < len(self.tasks):
            raise NotFoundException(f"Task {task_id} of connector {self.name} not found.", code="TASK_NOT_FOUND")
        return self.tasks[task_id]

    async def _restart_task(self, task: TaskInstance) -> None:
        await task.end(self._grace_s())
        task.state = State.RESTARTING
        await task.launch()

    async def restart_some(self, *, include_tasks: bool, only_failed: bool) -> ConnectorStatus:
        """Mark what is to be restarted, answer with that picture, restart in the background."""
        connector = not only_failed or self.connector.state is State.FAILED
        tasks = [task for task in self.tasks if include_tasks and (not only_failed or task.state is State.FAILED)]
        for task in tasks:
            task.cancel_restart()
            task.state = State.RESTARTING
        if connector:
            self.connector.cancel_restart()
            self.connector.state = State.RESTARTING
        picture = self.status
        self.connector.keep(self._restart_chosen(connector, tasks))
        return picture

    async def _restart_chosen(self, connector: bool, tasks: list[TaskInstance]) -> None:
        async with self._lock:
            if self.closed:
                return
            if connector:
                await self._restart_connector(State.RESTARTING)
            async with self._tasks_lock:
                await asyncio.gather(*(self._restart_task(task) for task in tasks if task in self.tasks))

    async def _connector_restart(self) -> None:
        async with self._lock:
            if self.target is TargetState.STARTED and not self.connector.alive and not self.closed:
                self._bring_up()

    async def _task_restart(self, task: TaskInstance) -> None:
        async with self._lock, self._tasks_lock:
            if task in self.tasks and not task.alive and not self.closed:
                await task.launch()

    async def _expired(self) -> None:
        async with self._lock:
            if self.closed:
                return
            self._config_changed = True
            await self._restart_connector(State.RESTARTING)

    # --- signals ---

    async def signal(self, id: str, type: str, data: str | None) -> None:
        """Hand a signal to every task. Raises why it was not taken."""
        self._require_open()
        if not self.tasks:
            raise IllegalStateException(
                f"Connector {self.name} has no running task.",
                code="TASK_NOT_RUNNING",
                remedy="Signals are taken while the connector runs.",
            )
        await asyncio.gather(*(task.signal(id, type, data) for task in self.tasks))

    # --- topics ---

    def _topics_used(self, topics: list[str]) -> None:
        new = [topic for topic in topics if topic not in self.topics]
        if new and self._environment.config.values["topic.tracking.enable"]:
            self.topics.extend(new)
            self.connector.keep(self._environment.documents.save_topics(self.name, list(self.topics)))
