"""What the config topic says all in all: the cluster's connectors, their tasks and target states. Pure.

Task configurations wait until the commit record that follows them; a commit for which some are missing (compaction has removed them)
makes the connector inconsistent: it runs no tasks until all have been written again. Source: KafkaConfigBackingStore, ClusterConfigState.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from headrace.runtime.distributed.config_records import (
    CommitRecord,
    ConfigRecord,
    ConnectorRecord,
    FencingRecord,
    LoggerRecord,
    Properties,
    RestartRecord,
    SessionKey,
    TargetStateRecord,
    TaskRecord,
)
from headrace.runtime.herder import TargetState


@dataclass(frozen=True, slots=True)
class ConnectorConfig:
    """One connector, or what is left of a deleted one: fencing outlives deletion, for its producers may."""

    properties: Properties | None = None
    """None: there is no such connector."""
    target: TargetState | None = None
    task_count: int | None = None
    """Of the last commit, also of one that was incomplete."""
    tasks: tuple[Properties, ...] = ()
    """The tasks in force; none of them while the connector is inconsistent."""
    inconsistent: bool = False
    pending_fencing: bool = False
    """Tasks were committed after the last fencing record."""
    fenced_tasks: int | None = None
    """Of the last fencing record: how many producers are to be fenced before others may start."""
    generation: int | None = None
    """Counts the task sets that have come into force since this worker began to read."""
    applied: Properties | None = None
    """The configuration that was in force when the tasks were committed."""


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """A snapshot. `offset`: of the record after the last one read, -1 before the first; workers compare it when they join."""

    offset: int = -1
    session_key: SessionKey | None = None
    entries: Mapping[str, ConnectorConfig] = field(default_factory=dict)

    def connectors(self) -> list[str]:
        """The names of all there are."""
        return [name for name, entry in self.entries.items() if entry.properties is not None]

    def __contains__(self, connector: str) -> bool:
        return self.of(connector).properties is not None

    def of(self, connector: str) -> ConnectorConfig:
        """All that is known of a connector, an empty one when that is nothing."""
        return self.entries.get(connector, _UNKNOWN)


_UNKNOWN: Final = ConnectorConfig()


@dataclass(frozen=True, slots=True)
class ConnectorChanged:
    """Created, or its configuration written anew, be it the same."""

    connector: str


@dataclass(frozen=True, slots=True)
class ConnectorRemoved:
    connector: str


@dataclass(frozen=True, slots=True)
class TargetStateChanged:
    """Of a connector that exists, to another state than before."""

    connector: str


@dataclass(frozen=True, slots=True)
class TasksCommitted:
    """`tasks`: those with a configuration written since the last commit; none when it was incomplete."""

    connector: str
    tasks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SessionKeyChanged:
    key: SessionKey


Event = (
    ConnectorChanged
    | ConnectorRemoved
    | TargetStateChanged
    | TasksCommitted
    | SessionKeyChanged
    | RestartRecord
    | LoggerRecord
)
"""`RestartRecord` and `LoggerRecord` are requests to those who read them live: not part of the state."""


class ConfigReducer:
    """Record by record to the state; every record costs the same, however many there are. Not thread-safe."""

    def __init__(self) -> None:
        self._offset = -1
        self._session_key: SessionKey | None = None
        self._entries: dict[str, ConnectorConfig] = {}
        self._pending: dict[str, dict[int, Properties]] = {}

    def snapshot(self) -> ClusterConfig:
        """The state now; it does not change with later records."""
        return ClusterConfig(self._offset, self._session_key, MappingProxyType(dict(self._entries)))

    def read_to(self, offset: int) -> None:
        """A record before `offset` was read that says nothing."""
        self._offset = offset

    def apply(self, offset: int, record: ConfigRecord) -> Event | None:
        """Take the record at `offset`; what it changes that others act upon."""
        self._offset = offset + 1
        match record:
            case ConnectorRecord():
                return self._connector(record)
            case TargetStateRecord():
                return self._target(record)
            case TaskRecord(name, task, properties):
                self._pending.setdefault(name, {})[task] = properties
                return None
            case CommitRecord(name, tasks):
                return self._commit(name, tasks)
            case FencingRecord(name, count):
                self._change(name, fenced_tasks=count, pending_fencing=False)
                return None
            case SessionKey():
                self._session_key = record
                return SessionKeyChanged(record)
            case RestartRecord() | LoggerRecord():
                return record

    def _connector(self, record: ConnectorRecord) -> Event:
        name = record.connector
        if record.properties is None:
            self._remove(name)
            return ConnectorRemoved(name)
        target = self._entries.get(name, _UNKNOWN).target or TargetState.STARTED
        self._change(name, properties=record.properties, target=target)
        return ConnectorChanged(name)

    def _target(self, record: TargetStateRecord) -> Event | None:
        name = record.connector
        entry = self._entries.get(name, _UNKNOWN)
        exists = entry.properties is not None
        if record.state is None:
            self._change(name, target=TargetState.STARTED if exists else None)
            return None
        self._change(name, target=record.state)
        return TargetStateChanged(name) if exists and record.state is not entry.target else None

    def _commit(self, name: str, count: int | None) -> Event | None:
        entry = self._entries.get(name, _UNKNOWN)
        if entry.properties is None:
            # Of a connector that was deleted: compaction has left this, and nothing of what was before and after it.
            self._remove(name)
            return None
        if count is None:
            return None
        pending = self._pending.get(name)
        written = pending or {}
        if all(task in written for task in range(count)):
            generation = entry.generation
            if pending is not None:
                generation = 0 if generation is None else generation + 1
            entry = replace(
                entry,
                tasks=tuple(written[task] for task in range(count)),
                inconsistent=False,
                applied=entry.properties,
                generation=generation,
            )
            committed = tuple(sorted(written))
        else:
            entry = replace(entry, tasks=(), inconsistent=True)
            committed = ()
        self._entries[name] = replace(entry, task_count=count, pending_fencing=True)
        if pending is not None:
            pending.clear()
        return TasksCommitted(name, committed)

    def _remove(self, name: str) -> None:
        self._pending.pop(name, None)
        self._change(name, properties=None, task_count=None, tasks=(), applied=None)

    def _change(self, name: str, **changes: object) -> None:
        entry = replace(self._entries.get(name, _UNKNOWN), **changes)  # type: ignore[arg-type]
        if entry == _UNKNOWN:
            self._entries.pop(name, None)
        else:
            self._entries[name] = entry
