"""The standalone herder: every connector of the worker in this process's care, everything durable in the data folder."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from headrace import __version__
from headrace.errors import (
    AlreadyExistsException,
    ConfigException,
    ConnectException,
    HeadraceError,
    IllegalStateException,
    NotFoundException,
)
from headrace.foundation import logs
from headrace.runtime.exposition import render
from headrace.runtime.herder import (
    ConnectorInfo,
    ConnectorStatus,
    Herder,
    PluginInfo,
    TargetState,
    ValidationResult,
)
from headrace.runtime.hosting.host import Host
from headrace.runtime.standalone import offsets as offset_bodies
from headrace.runtime.standalone.documents import Documents, Remembered
from headrace.runtime.standalone.instance import Environment
from headrace.runtime.standalone.measures import worker_samples
from headrace.runtime.standalone.plugin_search import find_plugins
from headrace.runtime.standalone.unit import ConnectorUnit
from headrace.runtime.validation_errors import error_of_result
from headrace.runtime.worker_config import WorkerConfig
from headrace.spi.plugins import CONNECTORS, PluginKind, PluginRegistry

logger = logging.getLogger(__name__)

_CREATE_WAIT_S = 30.0
"""How long the answer to a create or update waits for the connector's tasks; the start itself goes on beyond that."""


class StandaloneHerder(Herder):
    """See `Herder`. Life: constructed → `load` → `start` → used → `close`."""

    def __init__(self, config: WorkerConfig, host: Host, documents: Documents) -> None:
        self._config = config
        self._host = host
        self._documents = documents
        self._units: dict[str, ConnectorUnit] = {}
        self._changes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._registry = PluginRegistry()
        self._plugins: list[PluginInfo] | None = None
        self._started_ms = int(time.time() * 1000)
        self._modified: dict[str, int] = {}
        self._ready = False
        self._cluster_id = ""
        self.environment = Environment(host, config, documents)

    async def load(self) -> None:
        """Find the plugins and read what is stored; nothing is started. Where the log is on Kafka, that is looked at before."""
        cluster = await self._host.call("check_log", {}) if self._config.on_kafka else None
        await self._documents.open()
        if file := self._config.values["offset.storage.file.filename"]:
            await self._documents.take_over(Path(file).expanduser().absolute())
        self._cluster_id = await self._documents.cluster_id(cluster)
        self._registry = await find_plugins(self._host, self._config.plugin_path)
        self._host.use(self._registry)
        self._check_converters()
        for name, document in (await self._documents.load()).items():
            self._units[name] = ConnectorUnit(self.environment, name, self._kind(document.config), document)

    async def start(self, worker_id: str) -> None:
        """Start every stored connector in its stored target state. `worker_id`: host:port as others reach the worker."""
        self.environment.worker_id = worker_id
        for unit in self._units.values():
            await self._show_version(unit)
        await asyncio.gather(*(unit.start() for unit in self._units.values()))
        self._ready = True
        if self._units:
            logger.info("Restored %d connector(s): %s", len(self._units), ", ".join(self._units))

    def _check_converters(self) -> None:
        """The worker's own converters must exist: else every connector would fail, each by itself."""
        for key in ("key.converter", "value.converter", "header.converter"):
            kind = PluginKind.HEADER_CONVERTER if key == "header.converter" else PluginKind.CONVERTER
            try:
                self._registry.find(kind, self._config.values[key])
            except HeadraceError as error:
                raise ConfigException(
                    f"{key}: {error.message}", code=error.code, field=key, remedy=error.remedy
                ) from error

    async def close(self) -> None:
        """Stop all tasks within the graceful time; what is stored stays as it is."""
        self._ready = False
        await asyncio.gather(*(unit.shut_down() for unit in self._units.values()))
        self._documents.close()

    def _unit(self, name: str) -> ConnectorUnit:
        if name not in self._units:
            raise NotFoundException(f"Connector {name} not found", code="CONNECTOR_NOT_FOUND")
        return self._units[name]

    def _kind(self, config: Mapping[str, str]) -> str:
        try:
            return self._registry.find(CONNECTORS, config.get("connector.class", "")).kind.value
        except HeadraceError:
            return "unknown"

    def _change(self, name: str) -> asyncio.Lock:
        """Changes of a name come one after another; the lock lasts as long as someone holds or wants it."""
        return self._changes.setdefault(name, asyncio.Lock())

    # --- connectors ---

    async def connectors(self) -> list[str]:
        return list(self._units)

    async def connector_info(self, name: str) -> ConnectorInfo:
        return self._unit(name).info

    async def connector_status(self, name: str) -> ConnectorStatus:
        return self._unit(name).status

    async def put_connector(
        self,
        name: str,
        config: Mapping[str, str | None],
        *,
        allow_replace: bool,
        initial_state: TargetState | None = None,
    ) -> tuple[bool, ConnectorInfo]:
        if name in self._units and not allow_replace:
            raise _exists(name)
        checked = await self._checked({**config, "name": name})
        async with self._change(name):
            unit = self._units.get(name)
            if unit is not None and not allow_replace:
                raise _exists(name)
            created = unit is None
            if unit is None:
                unit = await self._create(name, checked, initial_state)
            else:
                await self._replace(unit, checked)
        # Without the lock: a connector that hangs in its start can be changed and deleted meanwhile.
        await unit.settled(_CREATE_WAIT_S)
        return created, unit.info

    async def _checked(self, config: Mapping[str, str | None]) -> dict[str, str]:
        try:
            result = await self.validate(config)
        except ConnectException as error:
            if error.code != "PLUGIN_IMPORT_FAILED":
                raise
            raise ConfigException(
                error.message, code=error.code, field="connector.class", remedy=error.remedy
            ) from error
        if result.error_count:
            raise error_of_result(result)
        return {key: value for key, value in config.items() if value is not None}

    async def _create(self, name: str, config: dict[str, str], initial: TargetState | None) -> ConnectorUnit:
        target = initial or TargetState.STARTED
        # The target state first: a worker that dies in between must not start what was to be stopped.
        await self._documents.save_target(name, target)
        await self._documents.save_config(name, config)
        unit = ConnectorUnit(self.environment, name, self._kind(config), Remembered(config, target))
        self._units[name] = unit
        logger.info("Created %s connector %s as %s.", unit.kind, name, target.value, extra={"connector": name})
        await self._show_version(unit)
        await unit.start()
        return unit

    async def _show_version(self, unit: ConnectorUnit) -> None:
        """A connector that runs tells its version itself; for one that rests the plugin is asked."""
        if unit.target is not TargetState.STARTED:
            name = self._registry.find(CONNECTORS, unit.config["connector.class"]).class_name
            versions = {info.class_name: info.version for info in await self.plugins()}
            unit.connector.version = versions.get(name)

    async def _replace(self, unit: ConnectorUnit, config: dict[str, str]) -> None:
        await self._documents.save_config(unit.name, config)
        logger.info("Configuration replaced.", extra={"connector": unit.name})
        await unit.replace_config(config, self._kind(config))

    async def patch_connector(self, name: str, patch: Mapping[str, str | None]) -> ConnectorInfo:
        async with self._change(name):
            unit = self._unit(name)
            merged: dict[str, str | None] = {**unit.config, **patch, "name": name}
            checked = await self._checked({key: value for key, value in merged.items() if value is not None})
            await self._replace(unit, checked)
        await unit.settled(_CREATE_WAIT_S)
        return unit.info

    async def delete_connector(self, name: str) -> None:
        async with self._change(name):
            await self._unit(name).delete()
            del self._units[name]
        logger.info("Deleted connector %s; its offsets are kept.", name)

    # --- life ---

    async def restart(self, name: str, *, include_tasks: bool = False, only_failed: bool = False) -> ConnectorStatus:
        unit = self._unit(name)
        if include_tasks or only_failed:
            return await unit.restart_some(include_tasks=include_tasks, only_failed=only_failed)
        await unit.restart_connector()
        return unit.status

    async def restart_task(self, name: str, task_id: int) -> None:
        await self._unit(name).restart_task(task_id)

    async def set_target_state(self, name: str, state: TargetState) -> None:
        async with self._change(name):
            await self._unit(name).set_target(state)
        logger.info("Target state %s.", state.value, extra={"connector": name})

    async def task_configs(self, name: str) -> list[dict[str, str]]:
        return [dict(config) for config in self._unit(name).task_configs]

    # --- offsets ---

    async def offsets(self, name: str) -> list[dict[str, Any]]:
        unit = self._unit(name)
        if unit.kind == "sink":
            found = await self._host.call(
                "sink_offsets", {"name": name, "config": unit.config, "group": self._group(unit)}, connector=name
            )
            return offset_bodies.render_sink([(topic, partition, offset) for topic, partition, offset in found])
        stored = await self._documents.source_offsets(name)
        return [{"partition": partition, "offset": offset} for partition, offset in stored]

    async def alter_offsets(self, name: str, offsets: Sequence[Mapping[str, Any]] | None) -> str:
        async with self._change(name):
            unit = self._unit(name)
            if unit.target is not TargetState.STOPPED or unit.tasks:
                raise IllegalStateException(
                    f"Connector {name} must be in the STOPPED state before its offsets can be changed.",
                    code="CONNECTOR_NOT_STOPPED",
                    remedy=f"Stop it first with PUT /connectors/{name}/stop.",
                )
            arguments: dict[str, Any] = {"name": name, "config": unit.config, "offsets": None}
            if unit.kind == "sink":
                arguments["group"] = self._group(unit)
                if offsets is not None:
                    arguments["offsets"] = offset_bodies.parse_sink(offsets)
                verified = await self._host.call("alter_sink_offsets", arguments, connector=name)
            else:
                if offsets is not None:
                    arguments["offsets"] = offset_bodies.parse_source(offsets)
                verified = await self._host.call("alter_source_offsets", arguments, connector=name)
        logger.info("Offsets %s.", "reset" if offsets is None else "altered", extra={"connector": name})
        return offset_bodies.message(name, reset=offsets is None, verified=verified)

    def _group(self, unit: ConnectorUnit) -> str:
        return unit.settings.get("consumer.override.group.id", f"connect-{unit.name}")

    # --- signals ---

    async def signal(self, name: str, id: str, type: str, data: str | None) -> None:
        await self._unit(name).signal(id, type, data)

    async def notifications(self, name: str) -> list[dict[str, Any]]:
        return list(self._unit(name).notifications)

    # --- topics ---

    async def active_topics(self, name: str) -> list[str]:
        self._tracking("topic.tracking.enable")
        unit = self._units.get(name)
        return list(unit.topics) if unit is not None else []

    async def reset_active_topics(self, name: str) -> None:
        self._tracking("topic.tracking.enable")
        self._tracking("topic.tracking.allow.reset")
        if unit := self._units.get(name):
            unit.topics.clear()
            await self._documents.save_topics(name, [])

    def _tracking(self, key: str) -> None:
        if not self._config.values[key]:
            raise IllegalStateException(
                f"{key} is false on this worker.", code="TOPIC_TRACKING_DISABLED", field=key, remedy=f"Set {key}=true."
            )

    # --- plugins ---

    async def plugins(self, *, connectors_only: bool = True) -> list[PluginInfo]:
        if self._plugins is None:
            found = await self._host.call("plugins", {})
            self._plugins = [PluginInfo(name, kind, version) for name, kind, version in found]
        shown = [info for info in self._plugins if info.type != PluginKind.CONFIG_PROVIDER.value]
        if connectors_only:
            return [info for info in shown if info.type in ("source", "sink")]
        return shown

    async def plugin_config(self, plugin: str) -> list[dict[str, Any]]:
        definitions: list[dict[str, Any]] = await self._host.call("plugin_config", {"name": plugin})
        return definitions

    async def validate(self, config: Mapping[str, str | None]) -> ValidationResult:
        plain = await self._host.call("validate", {"config": dict(config)}, connector=config.get("name"))
        return ValidationResult(**plain)

    # --- logs, health, metrics ---

    async def loggers(self) -> dict[str, tuple[str, int | None]]:
        return {name: (level, self._modified.get(name)) for name, level in logs.known_levels().items()}

    async def set_log_level(self, logger: str, level: str) -> list[str]:
        logs.level_number(level)
        known = list(logs.known_levels())
        wanted = sorted({logger, *(name for name in known if name.startswith(logger + ".") or logger == "root")})
        changed = [name for name in wanted if logs.set_level(name, level)]
        for name in changed:
            self._modified[name] = int(time.time() * 1000)
        self._host.set_log_level(logger, level)
        return changed

    async def health(self) -> tuple[str, str]:
        if self._ready:
            return "healthy", "Worker has completed startup and is ready to handle requests."
        return "starting", "Worker is still starting up."

    async def metrics_text(self) -> str:
        units = list(self._units.values())
        samples = worker_samples(self.environment, units, self._started_ms, __version__)
        for unit in units:
            for task in unit.tasks:
                samples.extend(task.samples())
        return render(samples)

    def cluster_id(self) -> str:
        return self._cluster_id

    async def apply_file(
        self, name: str, config: Mapping[str, str], initial_state: TargetState | None
    ) -> tuple[bool, ConnectorInfo]:
        """A connector from a file on the command line: created, or updated when the file has changed."""
        unit = self._units.get(name)
        if unit is not None and unit.config == {**config, "name": name}:
            return False, unit.info
        if not name:
            raise ConfigException("A connector file must name the connector.", code="CONFIG_MISSING", field="name")
        return await self.put_connector(name, config, allow_replace=True, initial_state=initial_state)


def _exists(name: str) -> AlreadyExistsException:
    return AlreadyExistsException(
        f"Connector {name} already exists",
        code="CONNECTOR_EXISTS",
        field="name",
        remedy=f"Choose another name, or change the one that is there with PUT /connectors/{name}/config.",
    )
