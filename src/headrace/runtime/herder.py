"""Herder: all that can be asked of a worker about connectors. REST speaks only to this; standalone and distributed
workers implement it. All methods are coroutines on the worker's event loop. Source: connect-runtime Herder (Kafka 4.3).

Errors: NotFoundException (404), AlreadyExistsException (409), ConfigException (400), IllegalStateException (400 for
offsets), ConnectTimeoutException (500), others 500.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from headrace.errors import ConnectException


class TargetState(Enum):
    """What the operator wants of a connector (KIP-980 names them initial states)."""

    STARTED = "STARTED"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"


class State(Enum):
    """What a connector or task is doing."""

    UNASSIGNED = "UNASSIGNED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    FAILED = "FAILED"
    RESTARTING = "RESTARTING"
    DESTROYED = "DESTROYED"


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """`trace` None unless FAILED; `version` None when not known; `task_id` None for the connector itself."""

    state: State
    worker_id: str
    trace: str | None = None
    version: str | None = None
    task_id: int | None = None


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    name: str
    connector: TaskStatus
    tasks: tuple[TaskStatus, ...]
    type: str
    """source, sink or unknown"""


@dataclass(frozen=True, slots=True)
class ConnectorInfo:
    """`config` is the raw configuration: references unresolved, secrets as given."""

    name: str
    config: dict[str, str]
    task_ids: tuple[int, ...]
    type: str


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """`type`: source, sink, transformation, predicate, converter, header_converter. `version` None = undefined."""

    class_name: str
    type: str
    version: str | None = None


@dataclass(slots=True)
class ValidationResult:
    """The body of /validate as plain data (see connect-rest.md §6): `configs` is a list of {"definition", "value"}."""

    name: str
    error_count: int
    groups: list[str]
    configs: list[dict[str, Any]] = field(default_factory=list)


class Herder(ABC):
    """See the module's docstring."""

    @abstractmethod
    async def connectors(self) -> list[str]: ...

    @abstractmethod
    async def connector_info(self, name: str) -> ConnectorInfo: ...

    @abstractmethod
    async def connector_status(self, name: str) -> ConnectorStatus:
        """NotFoundException also when there is no status yet."""

    @abstractmethod
    async def put_connector(
        self,
        name: str,
        config: Mapping[str, str | None],
        *,
        allow_replace: bool,
        initial_state: TargetState | None = None,
    ) -> tuple[bool, ConnectorInfo]:
        """Validate, store and start; returns (created, info). ConfigException lists all validation errors and nothing is
        changed. AlreadyExistsException unless `allow_replace`."""

    @abstractmethod
    async def patch_connector(self, name: str, patch: Mapping[str, str | None]) -> ConnectorInfo:
        """Merge into the stored configuration, None deletes a key (KIP-477)."""

    @abstractmethod
    async def delete_connector(self, name: str) -> None: ...

    @abstractmethod
    async def restart(self, name: str, *, include_tasks: bool = False, only_failed: bool = False) -> ConnectorStatus:
        """Restart the chosen instances; the answer shows each of them as RESTARTING (KIP-745)."""

    @abstractmethod
    async def restart_task(self, name: str, task_id: int) -> None: ...

    @abstractmethod
    async def set_target_state(self, name: str, state: TargetState) -> None:
        """Pause, resume or stop. Idempotent. Stop returns when the tasks have ended."""

    @abstractmethod
    async def task_configs(self, name: str) -> list[dict[str, str]]:
        """The running tasks' raw configurations, index = task id."""

    @abstractmethod
    async def offsets(self, name: str) -> list[dict[str, Any]]:
        """[{"partition": {...}, "offset": {...}}] as in GET /connectors/{n}/offsets."""

    @abstractmethod
    async def alter_offsets(self, name: str, offsets: Sequence[Mapping[str, Any]] | None) -> str:
        """Write the offsets given (None = reset all); returns the message for the client. IllegalStateException unless the
        connector is stopped."""

    @abstractmethod
    async def active_topics(self, name: str) -> list[str]:
        """KIP-558; empty for unknown names. IllegalStateException (code TOPIC_TRACKING_DISABLED) when switched off."""

    @abstractmethod
    async def reset_active_topics(self, name: str) -> None: ...

    async def signal(self, name: str, id: str, type: str, data: str | None) -> None:
        """Hand a signal to the connector's tasks; `data` is JSON. Raises why it was not taken. An extension."""
        raise ConnectException("This worker takes no signals.", code="SIGNALS_NOT_TAKEN")

    async def notifications(self, name: str) -> list[dict[str, Any]]:
        """What the connector's tasks told last, the oldest first. An extension."""
        return []

    @abstractmethod
    async def plugins(self, *, connectors_only: bool = True) -> list[PluginInfo]: ...

    @abstractmethod
    async def plugin_config(self, plugin: str) -> list[dict[str, Any]]:
        """The definitions (REST form) of a plugin found by class name or alias."""

    @abstractmethod
    async def validate(self, config: Mapping[str, str | None]) -> ValidationResult: ...

    @abstractmethod
    async def loggers(self) -> dict[str, tuple[str, int | None]]:
        """Logger → (level, last modified in epoch ms)."""

    @abstractmethod
    async def set_log_level(self, logger: str, level: str) -> list[str]:
        """Set the level of a namespace here and in all tasks; returns the loggers affected. NotFoundException: no such level."""

    @abstractmethod
    async def health(self) -> tuple[str, str]:
        """("healthy" | "starting" | "unhealthy", message)."""

    @abstractmethod
    async def metrics_text(self) -> str:
        """All metrics in the Prometheus text format."""

    @abstractmethod
    def cluster_id(self) -> str:
        """kafka_cluster_id of `GET /`."""
