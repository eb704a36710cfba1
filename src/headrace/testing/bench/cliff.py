"""`headrace bench cliff`: catch-up on work that is not like the ordinary one, in bytes per second beside the ordinary one's."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from headrace.testing.bench.backlog import Backlog, Variant, Work
from headrace.testing.bench.catchup import SCHEMALESS, OrdersWork, catchup_case
from headrace.testing.bench.figures import Case, chosen, say
from headrace.testing.bench.rig import Rig
from headrace.testing.bench.shapes import SHAPES, ShapeWork

_BASE = "cliff.base"


def run_cliff_bench(
    rows: int = 1_000_000, *, runs: int = 5, huge_rows: int | None = None, only: Sequence[str] = ()
) -> list[Case]:
    """Cases `cliff.base` (the changes of `catchup`), `cliff.wide` (100 columns), `cliff.large` (64 KB values), `cliff.tiny` (one row in each
    transaction), `cliff.huge` (one transaction). `rows`: changes of the base case; the others have about as many bytes, but
    for the huge one, which has `huge_rows` rows, five times as many unless told."""
    names = chosen((_BASE, *(f"cliff.{name}" for name in SHAPES)), only)
    cases = []
    with ExitStack() as stack:
        rig = Rig(stack)
        for name in names:
            cases.append(_run(rig, name, rows, runs, huge_rows))
            rig.settle()
    if names[0] == _BASE:
        base = cases[0]
        for made in cases[1:]:
            for group, metric in (("metrics", "stream_mb_per_s"), ("limit_metrics", "recvlogical_mb_per_s")):
                prefix = "" if group == "metrics" else "limit_"
                made[f"{prefix}ratio_to_base"] = round(made[group][metric] / base[group][metric], 3)
    return cases


def _run(rig: Rig, name: str, rows: int, runs: int, huge_rows: int | None) -> Case:
    work: Work
    if name == _BASE:
        work = OrdersWork(rig, rows)
    else:
        kind = name.partition(".")[2]
        shape = SHAPES[kind]
        count = max(10, round(rows * shape.share))
        work = ShapeWork(rig.source, kind, shape, huge_rows if kind == "huge" and huge_rows else count)
    say(f"{name}")
    work.create()
    backlog = Backlog(rig, work, [Variant(name, SCHEMALESS)], runs)
    backlog.run()
    if isinstance(work, ShapeWork):
        work.drop()
    made = catchup_case(name, backlog)
    megabytes = made["limit_metrics"]["stream_mb"]
    made["metrics"]["stream_mb_per_s"] = round(megabytes / made["metrics"]["catchup_wall_s"], 2)
    made["limit_metrics"]["recvlogical_mb_per_s"] = round(megabytes / made["limit_metrics"]["recvlogical_wall_s"], 2)
    return made
