"""`headrace bench peer`: catch-up, snapshot and sink, ours and the peer's in turns, with ours twice to show the noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from statistics import median

from headrace.testing.bench.backlog import Backlog, Made, Variant
from headrace.testing.bench.catchup import SCHEMALESS, OrdersWork, catchup_case
from headrace.testing.bench.figures import Case, Run, case, chosen, medians, say
from headrace.testing.bench.peer.cluster import PeerCluster
from headrace.testing.bench.peer.contender import PeerRuns
from headrace.testing.bench.rig import Rig
from headrace.testing.bench.sink import SinkBench
from headrace.testing.bench.snapshot import snapshot_once
from headrace.testing.bench.workload import rows_for

_CASES = ("peer.catchup", "peer.snapshot", "peer.snapshot.two", "peer.sink", "peer.sink.existing")
_CONNECTIONS = {"peer.snapshot": 1, "peer.snapshot.two": 2}


def run_peer_bench(rows: int = 1_000_000, *, runs: int = 5, only: Sequence[str] = ()) -> list[Case]:
    """Cases `peer.catchup`, `peer.snapshot` (one connection) and `.two`, `peer.sink` and `.existing`.

    In a turn ours runs, the peer runs, ours runs again. `metrics` are of ours in the first place, `noise_ratio` is the greater median
    of ours in its two places through the lesser. The peer's JVM is warmed up by one run that does not count."""
    names = chosen(_CASES, only)
    with ExitStack() as stack:
        rig = Rig(stack)
        work = OrdersWork(rig, rows, max(rows, rows_for(rows)))
        say(f"loading {work.rows} rows")
        work.create()
        cluster = PeerCluster(stack, rig.folder / "peer")
        peer = PeerRuns(rig, cluster, work)
        # The changes come last: they change how many rows there are.
        cases = [_snapshot(name, rig, work, peer, runs, _CONNECTIONS[name]) for name in names if name in _CONNECTIONS]
        sinks = [name for name in names if name.startswith("peer.sink")]
        if sinks:
            cases += _sinks(sinks, rig, work, peer, runs)
        if "peer.catchup" in names:
            cases.append(_catch_up(rig, work, peer, runs))
        described = cluster.described()
    return [{**made, "peer": described} for made in cases]


def _turns(
    runs: int, ours: Callable[[str], Run], theirs: Callable[[str], Run]
) -> tuple[list[Run], list[Run], list[Run]]:
    """(ours, the peer's, ours again)"""
    say("  warming up")
    theirs("w")
    first, other, second = [], [], []
    for number in range(runs):
        first.append(ours(f"a{number}"))
        other.append(theirs(f"p{number}"))
        second.append(ours(f"b{number}"))
    return first, other, second


def compared(made: Case, metric: str, theirs: Sequence[Run], again: Sequence[Run]) -> Case:
    """A case of ours with the peer's medians, the ratios to it and the noise of an A/A comparison."""
    peer, ours = medians(theirs), made["metrics"]
    second = median(run[metric] for run in again)
    made["peer_metrics"] = peer
    made["ratio_to_peer"] = round(ours[metric] / peer[metric], 2)
    cost = "connector_cpu_s_per_million"
    made["cpu_ratio_to_peer"] = round(ours[cost] / peer[cost], 4)
    made["again_metrics"] = medians(again)
    made["noise_ratio"] = round(max(ours[metric], second) / min(ours[metric], second), 3)
    return made


def _snapshot(name: str, rig: Rig, work: OrdersWork, peer: PeerRuns, runs: int, connections: int) -> Case:
    say(name)
    rows = work.rows
    short = f"s{connections}"
    threads = {"snapshot.max.threads": str(connections)}

    def ours(number: str) -> Run:
        run = snapshot_once(rig, work, rows, SCHEMALESS, connections)
        say(f"  ours {number} {run['snapshot_wall_s']:.2f} s")
        return run

    first, other, second = _turns(runs, ours, lambda number: peer.snapshot(f"{short}{number}", rows, threads))
    made = case(name, first, "snapshot_rows_per_s", counts={"rows": rows, "connections": connections})
    return compared(made, "snapshot_rows_per_s", other, second)


def _sinks(names: Sequence[str], rig: Rig, work: OrdersWork, peer: PeerRuns, runs: int) -> list[Case]:
    rows = work.rows
    bench = SinkBench(rig, work, rows)
    topic = peer.fill("fillpeer", rows)
    cases = []
    for name in names:
        say(name)
        existing = name.endswith("existing")

        def ours(number: str, existing: bool = existing) -> Run:
            run = bench.upsert(f"{'e' if existing else 'n'}{number}", existing=existing)
            say(f"  ours {number} {run['sink_wall_s']:.2f} s")
            return run

        def theirs(number: str, existing: bool = existing) -> Run:
            complete = bench.prepare_table(existing=existing)
            return peer.sink(f"k{'e' if existing else 'n'}{number}", bench.config(topic), complete, rows)

        first, other, second = _turns(runs, ours, theirs)
        made = case(name, first, "sink_rows_per_s", counts={"rows": rows})
        cases.append(compared(made, "sink_rows_per_s", other, second))
    return cases


def _catch_up(rig: Rig, work: OrdersWork, peer: PeerRuns, runs: int) -> Case:
    say("peer.catchup")
    names = ["cw", *(f"c{number}" for number in range(runs))]
    theirs: list[Run] = []

    def turn(number: int, made: Made) -> None:
        if number == 0:
            say("  warming up")
            peer.catch_up("cw", made)
        theirs.append(peer.catch_up(f"c{number}", made))

    peer.prepare(names, work.mark)
    ours, again = Variant("ours", SCHEMALESS), Variant("again", SCHEMALESS)
    backlog = Backlog(rig, work, [ours, again], runs, between=turn)
    backlog.run()
    made = catchup_case("ours", backlog)
    made["case"] = "peer.catchup"
    return compared(made, "catchup_events_per_s", theirs, backlog.results["again"])
