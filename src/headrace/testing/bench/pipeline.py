"""PostgreSQL → embedded log → PostgreSQL through a real worker: start, snapshot, catch-up, latency."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from headrace.errors import ConnectException
from headrace.testing.bench import latency, limits, meter
from headrace.testing.bench.figures import Case, Run, case, medians, say
from headrace.testing.bench.rig import SOURCE_DATABASE, Rig
from headrace.testing.bench.server_meter import SESSION, WALSENDER, ServerMeter
from headrace.testing.bench.workload import Workload, differences

SOURCE, SINK = "src", "dst"
TOPIC = Workload.topic
_COUNT_STEP_S = 0.1
"""Counting the target's rows costs the server what it is measured by: not often."""


def run_pipeline_bench(
    rows: int = 1_000_000, changes: int = 1_000_000, *, runs: int = 5, rate: float = 1000.0, latency_s: float = 10.0
) -> list[Case]:
    """`rows`: of the snapshot; `changes`: to catch up with, `runs` times; `rate`, `latency_s`: of the latency case. The
    pipeline's target is compared with its source after each case: ConnectException when they differ."""
    with ExitStack() as stack:
        bench = _Bench(stack, rows)
        return [bench.start(), bench.snapshot(rows), bench.catch_up(changes, runs), bench.latency(rate, latency_s)]


class _Bench:
    def __init__(self, stack: ExitStack, rows: int) -> None:
        self._rig = Rig(stack, {"track_commit_timestamp": "on"}, target_apart=True)
        self._source, self._target = self._rig.source, self._rig.target
        self._work = Workload(self._source, rows)
        say(f"loading {rows} rows")
        self._work.create()

    # ---- cases ----------------------------------------------------------------------------------
    def start(self) -> Case:
        """The worker's start, idle memory, and a connector's way to RUNNING."""
        begun = time.monotonic()
        self._worker = self._rig.worker({"offset.flush.interval.ms": "1000"})
        up_s = time.monotonic() - begun
        time.sleep(1.0)  # what the start began shall have ended before memory is read
        idle = meter.read(self._worker.pid)
        begun = time.monotonic()
        config = {**self._sink_config(), "topics": "nothing"}
        self._worker.rest("/connectors/idle/config", "PUT", config)
        self._worker.process.wait_running(["idle"])
        running_s = time.monotonic() - begun
        time.sleep(1.0)
        with_task = meter.read(self._worker.pid)
        task, connector = (_pss_mb(with_task, f"-idle {part}") for part in ("task", "worker"))
        more = [f"idle-{number}" for number in range(3)]
        for name in more:
            self._worker.rest(f"/connectors/{name}/config", "PUT", config)
        self._worker.process.wait_running(more)
        time.sleep(1.0)
        further = (meter.read(self._worker.pid).total_pss_mb - with_task.total_pss_mb) / len(more)
        for name in ("idle", *more):
            self._worker.remove(name)
        run = {
            "worker_start_to_rest_s": up_s,
            "worker_idle_pss_mb": idle.pss[self._worker.pid] / meter.MB,
            "worker_idle_with_children_pss_mb": idle.total_pss_mb,
            "sink_create_to_running_s": running_s,
            "idle_task_pss_mb": task,
            "idle_connector_pss_mb": connector,
            "further_connector_with_task_pss_mb": further,
        }
        return case("pipeline.start", [run], "worker_start_to_rest_s")

    def snapshot(self, rows: int) -> Case:
        """Source and sink are created together; the time until the target has all rows."""
        worker = self._worker
        with meter.Meter(worker.pid) as used:
            begun = time.monotonic()
            worker.rest(f"/connectors/{SINK}/config", "PUT", self._sink_config())
            worker.rest(f"/connectors/{SOURCE}/config", "PUT", self._source_config())
            source_begun = time.monotonic()
            worker.process.wait_running([SOURCE])
            running_s = time.monotonic() - source_begun
            self._until(lambda: worker.end_offset(TOPIC) > 0, "the first record")
            first_s = time.monotonic() - source_begun
            self._until(lambda: worker.end_offset(TOPIC) >= rows, "all rows in the log")
            log_s = time.monotonic() - source_begun
            self._until(lambda: self._target_rows() >= rows, "all rows in the target", _COUNT_STEP_S)
            total_s = time.monotonic() - begun
        self._check()
        run = {
            "snapshot_rows_per_s": rows / total_s,
            "snapshot_to_log_rows_per_s": rows / log_s,
            "create_to_running_s": running_s,
            "start_to_first_record_s": first_s,
            **_cost(used, rows),
        }
        floor = {"staged_upsert_rows_per_s": round(rows / limits.staged_upsert(self._source, self._target, rows))}
        return case(
            "pipeline.snapshot",
            [run],
            "snapshot_rows_per_s",
            limits=floor,
            limit_metric="staged_upsert_rows_per_s",
            counts={"rows": rows},
        )

    def catch_up(self, changes: int, runs: int) -> Case:
        """The connectors are stopped while the changes are made, then resumed: the time until the target has them."""
        done, raw = [], []
        changes = self._work.usable(changes)
        for number in range(runs):
            say(f"catch-up {number + 1} of {runs}: {changes} changes")
            run, limit = self._catch_up_once(changes, number)
            done.append(run)
            raw.append(limit)
        return case(
            "pipeline.catchup",
            done,
            "catchup_events_per_s",
            limits=medians(raw),
            limit_metric="recvlogical_events_per_s",
            counts={"changes": changes},
        )

    def latency(self, rate: float, seconds: float) -> Case:
        """Single-row commits at a steady rate."""
        say(f"latency at {rate:g}/s for {seconds:g} s")
        # The pipeline is known to be streaming before the first commit that counts.
        marker = self._work.marker()
        self._until(lambda: self._has(marker), "the pipeline streams")
        with meter.Meter(self._worker.pid) as used:
            metrics = latency.measure(
                self._rig.server.dsn(SOURCE_DATABASE),
                self._target,
                self._source,
                self._worker.log,
                TOPIC,
                rate,
                seconds,
            )
        self._check()
        return case("pipeline.latency", [{**metrics, "cpu_s": sum(used.cpu_s().values())}], "rate_per_s")

    # ---- inside ---------------------------------------------------------------------------------
    def _catch_up_once(self, changes: int, number: int) -> tuple[Run, Run]:
        worker, rig = self._worker, self._rig
        for name in (SOURCE, SINK):
            worker.rest(f"/connectors/{name}/stop", "PUT")
        slot = f"raw_{number}"
        self._source.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [slot])
        before = worker.end_offset(TOPIC)
        deletes = self._work.change(changes)
        marker = self._work.marker()
        (end_lsn,) = self._source.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone() or ("0/0",)
        rig.write_behind()
        raw = limits.recvlogical(rig.server, slot, self._work.publication, end_lsn)
        self._source.execute("SELECT pg_drop_replication_slot(%s)", [slot])
        rig.settle()
        records = changes + deletes + 1  # a delete is followed by its tombstone
        meters = ServerMeter(rig.server.pid), ServerMeter(rig.target_server.pid)
        with meter.Meter(worker.pid) as used, meters[0] as server, meters[1] as target_server:
            begun = time.monotonic()
            for name in (SINK, SOURCE):
                worker.resume(name)
            self._until(lambda: worker.end_offset(TOPIC) >= before + records, "all events in the log")
            log_s = time.monotonic() - begun
            self._until(lambda: self._has(marker), "the last change in the target")
            total_s = time.monotonic() - begun
        self._check()
        million = 1_000_000 / changes
        return {
            "catchup_events_per_s": changes / total_s,
            "catchup_to_log_events_per_s": changes / log_s,
            **_cost(used, changes),
            "walsender_cpu_s_per_million": server.cpu_s(WALSENDER) * million,
            "target_server_cpu_s_per_million": target_server.cpu_s(SESSION, new=True) * million,
        }, {"recvlogical_events_per_s": changes / raw.wall_s}

    def _source_config(self) -> dict[str, str]:
        work = self._work
        more = {"slot.name": "bench", "publication.name": work.publication, "table.include.list": work.tables}
        return self._rig.source_config(**more)

    def _sink_config(self) -> dict[str, str]:
        return self._rig.sink_config(TOPIC, "orders", **{"schema.evolution": "basic"})

    def _target_rows(self) -> int:
        row = self._target.execute("SELECT to_regclass('public.orders') IS NOT NULL").fetchone()
        if not row or not row[0]:
            return 0
        count = self._target.execute("SELECT count(*) FROM orders").fetchone()
        return count[0] if count else 0

    def _has(self, marker: int) -> bool:
        return self._target.execute("SELECT FROM orders WHERE id = %s", [marker]).fetchone() is not None

    def _until(self, condition: Callable[[], bool], what: str, step_s: float = 0.005) -> None:
        self._worker.until(condition, what, (SOURCE, SINK), step_s)

    def _check(self) -> None:
        different = differences(self._source, self._target)
        if different:
            raise ConnectException(f"{different} rows differ between source and target.", code="BENCH_NOT_EQUAL")


def _cost(used: meter.Meter, events: int) -> dict[str, float]:
    cpu = used.cpu_s()
    per_million = 1_000_000 / events
    return {
        "connector_cpu_s_per_million": sum(cpu.values()) * per_million,
        "source_cpu_s_per_million": _of(cpu, SOURCE) * per_million,
        "sink_cpu_s_per_million": _of(cpu, SINK) * per_million,
        "source_task_peak_pss_mb": used.peak_mb(f"-{SOURCE} task"),
        "sink_task_peak_pss_mb": used.peak_mb(f"-{SINK} task"),
        "all_peak_pss_mb": used.peak_total_mb,
    }


def _of(cpu: dict[str, float], name: str) -> float:
    return sum(seconds for process, seconds in cpu.items() if f"-{name} task" in process)


def _pss_mb(reading: meter.Reading, word: str) -> float:
    return sum(pss / meter.MB for pid, pss in reading.pss.items() if word in reading.names[pid])
