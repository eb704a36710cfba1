"""What the Connect REST interface answers, typed. Every object keeps the JSON it was made from in `raw`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    version: str
    commit: str
    kafka_cluster_id: str
    raw: Any = field(default=None, repr=False, compare=False)

    @staticmethod
    def of(raw: Any) -> ClusterInfo:
        return ClusterInfo(raw["version"], raw["commit"], raw.get("kafka_cluster_id") or "", raw)


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector as configured; `tasks` are task ids, `type` is source, sink or unknown."""

    name: str
    config: dict[str, str]
    tasks: tuple[int, ...]
    type: str
    raw: Any = field(default=None, repr=False, compare=False)

    @staticmethod
    def of(raw: Any) -> Connector:
        tasks = tuple(task["task"] for task in raw.get("tasks") or ())
        return Connector(raw["name"], dict(raw["config"]), tasks, raw.get("type") or "unknown", raw)


@dataclass(frozen=True, slots=True)
class Instance:
    """The state of a connector (`id` None) or of one task."""

    state: str
    worker_id: str
    id: int | None = None
    version: str | None = None
    trace: str | None = None
    raw: Any = field(default=None, repr=False, compare=False)

    @staticmethod
    def of(raw: Any) -> Instance:
        return Instance(
            raw["state"], raw.get("worker_id") or "", raw.get("id"), raw.get("version"), raw.get("trace"), raw
        )


@dataclass(frozen=True, slots=True)
class Status:
    name: str
    connector: Instance
    tasks: tuple[Instance, ...]
    type: str
    raw: Any = field(default=None, repr=False, compare=False)

    @staticmethod
    def of(raw: Any) -> Status:
        tasks = tuple(Instance.of(task) for task in raw["tasks"])
        return Status(raw["name"], Instance.of(raw["connector"]), tasks, raw.get("type") or "unknown", raw)

    @property
    def failures(self) -> list[Instance]:
        """The instances that have failed, the connector first."""
        return [item for item in (self.connector, *self.tasks) if item.state == "FAILED"]

    def all_in(self, state: str) -> bool:
        """Whether the connector and at least one task, all of them, are in `state`; a stopped connector has no tasks."""
        if self.connector.state != state:
            return False
        return state == "STOPPED" or (bool(self.tasks) and all(task.state == state for task in self.tasks))


@dataclass(frozen=True, slots=True)
class Expanded:
    """One entry of the list of connectors with `expand`."""

    status: Status | None
    info: Connector | None
    raw: Any = field(default=None, repr=False, compare=False)

    @staticmethod
    def of(raw: Mapping[str, Any]) -> Expanded:
        status, info = raw.get("status"), raw.get("info")
        return Expanded(Status.of(status) if status else None, Connector.of(info) if info else None, raw)


@dataclass(frozen=True, slots=True)
class Task:
    connector: str
    id: int
    config: dict[str, str]
    raw: Any = field(default=None, repr=False, compare=False)

    @staticmethod
    def of(raw: Any) -> Task:
        return Task(raw["id"]["connector"], raw["id"]["task"], dict(raw["config"]), raw)


@dataclass(frozen=True, slots=True)
class Plugin:
    class_name: str
    type: str
    version: str | None
    raw: Any = field(default=None, repr=False, compare=False)

    @staticmethod
    def of(raw: Any) -> Plugin:
        return Plugin(raw["class"], raw["type"], raw.get("version"), raw)


@dataclass(frozen=True, slots=True)
class Offset:
    """A position; `offset` None stands for a reset when altering."""

    partition: dict[str, Any]
    offset: dict[str, Any] | None

    @staticmethod
    def of(raw: Any) -> Offset:
        return Offset(dict(raw["partition"]), raw.get("offset"))


@dataclass(frozen=True, slots=True)
class Validation:
    """The outcome of a validation; `errors` maps keys to their error texts, keys without errors left out."""

    name: str
    error_count: int
    errors: dict[str, list[str]]
    raw: Any = field(default=None, repr=False, compare=False)

    @staticmethod
    def of(raw: Any) -> Validation:
        values = [entry["value"] for entry in raw["configs"]]
        errors = {value["name"]: list(value["errors"]) for value in values if value["errors"]}
        return Validation(raw["name"], raw["error_count"], errors, raw)


@dataclass(frozen=True, slots=True)
class Logger:
    """`last_modified` in epoch milliseconds, None when never changed."""

    name: str
    level: str
    last_modified: int | None

    @staticmethod
    def of(name: str, raw: Any) -> Logger:
        return Logger(name, raw["level"], raw.get("last_modified"))
