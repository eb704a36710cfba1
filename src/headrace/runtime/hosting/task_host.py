"""The child side of a task: the task runner on the main thread, commands from the worker on another."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headrace.foundation import logs
from headrace.runtime.herder import State
from headrace.runtime.hosting.failures import failure_of
from headrace.runtime.hosting.messages import (
    Cancel,
    Failure,
    Notified,
    Pause,
    Resume,
    SendSignal,
    SetLogLevel,
    SignalAnswered,
    StateChanged,
    Stop,
    TaskStarted,
    TaskWork,
    TopicsUsed,
)
from headrace.runtime.hosting.resolving import hide_passwords, resolve
from headrace.spi.plugins import PluginKind

if TYPE_CHECKING:
    from headrace.runtime.hosting.child import ChildContext
    from headrace.runtime.task_runner import TaskRunner

logger = logging.getLogger(__name__)


class _Listener:
    """Passes what the task runner tells on to the worker."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context

    def on_state(self, state: State) -> None:
        self._context.send(StateChanged(state.value))

    def on_topics(self, topics: Sequence[str]) -> None:
        self._context.send(TopicsUsed(list(topics)))

    def on_notification(self, notification: Mapping[str, Any]) -> None:
        self._context.send(Notified(dict(notification)))


def run_task(context: ChildContext, work: TaskWork) -> None:
    """Run the task until it ends; raises what it failed with."""
    from headrace.log.factory import open_log, open_stores
    from headrace.runtime.task_runner import TaskRunner, TaskSpec

    connector_config = resolve(context, work.connector_config).config
    task_config = resolve(context, work.task_config).config
    cls = context.registry.load(PluginKind(work.kind), connector_config["connector.class"])
    hide_passwords(cls, {**connector_config, **task_config})
    spec = TaskSpec(
        connector=work.connector,
        task_id=work.task_id,
        kind=work.kind,  # type: ignore[arg-type]
        task_class=task_config.get("task.class"),
        task_config=task_config,
        connector_config=connector_config,
        worker_config=dict(context.worker_config),
    )
    log = open_log(context.worker_config, connector_config, f"connector-adminclient-{work.connector}-{work.task_id}")
    offsets, _ = open_stores(context.worker_config, log)
    runner = TaskRunner(spec, log=log, offsets=offsets, registry=context.registry, listener=_Listener(context))
    context.stage = runner.progress
    context.samples = runner.samples
    if work.paused:
        runner.pause()
    context.send(TaskStarted(_version(cls)))
    threading.Thread(target=_commands, args=(context, runner), name="headrace-commands", daemon=True).start()
    runner.run()
    context.beat()


def _version(connector: type[Any]) -> str | None:
    version = connector().task_class().version()
    return None if version == "undefined" else str(version)


def _commands(context: ChildContext, runner: TaskRunner) -> None:
    while True:
        message = context.channel.receive()
        if message is None:
            runner.stop()
            context.orphaned()
            return
        if isinstance(message, Pause):
            runner.pause()
        elif isinstance(message, Resume):
            runner.resume()
        elif isinstance(message, Stop):
            runner.stop()
        elif isinstance(message, Cancel):
            runner.cancel()
        elif isinstance(message, SetLogLevel):
            logs.set_level(message.logger, message.level)
        elif isinstance(message, SendSignal):
            context.send(SignalAnswered(message.number, _signalled(runner, message)))


def _signalled(runner: TaskRunner, signal: SendSignal) -> Failure | None:
    """Hand the signal on; why it was not taken."""
    try:
        runner.signal(signal.id, signal.type, signal.data)
    except Exception as error:
        return failure_of(error)
    return None
