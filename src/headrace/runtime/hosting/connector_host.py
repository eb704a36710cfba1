"""The child side of a connector instance: started once, plans tasks whenever the worker asks, stopped once."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from headrace.config.references import Resolved
from headrace.errors import ConfigException
from headrace.foundation import logs
from headrace.runtime.framework_config import connector_def
from headrace.runtime.hosting.failures import failure_of
from headrace.runtime.hosting.messages import (
    Cancel,
    ConnectorStarted,
    ConnectorWork,
    Failure,
    PlanFailed,
    PlanTasks,
    ReconfigurationRequested,
    SetLogLevel,
    Stop,
    TasksPlanned,
)
from headrace.runtime.hosting.resolving import hide_passwords, resolve, to_references
from headrace.runtime.restart_policy import POLICY_KEYS
from headrace.spi.plugins import CONNECTORS, PluginKind

if TYPE_CHECKING:
    from headrace.log.stores import OffsetStore
    from headrace.runtime.hosting.child import ChildContext
    from headrace.spi import Connector, OffsetReader

logger = logging.getLogger(__name__)

WORKER_SETTINGS = (
    "tasks.max",
    "tasks.max.enforce",
    "config.action.reload",
    "consumer.override.group.id",
    "headrace.task.memory.limit.bytes",
    *POLICY_KEYS,
)
"""Settings that the worker acts on; told to it with references resolved. None of them is a secret."""


class _StoredOffsets:
    """OffsetReader on the worker's offset store, opened when it is first used."""

    def __init__(self, context: ChildContext, connector: str) -> None:
        self._context = context
        self._connector = connector
        self._store: OffsetStore | None = None

    def offset(self, partition: Mapping[str, Any]) -> dict[str, Any] | None:
        return self.offsets([partition])[0]

    def offsets(self, partitions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        if self._store is None:
            from headrace.log.factory import open_stores

            self._store, _ = open_stores(self._context.worker_config)
        return self._store.get(self._connector, partitions)


class _Context:
    """ConnectorContext: the connector's requests become messages to the worker."""

    def __init__(self, context: ChildContext, connector: str) -> None:
        self.connector_name = connector
        self.offset_reader: OffsetReader = _StoredOffsets(context, connector)
        self._context = context

    def request_task_reconfiguration(self) -> None:
        self._context.send(ReconfigurationRequested())

    def raise_error(self, error: BaseException) -> None:
        logger.error("The connector reported a failure.", exc_info=error)
        self._context.send(failure_of(error))


class _Stage:
    """Where the connector is, for the watch over hanging plugins."""

    def __init__(self) -> None:
        self._now = ("start", time.monotonic())

    def enter(self, name: str) -> None:
        self._now = (name, time.monotonic())

    def __call__(self) -> tuple[str, float]:
        return self._now


def run_connector(context: ChildContext, work: ConnectorWork) -> None:
    """Run the instance until the worker says stop; raises what its start failed with."""
    commands: queue.SimpleQueue[object] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(context, commands), name="headrace-commands", daemon=True).start()
    stage = _Stage()
    context.stage = stage
    resolved = resolve(context, work.config)
    config = resolved.config
    entry = context.registry.find(CONNECTORS, config["connector.class"])
    cls = entry.load()
    hide_passwords(cls, config)
    connector: Connector = cls()
    connector.initialize(_Context(context, work.connector))
    try:
        connector.start(config)
        version = connector.version()
        context.send(
            ConnectorStarted(
                None if version == "undefined" else str(version),
                {key: config[key] for key in WORKER_SETTINGS if key in config},
                resolved.ttl_ms,
            )
        )
        _serve(context, work, connector, entry.kind, resolved, commands, stage)
    finally:
        stage.enter("stop")
        connector.stop()


def _serve(
    context: ChildContext,
    work: ConnectorWork,
    connector: Connector,
    kind: PluginKind,
    resolved: Resolved,
    commands: queue.SimpleQueue[object],
    stage: _Stage,
) -> None:
    while True:
        stage.enter("idle")
        message = commands.get()
        if isinstance(message, PlanTasks):
            stage.enter("task_configs")
            context.send(_plan(work, connector, kind, resolved))
        elif isinstance(message, Stop | Cancel):
            return


def _plan(work: ConnectorWork, connector: Connector, kind: PluginKind, resolved: Resolved) -> TasksPlanned | PlanFailed:
    try:
        framework = connector_def(kind).parse(resolved.config)
        limit = framework["tasks.max"]
        configs = connector.task_configs(limit)
        if len(configs) > limit:
            _refuse_or_warn(work.connector, len(configs), limit, framework["tasks.max.enforce"])
        cls = connector.task_class()  # type: ignore[attr-defined]
        extra = {"task.class": f"{cls.__module__}.{cls.__qualname__}"}
        for key in ("topics", "topics.regex"):
            if kind is PluginKind.SINK and resolved.config.get(key):
                extra[key] = resolved.config[key]
        return TasksPlanned([to_references({**config, **extra}, work.config, resolved.config) for config in configs])
    except Exception as error:
        logger.exception("The tasks could not be planned.")
        failure: Failure = failure_of(error)
        return PlanFailed(failure)


def _refuse_or_warn(connector: str, count: int, limit: int, enforce: bool) -> None:
    text = f"The connector {connector} has generated {count} task configs, which is greater than tasks.max ({limit})."
    if enforce:
        raise ConfigException(
            text,
            code="TOO_MANY_TASKS",
            field="tasks.max",
            remedy="Raise tasks.max, or set tasks.max.enforce=false to let the connector have its way.",
        )
    logger.warning("%s tasks.max.enforce is false, so they are started.", text)


def _read(context: ChildContext, commands: queue.SimpleQueue[object]) -> None:
    while True:
        message = context.channel.receive()
        if message is None:
            context.orphaned()
            commands.put(Stop())
            return
        if isinstance(message, SetLogLevel):
            logs.set_level(message.logger, message.level)
        else:
            commands.put(message)
