"""`headrace bench sink`: a log that is full of rows, through a real sink task into PostgreSQL and into Redis."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from headrace.errors import ConnectException
from headrace.testing.bench import limits, resp_floor
from headrace.testing.bench.catchup import WITH_SCHEMAS
from headrace.testing.bench.figures import Case, Run, case, chosen, medians, say
from headrace.testing.bench.meter import Meter
from headrace.testing.bench.rig import BenchWorker, Rig
from headrace.testing.bench.server_meter import SESSION, ServerMeter
from headrace.testing.bench.workload import Workload, table_ddl
from headrace.testing.servers import RedisServer

TABLE = "orders_copy"
_FLOOR = "staged_upsert_rows_per_s"
_SOURCE = "src"
_CASES = ("sink", "sink.existing", "sink.redis")


def run_sink_bench(rows: int = 1_000_000, *, runs: int = 5, only: Sequence[str] = ()) -> list[Case]:
    """Cases `sink` (upsert into an empty table), `sink.existing` (all rows are there), each beside the staged upsert; `sink.redis` (HSET),
    beside the same commands made beforehand. The records are JSON with schemas, as the original sinks need them."""
    names = chosen(_CASES, only)
    ours: dict[str, list[Run]] = {name: [] for name in names}
    floor: dict[str, list[Run]] = {name: [] for name in names}
    with ExitStack() as stack:
        rig = Rig(stack)
        work = Workload(rig.source, rows)
        say(f"loading {rows} rows")
        work.create()
        bench = SinkBench(rig, work, rows)
        redis = stack.enter_context(RedisServer()) if "sink.redis" in names else None
        for number in range(runs):
            for name in names:
                if name == "sink.redis":
                    assert redis is not None
                    floor[name].append(resp_floor.measure(rig, redis, rows))
                    ours[name].append(bench.redis(redis, f"r{number}"))
                else:
                    existing = name == "sink.existing"
                    took = limits.staged_upsert(rig.source, rig.target, rows, existing=existing)
                    floor[name].append({_FLOOR: rows / took, "staged_upsert_wall_s": took})
                    ours[name].append(bench.upsert(f"{'e' if existing else 'n'}{number}", existing=existing))
                last = ours[name][-1]
                say(
                    f"  run {number + 1}: {name} {last['sink_wall_s']:.2f} s, its floor {list(floor[name][-1].values())[1]:.2f} s"
                )
    return [
        case(
            name,
            ours[name],
            "sink_rows_per_s",
            limits=medians(floor[name]),
            limit_metric=_FLOOR if name != "sink.redis" else "prebuilt_resp_rows_per_s",
            counts={"rows": rows},
        )
        for name in names
    ]


class SinkBench:
    """A worker whose log has `rows` rows in one partition, as a source's snapshot put them there."""

    def __init__(self, rig: Rig, work: Workload, rows: int) -> None:
        self._rig = rig
        self._rows = rows
        self._topic = work.topic
        self.worker: BenchWorker = rig.worker(WITH_SCHEMAS)
        say("filling the log")
        config = {"slot.name": "fill", "publication.name": work.publication, "table.include.list": work.tables}
        self.worker.create_stopped(_SOURCE, rig.source_config(**config))
        self.worker.resume(_SOURCE)
        self.worker.until(lambda: self.worker.end_offset(work.topic) >= rows, "all rows in the log", (_SOURCE,))
        self.worker.remove(_SOURCE)
        rig.drop_slot("fill")

    def config(self, topic: str) -> dict[str, str]:
        """An upserting sink of `topic` into the table."""
        return self._rig.sink_config(topic, TABLE)

    def upsert(self, name: str, *, existing: bool, more: Mapping[str, str] | None = None) -> Run:
        """One run into PostgreSQL; see `prepare_table`. `more`: settings that go before the usual ones."""
        return self._once(name, self.config(self._topic) | dict(more or {}), self.prepare_table(existing=existing))

    def prepare_table(self, *, existing: bool) -> Callable[[], bool]:
        """A fresh table, and how to see that all rows are in it. `existing`: over rows that are all there, with another quantity."""
        target = self._rig.target
        target.execute(f"DROP TABLE IF EXISTS {TABLE}".encode())
        target.execute(table_ddl(TABLE).encode())
        if existing:
            with (
                self._rig.source.cursor().copy("COPY orders TO STDOUT (FORMAT binary)") as out,
                target.cursor().copy(f"COPY {TABLE} FROM STDIN (FORMAT binary)".encode()) as into,
            ):
                for block in out:
                    into.write(block)
            target.execute(f"UPDATE {TABLE} SET quantity = -1".encode())
            target.execute(f"VACUUM ANALYZE {TABLE}".encode())
        self._rig.settle()
        last = f"SELECT FROM {TABLE} WHERE id = {self._rows} AND quantity <> -1".encode()
        count = f"SELECT count(*) FROM {TABLE} WHERE quantity <> -1".encode()

        def complete() -> bool:
            if target.execute(last).fetchone() is None:
                return False
            row = target.execute(count).fetchone()
            return row is not None and row[0] == self._rows

        return complete

    def redis(self, server: RedisServer, name: str) -> Run:
        """One run into an empty Redis."""
        import redis as redis_py

        with redis_py.Redis(host=server.host, port=server.port) as client:
            client.flushall()
            config = {
                "connector.class": "com.redis.kafka.connect.RedisSinkConnector",
                "tasks.max": "1",
                "topics": self._topic,
                "redis.uri": server.uri,
                "redis.type": "HASH",
                "consumer.override.max.poll.records": "5000",
            }
            last = f"{self._topic}:{self._rows}"
            run = self._once(name, config, lambda: bool(client.exists(last)))
            found = sum(1 for _ in client.scan_iter(f"{self._topic}:*", count=10_000))
            if found != self._rows:
                raise ConnectException(f"{found} keys, not {self._rows}.", code="BENCH_NOT_EQUAL")
        return run

    def _once(self, name: str, config: Mapping[str, Any], complete: Callable[[], bool]) -> Run:
        worker, million = self.worker, 1_000_000 / self._rows
        worker.create_stopped(name, config)
        watch = self._rig.watch(worker.pid, name, name)
        with Meter(worker.pid) as used, ServerMeter(self._rig.server.pid) as server, watch:
            begun = time.monotonic()
            worker.resume(name)
            worker.until(complete, "all rows in the target", (name,))
            wall = time.monotonic() - begun
        worker.remove(name)
        cpu = used.cpu_s()
        return {
            "sink_rows_per_s": self._rows / wall,
            "sink_wall_s": wall,
            "sink_cpu_s_per_million": sum(s for process, s in cpu.items() if f"-{name} task" in process) * million,
            "connector_cpu_s_per_million": sum(cpu.values()) * million,
            "target_server_cpu_s_per_million": server.cpu_s(SESSION, new=True) * million,
            "sink_task_peak_pss_mb": used.peak_mb(f"-{name} task"),
            "all_peak_pss_mb": used.peak_total_mb,
        }
