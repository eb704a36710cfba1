"""From an exception to the `Failure` that crosses the process boundary."""

from __future__ import annotations

import traceback
from typing import Final

from headrace.errors import RetryClass, describe
from headrace.foundation.redaction import redact, redact_trace
from headrace.runtime.hosting.messages import Failure

_MESSAGE_CHARS: Final = 10_000
_TRACE_CHARS: Final = 100_000


def failure_of(error: BaseException) -> Failure:
    """The exception as plain data. The trace starts with the error itself, as Connect's does, for tools show its first line."""
    try:
        fields, text = describe(error), str(error)
    except Exception as silent:
        # It must be told all the same, and by its own name.
        text = f"(its text cannot be had: {type(silent).__name__})"
        fields = {**describe(Exception(text)), "type": type(error).__name__}
    frames = "".join(traceback.format_exception(error))
    return Failure(
        type=str(fields["type"]),
        code=str(fields["code"]),
        message=_sendable(redact(str(fields["message"])), _MESSAGE_CHARS),
        retry_class=str(fields["retry_class"]),
        trace=_sendable(
            f"{_name(error)}: {_shortened(redact(text), _MESSAGE_CHARS)}\n{redact_trace(frames)}", _TRACE_CHARS
        ),
        field=fields["field"],
        remedy=_sendable(redact(fields["remedy"]), _MESSAGE_CHARS) if fields["remedy"] else None,
    )


def _sendable(text: str, most: int) -> str:
    """Short enough for every status answer, and without half surrogates, which no message can carry."""
    return _shortened(text, most).encode("utf-8", "backslashreplace").decode()


def _shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} … ({len(text) - 2 * half} characters left out) … {text[-half:]}"


def _name(error: BaseException) -> str:
    cls = type(error)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def made_failure(code: str, message: str, remedy: str | None = None, retry: RetryClass = RetryClass.RETRY) -> Failure:
    """A failure that the worker found out about, not the child."""
    text = f"headrace.errors.ConnectException: [{code}] {message}" + (f" Remedy: {remedy}" if remedy else "")
    return Failure("ConnectException", code, message, retry.value, text, None, remedy)
