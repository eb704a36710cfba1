"""A connector instance or task as the worker keeps it: its child, its status, and when it is started again."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from headrace.errors import HeadraceError, RetryClass
from headrace.runtime.herder import State, TaskStatus
from headrace.runtime.hosting.failures import failure_of, made_failure
from headrace.runtime.hosting.host import Host
from headrace.runtime.hosting.hosted import Hosted
from headrace.runtime.hosting.messages import Failure, Up, Work
from headrace.runtime.hosting.supervision import Limits
from headrace.runtime.restart_policy import RestartHistory, RestartPolicy
from headrace.runtime.standalone.documents import Documents
from headrace.runtime.worker_config import WorkerConfig

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class StartCounts:
    """How starts went since the worker began."""

    attempts: int = 0
    successes: int = 0
    failures: int = 0


@dataclass(slots=True)
class Environment:
    """What every instance of a worker shares."""

    host: Host
    config: WorkerConfig
    documents: Documents
    worker_id: str = "localhost:8083"
    connector_starts: StartCounts = field(default_factory=StartCounts)
    task_starts: StartCounts = field(default_factory=StartCounts)


class Instance(ABC):
    """One child after another on the same work. `on_restart` is awaited when the policy's wait is over."""

    def __init__(
        self,
        environment: Environment,
        name: str,
        scope: str,
        counts: StartCounts,
        on_restart: Callable[[], Awaitable[None]],
    ) -> None:
        self.environment = environment
        self.name = name
        self.state = State.UNASSIGNED
        self.failure: Failure | None = None
        self.version: str | None = None
        self.history = RestartHistory()
        self.hosted: Hosted | None = None
        self.kills: dict[str, int] = {}
        self.log = logging.LoggerAdapter(logger, {"connector": name, "scope": scope})
        self._counts = counts
        self._on_restart = on_restart
        self._timer: asyncio.TimerHandle | None = None
        self._started_at: float | None = None
        self._background: set[asyncio.Task[Any]] = set()

    @abstractmethod
    def work(self) -> Work:
        """What the next child is to do."""

    @abstractmethod
    def on_message(self, message: Up) -> None:
        """A message of the present child."""

    @abstractmethod
    def policy(self) -> RestartPolicy: ...

    def limits(self) -> Limits:
        return self.environment.host.limits

    def status(self, task_id: int | None = None) -> TaskStatus:
        told = self.state in (State.FAILED, State.RESTARTING)
        trace = self.failure.trace if self.failure is not None and told else None
        return TaskStatus(self.state, self.environment.worker_id, trace, self.version, task_id)

    @property
    def alive(self) -> bool:
        """A child is there."""
        return self.hosted is not None

    @property
    def started(self) -> bool:
        """A child is there, and its work has started."""
        return self.hosted is not None and self.hosted.vitals.started

    async def launch(self) -> None:
        """Start a child; what goes wrong becomes the status. There must be none."""
        self.cancel_restart()
        self._started_at = None
        self._counts.attempts += 1
        try:
            hosted = await self.environment.host.spawn(
                self.work(), lambda message: self._take(hosted, message), self.limits()
            )
        except HeadraceError as error:
            self._fail(failure_of(error))
            return
        self.hosted = hosted
        self.keep(self._follow(hosted))

    def _take(self, hosted: Hosted, message: Up) -> None:
        if hosted is self.hosted:
            self.on_message(message)

    async def _follow(self, hosted: Hosted) -> None:
        failure = await hosted.ended
        if hosted is not self.hosted:
            return
        self.hosted = None
        self._fail(failure or made_failure("TASK_ENDED", "It ended without being asked to."))

    def running(self, state: State) -> None:
        """The child's work has started."""
        if self._started_at is None:
            self._started_at = time.monotonic()
            self._counts.successes += 1
            if self.hosted is not None:
                self.hosted.vitals.started = True
        self.state = state
        self.failure = None

    def _fail(self, failure: Failure) -> None:
        if self._started_at is None:
            self._counts.failures += 1
        else:
            self.history.ran(time.monotonic() - self._started_at, self.policy())
        self.state = State.FAILED
        self.failure = failure
        self.kills[failure.code] = self.kills.get(failure.code, 0) + 1
        delay = self.policy().decide(RetryClass(failure.retry_class), self.history)
        then = "It stays failed until it is restarted or its configuration is changed."
        if delay is not None:
            then = f"It is started again in {delay:g} s (start {self.history.attempts + 1} in a row)."
            self._timer = asyncio.get_running_loop().call_later(delay, self._restart)
        self.log.error("Failed: [%s] %s %s\n%s", failure.code, failure.message, then, failure.trace)
        self.on_failed(failure)

    def give_up(self, error: Exception) -> None:
        """Make it fail with an error of the worker's side, unless it has failed already."""
        if self.state is State.FAILED:
            return
        if self.hosted is not None:
            self.hosted.kill(failure_of(error))
        else:
            self._fail(failure_of(error))

    def on_failed(self, failure: Failure) -> None:
        """Called after the status has changed to FAILED."""

    def _restart(self) -> None:
        self._timer = None
        self.history.restarted()
        self.keep(self._on_restart())

    def cancel_restart(self) -> None:
        """No automatic start any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def end(self, timeout_s: float) -> None:
        """Stop the child, kill it after `timeout_s`; the status is the caller's to set."""
        self.cancel_restart()
        hosted, self.hosted = self.hosted, None
        if hosted is not None and not await hosted.stop(timeout_s):
            self.log.warning("It did not stop within %.1f s and was killed.", timeout_s)

    def keep(self, work: Any) -> asyncio.Task[Any]:
        """Run a coroutine in the background; what it raises is logged."""
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log.error("Unexpected failure in the worker.", exc_info=error)
