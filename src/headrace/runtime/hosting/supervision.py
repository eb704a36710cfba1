"""When a child is given up: a pure verdict from what is known of it."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.errors import RetryClass
from headrace.runtime.hosting.failures import made_failure
from headrace.runtime.hosting.messages import Failure
from headrace.runtime.measures import WAITING


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes; 0 switches a limit off. `call_s`: how long the whole work may take (for calls)."""

    heartbeat_s: float = 30.0
    hang_s: float = 300.0
    start_s: float = 120.0
    memory_bytes: int = 0
    call_s: float = 0.0


@dataclass(slots=True)
class Vitals:
    """What was last heard of a child, times in monotonic seconds. `started` once its work runs."""

    born: float
    last_beat: float
    stage: str = "start"
    stage_s: float = 0.0
    started: bool = False
    memory_bytes: int = 0


def verdict(now: float, vitals: Vitals, limits: Limits) -> Failure | None:
    """Why the child must be killed, None when it may live."""
    silent = now - vitals.last_beat
    if limits.heartbeat_s and silent > limits.heartbeat_s:
        return _hung(
            f"No sign of life for {silent:.0f} s; the stage last heard of was {vitals.stage}.",
            "headrace.task.heartbeat.timeout.ms",
        )
    if limits.call_s and now - vitals.born > limits.call_s:
        return _hung(f"The plugin did not answer within {limits.call_s:.0f} s.", "headrace.plugin.call.timeout.ms")
    if limits.start_s and not vitals.started and not limits.call_s and now - vitals.born > limits.start_s:
        return _hung(f"It did not start within {limits.start_s:.0f} s.", "headrace.task.start.timeout.ms")
    if limits.hang_s and vitals.stage not in WAITING and vitals.stage_s > limits.hang_s:
        return _hung(
            f"The stage {vitals.stage} has not ended for {vitals.stage_s:.0f} s.", "headrace.task.hang.timeout.ms"
        )
    if limits.memory_bytes and vitals.memory_bytes > limits.memory_bytes:
        return made_failure(
            "TASK_MEMORY_LIMIT",
            f"Memory use of {vitals.memory_bytes} bytes is over the limit of {limits.memory_bytes} bytes.",
            "Raise headrace.task.memory.limit.bytes, or lower batch and queue sizes of the connector.",
        )
    return None


def _hung(what: str, setting: str) -> Failure:
    return made_failure(
        "TASK_HUNG",
        what,
        f"Look at what the connector waits for; raise {setting} if such a wait is normal.",
        RetryClass.RETRY,
    )
