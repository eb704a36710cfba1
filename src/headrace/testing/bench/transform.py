"""`headrace bench transform`: catch-up through no transform, one written in Python for single records, and a chain of built-in ones."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from headrace.testing.bench.backlog import Backlog, Variant
from headrace.testing.bench.catchup import SCHEMALESS, OrdersWork, catchup_case
from headrace.testing.bench.figures import Case, chosen, say
from headrace.testing.bench.rig import Rig
from headrace.testing.bench.workload import rows_for

_PLUGINS = Path(__file__).with_name("plugins")
_PYTHON = {"transforms": "one", "transforms.one.type": "upper_status.UpperStatus"}
_CHAIN = {
    "transforms": "row,less,more",
    "transforms.row.type": "io.debezium.transforms.ExtractNewRecordState",
    "transforms.less.type": "org.apache.kafka.connect.transforms.ReplaceField$Value",
    "transforms.less.exclude": "note",
    "transforms.more.type": "org.apache.kafka.connect.transforms.InsertField$Value",
    "transforms.more.static.field": "origin",
    "transforms.more.static.value": "bench",
}
VARIANTS = {
    "transform.none": Variant("transform.none", SCHEMALESS),
    "transform.python": Variant("transform.python", {**SCHEMALESS, "plugin.path": str(_PLUGINS)}, _PYTHON),
    # Of a delete the tombstone is left.
    "transform.chain": Variant("transform.chain", SCHEMALESS, _CHAIN, lambda made: made.changes),
}


def run_transform_bench(rows: int = 300_000, *, runs: int = 5, only: Sequence[str] = ()) -> list[Case]:
    """Cases `transform.none`, `transform.python`, `transform.chain`; `rows`: changes that wait. `records_per_s` counts what goes into
    the transforms."""
    names = chosen(VARIANTS, only)
    with ExitStack() as stack:
        rig = Rig(stack)
        work = OrdersWork(rig, rows)
        say(f"loading {rows_for(rows)} rows")
        work.create()
        backlog = Backlog(rig, work, [VARIANTS[name] for name in names], runs, limits=False)
        backlog.run()
    cases = [catchup_case(name, backlog, "records_per_s") for name in names]
    if "transform.none" in names:
        base = cases[0]["metrics"]["records_per_s"]
        for made in cases[1:]:
            made["ratio_to_base"] = round(made["metrics"]["records_per_s"] / base, 3)
    return cases
