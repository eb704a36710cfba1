"""`headrace bench catchup`: changes that wait in a slot, through a real task into the log, embedded or on a Kafka broker."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from headrace.testing.bench.backlog import Backlog, Made, Variant
from headrace.testing.bench.figures import Case, case, chosen, say
from headrace.testing.bench.rig import Rig
from headrace.testing.bench.workload import Workload, rows_for

SCHEMALESS = {"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false"}
WITH_SCHEMAS = {"key.converter.schemas.enable": "true", "value.converter.schemas.enable": "true"}


class OrdersWork(Workload):
    """`changes` changes of the orders table, to be made once. `rows`: that the table has, as many as the changes need unless told."""

    def __init__(self, rig: Rig, changes: int, rows: int | None = None) -> None:
        self.rows = rows_for(changes) if rows is None else rows
        super().__init__(rig.source, self.rows)
        self._changes = self.usable(changes)

    def make(self) -> Made:
        deletes = self.change(self._changes)
        return Made(self._changes, self._changes + deletes)  # a delete is followed by its tombstone

    def mark(self) -> str:
        return str(self.marker())


_EMBEDDED = {"catchup": SCHEMALESS, "catchup.schemas": WITH_SCHEMAS}
_KAFKA = {
    "catchup.kafka": SCHEMALESS,
    "catchup.kafka.lz4": {**SCHEMALESS, "producer.compression.type": "lz4"},
    "catchup.kafka.schemas": WITH_SCHEMAS,
}


def run_catchup_bench(
    rows: int = 1_000_000, *, runs: int = 5, only: Sequence[str] = (), log: str = "embedded"
) -> list[Case]:
    """Cases `catchup` (JSON without schemas) and `catchup.schemas`, with `log` kafka `catchup.kafka`, `catchup.kafka.lz4` (the producer
    compresses) and `catchup.kafka.schemas`; `rows`: changes that wait."""
    kafka = log == "kafka"
    workers = _KAFKA if kafka else _EMBEDDED
    variants = [Variant(name, workers[name]) for name in chosen(workers, only)]
    with ExitStack() as stack:
        rig = Rig(stack, kafka=kafka)
        work = OrdersWork(rig, rows)
        say(f"loading {rows_for(rows)} rows")
        work.create()
        backlog = Backlog(rig, work, variants, runs)
        backlog.run()
    return [catchup_case(variant.name, backlog) for variant in variants]


def catchup_case(name: str, backlog: Backlog, metric: str = "catchup_events_per_s") -> Case:
    """The case of one variant, beside pg_recvlogical where that was measured."""
    limits, runs = backlog.limits, backlog.results[name]
    result = case(
        name,
        runs,
        metric,
        limits=limits,
        limit_metric="recvlogical_events_per_s",
        counts={"changes": backlog.made.changes, "records": backlog.made.records},
    )
    if limits:
        theirs = limits["recvlogical_walsender_cpu_s_per_million"]
        ours = result["metrics"]["walsender_cpu_s_per_million"]
        result["wall_ratio_to_limit"] = round(result["metrics"]["catchup_wall_s"] / limits["recvlogical_wall_s"], 3)
        result["walsender_cpu_ratio_to_limit"] = round(ours / theirs, 3) if theirs else 0.0
    return result
