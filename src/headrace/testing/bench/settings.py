"""`headrace bench settings`: what the settings of batches and connections do, each on its own path."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from headrace.testing.bench.backlog import Backlog, Variant
from headrace.testing.bench.catchup import SCHEMALESS, OrdersWork, catchup_case
from headrace.testing.bench.figures import Case, Run, case, chosen, say
from headrace.testing.bench.rig import Rig
from headrace.testing.bench.sink import SinkBench
from headrace.testing.bench.snapshot import snapshot_once

_POLL: Final = (512, 2048, 8192, 32768)
_WRITE: Final = (500, 2000, 5000, 20000)
_THREADS: Final = (1, 2, 4)
_STREAMS: Final = {
    f"settings.max.batch.size={size}": Variant(
        f"settings.max.batch.size={size}",
        SCHEMALESS,
        {"max.batch.size": str(size), "max.queue.size": str(4 * size)},
    )
    for size in _POLL
}
_SNAPSHOTS: Final = {f"settings.snapshot.max.threads={count}": count for count in _THREADS}
_SINKS: Final = {f"settings.batch.size={size}": size for size in _WRITE}


def run_settings_bench(rows: int = 300_000, *, runs: int = 5, only: Sequence[str] = ()) -> list[Case]:
    """A case for each value: `max.batch.size` on catch-up, `snapshot.max.threads` on a snapshot, `batch.size` with
    `consumer.override.max.poll.records` on an upsert of new rows. `rows`: of the table, and changes that wait."""
    names = chosen((*_STREAMS, *_SNAPSHOTS, *_SINKS), only)
    found: dict[str, list[Run]] = {name: [] for name in names}
    cases: dict[str, Case] = {}
    with ExitStack() as stack:
        rig = Rig(stack)
        work = OrdersWork(rig, rows, rows)
        say(f"loading {rows} rows")
        work.create()
        bench = SinkBench(rig, work, rows) if any(name in _SINKS for name in names) else None
        # The changes come last: they change how many rows there are.
        for number in range(runs):
            for name in names:
                if name in _SNAPSHOTS:
                    found[name].append(snapshot_once(rig, work, rows, SCHEMALESS, _SNAPSHOTS[name]))
                    say(f"  run {number + 1}: {name} {found[name][-1]['snapshot_wall_s']:.2f} s")
                elif name in _SINKS and bench is not None:
                    size = str(_SINKS[name])
                    sizes = {"batch.size": size, "consumer.override.max.poll.records": size}
                    found[name].append(
                        bench.upsert(f"b{_WRITE.index(_SINKS[name])}{number}", existing=False, more=sizes)
                    )
                    say(f"  run {number + 1}: {name} {found[name][-1]['sink_wall_s']:.2f} s")
        if variants := [_STREAMS[name] for name in names if name in _STREAMS]:
            backlog = Backlog(rig, work, variants, runs, limits=False)
            backlog.run()
            cases |= {variant.name: catchup_case(variant.name, backlog) for variant in variants}
    for name in names:
        if found[name]:
            metric = "snapshot_rows_per_s" if name in _SNAPSHOTS else "sink_rows_per_s"
            cases[name] = case(name, found[name], metric, counts={"rows": rows})
    return [cases[name] for name in names]
