"""`headrace bench snapshot`: a full table through a real task into the embedded log, over one and two connections."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from headrace.errors import ConnectException
from headrace.testing.bench import limits
from headrace.testing.bench.catchup import SCHEMALESS, WITH_SCHEMAS
from headrace.testing.bench.figures import Case, Run, case, chosen, medians, say
from headrace.testing.bench.meter import Meter
from headrace.testing.bench.rig import Rig
from headrace.testing.bench.server_meter import SESSION, ServerMeter
from headrace.testing.bench.workload import Workload

CONNECTOR = "src"
_VARIANTS: Mapping[str, tuple[Mapping[str, str], int]] = {
    "snapshot": (SCHEMALESS, 1),
    "snapshot.two": (SCHEMALESS, 2),
    "snapshot.schemas": (WITH_SCHEMAS, 1),
}


def run_snapshot_bench(rows: int = 1_000_000, *, runs: int = 5, only: Sequence[str] = ()) -> list[Case]:
    """Cases `snapshot` (one connection), `snapshot.two` (two) and `snapshot.schemas` (one, JSON with schemas), each beside COPY binary
    over as many connections."""
    variants = {name: _VARIANTS[name] for name in chosen(_VARIANTS, only)}
    ours: dict[str, list[Run]] = {name: [] for name in variants}
    floor: list[Run] = []
    with ExitStack() as stack:
        rig = Rig(stack)
        work = Workload(rig.source, rows)
        say(f"loading {rows} rows")
        work.create()
        for number in range(runs):
            floor.append(_copy(rig, rows, number, sorted({count for _, count in variants.values()})))
            for name, (worker, connections) in variants.items():
                ours[name].append(snapshot_once(rig, work, rows, worker, connections))
                say(f"  run {number + 1}: {name} {ours[name][-1]['snapshot_wall_s']:.2f} s")
    middle = medians(floor)
    cases = []
    for name, (_, connections) in variants.items():
        prefix = f"copy_{connections}_"
        bounds = {key: value for key, value in middle.items() if key.startswith(prefix)}
        metric = f"{prefix}rows_per_s"
        made = case(
            name,
            ours[name],
            "snapshot_rows_per_s",
            limits=bounds,
            limit_metric=metric,
            counts={"rows": rows, "connections": connections},
        )
        made["wall_ratio_to_limit"] = round(made["metrics"]["snapshot_wall_s"] / bounds[f"{prefix}wall_s"], 3)
        cases.append(made)
    return cases


def snapshot_once(rig: Rig, work: Workload, rows: int, properties: Mapping[str, str], connections: int) -> Run:
    """One snapshot by a new worker; its slot is dropped afterwards."""
    worker = rig.worker(properties)
    try:
        config = {"slot.name": "snap", "publication.name": work.publication, "table.include.list": work.tables}
        config |= {"snapshot.mode": "initial", "snapshot.max.threads": str(connections)}
        worker.create_stopped(CONNECTOR, rig.source_config(**config))
        watch = rig.watch(worker.pid, CONNECTOR, "snapshot")
        with Meter(worker.pid) as used, ServerMeter(rig.server.pid) as server, watch:
            begun = time.monotonic()
            worker.resume(CONNECTOR)
            worker.until(lambda: worker.end_offset(work.topic) > 0, "the first record", (CONNECTOR,))
            first = time.monotonic()
            worker.until(lambda: worker.end_offset(work.topic) >= rows, "all rows", (CONNECTOR,))
            ended = time.monotonic()
        if (there := worker.end_offset(work.topic)) != rows:
            raise ConnectException(f"{there} records in the log, not {rows}.", code="BENCH_NOT_EQUAL")
    finally:
        worker.close()
    rig.drop_slot("snap")
    cpu = used.cpu_s()
    million = 1_000_000 / rows
    return {
        "snapshot_rows_per_s": rows / (ended - begun),
        "snapshot_wall_s": ended - begun,
        "start_to_first_record_s": first - begun,
        "source_cpu_s_per_million": sum(s for name, s in cpu.items() if f"-{CONNECTOR} task" in name) * million,
        "connector_cpu_s_per_million": sum(cpu.values()) * million,
        "server_cpu_s_per_million": server.cpu_s(SESSION, new=True) * million,
        "source_task_peak_pss_mb": used.peak_mb(f"-{CONNECTOR} task"),
        "all_peak_pss_mb": used.peak_total_mb,
    }


def _copy(rig: Rig, rows: int, number: int, counts: Sequence[int]) -> Run:
    row = rig.source.execute("SELECT pg_relation_size('orders') / current_setting('block_size')::int").fetchone()
    blocks = row[0] if row else 0
    run: dict[str, float] = {}
    for connections in counts:
        with ServerMeter(rig.server.pid) as server:
            used = limits.copy_to_null(rig.server, "orders", connections, blocks)
        run |= {
            f"copy_{connections}_rows_per_s": rows / used.wall_s,
            f"copy_{connections}_wall_s": used.wall_s,
            f"copy_{connections}_cpu_s_per_million": used.cpu_s * 1_000_000 / rows,
            f"copy_{connections}_server_cpu_s_per_million": server.cpu_s(SESSION, new=True) * 1_000_000 / rows,
        }
        say(f"  run {number + 1}: COPY binary over {connections} {used.wall_s:.2f} s")
    return run
