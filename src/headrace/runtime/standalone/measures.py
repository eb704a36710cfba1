"""The worker's own metrics: Connect's worker, connector and task families, and what the processes use."""

from __future__ import annotations

import os
from collections.abc import Sequence

from headrace.foundation.process import cpu_seconds, open_files, pss_bytes
from headrace.foundation.telemetry import Sample
from headrace.runtime.herder import State
from headrace.runtime.standalone.instance import Environment, Instance, StartCounts
from headrace.runtime.standalone.unit import ConnectorUnit

_WORKER = "kafka_connect_connect_worker_metrics_"
_COUNTED = {
    "destroyed": State.DESTROYED,
    "failed": State.FAILED,
    "paused": State.PAUSED,
    "restarting": State.RESTARTING,
    "running": State.RUNNING,
    "unassigned": State.UNASSIGNED,
}

Labels = tuple[tuple[str, str], ...]


def worker_samples(
    environment: Environment, units: Sequence[ConnectorUnit], started_ms: int, version: str
) -> list[Sample]:
    """All samples that the worker knows itself."""
    samples = [
        Sample(
            "kafka_connect_app_info",
            (
                ("version", version),
                ("commit_id", "headrace"),
                ("client_id", environment.worker_id),
                ("start_time_ms", str(started_ms)),
            ),
            1,
        ),
        Sample(_WORKER + "connector_count", (), len(units)),
        Sample(_WORKER + "task_count", (), sum(len(unit.tasks) for unit in units)),
    ]
    samples += _starts("connector", environment.connector_starts)
    samples += _starts("task", environment.task_starts)
    samples += _process("worker", os.getpid())
    if pid := environment.host.server_pid:
        samples += _process("fork_server", pid)
    for unit in units:
        samples += _connector(unit)
    return samples


def _starts(what: str, counts: StartCounts) -> list[Sample]:
    done = counts.successes + counts.failures
    return [
        Sample(f"{_WORKER}{what}_startup_attempts_total", (), counts.attempts, "counter"),
        Sample(f"{_WORKER}{what}_startup_success_total", (), counts.successes, "counter"),
        Sample(f"{_WORKER}{what}_startup_failure_total", (), counts.failures, "counter"),
        Sample(f"{_WORKER}{what}_startup_success_percentage", (), counts.successes / done if done else 0),
        Sample(f"{_WORKER}{what}_startup_failure_percentage", (), counts.failures / done if done else 0),
    ]


def _connector(unit: ConnectorUnit) -> list[Sample]:
    name: Labels = (("connector", unit.name),)
    samples = [
        Sample(f"{_WORKER}connector_{what}_task_count", name, sum(task.state is state for task in unit.tasks))
        for what, state in _COUNTED.items()
    ]
    samples.append(Sample(_WORKER + "connector_total_task_count", name, len(unit.tasks)))
    samples.append(_text("kafka_connect_connector_status", name, "status", unit.connector.state.value.lower()))
    cls = unit.config.get("connector.class", "")
    samples.append(_text("kafka_connect_connector_connector_class", name, "connector_class", cls))
    samples.append(_text("kafka_connect_connector_connector_type", name, "connector_type", unit.kind))
    if unit.connector.version:
        samples.append(
            _text("kafka_connect_connector_connector_version", name, "connector_version", unit.connector.version)
        )
    samples += _instance(unit.connector, (*name, ("task", "")))
    for task in unit.tasks:
        labels: Labels = (*name, ("task", str(task.task_id)))
        samples.append(_text("kafka_connect_connector_task_status", labels, "status", task.state.value.lower()))
        samples += _instance(task, labels)
    return samples


def _instance(instance: Instance, labels: Labels) -> list[Sample]:
    """What one connector instance (task="") or task uses, and how it fared. Failures count by error code."""
    samples = [Sample("headrace_restarts_total", labels, instance.history.total, "counter")]
    samples += [
        Sample("headrace_failures_total", (*labels, ("code", code)), count, "counter")
        for code, count in instance.kills.items()
    ]
    hosted = instance.hosted
    if hosted is None:
        return samples
    samples.append(Sample("headrace_stage_seconds", (*labels, ("stage", hosted.vitals.stage)), hosted.vitals.stage_s))
    if hosted.pid:
        samples += _usage("headrace_task", labels, hosted.pid)
    return samples


def _process(what: str, pid: int) -> list[Sample]:
    labels: Labels = (("process", what),)
    samples = _usage("headrace_process", labels, pid)
    if (files := open_files(pid)) is not None:
        samples.append(Sample("headrace_process_open_files", labels, files))
    return samples


def _usage(family: str, labels: Labels, pid: int) -> list[Sample]:
    samples = []
    if (cpu := cpu_seconds(pid)) is not None:
        samples.append(Sample(f"{family}_cpu_seconds_total", labels, cpu, "counter"))
    if (memory := pss_bytes(pid)) is not None:
        samples.append(Sample(f"{family}_memory_pss_bytes", labels, memory))
    return samples


def _text(family: str, labels: Labels, label: str, value: str) -> Sample:
    return Sample(family, (*labels, (label, value)), 1)
