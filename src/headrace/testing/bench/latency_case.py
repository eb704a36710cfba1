"""`headrace bench latency`: single-row commits at a steady rate through a source and a sink with the settings nobody has touched; and what
worker and tasks cost while nothing happens."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from headrace.testing.bench import latency, meter
from headrace.testing.bench.figures import Case, case, say
from headrace.testing.bench.rig import SOURCE_DATABASE, BenchWorker, Rig
from headrace.testing.bench.server_meter import WALSENDER, ServerMeter
from headrace.testing.bench.workload import LATENCY_BASE, Workload

SOURCE, SINK = "src", "dst"
_TUNED: Final = ("max.batch.size", "max.queue.size", "batch.size", "consumer.override.max.poll.records")
"""Settings of the other benches that this one leaves to their defaults."""


def run_latency_bench(
    rows: int = 10_000, *, runs: int = 5, rate: float = 1000.0, seconds: float = 10.0, idle_s: float = 10.0
) -> list[Case]:
    """`rows`: that the table has before; `rate` commits a second for `seconds`, `runs` times; idle CPU is measured over `idle_s` each time."""
    with ExitStack() as stack:
        rig = Rig(stack, {"track_commit_timestamp": "on"}, target_apart=True)
        work = Workload(rig.source, rows)
        work.create()
        worker = rig.worker()
        sink = _untouched(rig.sink_config(Workload.topic, "orders", **{"schema.evolution": "basic"}))
        own = {"slot.name": "bench", "publication.name": work.publication, "table.include.list": work.tables}
        worker.rest(f"/connectors/{SINK}/config", "PUT", sink)
        worker.rest(f"/connectors/{SOURCE}/config", "PUT", _untouched(rig.source_config(**own)))
        worker.process.wait_running([SOURCE, SINK])
        done = []
        for number in range(runs):
            _until_through(rig, work, worker)
            say(f"latency {number + 1} of {runs}: idle for {idle_s:g} s, then {rate:g} commits/s for {seconds:g} s")
            run = _idle(worker, idle_s)
            with meter.Meter(worker.pid) as used, ServerMeter(rig.server.pid) as server:
                run |= latency.measure(
                    rig.server.dsn(SOURCE_DATABASE), rig.target, rig.source, worker.log, work.topic, rate, seconds
                )
            cpu = used.cpu_s()
            run["source_task_cpu_pct"] = _of(cpu, SOURCE) / seconds * 100
            run["sink_task_cpu_pct"] = _of(cpu, SINK) / seconds * 100
            run["walsender_cpu_pct"] = server.cpu_s(WALSENDER) / seconds * 100
            done.append(run)
            _remove_rows(rig, work, worker)
    return [case("latency", done, "latency_p50_ms", counts={"commits_per_s": rate})]


def _untouched(config: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in config.items() if name not in _TUNED}


def _until_through(rig: Rig, work: Workload, worker: BenchWorker) -> None:
    """All that was written has come through."""
    marker = work.marker()

    def arrived() -> bool:
        known = rig.target.execute("SELECT to_regclass('public.orders') IS NOT NULL").fetchone()
        if not known or not known[0]:
            return False
        return rig.target.execute("SELECT FROM orders WHERE id = %s", [marker]).fetchone() is not None

    worker.until(arrived, "the pipeline streams", (SOURCE, SINK))


def _remove_rows(rig: Rig, work: Workload, worker: BenchWorker) -> None:
    """The next run writes the same ids."""
    rig.source.execute(
        "DELETE FROM orders WHERE id BETWEEN %s AND %s", [LATENCY_BASE, latency.lane_base(latency.LANES)]
    )
    _until_through(rig, work, worker)


def _idle(worker: BenchWorker, seconds: float) -> dict[str, float]:
    """CPU while nothing happens, in percent of one core: of all processes of the worker, and of each kind."""
    pids = meter.tree(worker.pid)
    names = {pid: meter.name_of(pid) for pid in pids}
    before = {pid: _cpu_ns(pid) for pid in pids}
    begun = time.monotonic()
    time.sleep(seconds)
    span = (time.monotonic() - begun) * 1e9
    used = {pid: (_cpu_ns(pid) - before[pid]) / span * 100 for pid in pids}
    return {
        "idle_cpu_pct": sum(used.values()),
        "idle_worker_cpu_pct": used[worker.pid],
        "idle_source_task_cpu_pct": _of({names[pid]: share for pid, share in used.items()}, SOURCE),
        "idle_sink_task_cpu_pct": _of({names[pid]: share for pid, share in used.items()}, SINK),
    }


def _of(figures: dict[str, float], name: str) -> float:
    return sum(figure for process, figure in figures.items() if f"-{name} task" in process)


def _cpu_ns(pid: int) -> int:
    """What the threads of a process have run so far; the ticks of /proc/PID/stat are too coarse for an idle process."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((thread / "schedstat").read_text().split()[0])
        except (OSError, ValueError):
            continue
    return total
