"""What a child process (or a thread, when headrace.task.isolation=thread) does: take the assignment, do it, report how it ended."""

from __future__ import annotations

import os
import random
import socket
import sys
import threading
import time
from collections.abc import Callable

from headrace.foundation import failpoints, logs
from headrace.foundation.telemetry import Sample
from headrace.runtime.hosting.channel import ChildChannel
from headrace.runtime.hosting.failures import failure_of
from headrace.runtime.hosting.messages import (
    Assignment,
    Beat,
    CallWork,
    ConnectorWork,
    Ended,
    TaskWork,
    Up,
)
from headrace.spi.plugins import PluginRegistry

ORPHAN_GRACE_S = 2.0
"""How long work may take to end when its worker has died."""

_BEAT_S = 1.0


class ChildContext:
    """What every kind of work gets. `send` reports to the worker and drops the message when that is gone."""

    def __init__(self, channel: ChildChannel, assignment: Assignment, own_process: bool) -> None:
        self.channel = channel
        self.assignment = assignment
        self.own_process = own_process
        self.registry = PluginRegistry.from_plain(assignment.plugins)
        self.worker_config = assignment.worker_config
        self.stage: Callable[[], tuple[str, float]] = lambda: ("start", self._since)
        self.samples: Callable[[], list[Sample]] = list
        self._since = time.monotonic()
        self._done = threading.Event()

    def send(self, message: Up) -> None:
        try:
            self.channel.send(message)
        except OSError:
            pass

    def start_beating(self) -> None:
        """Report the stage and the measures every second, until `finish`."""
        threading.Thread(target=self._beat, name="headrace-beat", daemon=True).start()

    def _beat(self) -> None:
        while not self._done.wait(_BEAT_S):
            self.beat()

    def beat(self) -> None:
        """One report now."""
        stage, since = self.stage()
        try:
            samples = self.samples()
        except Exception:
            # A plugin's gauge that raises must not look like a task that hangs.
            samples = []
        seconds = max(0.0, time.monotonic() - since)
        try:
            self.send(Beat(stage, seconds, samples))
        except (UnicodeError, OverflowError, TypeError):
            self.send(Beat(stage, seconds, []))  # nor one whose measures cannot be sent

    def finish(self) -> None:
        self._done.set()

    def orphaned(self) -> None:
        """The worker is gone: whatever still runs after the grace ends with the process."""
        if self.own_process:
            timer = threading.Timer(ORPHAN_GRACE_S, os._exit, (1,))
            timer.daemon = True
            timer.start()


def main(sock: socket.socket, *, own_process: bool = True) -> None:
    """Do the work that the worker sends over the socket; returns when it has ended, however it did."""
    channel = ChildChannel(sock)
    assignment = channel.receive()
    if not isinstance(assignment, Assignment):
        return
    _prepare(assignment, own_process)
    context = ChildContext(channel, assignment, own_process)
    try:
        context.start_beating()
        _work(context)
    except BaseException as error:
        context.finish()
        context.send(failure_of(error))
    else:
        context.finish()
        context.send(Ended())
    finally:
        channel.close()


def _prepare(assignment: Assignment, own_process: bool) -> None:
    work = assignment.work
    scope = "worker" if isinstance(work, ConnectorWork) else None
    if isinstance(work, TaskWork):
        scope = f"task-{work.task_id}"
    if not own_process:
        logs.set_context(work.connector, scope, whole_process=False)
        return
    random.seed()
    failpoints.set_scope(work.connector)
    logs.setup(assignment.logs)
    logs.set_context(work.connector, scope)
    title = f"headrace: {work.connector or 'call'} {scope or ''}".strip()
    if sys.platform == "linux":
        try:
            # The name that ps and top show for the thread; at most 15 characters count.
            with open("/proc/self/comm", "w") as file:
                file.write(title.replace("headrace: ", "hr-")[:15])
        except OSError:
            pass


def _work(context: ChildContext) -> None:
    work = context.assignment.work
    if isinstance(work, TaskWork):
        from headrace.runtime.hosting.task_host import run_task

        run_task(context, work)
    elif isinstance(work, ConnectorWork):
        from headrace.runtime.hosting.connector_host import run_connector

        run_connector(context, work)
    else:
        assert isinstance(work, CallWork)
        from headrace.runtime.hosting.calls import answer

        context.stage = lambda: ("call", context._since)
        answer(context, work)
