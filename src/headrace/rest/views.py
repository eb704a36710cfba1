"""What clients get: the JSON shapes of the herder's answers, keys in the order Connect writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.runtime.herder import ConnectorInfo, ConnectorStatus, PluginInfo, State, TaskStatus, ValidationResult

_TYPE_ORDER = ("sink", "source", "transformation", "predicate", "converter", "header_converter")
_TRANSITIONAL = (State.UNASSIGNED, State.RESTARTING, State.DESTROYED)


def info(value: ConnectorInfo) -> dict[str, Any]:
    return {
        "name": value.name,
        "config": value.config,
        "tasks": [{"connector": value.name, "task": task} for task in value.task_ids],
        "type": value.type,
    }


def status(value: ConnectorStatus) -> dict[str, Any]:
    return {
        "name": value.name,
        "connector": _instance(value.connector),
        "tasks": [task_status(task) for task in sorted(value.tasks, key=lambda task: task.task_id or 0)],
        "type": value.type,
    }


def task_status(value: TaskStatus) -> dict[str, Any]:
    return {"id": value.task_id, **_instance(value)}


def _instance(value: TaskStatus) -> dict[str, Any]:
    shown: dict[str, Any] = {"state": value.state.value, "worker_id": value.worker_id}
    # Connect leaves an undefined version out, and writes null while an instance changes hands.
    if value.version is not None or value.state in _TRANSITIONAL:
        shown["version"] = value.version
    if value.trace:
        shown["trace"] = value.trace
    return shown


def tasks(name: str, configs: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    return [{"id": {"connector": name, "task": index}, "config": config} for index, config in enumerate(configs)]


def plugins(values: Sequence[PluginInfo]) -> list[dict[str, str]]:
    """Sinks, sources, then the other types; within a type as given."""
    ranks = {kind: rank for rank, kind in enumerate(_TYPE_ORDER)}
    ordered = sorted(values, key=lambda value: ranks.get(value.type, len(ranks)))
    return [_plugin(value) for value in ordered]


def _plugin(value: PluginInfo) -> dict[str, str]:
    shown = {"class": value.class_name, "type": value.type}
    if value.version is not None:
        shown["version"] = value.version
    return shown


def validation(value: ValidationResult) -> dict[str, Any]:
    return {
        "name": value.name,
        "error_count": value.error_count,
        "groups": value.groups,
        "configs": value.configs,
    }


def logger(level: str, last_modified: int | None) -> dict[str, Any]:
    return {"level": level, "last_modified": last_modified}
