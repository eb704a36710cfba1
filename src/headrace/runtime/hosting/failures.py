"""From an exception to the `Failure` that crosses the process boundary."""

from __future__ import annotations

import traceback

from headrace.errors import RetryClass, describe
from headrace.foundation.redaction import redact, redact_trace
from headrace.runtime.hosting.messages import Failure


def failure_of(error: BaseException) -> Failure:
    """The exception as plain data. The trace starts with the error itself, as Connect's does, for tools show its first line."""
    fields = describe(error)
    frames = "".join(traceback.format_exception(error))
    return Failure(
        type=str(fields["type"]),
        code=str(fields["code"]),
        message=redact(str(fields["message"])),
        retry_class=str(fields["retry_class"]),
        trace=f"{_name(error)}: {redact(str(error))}\n{redact_trace(frames)}",
        field=fields["field"],
        remedy=redact(fields["remedy"]) if fields["remedy"] else None,
    )


def _name(error: BaseException) -> str:
    cls = type(error)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def made_failure(code: str, message: str, remedy: str | None = None, retry: RetryClass = RetryClass.RETRY) -> Failure:
    """A failure that the worker found out about, not the child."""
    text = f"headrace.errors.ConnectException: [{code}] {message}" + (f" Remedy: {remedy}" if remedy else "")
    return Failure("ConnectException", code, message, retry.value, text, None, remedy)
