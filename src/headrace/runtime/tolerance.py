"""Error tolerance: retries with backoff, errors.tolerance, and the hand-over of what failed to those who report it.

An operation on one record is run under a stage (named as Connect names them). RetriableException is retried until
errors.retry.timeout is over; what fails then is given up: with errors.tolerance=all the record is reported and dropped, else
the task fails. Source: KIP-298, RetryWithToleranceOperator (Kafka 4.3).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol

from headrace.data import SourceRecord
from headrace.errors import ConfigException, ConnectException, DataException, RetriableException
from headrace.log.spi import HeaderBytes
from headrace.runtime.task_metrics import ErrorMetrics
from headrace.runtime.task_settings import read_bool, read_int, read_text

RETRY_DELAY_MIN_MS: Final = 300


class Stage(Enum):
    """Where a record was when it failed."""

    TASK_PUT = "TASK_PUT"
    TASK_POLL = "TASK_POLL"
    TRANSFORMATION = "TRANSFORMATION"
    KEY_CONVERTER = "KEY_CONVERTER"
    VALUE_CONVERTER = "VALUE_CONVERTER"
    HEADER_CONVERTER = "HEADER_CONVERTER"
    KAFKA_PRODUCE = "KAFKA_PRODUCE"
    KAFKA_CONSUME = "KAFKA_CONSUME"


class TaskStopping(Exception):
    """The task was asked to stop while it waited; what it was working on is left for the next start."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as it lies in the log."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: HeaderBytes


Origin = SourceRecord | RawRecord
"""What a failed record was before the framework touched it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that is given up. `class_name`: the plugin that refused it; `attempts`: how often it was tried."""

    stage: Stage
    class_name: str
    error: BaseException
    origin: Origin
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class ErrorPolicy:
    """The errors.* settings."""

    retry_timeout_ms: int = 0
    retry_delay_max_ms: int = 60_000
    tolerate_all: bool = False
    log_enabled: bool = False
    log_messages: bool = False

    @classmethod
    def from_config(cls, config: Mapping[str, str]) -> ErrorPolicy:
        """From a connector's configuration. ConfigException with the key as its field for a refused value."""
        tolerance = read_text(config, "errors.tolerance", "none").lower()
        if tolerance not in ("none", "all"):
            raise ConfigException(
                f"Invalid value {tolerance} for configuration errors.tolerance: String must be one of: none, all",
                field="errors.tolerance",
                remedy="Use none or all.",
            )
        return cls(
            read_int(config, "errors.retry.timeout", 0),
            read_int(config, "errors.retry.delay.max.ms", 60_000),
            tolerance == "all",
            read_bool(config, "errors.log.enable", False),
            read_bool(config, "errors.log.include.messages", False),
        )


class FailureReporter(Protocol):
    """Takes failed records: the log, the dead letter topic."""

    def report(self, failure: Failure) -> None: ...


class _Failed:
    def __repr__(self) -> str:
        return "FAILED"


FAILED: Final = _Failed()
"""Result of an operation whose record was given up and dropped."""


class Tolerance:
    """Runs operations on single records under the policy.

    `wait`: waits that many seconds, returns True at once when the task is to stop. `random_ms`: a random whole number below
    its argument.
    """

    def __init__(
        self,
        policy: ErrorPolicy,
        metrics: ErrorMetrics,
        reporters: list[FailureReporter],
        wait: Callable[[float], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
        random_ms: Callable[[int], int] = random.randrange,
    ) -> None:
        self.policy = policy
        self._metrics = metrics
        self._reporters = reporters
        self._wait = wait
        self._clock = clock
        self._random_ms = random_ms

    def run(
        self,
        stage: Stage,
        class_name: str,
        origin: Callable[[], Origin],
        operation: Callable[[], Any],
        first_error: Exception | None = None,
    ) -> Any:
        """The operation's result, or FAILED when its record was given up under errors.tolerance=all.

        `origin` is asked only on failure. `first_error`: what the first attempt, made by the caller, raised.
        ConnectException (code TOLERANCE_EXCEEDED) under errors.tolerance=none; TaskStopping when stopped between retries."""
        started = self._clock()
        attempts = 0
        while True:
            attempts += 1
            try:
                if first_error is not None:
                    error, first_error = first_error, None
                    raise error
                return operation()
            except RetriableException as error:
                self._metrics.failures += 1
                if not self._may_retry(started):
                    return self.give_up(Failure(stage, class_name, error, origin(), attempts))
                if self._wait(self._delay_s(attempts, started)):
                    raise TaskStopping from error
                self._metrics.retries += 1
            except Exception as error:
                self._metrics.failures += 1
                return self.give_up(Failure(stage, class_name, error, origin(), attempts))

    def _may_retry(self, started: float) -> bool:
        timeout_ms = self.policy.retry_timeout_ms
        return timeout_ms < 0 or (self._clock() - started) * 1000 < timeout_ms

    def _delay_s(self, attempt: int, started: float) -> float:
        policy = self.policy
        delay_ms: float = RETRY_DELAY_MIN_MS << min(attempt - 1, 40)
        if delay_ms > policy.retry_delay_max_ms:
            delay_ms = self._random_ms(max(policy.retry_delay_max_ms, 1))
        if policy.retry_timeout_ms >= 0:
            left_ms = policy.retry_timeout_ms - (self._clock() - started) * 1000
            delay_ms = min(delay_ms, max(left_ms, 0.0))
        return delay_ms / 1000

    def give_up(self, failure: Failure) -> _Failed:
        """Count, report and drop a record, or fail the task: as `run` does after the last attempt."""
        self._metrics.note_error()
        if not self.policy.tolerate_all:
            raise _exceeded(failure) from failure.error
        self._metrics.skipped += 1
        for reporter in self._reporters:
            reporter.report(failure)
        return FAILED


def _exceeded(failure: Failure) -> ConnectException:
    """The task's failure, of the kind of what caused it, so that a restart policy can tell a passing error from a lasting one."""
    error = failure.error
    kind: type[ConnectException] = ConnectException
    for candidate in (RetriableException, DataException, ConfigException):
        if isinstance(error, candidate):
            kind = candidate
    origin = failure.origin
    where = f"topic {origin.topic}"
    if isinstance(origin, RawRecord):
        where += f", partition {origin.partition}, offset {origin.offset}"
    return kind(
        f"Tolerance exceeded in error handler: stage {failure.stage.value}, class {failure.class_name}, record of {where}: "
        f"{type(error).__name__}: {error}",
        code="TOLERANCE_EXCEEDED",
        field="errors.tolerance",
        remedy="Correct the record's cause, or set errors.tolerance=all with a dead letter topic to go on without such records.",
    )
