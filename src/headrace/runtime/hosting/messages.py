"""What a worker and its children say to each other, over a local socket: work and commands down, states and measures up.

Configurations travel raw: references to secrets are resolved in the child, so the worker never holds a secret of a connector.
"""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.errors import ConnectException, HeadraceError
from headrace.foundation.logs import LogSettings
from headrace.foundation.telemetry import Sample


class TaskWork(msgspec.Struct, tag_field="t", tag="task", frozen=True):
    """Run one task until told to stop."""

    connector: str
    task_id: int
    kind: str
    task_config: dict[str, str]
    connector_config: dict[str, str]
    paused: bool = False


class ConnectorWork(msgspec.Struct, tag_field="t", tag="connector", frozen=True):
    """Keep one connector instance: start it, plan its tasks when asked, stop it."""

    connector: str
    kind: str
    config: dict[str, str]


class CallWork(msgspec.Struct, tag_field="t", tag="call", frozen=True):
    """Answer one question (see calls.py) and end."""

    operation: str
    arguments: dict[str, Any]
    connector: str | None = None


Work = TaskWork | ConnectorWork | CallWork


class Assignment(msgspec.Struct, tag_field="t", tag="assignment", frozen=True):
    """The first message to a child: what to do, and what it needs to know of its worker."""

    work: Work
    worker_config: dict[str, str]
    plugins: dict[str, Any]
    logs: LogSettings


class Pause(msgspec.Struct, tag_field="t", tag="pause"):
    pass


class Resume(msgspec.Struct, tag_field="t", tag="resume"):
    pass


class Stop(msgspec.Struct, tag_field="t", tag="stop"):
    """End in good order."""


class Cancel(msgspec.Struct, tag_field="t", tag="cancel"):
    """The graceful time is over: end without committing anything more."""


class PlanTasks(msgspec.Struct, tag_field="t", tag="plan"):
    """Ask the connector for its task configurations; answered by TasksPlanned or PlanFailed."""


class SetLogLevel(msgspec.Struct, tag_field="t", tag="level"):
    logger: str
    level: str


class SendSignal(msgspec.Struct, tag_field="t", tag="signal"):
    """An operator's signal for the task; answered by SignalAnswered of the same number."""

    number: int
    id: str
    type: str
    data: str | None = None


Down = Assignment | Pause | Resume | Stop | Cancel | PlanTasks | SetLogLevel | SendSignal


class Failure(msgspec.Struct, tag_field="t", tag="failure", frozen=True):
    """An error that has crossed a process boundary. `trace` is the text shown in the status."""

    type: str
    code: str
    message: str
    retry_class: str
    trace: str
    field: str | None = None
    remedy: str | None = None


class ConnectorStarted(msgspec.Struct, tag_field="t", tag="connector_started"):
    """`settings`: the framework's settings after references were resolved, for those the worker itself acts on.
    `ttl_ms`: when the first resolved secret expires."""

    version: str | None
    settings: dict[str, str]
    ttl_ms: int | None = None


class TasksPlanned(msgspec.Struct, tag_field="t", tag="planned"):
    configs: list[dict[str, str]]


class PlanFailed(msgspec.Struct, tag_field="t", tag="plan_failed"):
    failure: Failure


class ReconfigurationRequested(msgspec.Struct, tag_field="t", tag="reconfigure"):
    pass


class TaskStarted(msgspec.Struct, tag_field="t", tag="task_started"):
    version: str | None


class StateChanged(msgspec.Struct, tag_field="t", tag="state"):
    state: str


class TopicsUsed(msgspec.Struct, tag_field="t", tag="topics"):
    topics: list[str]


class SignalAnswered(msgspec.Struct, tag_field="t", tag="signal_answered"):
    """The task took the signal, or why it did not."""

    number: int
    failure: Failure | None = None


class Notified(msgspec.Struct, tag_field="t", tag="notified"):
    """The task tells the operator something."""

    notification: dict[str, Any]


class Beat(msgspec.Struct, tag_field="t", tag="beat"):
    """Sign of life, about once a second: the stage the work is in and for how many seconds."""

    stage: str
    seconds: float
    samples: list[Sample]


class Result(msgspec.Struct, tag_field="t", tag="result"):
    """The answer to a call."""

    value: Any


class Ended(msgspec.Struct, tag_field="t", tag="ended"):
    """The work ended in good order; nothing follows."""


Up = (
    ConnectorStarted
    | TasksPlanned
    | PlanFailed
    | ReconfigurationRequested
    | TaskStarted
    | StateChanged
    | TopicsUsed
    | SignalAnswered
    | Notified
    | Beat
    | Result
    | Failure
    | Ended
)


class RemoteError(ConnectException):
    """An error that was raised in a child and has no class of its own here; keeps the child's retry class and trace."""


def error_of(failure: Failure) -> HeadraceError:
    """The failure as an exception of its original class where that is one of headrace.errors."""
    import headrace.errors as errors

    cls = getattr(errors, failure.type, None)
    if not (isinstance(cls, type) and issubclass(cls, HeadraceError)):
        cls = RemoteError
    error: HeadraceError = cls(failure.message, code=failure.code, field=failure.field, remedy=failure.remedy)
    error.__notes__ = [failure.trace]
    return error
