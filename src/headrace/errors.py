"""Every error of the product: a stable code, the field it is about, what to do, and who can help.

    HeadraceError
    ├── ConnectException                 anything the framework or a plugin reports
    │   ├── ConfigException              a setting is missing, wrong or refused (never retried)
    │   ├── DataException                a record or schema cannot be used as it is
    │   │   └── SchemaBuilderException   a schema is built wrongly
    │   ├── RetriableException           the same call may succeed later
    │   ├── NotFoundException            the thing named does not exist
    │   ├── AlreadyExistsException       the name is taken
    │   ├── IllegalStateException        the thing exists but is not in the state the call needs
    │   └── ConnectTimeoutException      no answer within the deadline

An error is raised with a code and a remedy; `retry_class` says what the framework may do about it. The table of
codes whose class differs from their exception's default is `RETRY_OVERRIDES`: policy stands in one place, not in messages.
"""

from __future__ import annotations

from enum import Enum


class RetryClass(Enum):
    """What can end the condition behind an error."""

    RETRY = "retry"
    """Time: the framework may try again by itself, with backoff."""
    OPERATOR = "operator"
    """A person has to change something outside the configuration (start a server, free a disk, drop a slot)."""
    NEVER = "never"
    """Nothing but a changed configuration, schema or plugin."""


class HeadraceError(Exception):
    """Base of all errors.

    `code`: stable upper-case identifier such as `PG_WAL_LEVEL`; clients may rely on it.
    `field`: the configuration key the error is about, or None.
    `remedy`: one sentence that says what to do, or None when the message already does.
    """

    default_code = "INTERNAL"
    default_retry = RetryClass.OPERATOR

    def __init__(
        self, message: str, *, code: str | None = None, field: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.field = field
        self.remedy = remedy

    @property
    def retry_class(self) -> RetryClass:
        """Who can help; see `RetryClass`."""
        return RETRY_OVERRIDES.get(self.code, self.default_retry)

    def __str__(self) -> str:
        text = f"[{self.code}] {self.message}"
        if self.field and self.field not in text and self.field not in (self.remedy or ""):
            text += f" (setting: {self.field})"
        if self.remedy:
            text += f" Remedy: {self.remedy}"
        return text

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.code, self.field, self.remedy))


def _rebuild(cls: type[HeadraceError], message: str, code: str, field: str | None, remedy: str | None) -> HeadraceError:
    return cls(message, code=code, field=field, remedy=remedy)


class ConnectException(HeadraceError):
    """Kafka Connect's general error: the task or connector that raised it fails."""

    default_code = "CONNECT"


class ConfigException(ConnectException):
    """A configuration value is missing, malformed or refused. Never retried."""

    default_code = "CONFIG_INVALID"
    default_retry = RetryClass.NEVER


class DataException(ConnectException):
    """A record's data or schema cannot be processed."""

    default_code = "DATA_INVALID"
    default_retry = RetryClass.NEVER


class SchemaBuilderException(DataException):
    """A schema was declared inconsistently."""

    default_code = "SCHEMA_INVALID"


class RetriableException(ConnectException):
    """The operation may succeed when it is tried again."""

    default_code = "RETRIABLE"
    default_retry = RetryClass.RETRY


class NotFoundException(ConnectException):
    """What was named does not exist."""

    default_code = "NOT_FOUND"
    default_retry = RetryClass.NEVER


class AlreadyExistsException(ConnectException):
    """The name is taken."""

    default_code = "ALREADY_EXISTS"
    default_retry = RetryClass.NEVER


class IllegalStateException(ConnectException):
    """The call does not fit the present state, for example offsets altered while the connector runs."""

    default_code = "ILLEGAL_STATE"
    default_retry = RetryClass.NEVER


class ConnectTimeoutException(ConnectException):
    """No answer within the deadline."""

    default_code = "TIMEOUT"
    default_retry = RetryClass.RETRY


RETRY_OVERRIDES: dict[str, RetryClass] = {
    # A full disk is freed by a person, yet writing again is harmless and resumes by itself once there is room.
    "LOG_DISK_FULL": RetryClass.RETRY,
    # A process that was killed from outside, hung or outgrew its memory is worth a fresh start.
    "TASK_CRASHED": RetryClass.RETRY,
    "TASK_HUNG": RetryClass.RETRY,
    "TASK_MEMORY_LIMIT": RetryClass.RETRY,
    # An emptied Redis is filled again from the log by a task that starts anew.
    "REDIS_DATA_LOST": RetryClass.RETRY,
}
"""Codes whose retry class is not the default of their exception type."""


def describe(error: BaseException) -> dict[str, str | None]:
    """The fields of any exception as plain data: `type`, `code`, `message`, `field`, `remedy`, `retry_class`."""
    if isinstance(error, HeadraceError):
        return {
            "type": type(error).__name__,
            "code": error.code,
            "message": error.message,
            "field": error.field,
            "remedy": error.remedy,
            "retry_class": error.retry_class.value,
        }
    return {
        "type": type(error).__name__,
        "code": "UNEXPECTED",
        "message": str(error),
        "field": None,
        "remedy": None,
        "retry_class": RetryClass.RETRY.value,
    }
