"""A herder in memory: enough behaviour for every path of the REST interface, with switches for what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.errors import (
    AlreadyExistsException,
    ConfigException,
    ConnectException,
    IllegalStateException,
    NotFoundException,
)
from headrace.runtime.herder import (
    ConnectorInfo,
    ConnectorStatus,
    Herder,
    PluginInfo,
    State,
    TargetState,
    TaskStatus,
    ValidationResult,
)

SOURCE = "org.example.FileSourceConnector"
SINK = "org.example.FileSinkConnector"
WORKER_ID = "127.0.0.1:8083"
PLUGINS = [
    PluginInfo(SOURCE, "source", "1.2.3"),
    PluginInfo("org.example.Cast$Value", "transformation", "1.2.3"),
    PluginInfo(SINK, "sink", None),
]


class FakeHerder(Herder):
    def __init__(self) -> None:
        self.configs: dict[str, dict[str, str]] = {}
        self.states: dict[str, TargetState] = {}
        self.offsets_of: dict[str, list[dict[str, Any]]] = {}
        self.failed: dict[tuple[str, int | None], str] = {}
        self.without_status: set[str] = set()
        self.calls: list[tuple[Any, ...]] = []
        self.levels: dict[str, tuple[str, int | None]] = {"root": ("INFO", None), "headrace.rest": ("INFO", 5)}
        self.tracking = True
        self.health_state = ("healthy", "Worker has completed startup and is ready to handle requests.")
        self.block: asyncio.Event | None = None
        self.explode: Exception | None = None

    async def _enter(self, *call: Any) -> None:
        self.calls.append(call)
        if self.explode is not None:
            raise self.explode
        if self.block is not None:
            await self.block.wait()

    def _known(self, name: str) -> dict[str, str]:
        if name not in self.configs:
            raise NotFoundException(f"Connector {name} not found", code="CONNECTOR_NOT_FOUND")
        return self.configs[name]

    def _tasks(self, name: str) -> tuple[int, ...]:
        if self.states[name] is TargetState.STOPPED:
            return ()
        return tuple(range(int(self.configs[name].get("tasks.max", "1"))))

    def _type(self, name: str) -> str:
        return "sink" if self.configs[name]["connector.class"] == SINK else "source"

    def _info(self, name: str) -> ConnectorInfo:
        return ConnectorInfo(name, dict(self.configs[name]), self._tasks(name), self._type(name))

    def _instance(self, name: str, task: int | None) -> TaskStatus:
        trace = self.failed.get((name, task))
        state = {
            TargetState.STARTED: State.RUNNING,
            TargetState.PAUSED: State.PAUSED,
            TargetState.STOPPED: State.STOPPED,
        }
        shown = State.FAILED if trace else state[self.states[name]]
        return TaskStatus(shown, WORKER_ID, trace, "1.2.3" if self._type(name) == "source" else None, task)

    def _status(self, name: str) -> ConnectorStatus:
        tasks = tuple(self._instance(name, task) for task in self._tasks(name))
        return ConnectorStatus(name, self._instance(name, None), tuple(reversed(tasks)), self._type(name))

    async def connectors(self) -> list[str]:
        await self._enter("connectors")
        return list(self.configs)

    async def connector_info(self, name: str) -> ConnectorInfo:
        await self._enter("connector_info", name)
        self._known(name)
        return self._info(name)

    async def connector_status(self, name: str) -> ConnectorStatus:
        await self._enter("connector_status", name)
        self._known(name)
        if name in self.without_status:
            raise NotFoundException(f"No status found for connector {name}", code="STATUS_NOT_FOUND")
        return self._status(name)

    async def put_connector(
        self,
        name: str,
        config: Mapping[str, str | None],
        *,
        allow_replace: bool,
        initial_state: TargetState | None = None,
    ) -> tuple[bool, ConnectorInfo]:
        await self._enter("put_connector", name, dict(config), allow_replace, initial_state)
        created = name not in self.configs
        if not created and not allow_replace:
            raise AlreadyExistsException(f"Connector {name} already exists", remedy="Choose another name.")
        checked = self._checked(config)
        self.configs[name] = checked
        if created or initial_state is not None:
            self.states[name] = initial_state or TargetState.STARTED
        return created, self._info(name)

    def _checked(self, config: Mapping[str, str | None]) -> dict[str, str]:
        checked: dict[str, str] = {}
        for key, value in config.items():
            if value is None:
                raise ConfigException(f"Invalid value null for configuration {key}: must be non-null", field=key)
            checked[key] = value
        if "connector.class" not in checked:
            raise ConfigException("connector.class has no default value", field="connector.class")
        if checked["connector.class"] not in (SOURCE, SINK):
            raise NotFoundException(
                f"No plugin {checked['connector.class']}", code="PLUGIN_NOT_FOUND", remedy=f"Did you mean {SOURCE}?"
            )
        return checked

    async def patch_connector(self, name: str, patch: Mapping[str, str | None]) -> ConnectorInfo:
        await self._enter("patch_connector", name, dict(patch))
        merged: dict[str, str | None] = {**self._known(name), **patch}
        self.configs[name] = self._checked({key: value for key, value in merged.items() if value is not None})
        return self._info(name)

    async def delete_connector(self, name: str) -> None:
        await self._enter("delete_connector", name)
        self._known(name)
        del self.configs[name], self.states[name]

    async def restart(self, name: str, *, include_tasks: bool = False, only_failed: bool = False) -> ConnectorStatus:
        await self._enter("restart", name, include_tasks, only_failed)
        self._known(name)

        def chosen(task: int | None) -> bool:
            return (not only_failed or (name, task) in self.failed) and (task is None or include_tasks)

        plan = {task: chosen(task) for task in (None, *self._tasks(name))}
        shown = {
            task: TaskStatus(State.RESTARTING, WORKER_ID, task_id=task) if picked else self._instance(name, task)
            for task, picked in plan.items()
        }
        for task, picked in plan.items():
            if picked:
                self.failed.pop((name, task), None)
        return ConnectorStatus(name, shown.pop(None), tuple(shown.values()), self._type(name))

    async def restart_task(self, name: str, task_id: int) -> None:
        await self._enter("restart_task", name, task_id)
        self._known(name)
        if task_id not in self._tasks(name):
            raise NotFoundException(f"Task {name}-{task_id} not found", code="TASK_NOT_FOUND")
        self.failed.pop((name, task_id), None)

    async def set_target_state(self, name: str, state: TargetState) -> None:
        await self._enter("set_target_state", name, state)
        self._known(name)
        self.states[name] = state

    async def task_configs(self, name: str) -> list[dict[str, str]]:
        await self._enter("task_configs", name)
        self._known(name)
        return [{"task.class": "org.example.FileTask", "n": str(task)} for task in self._tasks(name)]

    async def offsets(self, name: str) -> list[dict[str, Any]]:
        await self._enter("offsets", name)
        self._known(name)
        return self.offsets_of.get(name, [])

    async def alter_offsets(self, name: str, offsets: Sequence[Mapping[str, Any]] | None) -> str:
        await self._enter("alter_offsets", name, offsets)
        self._known(name)
        if self.states[name] is not TargetState.STOPPED:
            raise IllegalStateException(f"Connector {name} must be stopped", remedy="Stop it first.")
        self.offsets_of[name] = [dict(item) for item in offsets or () if item["offset"] is not None]
        return f"The offsets for connector {name} have been {'reset' if offsets is None else 'altered'} successfully"

    def _check_tracking(self) -> None:
        if not self.tracking:
            raise IllegalStateException("Topic tracking is disabled.", code="TOPIC_TRACKING_DISABLED")

    async def active_topics(self, name: str) -> list[str]:
        await self._enter("active_topics", name)
        self._check_tracking()
        return ["t1"] if name in self.configs else []

    async def reset_active_topics(self, name: str) -> None:
        await self._enter("reset_active_topics", name)
        self._check_tracking()

    async def plugins(self, *, connectors_only: bool = True) -> list[PluginInfo]:
        await self._enter("plugins", connectors_only)
        return [info for info in PLUGINS if not connectors_only or info.type in ("source", "sink")]

    async def plugin_config(self, plugin: str) -> list[dict[str, Any]]:
        await self._enter("plugin_config", plugin)
        if plugin not in (SOURCE, "FileSourceConnector", "FileSource", "Cast$Value"):
            raise NotFoundException(f"Unknown plugin {plugin}", code="PLUGIN_NOT_FOUND")
        return [{"name": "file", "type": "STRING", "required": True, "default_value": None}]

    async def validate(self, config: Mapping[str, str | None]) -> ValidationResult:
        await self._enter("validate", dict(config))
        if not config.get("connector.class"):
            raise ConfigException("connector.class is missing", field="connector.class")
        errors = [] if config.get("file") else ['Missing required configuration "file" which has no default value.']
        value = {
            "name": "file",
            "value": config.get("file"),
            "recommended_values": [],
            "errors": errors,
            "visible": True,
        }
        definition = {"name": "file", "type": "STRING", "required": True, "default_value": None}
        return ValidationResult(
            str(config["connector.class"]), len(errors), ["Common"], [{"definition": definition, "value": value}]
        )

    async def loggers(self) -> dict[str, tuple[str, int | None]]:
        await self._enter("loggers")
        return dict(reversed(self.levels.items()))

    async def set_log_level(self, logger: str, level: str) -> list[str]:
        await self._enter("set_log_level", logger, level)
        self.levels[logger] = (level, 1000)
        return [logger]

    async def health(self) -> tuple[str, str]:
        if self.block is not None:
            await self.block.wait()
        return self.health_state

    async def metrics_text(self) -> str:
        if self.explode is not None:
            raise ConnectException("no metrics")
        return "# TYPE kafka_connect_worker_task_count gauge\nkafka_connect_worker_task_count 1\n"

    def cluster_id(self) -> str:
        return "cluster-1"
