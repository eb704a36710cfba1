"""What source and sink loops share: life cycle, pause, stop, cancel, errors, and plugin assembly."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from headrace.errors import ConfigException, RetriableException
from headrace.foundation.backoff import Backoff
from headrace.foundation.telemetry import Sample
from headrace.log.spi import Log, Producer
from headrace.log.stores import OffsetStore
from headrace.runtime.dead_letters import DeadLetters, DeadLetterSettings, ErrorLog
from headrace.runtime.herder import State
from headrace.runtime.measures import RETRY, WAITING
from headrace.runtime.task_metrics import TaskMetrics
from headrace.runtime.tolerance import ErrorPolicy, FailureReporter, TaskStopping, Tolerance
from headrace.spi.plugins import PluginRegistry

logger = logging.getLogger(__name__)

T = TypeVar("T")
_LOG_RETRY = Backoff(0.1, 5.0)


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A task to run; all references in the configurations are resolved. `task_config` contains `task.class`."""

    connector: str
    task_id: int
    kind: Literal["source", "sink"]
    task_class: str | None
    task_config: dict[str, str]
    connector_config: dict[str, str]
    worker_config: dict[str, str]


class TaskListener(Protocol):
    """Told what the task does; called from the task's thread."""

    def on_state(self, state: State) -> None:
        """RUNNING or PAUSED; the end of `TaskRunner.run` tells the rest."""

    def on_topics(self, topics: Sequence[str]) -> None:
        """Topics used for the first time in this run."""

    def on_notification(self, notification: Mapping[str, Any]) -> None:
        """The task tells the operator something."""


@dataclass(frozen=True, slots=True)
class TaskSurroundings:
    """What a loop works with."""

    log: Log
    offsets: OffsetStore
    registry: PluginRegistry
    listener: TaskListener


class TaskLoop(ABC):
    """`run` is the task's thread; `pause`, `resume`, `stop`, `cancel`, `samples` and `progress` may be called from any."""

    def __init__(self, spec: TaskSpec, around: TaskSurroundings, metrics: TaskMetrics) -> None:
        self.spec = spec
        self.around = around
        self.metrics = metrics
        self.stages = metrics.stages
        self.halt = threading.Event()
        """Set once the task is to stop."""
        self.cancelled = False
        self._thread_id = threading.get_ident()
        """The thread that `stages` are about: the one that made the loop, until `run` is called."""
        self._paused = False
        self._state_changed = threading.Condition()
        self._reported: State | None = None
        self._topics_seen: set[str] = set()
        self.policy = ErrorPolicy.from_config(spec.connector_config)
        self.letters = self.make_letters()
        self.tolerance = self.make_tolerance(self.letters)

    def make_letters(self) -> DeadLetters | None:
        """A collector of dead letters, if a topic is set for them; one per thread that needs it."""
        spec = self.spec
        settings = DeadLetterSettings.from_config(spec.connector_config)
        if settings is None:
            return None
        return DeadLetters(settings, self.around.log, spec.connector, spec.task_id, self.metrics.errors)

    def make_tolerance(self, letters: DeadLetters | None) -> Tolerance:
        """The errors.* policy, reporting to the log and to these letters."""
        reporters: list[FailureReporter] = []
        if self.policy.log_enabled:
            include = self.policy.log_messages
            reporters.append(ErrorLog(self.spec.connector, self.spec.task_id, include, self.metrics.errors))
        if letters is not None:
            reporters.append(letters)
        return Tolerance(self.policy, self.metrics.errors, reporters, self.wait)

    @property
    def stopping(self) -> bool:
        return self.halt.is_set()

    @property
    def paused(self) -> bool:
        return self._paused

    def pause(self) -> None:
        self._set_paused(True)

    def resume(self) -> None:
        self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        with self._state_changed:
            self._paused = paused
            self._state_changed.notify_all()
        self.wake()

    def stop(self) -> None:
        """Ask for a graceful end. Returns at once."""
        with self._state_changed:
            self.halt.set()
            self._state_changed.notify_all()
        self.wake()

    def cancel(self) -> None:
        """Give up: nothing is committed from now on."""
        self.cancelled = True
        self.stop()

    def signal(self, id: str, type: str, data: str | None) -> None:
        """An operator's signal, see `SourceTask.signal`. ConfigException when it is not taken."""
        raise ConfigException("Sinks take no signals.", code="SIGNALS_NOT_TAKEN")

    def wake(self) -> None:
        """Cut short what the task's thread waits for; called from any thread after a change of state."""

    def run(self) -> None:
        """Run the task until it ends; raises what it failed with."""
        self._thread_id = threading.get_ident()
        self.run_here()

    @abstractmethod
    def run_here(self) -> None:
        """`run`, on the thread it was called on."""

    def samples(self) -> list[Sample]:
        """All metrics of the task."""
        return self.metrics.samples()

    def progress(self) -> tuple[str, float]:
        """The present stage and the monotonic time it was entered; one of `WAITING` while nothing is done on purpose."""
        found = self.stages.progress
        if found[0] in WAITING:
            for clock in self.metrics.extra_stages:
                helper = clock.progress
                if helper[0] not in WAITING:
                    return helper
                if helper[0] == RETRY:
                    found = helper
        return found

    def report_state(self, state: State) -> None:
        """Tell the listener, once per change."""
        if state is not self._reported:
            self._reported = state
            self.metrics.states.enter("paused" if state is State.PAUSED else "running")
            self.around.listener.on_state(state)

    def report_topics(self, topics: Sequence[str]) -> None:
        """Tell the listener of those that are new."""
        new = [topic for topic in dict.fromkeys(topics) if topic not in self._topics_seen]
        if new:
            self._topics_seen.update(new)
            self.around.listener.on_topics(new)

    def wait_while_paused(self) -> None:
        """Return when resumed or stopped."""
        left = self.stages.enter("idle")
        with self._state_changed:
            self._state_changed.wait_for(lambda: not self._paused or self.stopping)
        self.stages.enter(left)

    def wait(self, seconds: float) -> bool:
        """Wait before something is tried again; True at once when the task is to stop."""
        if threading.get_ident() != self._thread_id:
            # A helper's or the plugin's thread: what the task's own thread does meanwhile is not to be written over.
            return self.halt.wait(seconds)
        left = self.stages.enter(RETRY)
        try:
            return self.halt.wait(seconds)
        finally:
            self.stages.enter(left)

    def until_log_can(self, what: str, operation: Callable[[], T]) -> T:
        """Do something with the log, again and again while it raises RetriableException. TaskStopping when stopped meanwhile."""
        attempt = 0
        while True:
            try:
                result = operation()
            except RetriableException as error:
                if attempt == 0:
                    logger.warning("Cannot %s now; trying again until it works: %s", what, error)
                if self.wait(_LOG_RETRY.delay(attempt)):
                    raise TaskStopping from error
                attempt += 1
            else:
                if attempt:
                    logger.info("Could %s again after %d attempts.", what, attempt)
                return result

    def prepare_dead_letters(self) -> None:
        """Create the dead letter topic if one is set and missing."""
        if self.letters is not None:
            self.until_log_can("create the dead letter topic", self.letters.prepare)

    def write_letters(self, producer: Producer) -> None:
        """Append the dead letters collected; tries until the log takes them. TaskStopping when stopped before.

        Whatever it raises, the letters stay for the next call."""
        batch = self.letters.peek() if self.letters is not None else None
        if self.letters is None or batch is None:
            return

        def append() -> None:
            try:
                producer.append([batch])
            except Exception:
                self.metrics.errors.dead_letter_failures += 1
                raise

        self.until_log_can("write dead letters", append)
        self.letters.drop(len(batch))

    def quietly(self, what: str, action: Callable[[], Any]) -> None:
        """Do a step of the ending: whatever it raises is logged, so that the other steps follow and the first failure stands."""
        try:
            action()
        except Exception:
            logger.exception("Failed to %s.", what)


def client_id(role: str, spec: TaskSpec) -> str:
    """The client id Connect gives its clients, for example connector-producer-<connector>-<task>."""
    return f"connector-{role}-{spec.connector}-{spec.task_id}"
