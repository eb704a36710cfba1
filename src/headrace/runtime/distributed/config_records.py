"""The records of Connect's config topic: keys and values to what they say, and back. Pure.

| key | value |
|---|---|
| session-key | {"key": base64, "algorithm", "creation-timestamp"} |
| connector-<name> | {"properties": {...}}, null when deleted |
| target-state-<name> | {"state", "state.v2"}, null when deleted; workers before 3.5 know `state` only, and no STOPPED |
| task-<name>-<i> | {"properties": {...}} |
| commit-<name> | {"tasks": N} |
| tasks-fencing-<name> | {"task-count": N} |
| restart-connector-<name> | {"include-tasks", "only-failed"} |
| logger-cluster-<logger> | {"level"} |

Fields nobody knows are left alone, records nobody knows too: later versions write more. Source: KafkaConfigBackingStore of Kafka 4.3;
KIP-507, KIP-618, KIP-745, KIP-875, KIP-976.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from headrace.errors import DataException
from headrace.log.plain_json import dump, load
from headrace.runtime.distributed.task_names import MOST_TASKS, task_of
from headrace.runtime.herder import TargetState

Properties = Mapping[str, str | None]

_SESSION_KEY: Final = "session-key"
_CONNECTOR: Final = "connector-"
_TARGET_STATE: Final = "target-state-"
_TASK: Final = "task-"
_COMMIT: Final = "commit-"
_FENCING: Final = "tasks-fencing-"
_RESTART: Final = "restart-connector-"
_LOGGER: Final = "logger-cluster-"


@dataclass(frozen=True, slots=True)
class ConnectorRecord:
    """A connector's raw configuration; None: the connector is deleted."""

    connector: str
    properties: Properties | None


@dataclass(frozen=True, slots=True)
class TargetStateRecord:
    """What the operator wants; None goes with the connector's deletion."""

    connector: str
    state: TargetState | None


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task's raw configuration, in force with the next `CommitRecord`."""

    connector: str
    task: int
    properties: Properties


@dataclass(frozen=True, slots=True)
class CommitRecord:
    """Puts tasks 0 to `tasks` - 1 in force. None: nobody can read how many."""

    connector: str
    tasks: int | None


@dataclass(frozen=True, slots=True)
class FencingRecord:
    """How many transactional producers the tasks started from now on may have (KIP-618)."""

    connector: str
    task_count: int


@dataclass(frozen=True, slots=True)
class RestartRecord:
    """A request for a restart, for those who read it live (KIP-745)."""

    connector: str
    include_tasks: bool
    only_failed: bool


@dataclass(frozen=True, slots=True)
class LoggerRecord:
    """A log level for all workers, for those who read it live (KIP-976)."""

    logger: str
    level: str


@dataclass(frozen=True, slots=True)
class SessionKey:
    """What workers sign internal requests with (KIP-507). `created_ms`: milliseconds since the epoch."""

    key: bytes
    algorithm: str
    created_ms: int


ConfigRecord = (
    ConnectorRecord
    | TargetStateRecord
    | TaskRecord
    | CommitRecord
    | FencingRecord
    | RestartRecord
    | LoggerRecord
    | SessionKey
)


@dataclass(frozen=True, slots=True)
class Unusable:
    """A record without meaning here, and why. `counted`: a JVM worker counts it into its position in the topic, which is
    compared between workers; one that is no JSON it does not."""

    reason: str
    counted: bool = True


def encode(record: ConfigRecord) -> tuple[bytes, bytes | None]:
    """Key and value as a JVM worker writes them. DataException CONFIG_RECORD_INVALID for text that has no form in UTF-8."""
    key, value = _parts(record)
    try:
        return key.encode(), None if value is None else dump(value)
    except ValueError as error:
        raise DataException(f"{key!r} cannot be written: {error}.", code="CONFIG_RECORD_INVALID") from error


def _parts(record: ConfigRecord) -> tuple[str, dict[str, Any] | None]:
    match record:
        case ConnectorRecord(name, None):
            return _CONNECTOR + name, None
        case ConnectorRecord(name, properties):
            return _CONNECTOR + name, {"properties": dict(properties or {})}
        case TargetStateRecord(name, None):
            return _TARGET_STATE + name, None
        case TargetStateRecord(name, state):
            assert state is not None
            older = TargetState.PAUSED if state is TargetState.STOPPED else state
            return _TARGET_STATE + name, {"state": older.value, "state.v2": state.value}
        case TaskRecord(name, task, properties):
            return f"{_TASK}{name}-{task}", {"properties": dict(properties)}
        case CommitRecord(name, tasks):
            return _COMMIT + name, {"tasks": tasks}
        case FencingRecord(name, count):
            return _FENCING + name, {"task-count": count}
        case RestartRecord(name, include_tasks, only_failed):
            return _RESTART + name, {"include-tasks": include_tasks, "only-failed": only_failed}
        case LoggerRecord(logger, level):
            return _LOGGER + logger, {"level": level}
        case SessionKey(key, algorithm, created_ms):
            text = base64.b64encode(key).decode()
            return _SESSION_KEY, {"key": text, "algorithm": algorithm, "creation-timestamp": created_ms}


def decode(key: bytes | None, value: bytes | None) -> ConfigRecord | Unusable:
    """What a record of the topic says; never raises."""
    try:
        document = None if value is None else load(value)
    except ValueError as error:
        return Unusable(f"its value is no JSON: {error}", counted=False)
    name = "" if key is None else key.decode(errors="replace")
    if name.startswith(_TARGET_STATE):
        return _target_state(name.removeprefix(_TARGET_STATE), document)
    if name.startswith(_CONNECTOR):
        connector = name.removeprefix(_CONNECTOR)
        if document is None:
            return ConnectorRecord(connector, None)
        properties = _properties(document)
        return properties if isinstance(properties, Unusable) else ConnectorRecord(connector, properties)
    if name.startswith(_TASK):
        return _task(name.removeprefix(_TASK), document)
    if name.startswith(_COMMIT):
        tasks = document.get("tasks") if isinstance(document, dict) else None
        return CommitRecord(name.removeprefix(_COMMIT), tasks if _is_count(tasks) else None)
    if not isinstance(document, dict):
        return Unusable("its value is no object")
    if name.startswith(_RESTART):
        flags = (document.get("include-tasks") is True, document.get("only-failed") is True)
        return RestartRecord(name.removeprefix(_RESTART), *flags)
    if name.startswith(_FENCING):
        count = document.get("task-count")
        return (
            FencingRecord(name.removeprefix(_FENCING), count) if _is_count(count) else Unusable("it has no task-count")
        )
    if name == _SESSION_KEY:
        return _session_key(document)
    if name.startswith(_LOGGER):
        level = document.get("level")
        return (
            LoggerRecord(name.removeprefix(_LOGGER), level) if isinstance(level, str) else Unusable("it has no level")
        )
    return Unusable("nothing is known of its key")


def _target_state(connector: str, document: Any) -> TargetStateRecord | Unusable:
    if document is None:
        return TargetStateRecord(connector, None)
    if not isinstance(document, dict):
        return Unusable("its value is no object")
    state = document.get("state.v2")
    if not isinstance(state, str):
        state = document.get("state")
    try:
        return TargetStateRecord(connector, TargetState(state))
    except ValueError:
        return Unusable(f"nothing is known of the target state {state!r}")


def _task(text: str, document: Any) -> TaskRecord | Unusable:
    named = task_of(text)
    if named is None:
        return Unusable("its key names no task")
    properties = _properties(document)
    return properties if isinstance(properties, Unusable) else TaskRecord(*named, properties)


def _session_key(document: dict[str, Any]) -> SessionKey | Unusable:
    key, algorithm, created = document.get("key"), document.get("algorithm"), document.get("creation-timestamp")
    if not isinstance(key, str) or not isinstance(algorithm, str) or type(created) is not int:
        return Unusable("it lacks key, algorithm or creation-timestamp")
    try:
        return SessionKey(base64.b64decode(key, validate=True), algorithm, created)
    except (binascii.Error, ValueError):
        return Unusable("its key is no base64")


def _properties(document: Any) -> dict[str, str | None] | Unusable:
    properties = document.get("properties") if isinstance(document, dict) else None
    if not isinstance(properties, dict):
        return Unusable("it has no properties")
    if any(value is not None and not isinstance(value, str) for value in properties.values()):
        return Unusable("it has properties that are no text")
    return properties


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < MOST_TASKS
