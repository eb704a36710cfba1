"""A child as the worker sees it: listened to, measured, asked to stop, killed."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from typing import Any

from headrace.foundation.process import cpu_seconds, kill, pss_bytes, rss_bytes, signal_name
from headrace.foundation.telemetry import Sample
from headrace.runtime.hosting.async_channel import AsyncChannel
from headrace.runtime.hosting.failures import made_failure
from headrace.runtime.hosting.messages import (
    Beat,
    Ended,
    Failure,
    Stop,
    Up,
    Work,
)
from headrace.runtime.hosting.spawner import ExitStatus
from headrace.runtime.hosting.supervision import Limits, Vitals

logger = logging.getLogger(__name__)

LAST_WORDS_S = 2.0
"""How long the exit status of a child that closed its socket is waited for."""


class Hosted:
    """One child. `failure` is None until it is known why it ended; `ended` is done when it is gone."""

    def __init__(
        self, work: Work, limits: Limits, channel: AsyncChannel[Up], pid: int, exit: asyncio.Future[ExitStatus]
    ) -> None:
        now = time.monotonic()
        self.work = work
        self.limits = limits
        self.pid = pid
        self.vitals = Vitals(born=now, last_beat=now)
        self.samples: list[Sample] = []
        self.failure: Failure | None = None
        self.ended: asyncio.Future[Failure | None] = asyncio.get_running_loop().create_future()
        self.cpu_s = 0.0
        self._channel = channel
        self._exit = exit
        self._finished = False
        self._stopping = False
        # A process that the plugin forked has the socket too: it does not close when the child dies.
        exit.add_done_callback(lambda _: channel.end_reading())

    def send(self, message: Any) -> None:
        """Queue a command; it is lost when the child has ended."""
        self._channel.send(message)

    def kill(self, reason: Failure | None = None) -> None:
        """End it now. `reason` becomes its failure unless it has one."""
        self.failure = self.failure or reason
        self._stopping = True
        if self.pid:
            kill(self.pid)
        self._channel.close()

    async def stop(self, timeout_s: float) -> bool:
        """Ask it to end; after `timeout_s` it is killed. True when it ended by itself."""
        self._stopping = True
        self.send(Stop())
        try:
            await asyncio.wait_for(asyncio.shield(self.ended), timeout_s)
            return True
        except TimeoutError:
            self.kill()
            await self.ended
            return False

    async def follow(self, on_message: Callable[[Up], None]) -> None:
        """Read until the child ends. Beats, failures and the end are dealt with here, all else goes to `on_message`."""
        while (message := await self._channel.receive()) is not None:
            if isinstance(message, Beat):
                self.vitals.last_beat = time.monotonic()
                self.vitals.stage, self.vitals.stage_s = message.stage, message.seconds
                self.samples = message.samples
            elif isinstance(message, Ended):
                self._finished = True
            else:
                if isinstance(message, Failure):
                    self.failure = self.failure or message
                on_message(message)
        self._channel.close()
        self.failure = self.failure or await self._how_it_ended()
        if not self.ended.done():
            self.ended.set_result(self.failure)

    async def _how_it_ended(self) -> Failure | None:
        try:
            status = await asyncio.wait_for(asyncio.shield(self._exit), LAST_WORDS_S)
        except TimeoutError:
            kill(self.pid) if self.pid else None
            status = 0
        if self._finished or self._stopping:
            return None
        if os.WIFSIGNALED(status):
            how = f"was killed by {signal_name(os.WTERMSIG(status))}"
        else:
            how = f"ended without a word, exit code {os.waitstatus_to_exitcode(status)}"
        return made_failure(
            "TASK_CRASHED",
            f"The process {self.pid} {how}.",
            "A native library of the plugin may have crashed, or the kernel was short of memory: see the log around it.",
        )

    def measure(self) -> None:
        """Read CPU and memory; cheap first: RSS is never below PSS."""
        if not self.pid:
            return
        self.cpu_s = cpu_seconds(self.pid) or self.cpu_s
        memory = rss_bytes(self.pid) or 0
        limit = self.limits.memory_bytes
        self.vitals.memory_bytes = (pss_bytes(self.pid) or 0) if limit and memory > limit else 0
