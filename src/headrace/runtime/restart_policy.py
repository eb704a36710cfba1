"""When a failed connector or task is started again: a pure decision from settings, the failure and the history.

`headrace.restart.policy`: `none` (Connect's behaviour: only by hand) or `on-failure`, the default: failures that time can heal
(retry class RETRY) wait 1 s, 2 s, 4 s … up to 5 minutes; those that a person must heal (OPERATOR) 1 to 10 minutes, so that the
connector goes on by itself once that is done; those that only a changed configuration heals (NEVER) are not repeated.
After running well for the reset time the count starts anew. The status stays FAILED, with its trace, while waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import at_least, one_of
from headrace.errors import RetryClass
from headrace.foundation.backoff import Backoff

POLICY_KEYS: Final = (
    "headrace.restart.policy",
    "headrace.restart.backoff.initial.ms",
    "headrace.restart.backoff.max.ms",
    "headrace.restart.operator.backoff.initial.ms",
    "headrace.restart.operator.backoff.max.ms",
    "headrace.restart.max.attempts",
    "headrace.restart.reset.after.ms",
)


def policy_def() -> ConfigDef:
    """The settings, for the worker's configuration and, overriding it, for each connector's."""
    definition = ConfigDef().define(
        POLICY_KEYS[0],
        ConfigType.STRING,
        "on-failure",
        one_of("none", "on-failure", ignore_case=True),
        Importance.MEDIUM,
        "Whether failed connectors and tasks are started again by the worker.",
        group="Headrace",
    )
    rows = (
        (POLICY_KEYS[1], 1000, 1, "The first wait after a failure that may heal by itself."),
        (POLICY_KEYS[2], 300_000, 1, "The longest wait after a failure that may heal by itself."),
        (POLICY_KEYS[3], 60_000, 1, "The first wait after a failure that a person must heal."),
        (POLICY_KEYS[4], 600_000, 1, "The longest wait after a failure that a person must heal."),
        (POLICY_KEYS[5], -1, -1, "How many times in a row it is tried at most; -1 without end."),
        (POLICY_KEYS[6], 300_000, 0, "After running this long the waits start from the first again."),
    )
    for name, default, low, text in rows:
        definition.define(name, ConfigType.LONG, default, at_least(low), Importance.LOW, text, group="Headrace")
    return definition


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """Parsed settings."""

    enabled: bool
    retry: Backoff
    operator: Backoff
    max_attempts: int
    reset_after_s: float

    @classmethod
    def of(cls, worker: Mapping[str, str], connector: Mapping[str, str]) -> RestartPolicy:
        """From the worker's settings with the connector's over them. ConfigException if one is malformed."""
        given = {key: source[key] for source in (worker, connector) for key in POLICY_KEYS if key in source}
        parsed = policy_def().parse(given)
        values = [parsed[key] for key in POLICY_KEYS]
        return cls(
            str(values[0]).lower() != "none",
            Backoff(values[1] / 1000, values[2] / 1000),
            Backoff(values[3] / 1000, values[4] / 1000),
            values[5],
            values[6] / 1000,
        )

    def decide(self, failure: RetryClass, history: RestartHistory) -> float | None:
        """Seconds to wait before the next start, None to leave it failed."""
        if not self.enabled or failure is RetryClass.NEVER:
            return None
        if 0 <= self.max_attempts <= history.attempts:
            return None
        backoff = self.retry if failure is RetryClass.RETRY else self.operator
        return backoff.delay(history.attempts)


@dataclass(slots=True)
class RestartHistory:
    """How one connector or task has fared: `attempts` = automatic starts in a row; `total` since the worker started."""

    attempts: int = 0
    total: int = 0

    def restarted(self) -> None:
        """An automatic start was made."""
        self.attempts += 1
        self.total += 1

    def ran(self, seconds: float, policy: RestartPolicy) -> None:
        """It ran for that long before it ended; long enough forgives what was before."""
        if seconds >= policy.reset_after_s:
            self.attempts = 0
