"""Runs transforms over records as a task does: with predicates, retries and errors.tolerance.

run = run_transform(Upper, {"field": "name"}, [sink_record("t", None, {"name": "jane"})])
assert plain(run.records[0].value) == {"name": "JANE"}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.data import ConnectRecord, SourceRecord
from headrace.runtime.assembly import build_chain
from headrace.runtime.chain import TransformChain
from headrace.runtime.task_metrics import ErrorMetrics
from headrace.runtime.tolerance import ErrorPolicy, Failure, Tolerance
from headrace.spi.transform import Transform
from headrace.testing.class_registry import class_name, registry_with


@dataclass(frozen=True, slots=True)
class TransformRun:
    """`results`: one per record, None where it was dropped or given up. `failures`: the records given up, with why."""

    results: list[ConnectRecord | None]
    failures: list[tuple[ConnectRecord, BaseException]]

    @property
    def records(self) -> list[ConnectRecord]:
        """What goes on."""
        return [record for record in self.results if record is not None]


class _Collector:
    def __init__(self) -> None:
        self.failures: list[Failure] = []

    def report(self, failure: Failure) -> None:
        self.failures.append(failure)


def run_transform(
    transform: type[Transform[Any]],
    config: Mapping[str, str],
    records: Sequence[ConnectRecord],
    *,
    tolerance: str = "none",
) -> TransformRun:
    """Apply one transform. `tolerance`: errors.tolerance; with "none" the first failure is raised (ConnectException), with "all"
    the record is given up and listed. ConfigException for refused settings."""
    settings = {
        "transforms": "t",
        "transforms.t.type": class_name(transform),
        **{f"transforms.t.{key}": value for key, value in config.items()},
    }
    collector = _Collector()
    policy = ErrorPolicy.from_config({"errors.tolerance": tolerance})
    guard = Tolerance(policy, ErrorMetrics(), [collector], lambda seconds: False)
    chain: TransformChain[Any] = TransformChain(build_chain(registry_with([transform]), settings), guard)
    try:
        results = chain.apply(list(records), lambda index: _Origin(records[index]))
    finally:
        chain.close()
    failures = [
        (failure.origin.record, failure.error) for failure in collector.failures if isinstance(failure.origin, _Origin)
    ]
    return TransformRun(list(results), failures)


class _Origin(SourceRecord):
    """Stands for the record in the failure report."""

    __slots__ = ("record",)

    def __init__(self, record: ConnectRecord) -> None:
        super().__init__({}, {}, record.topic)
        self.record = record
