"""PostgreSQL → embedded log → PostgreSQL through a real worker: start, snapshot, catch-up, latency."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from headrace.errors import ConnectException
from headrace.log.factory import open_log
from headrace.spi import TopicPartition
from headrace.testing.bench import latency, limits, meter
from headrace.testing.bench.machine import machine
from headrace.testing.bench.workload import Workload, differences
from headrace.testing.demo.worker import WorkerProcess
from headrace.testing.servers import PostgresServer, free_port

SOURCE, SINK = "src", "dst"
TOPIC = "bench.public.orders"
PARTITION = TopicPartition(TOPIC, 0)
_TIMEOUT_S = 600.0
_STEP_S = 0.005
_COUNT_STEP_S = 0.1
"""Counting the target's rows costs the server what it is measured by: not often."""


def run_pipeline_bench(
    rows: int = 200_000, changes: int = 200_000, *, reps: int = 3, rate: float = 1000.0, latency_s: float = 10.0
) -> list[dict[str, Any]]:
    """One object per case (`case`, `machine`, `metrics`, `limit_metrics`, `ratio_to_limit`, `noise_ratio`).

    `rows`: of the snapshot; `changes`: to catch up with, `reps` times; `rate`, `latency_s`: of the latency case. The
    pipeline's target is compared with its source after each case: ConnectException when they differ."""
    with ExitStack() as stack:
        bench = _Bench(stack, rows)
        cases = [bench.start(), bench.snapshot(rows), bench.catch_up(changes, reps), bench.latency(rate, latency_s)]
    return [{"case": name, "machine": machine(), **case} for name, case in cases]


Case = tuple[str, dict[str, Any]]


class _Bench:
    def __init__(self, stack: ExitStack, rows: int) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="headrace-bench-"))
        stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        options = {"track_commit_timestamp": "on", "max_wal_size": "4GB", "shared_buffers": "256MB"}
        self._server = stack.enter_context(PostgresServer(options=options, password="bench-only"))
        for database in ("shop", "copy"):
            self._server.create_database(database)
        self._source = stack.enter_context(self._server.connect("shop"))
        self._target = stack.enter_context(self._server.connect("copy"))
        self._work = Workload(self._source, rows)
        _say(f"loading {rows} rows")
        self._work.create()
        self._stack = stack

    # ---- cases ----------------------------------------------------------------------------------
    def start(self) -> Case:
        """The worker's start, idle memory, and a connector's way to RUNNING."""
        port = free_port()
        properties = self._folder / "worker.properties"
        converter = "org.apache.kafka.connect.json.JsonConverter"
        properties.write_text(
            f"listeners=http://127.0.0.1:{port}\nlog.implementation=embedded\nheadrace.data.dir={self._folder / 'data'}\n"
            f"key.converter={converter}\nvalue.converter={converter}\noffset.flush.interval.ms=1000\n"
        )
        begun = time.monotonic()
        self._worker = WorkerProcess([properties], port, self._folder / "worker.log")
        self._stack.callback(self._worker.stop)
        self._worker.wait_up()
        up_s = time.monotonic() - begun
        time.sleep(1.0)  # what the start began shall have ended before memory is read
        idle = meter.read(self._worker.process.pid)
        self._log = open_log(
            {"log.implementation": "embedded", "log.embedded.path": str(self._folder / "data" / "log")}
        )
        self._stack.callback(self._log.close)
        begun = time.monotonic()
        self._worker.rest("/connectors/idle/config", "PUT", {**self._sink_config(), "topics": "nothing"})
        self._worker.wait_running(["idle"])
        running_s = time.monotonic() - begun
        time.sleep(1.0)
        with_task = meter.read(self._worker.process.pid)
        task, connector = (_pss_mb(with_task, f"-idle {part}") for part in ("task", "worker"))
        more = [f"idle-{number}" for number in range(3)]
        for name in more:
            self._worker.rest(f"/connectors/{name}/config", "PUT", {**self._sink_config(), "topics": "nothing"})
        self._worker.wait_running(more)
        time.sleep(1.0)
        further = (meter.read(self._worker.process.pid).total_pss_mb - with_task.total_pss_mb) / len(more)
        for name in ("idle", *more):
            self._worker.rest(f"/connectors/{name}", "DELETE")
        return "pipeline.start", {
            "metrics": {
                "worker_start_to_rest_s": round(up_s, 3),
                "worker_idle_pss_mb": round(idle.pss[self._worker.process.pid] / meter.MB, 1),
                "worker_idle_with_children_pss_mb": round(idle.total_pss_mb, 1),
                "sink_create_to_running_s": round(running_s, 3),
                "idle_task_pss_mb": round(task, 1),
                "idle_connector_pss_mb": round(connector, 1),
                "further_connector_with_task_pss_mb": round(further, 1),
            }
        }

    def snapshot(self, rows: int) -> Case:
        """Source and sink are created together; the time until the target has all rows."""
        with meter.Meter(self._worker.process.pid) as used:
            begun = time.monotonic()
            self._worker.rest(f"/connectors/{SINK}/config", "PUT", self._sink_config())
            self._worker.rest(f"/connectors/{SOURCE}/config", "PUT", self._source_config())
            source_begun = time.monotonic()
            self._worker.wait_running([SOURCE])
            running_s = time.monotonic() - source_begun
            self._until(lambda: self._end_offset() > 0, "the first record")
            first_s = time.monotonic() - source_begun
            self._until(lambda: self._end_offset() >= rows, "all rows in the log")
            log_s = time.monotonic() - source_begun
            self._until(lambda: self._target_rows() >= rows, "all rows in the target", _COUNT_STEP_S)
            total_s = time.monotonic() - begun
        self._check()
        limit = limits.staged_upsert_rows_per_s(self._source, self._target, rows)
        rate = rows / total_s
        return "pipeline.snapshot", {
            "metrics": {
                "rows": rows,
                "snapshot_rows_per_s": round(rate),
                "snapshot_to_log_rows_per_s": round(rows / log_s),
                "create_to_running_s": round(running_s, 3),
                "start_to_first_record_s": round(first_s, 3),
                **_cost(used, rows),
            },
            "limit_metrics": {"staged_upsert_rows_per_s": round(limit)},
            "ratio_to_limit": round(rate / limit, 3),
        }

    def catch_up(self, changes: int, reps: int) -> Case:
        """The connectors are stopped while the changes are made, then resumed: the time until the target has them."""
        changes = self._work.usable(changes)
        runs = []
        for rep in range(reps):
            _say(f"catch-up {rep + 1} of {reps}: {changes} changes")
            runs.append(self._catch_up_once(changes, rep))
        rates = [run["catchup_events_per_s"] for run in runs]
        middle = {name: median(run[name] for run in runs) for name in runs[0]}
        limit = middle.pop("limit")
        return "pipeline.catchup", {
            "metrics": {
                "changes": changes,
                **middle,
                "catchup_min_events_per_s": min(rates),
                "catchup_max_events_per_s": max(rates),
            },
            "limit_metrics": {"recvlogical_events_per_s": limit},
            "ratio_to_limit": round(median(run["catchup_events_per_s"] / run["limit"] for run in runs), 3),
            "noise_ratio": round(max(rates) / min(rates), 3),
        }

    def latency(self, rate: float, seconds: float) -> Case:
        """Single-row commits at a steady rate."""
        _say(f"latency at {rate:g}/s for {seconds:g} s")
        # The pipeline is known to be streaming before the first commit that counts.
        marker = self._work.mark()
        self._until(lambda: self._has(marker), "the pipeline streams")
        with meter.Meter(self._worker.process.pid) as used:
            metrics = latency.measure(
                self._server.dsn("shop"), self._target, self._source, self._log, TOPIC, rate, seconds
            )
        self._check()
        return "pipeline.latency", {"metrics": {**metrics, "cpu_s": round(sum(used.cpu_s().values()), 2)}}

    # ---- inside ---------------------------------------------------------------------------------
    def _catch_up_once(self, changes: int, rep: int) -> dict[str, Any]:
        for name in (SOURCE, SINK):
            self._worker.rest(f"/connectors/{name}/stop", "PUT")
        slot = f"raw_{rep}"
        self._source.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [slot])
        before = self._end_offset()
        deletes = self._work.change(changes)
        marker = self._work.mark()
        (end_lsn,) = self._source.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone() or ("0/0",)
        # Something after the end, or pg_recvlogical would wait for it.
        self._source.execute("SELECT pg_logical_emit_message(true, 'bench', 'end')")
        raw_s = limits.recvlogical_seconds(self._server, "shop", slot, end_lsn)
        self._source.execute("SELECT pg_drop_replication_slot(%s)", [slot])
        records = changes + deletes + 1  # a delete is followed by its tombstone
        with meter.Meter(self._worker.process.pid) as used:
            begun = time.monotonic()
            for name in (SINK, SOURCE):
                self._worker.rest(f"/connectors/{name}/resume", "PUT")
            self._until(lambda: self._end_offset() >= before + records, "all events in the log")
            log_s = time.monotonic() - begun
            self._until(lambda: self._has(marker), "the last change in the target")
            total_s = time.monotonic() - begun
        self._check()
        return {
            "catchup_events_per_s": round(changes / total_s),
            "catchup_to_log_events_per_s": round(changes / log_s),
            **_cost(used, changes),
            "limit": round(changes / raw_s),
        }

    def _source_config(self) -> dict[str, str]:
        return {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "tasks.max": "1",
            "database.hostname": self._server.host,
            "database.port": str(self._server.port),
            "database.user": self._server.user,
            "database.password": self._server.password,
            "database.dbname": "shop",
            "topic.prefix": "bench",
            "plugin.name": "pgoutput",
            "slot.name": "bench",
            "publication.name": "bench_orders",
            "publication.autocreate.mode": "disabled",
            "table.include.list": r"public\.orders",
            "max.batch.size": "8192",
            "max.queue.size": "32768",
        }

    def _sink_config(self) -> dict[str, str]:
        return {
            "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
            "tasks.max": "1",
            "topics": TOPIC,
            "connection.url": self._server.jdbc_url("copy"),
            "connection.username": self._server.user,
            "connection.password": self._server.password,
            "insert.mode": "upsert",
            "delete.enabled": "true",
            "primary.key.mode": "record_key",
            "schema.evolution": "basic",
            "collection.name.format": "orders",
            "batch.size": "5000",
            "consumer.override.max.poll.records": "5000",
        }

    def _end_offset(self) -> int:
        if TOPIC not in self._log.topics():
            return 0
        return self._log.end_offsets([PARTITION])[PARTITION]

    def _target_rows(self) -> int:
        row = self._target.execute("SELECT to_regclass('public.orders') IS NOT NULL").fetchone()
        if not row or not row[0]:
            return 0
        count = self._target.execute("SELECT count(*) FROM orders").fetchone()
        return count[0] if count else 0

    def _has(self, marker: int) -> bool:
        return self._target.execute("SELECT FROM orders WHERE id = %s", [marker]).fetchone() is not None

    def _until(self, condition: Callable[[], bool], what: str, step_s: float = _STEP_S) -> None:
        deadline = time.monotonic() + _TIMEOUT_S
        look = time.monotonic()
        while not condition():
            now = time.monotonic()
            if now > look + 1:
                look = now
                for name in (SOURCE, SINK):
                    self._worker.state(name)
                if now > deadline:
                    raise ConnectException(f"Waited {_TIMEOUT_S:g} s for {what}.\n{self._worker.process.log_tail()}")
            time.sleep(step_s)

    def _check(self) -> None:
        different = differences(self._source, self._target)
        if different:
            raise ConnectException(f"{different} rows differ between source and target.", code="BENCH_NOT_EQUAL")


def _cost(used: meter.Meter, events: int) -> dict[str, float]:
    cpu = used.cpu_s()
    per_million = 1_000_000 / events
    return {
        "connector_cpu_s_per_million": round(sum(cpu.values()) * per_million, 1),
        "source_cpu_s_per_million": round(_of(cpu, SOURCE) * per_million, 1),
        "sink_cpu_s_per_million": round(_of(cpu, SINK) * per_million, 1),
        "source_task_peak_pss_mb": round(used.peak_mb(f"-{SOURCE} task"), 1),
        "sink_task_peak_pss_mb": round(used.peak_mb(f"-{SINK} task"), 1),
        "all_peak_pss_mb": round(used.peak_total_mb, 1),
    }


def _of(cpu: dict[str, float], name: str) -> float:
    return sum(seconds for process, seconds in cpu.items() if f"-{name} task" in process)


def _pss_mb(reading: meter.Reading, word: str) -> float:
    return sum(pss / meter.MB for pid, pss in reading.pss.items() if word in reading.names[pid])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
