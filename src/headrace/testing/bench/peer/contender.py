"""The peer's runs: the same slots, tables and targets as ours, through Kafka Connect."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from headrace.errors import ConnectException
from headrace.foundation.process import cpu_seconds
from headrace.testing.bench.backlog import Made, Work
from headrace.testing.bench.figures import Run, say
from headrace.testing.bench.meter import MB, PeakMemory
from headrace.testing.bench.peer import settings
from headrace.testing.bench.peer.cluster import PeerCluster
from headrace.testing.bench.rig import JSON_CONVERTER, Rig
from headrace.testing.bench.server_meter import SESSION, WALSENDER, ServerMeter

_TIMEOUT_S = 1800.0
_STEP_S = 0.01
SCHEMAS = {
    f"{side}.converter{key}": value
    for side in ("key", "value")
    for key, value in (("", JSON_CONVERTER), (".schemas.enable", "true"))
}


class PeerRuns:
    """What the peer does, measured as ours is: from the request that resumes a connector."""

    def __init__(self, rig: Rig, cluster: PeerCluster, work: Work) -> None:
        self._rig = rig
        self._cluster = cluster
        self._work = work
        self._base: dict[str, int] = {}

    # ---- catch-up -------------------------------------------------------------------------------
    def prepare(self, names: list[str], mark: Callable[[], object]) -> None:
        """Connectors that have begun to stream and are stopped, each with a slot; `mark` makes a change that they see."""
        for name in names:
            self._cluster.create_stopped(name, self.source(name, {"snapshot.mode": "no_data"}))
            self._cluster.rest("PUT", f"/connectors/{name}/resume")
        deadline = time.monotonic() + _TIMEOUT_S
        # A task is RUNNING before its slot exists.
        while not all(self._end(name) for name in names):
            mark()
            time.sleep(0.5)
            for name in names:
                self._cluster.check(name)
            if time.monotonic() > deadline:
                raise ConnectException("The peer does not stream.", code="PEER_FAILED")
        time.sleep(3)
        for name in names:
            self._cluster.stopped(name)
            self._base[name] = self._end(name)

    def catch_up(self, name: str, made: Made) -> Run:
        wanted = self._base[name] + made.records
        run = self._source_run(name, self._base[name], wanted, made.changes, "catchup_events_per_s", "catchup_wall_s")
        self._remove_source(name)
        return run

    # ---- snapshot -------------------------------------------------------------------------------
    def snapshot(self, name: str, rows: int, more: Mapping[str, str]) -> Run:
        self._cluster.create_stopped(name, self.source(name, {"snapshot.mode": "initial", **more}))
        run = self._source_run(name, 0, rows, rows, "snapshot_rows_per_s", "snapshot_wall_s")
        self._remove_source(name)
        return run

    def fill(self, name: str, rows: int) -> str:
        """A topic with all rows, JSON with schemas, as the JDBC sink needs them; its name."""
        self._cluster.create_stopped(name, self.source(name, {"snapshot.mode": "initial", **SCHEMAS}))
        self._source_run(name, 0, rows, rows, "snapshot_rows_per_s", "snapshot_wall_s")
        self._remove_source(name)
        return self.topic(name)

    # ---- sink -----------------------------------------------------------------------------------
    def sink(self, name: str, config: Mapping[str, str], complete: Callable[[], bool], rows: int) -> Run:
        self._cluster.create_stopped(name, {**config, **settings.SINK, **SCHEMAS})
        run = self._measured(name, rows, lambda: self._until(name, complete), "sink_rows_per_s", "sink_wall_s")
        self._cluster.rest("DELETE", f"/connectors/{name}")
        return run

    # ---- inside ---------------------------------------------------------------------------------
    def source(self, name: str, more: Mapping[str, str]) -> dict[str, str]:
        """The peer's source; the name is its prefix and its slot's."""
        work = self._work
        config = self._rig.source_config(**settings.SOURCE)
        return {
            **config,
            "topic.prefix": name,
            "slot.name": name,
            "publication.name": work.publication,
            "table.include.list": work.tables,
            **more,
        }

    def topic(self, name: str) -> str:
        return name + self._work.topic.removeprefix("bench")

    def _end(self, name: str) -> int:
        return self._cluster.offsets.end(self.topic(name))

    def _source_run(self, name: str, base: int, wanted: int, events: int, rate: str, wall: str) -> Run:
        first = [0.0]

        def wait() -> None:
            begun = time.monotonic()
            self._until(name, lambda: self._end(name) > base)
            first[0] = time.monotonic() - begun
            self._until(name, lambda: self._end(name) >= wanted)

        run = self._measured(name, events, wait, rate, wall)
        if (there := self._end(name)) != wanted:
            raise ConnectException(f"The peer has {there} records, not {wanted}.", code="BENCH_NOT_EQUAL")
        return {**run, "start_to_first_record_s": first[0]}

    def _measured(self, name: str, events: int, wait: Callable[[], None], rate: str, wall: str) -> Run:
        worker, broker = self._cluster.worker.pid, self._cluster.broker.pid
        million = 1_000_000 / events
        before = cpu_seconds(worker) or 0.0, cpu_seconds(broker) or 0.0
        with ServerMeter(self._rig.server.pid) as server, PeakMemory([worker]) as memory:
            begun = time.monotonic()
            self._cluster.rest("PUT", f"/connectors/{name}/resume")
            wait()
            took = time.monotonic() - begun
            after = cpu_seconds(worker) or 0.0, cpu_seconds(broker) or 0.0
        say(f"  the peer's {name} {took:.2f} s")
        return {
            rate: events / took,
            wall: took,
            "connector_cpu_s_per_million": (after[0] - before[0]) * million,
            "broker_cpu_s_per_million": (after[1] - before[1]) * million,
            "walsender_cpu_s_per_million": server.cpu_s(WALSENDER) * million,
            "server_cpu_s_per_million": server.cpu_s(SESSION, new=True) * million,
            "worker_peak_pss_mb": memory.peak / MB,
        }

    def _until(self, name: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _TIMEOUT_S
        look = time.monotonic()
        while not condition():
            now = time.monotonic()
            if now > look + 2:
                look = now
                self._cluster.check(name)
                if now > deadline:
                    raise ConnectException(f"The peer's {name} does not end.", code="PEER_FAILED")
            time.sleep(_STEP_S)

    def _remove_source(self, name: str) -> None:
        self._cluster.stopped(name)
        self._cluster.rest("DELETE", f"/connectors/{name}")
        self._rig.drop_slot(name)
