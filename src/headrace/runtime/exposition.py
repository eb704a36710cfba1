"""Samples as the Prometheus text format, each family under its canonical name and under the names other exporters give it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from headrace.foundation.telemetry import Sample

_ALIASES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("kafka_connect_connect_worker_metrics_", ("kafka_connect_worker_", "kafka_connect_worker_metrics_")),
    ("kafka_connect_connect_worker_rebalance_metrics_", ("kafka_connect_worker_rebalance_",)),
    ("kafka_connect_connect_coordinator_metrics_", ("kafka_connect_coordinator_",)),
    ("kafka_connect_connector_task_metrics_", ("kafka_connect_connector_task_",)),
    ("kafka_connect_source_task_metrics_", ("kafka_connect_source_task_",)),
    ("kafka_connect_sink_task_metrics_", ("kafka_connect_sink_task_",)),
    ("kafka_connect_task_error_metrics_", ("kafka_connect_task_error_",)),
)
_EXACT: Final = {
    "kafka_connect_connector_status": ("kafka_connect_connector_metrics_status",),
    "kafka_connect_connector_task_status": ("kafka_connect_connector_task_metrics_status",),
    "kafka_connect_app_info": ("kafka_connect_version_info",),
}


def names(name: str) -> tuple[str, ...]:
    """The canonical name and its aliases."""
    if name in _EXACT:
        return (name, *_EXACT[name])
    for prefix, others in _ALIASES:
        if name.startswith(prefix):
            rest = name.removeprefix(prefix)
            return (name, *(other + rest for other in others))
    return (name,)


def render(samples: Iterable[Sample]) -> str:
    """The text: families sorted by name, one TYPE line each; of equal series the last counts."""
    families: dict[str, tuple[str, dict[tuple[tuple[str, str], ...], float]]] = {}
    for sample in samples:
        for name in names(sample.name):
            families.setdefault(name, (sample.kind, {}))[1][tuple((key, value) for key, value in sample.labels)] = (
                sample.value
            )
    lines: list[str] = []
    for name in sorted(families):
        kind, series = families[name]
        lines.append(f"# TYPE {name} {kind}")
        lines += [f"{name}{_labels(labels)} {_number(value)}" for labels, value in series.items()]
    return "\n".join(lines) + "\n"


def _labels(labels: Sequence[tuple[str, str]]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels) + "}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))
