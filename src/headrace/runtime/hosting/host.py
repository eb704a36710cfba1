"""The host makes children, tells them what they need to know, and watches over them."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from headrace.errors import ConnectTimeoutException, HeadraceError
from headrace.foundation.logs import LogSettings
from headrace.runtime.hosting.async_channel import AsyncChannel
from headrace.runtime.hosting.channel import encode
from headrace.runtime.hosting.failures import made_failure
from headrace.runtime.hosting.hosted import LAST_WORDS_S, Hosted
from headrace.runtime.hosting.messages import (
    Assignment,
    CallWork,
    ConnectorWork,
    Result,
    SetLogLevel,
    Up,
    Work,
    error_of,
)
from headrace.runtime.hosting.spawner import Spawner
from headrace.runtime.hosting.supervision import Limits, verdict
from headrace.spi.plugins import CONNECTORS, PluginRegistry

logger = logging.getLogger(__name__)

_OF_CONNECTOR = "connector."


class Host:
    """Makes children and watches over them."""

    def __init__(
        self,
        spawner: Spawner,
        worker_config: Mapping[str, str],
        logs: LogSettings,
        limits: Limits,
        call_timeout_s: float = 85.0,
    ) -> None:
        self._registry = PluginRegistry()
        self._plugins = self._registry.to_plain()
        self.limits = limits
        self.children: set[Hosted] = set()
        self._spawner = spawner
        self._worker_config = dict(worker_config)
        self._logs = logs
        self._call_timeout_s = call_timeout_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._spawner.start()
        self._watch = asyncio.create_task(self._supervise())

    def use(self, registry: PluginRegistry) -> None:
        """The plugins that children made from now on know."""
        self._registry = registry
        self._plugins = registry.to_plain()

    @property
    def server_pid(self) -> int:
        """The fork server's process id, 0 when children are threads."""
        return getattr(self._spawner, "pid", 0)

    async def spawn(self, work: Work, on_message: Callable[[Up], None], limits: Limits | None = None) -> Hosted:
        """Start a child on the work. RetriableException (FORK_FAILED) when there is no room for it."""
        # Before anything is opened: what has no message form must leave no child waiting for its work.
        assignment = encode(Assignment(work, self._worker_config, self._plugins, self._logs_for(work.connector)))
        ours, theirs = socket.socketpair()
        try:
            pid, end = await self._spawner.spawn(theirs, self._module(work))
        except BaseException:
            ours.close()
            raise
        channel: AsyncChannel[Up] = await AsyncChannel.connect(ours, Up)
        hosted = Hosted(work, limits or self.limits, channel, pid, end)
        channel.send_encoded(assignment)
        self.children.add(hosted)
        task = asyncio.create_task(self._follow(hosted, on_message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return hosted

    def _module(self, work: Work) -> str:
        """The module that the child needs first: that of the connector's plugin, or of the log, which later children then have as well."""
        if isinstance(work, CallWork) and work.operation == "check_log":
            return "headrace.log.kafka.log"
        if isinstance(work, CallWork):
            name = (work.arguments.get("config") or {}).get("connector.class")
        else:
            name = (work.config if isinstance(work, ConnectorWork) else work.connector_config).get("connector.class")
        try:
            return self._registry.find(CONNECTORS, name or "").target.partition(":")[0]
        except HeadraceError:
            return ""

    async def _follow(self, hosted: Hosted, on_message: Callable[[Up], None]) -> None:
        try:
            await hosted.follow(on_message)
        except Exception as error:
            logger.exception("A child's message could not be handled.")
            hosted.kill(made_failure("INTERNAL", f"A message could not be handled: {error}"))
            if not hosted.ended.done():
                hosted.ended.set_result(hosted.failure)
        finally:
            self.children.discard(hosted)

    async def call(
        self,
        operation: str,
        arguments: Mapping[str, Any],
        *,
        connector: str | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        """Have one question answered in a child of its own (see calls.py); raises what it raised there.

        ConnectTimeoutException (code PLUGIN_TIMEOUT) when the plugin does not answer in time."""
        results: list[Result] = []

        def take(message: Up) -> None:
            if isinstance(message, Result):
                results.append(message)

        deadline = timeout_s or self._call_timeout_s
        limits = Limits(self.limits.heartbeat_s, 0, 0, 0, deadline)
        hosted = await self.spawn(CallWork(operation, dict(arguments), connector), take, limits)
        try:
            failure = await asyncio.wait_for(asyncio.shield(hosted.ended), deadline)
        except TimeoutError:
            raise ConnectTimeoutException(
                f"The plugin did not answer to {operation} within {deadline:.0f} s.",
                code="PLUGIN_TIMEOUT",
                remedy="Look at whether what it connects to can be reached; raise headrace.plugin.call.timeout.ms if it is slow.",
            ) from None
        finally:
            if not hosted.ended.done():
                hosted.kill()
        if results:
            return results[0].value
        raise error_of(failure or made_failure("TASK_CRASHED", f"{operation} ended without an answer."))

    def set_log_level(self, name: str, level: str) -> None:
        """In all children, present and future; `connector.<name>` is the whole log of that connector's children."""
        self._logs.levels[name] = level
        connector = name.removeprefix(_OF_CONNECTOR)
        for hosted in self.children:
            if connector == name:
                hosted.send(SetLogLevel(name, level))
            elif hosted.work.connector == connector:
                hosted.send(SetLogLevel("root", level))

    def _logs_for(self, connector: str | None) -> LogSettings:
        level = self._logs.levels.get(f"{_OF_CONNECTOR}{connector}")
        if level is None:
            return self._logs
        return dataclasses.replace(self._logs, levels={**self._logs.levels, "root": level})

    async def _supervise(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            now = time.monotonic()
            for hosted in tuple(self.children):
                hosted.measure()
                if reason := verdict(now, hosted.vitals, hosted.limits):
                    logger.error("Killing process %d: %s", hosted.pid, reason.message, extra=_context(hosted.work))
                    hosted.kill(reason)

    async def close(self) -> None:
        """Kill what is left and end the fork server."""
        if self._watch is not None:
            self._watch.cancel()
        for hosted in tuple(self.children):
            hosted.kill()
        await self._spawner.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WORDS_S)


def _context(work: Work) -> dict[str, Any]:
    scope = f"task-{work.task_id}" if hasattr(work, "task_id") else "worker"
    return {"connector": work.connector, "scope": scope}
