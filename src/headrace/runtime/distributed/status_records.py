"""The records of Connect's status topic: keys and values to what they say, and back. Pure.

| key | value |
|---|---|
| status-connector-<name> | {"state", "trace", "worker_id", "generation", "version"}, null when removed |
| status-task-<name>-<i> | the same |
| status-topic-<topic>:connector-<name> | {"topic": {"name", "connector", "task", "discoverTimestamp"}}, null when reset |

Source: KafkaStatusBackingStore of Kafka 4.3; KIP-558, KIP-891 (`version`, absent before 4.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from headrace.errors import DataException
from headrace.log.plain_json import dump, load
from headrace.runtime.distributed.task_names import task_of
from headrace.runtime.herder import State

_CONNECTOR: Final = "status-connector-"
_TASK: Final = "status-task-"
_TOPIC: Final = "status-topic-"
_USED_BY: Final = ":connector-"


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """What a worker says of a connector (`task` None) or task that it has. `generation`: of the group when it said so."""

    connector: str
    task: int | None
    state: State
    worker_id: str
    generation: int
    trace: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class StatusRemoved:
    """No more is known of it; of a connector's tasks neither."""

    connector: str
    task: int | None


@dataclass(frozen=True, slots=True)
class TopicUse:
    """A connector uses a topic; `task` saw it first, at `discovered_ms` since the epoch."""

    topic: str
    connector: str
    task: int
    discovered_ms: int


@dataclass(frozen=True, slots=True)
class TopicForgotten:
    topic: str
    connector: str


StatusTopicRecord = StatusRecord | StatusRemoved | TopicUse | TopicForgotten


@dataclass(frozen=True, slots=True)
class Unusable:
    """A record without meaning here, and why."""

    reason: str


def encode(record: StatusTopicRecord) -> tuple[bytes, bytes | None]:
    """Key and value as a JVM worker writes them; a destroyed connector or task is removed. DataException
    STATUS_RECORD_INVALID for text that has no form in UTF-8."""
    key, value = _parts(record)
    try:
        return key.encode(), None if value is None else dump(value)
    except ValueError as error:
        raise DataException(f"{key!r} cannot be written: {error}.", code="STATUS_RECORD_INVALID") from error


def _parts(record: StatusTopicRecord) -> tuple[str, dict[str, Any] | None]:
    match record:
        case StatusRecord(state=State.DESTROYED) | StatusRemoved():
            return _key(record.connector, record.task), None
        case StatusRecord():
            return _key(record.connector, record.task), {
                "state": record.state.value,
                "trace": record.trace,
                "worker_id": record.worker_id,
                "generation": record.generation,
                "version": record.version,
            }
        case TopicForgotten():
            return f"{_TOPIC}{record.topic}{_USED_BY}{record.connector}", None
        case TopicUse():
            return f"{_TOPIC}{record.topic}{_USED_BY}{record.connector}", {
                "topic": {
                    "name": record.topic,
                    "connector": record.connector,
                    "task": record.task,
                    "discoverTimestamp": record.discovered_ms,
                }
            }


def _key(connector: str, task: int | None) -> str:
    return _CONNECTOR + connector if task is None else f"{_TASK}{connector}-{task}"


def decode(key: bytes | None, value: bytes | None) -> StatusTopicRecord | Unusable:
    """What a record of the topic says; never raises."""
    name = "" if key is None else key.decode(errors="replace")
    try:
        document = None if value is None else load(value)
    except ValueError as error:
        return Unusable(f"its value is no JSON: {error}")
    removed = value is None
    if name.startswith(_CONNECTOR):
        connector = name.removeprefix(_CONNECTOR)
        if not connector:
            return Unusable("its key names no connector")
        return StatusRemoved(connector, None) if removed else _status(connector, None, document)
    if name.startswith(_TASK):
        named = task_of(name.removeprefix(_TASK))
        if named is None:
            return Unusable("its key names no task")
        return StatusRemoved(*named) if removed else _status(*named, document)
    if name.startswith(_TOPIC):
        # The first colon: the names of topics have none, those of connectors may.
        topic, colon, rest = name.removeprefix(_TOPIC).partition(":")
        connector = rest.removeprefix(_USED_BY[1:])
        if not topic or not colon or not connector or connector == rest:
            return Unusable("its key names no topic and connector")
        return TopicForgotten(topic, connector) if removed else _topic_use(topic, connector, document)
    return Unusable("nothing is known of its key")


def _status(connector: str, task: int | None, document: Any) -> StatusRecord | Unusable:
    if not isinstance(document, dict):
        return Unusable("its value is no object")
    worker_id, generation = document.get("worker_id"), document.get("generation")
    if not isinstance(worker_id, str) or type(generation) is not int:
        return Unusable("it lacks worker_id or generation")
    try:
        state = State(document.get("state"))
    except ValueError:
        return Unusable(f"nothing is known of the state {document.get('state')!r}")
    return StatusRecord(
        *(connector, task, state, worker_id, generation), _text(document.get("trace")), _text(document.get("version"))
    )


def _topic_use(topic: str, connector: str, document: Any) -> TopicUse | Unusable:
    use = document.get("topic") if isinstance(document, dict) else None
    task, discovered = (use.get("task"), use.get("discoverTimestamp")) if isinstance(use, dict) else (None, None)
    if type(task) is not int or type(discovered) is not int:
        return Unusable("it lacks task or discoverTimestamp")
    return TopicUse(topic, connector, task, discovered)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
