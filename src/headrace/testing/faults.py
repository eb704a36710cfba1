"""Faults on purpose: make a named point of the product fail, stall or kill, once.

In the test's own process (`run_source`, `run_sink`), as a context manager:

    with faults.fail("source.after_read"):          # the task fails after its first poll
        run_source(MySource, config, until=10)      # raises ConnectException (FAILPOINT)

For a worker that the test starts as a process, as environment:

    subprocess.Popen(["headrace", "standalone", …], env={**os.environ, **faults.environment(faults.kill("source.after_append"))})

`POINTS` names them, in the order in which a record passes.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from headrace.errors import ConfigException, ConnectException, RetriableException
from headrace.foundation import failpoints

POINTS: Final = {
    "source.after_read": "a poll gave records; nothing is in the log yet",
    "log.segment_written": "a large batch was written to a segment file of the embedded log, and not synced",
    "log.segment_synced": "it is on disk; nothing refers to it yet",
    "log.before_commit": "records and offsets are about to be committed in the embedded log",
    "log.after_commit": "they are committed; the producer does not know it yet",
    "source.after_append": "the PostgreSQL source hears of the commit, the server does not know yet",
    "source.after_feedback": "the server knows",
    "sink.after_read": "records were read from the log",
    "sink.before_put": "the next call is `put`",
    "sink.after_put": "`put` has returned; its offsets are not committed",
    "sink.before_target_commit": "a sink of headrace's own is about to commit in the target",
    "sink.after_target_commit": "it has committed; nobody knows it yet",
    "sink.after_offset_commit": "the log has the offsets",
}
"""Point → where it is. Those of `log` and of a certain connector are passed only where these are in use."""


@dataclass(frozen=True)
class Fault:
    """One fault at one point; made by `fail`, `retry`, `kill`, `pause`. `after`: so many passes go well before."""

    point: str
    action: str
    after: int = 0
    connector: str | None = None
    reached: threading.Event = field(default_factory=threading.Event, compare=False)
    """Set in this process when the point was passed."""
    _released: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.point not in POINTS:
            raise ConfigException(
                f"There is no point {self.point}.",
                code="FAILPOINT_INVALID",
                remedy=f"The points: {', '.join(POINTS)}.",
            )

    def __enter__(self) -> Fault:
        if self.action == "kill":
            raise ConfigException(
                "A kill within the test's own process would end the test.",
                code="FAILPOINT_INVALID",
                remedy="Give it to a worker process with `faults.environment`, or use SourceRun.kill.",
            )
        if self.connector is not None:
            raise ConfigException(
                "Within one process a fault is for whoever passes first.",
                code="FAILPOINT_INVALID",
                remedy="Leave out `connector`, or use `faults.environment`.",
            )
        failpoints.install(self.point, self._fire, self.after)
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()
        failpoints.remove(self.point)

    def release(self) -> None:
        """Let go on who waits at a `pause`."""
        self._released.set()

    def _fire(self) -> None:
        self.reached.set()
        if self.action == "hang":
            self._released.wait()
        elif self.action == "raise":
            raise RetriableException(f"Fault at {self.point}.", code="FAILPOINT")
        else:
            raise ConnectException(f"Fault at {self.point}.", code="FAILPOINT")


def fail(point: str, *, after: int = 0, connector: str | None = None) -> Fault:
    """ConnectException at the point: the task fails."""
    return Fault(point, "fail", after, connector)


def retry(point: str, *, after: int = 0, connector: str | None = None) -> Fault:
    """RetriableException at the point: what happens there is tried again, where that is possible."""
    return Fault(point, "raise", after, connector)


def pause(point: str, *, after: int = 0, connector: str | None = None) -> Fault:
    """Stand still at the point: in this process until `release` or the end of the `with`, in a worker's until it is killed."""
    return Fault(point, "hang", after, connector)


def kill(point: str, *, after: int = 0, connector: str | None = None) -> Fault:
    """SIGKILL to the process that passes the point; for `environment` only."""
    return Fault(point, "kill", after, connector)


def environment(*wanted: Fault, folder: Path | None = None) -> dict[str, str]:
    """The environment variables for a worker process. With `folder` each fires once over all the worker's processes, else once in
    each of them, which means after every restart of a task; the folder then holds a mark per fault that has fired."""
    texts = []
    for fault in wanted:
        scope = f"@{fault.connector}" if fault.connector else ""
        texts.append(f"{fault.point}{scope}={fault.action}" + (f":{fault.after}" if fault.after else ""))
    result = {"HEADRACE_FAILPOINTS": ",".join(texts)}
    if folder is not None:
        result["HEADRACE_FAILPOINTS_DIR"] = str(folder)
    return result
