"""Latency at a steady rate: from a commit in the source to the record in the log and to the row's commit in the target.

A writer process commits single rows over several connections (one alone waits too long for the disk), each with rising ids
of its own. One observer waits for the log as any consumer does, and notes when ids have become readable. Commits are timed by the servers
themselves (track_commit_timestamp), source and target alike. All clocks are this machine's.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import psycopg

from headrace.errors import ConnectException
from headrace.log.spi import Log
from headrace.testing.bench.workload import LATENCY_BASE

LANES = 4
_OBSERVER = "bench-observer"
_LANE = 1_000_000_000
"""Ids of a connection: LATENCY_BASE + number of the connection times this, and on."""

_WRITER = """
import sys, threading, time, psycopg
from headrace.testing.bench.latency import LANES, lane_base
from headrace.testing.bench.workload import Workload
dsn, rate, seconds = sys.argv[1], float(sys.argv[2]) / LANES, float(sys.argv[3])
count, barrier, spent = int(rate * seconds), threading.Barrier(LANES), []
def run(lane):
    with psycopg.connect(dsn, autocommit=True) as connection:
        work = Workload(connection, 0)
        barrier.wait()
        begun = time.monotonic()
        for number in range(count):
            ahead = begun + (number + lane / LANES) / rate - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            work.insert(lane_base(lane) + number)
        spent.append(time.monotonic() - begun)
threads = [threading.Thread(target=run, args=(lane,)) for lane in range(LANES)]
[t.start() for t in threads]; [t.join() for t in threads]
print(count * LANES / max(spent))
"""
_ID = re.compile(rb'"after":\{[^{}]*?"id":(\d+)')


def lane_base(lane: int) -> int:
    """The first id of a connection of the writer."""
    return LATENCY_BASE + lane * _LANE


def measure(
    dsn: str, target: psycopg.Connection, source: psycopg.Connection, log: Log, topic: str, rate: float, seconds: float
) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds for log and target, and the rate that was reached."""
    count = int(rate / LANES * seconds)
    in_log = _Sightings()
    last = {lane_base(n) + count - 1 for n in range(LANES)}
    deadline = time.monotonic() + seconds + 60
    group = f"{_OBSERVER}-{time.time_ns()}"
    consumer = log.consumer(group, _OBSERVER, from_latest=True)
    try:
        consumer.subscribe([topic], None)
        while not consumer.assignment() and time.monotonic() < deadline:
            consumer.poll(1, 0.1)
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, dsn, str(rate), str(seconds)], stdout=subprocess.PIPE, text=True
        )
        try:
            while not in_log.complete(count) and time.monotonic() < deadline:
                batches = consumer.poll(5000, 0.5)
                now = time.time()
                for batch in batches:
                    in_log.see(now, _ids(list(batch.values)))
        finally:
            output, _ = writer.communicate(timeout=60)
    finally:
        consumer.close()
        log.delete_group(group)
    while not _has_all(target, last) and time.monotonic() < deadline:
        time.sleep(0.05)
    committed = dict(_commits(source))
    arrived = dict(_commits(target))
    if not in_log.complete(count) or len(arrived) < count * LANES:
        raise ConnectException(f"Not all of {count * LANES} rows arrived in the target.", code="BENCH_NOT_EQUAL")
    # The first tenth warms up.
    counted = list(committed.items())[len(committed) // 10 :]
    to_log = [seen - at for number, at in counted if (seen := in_log.when(number)) is not None]
    to_target = [arrived[number] - at for number, at in counted]
    return {
        "rate_per_s": round(float(output), 1),
        **percentiles("latency", to_log),
        **percentiles("target_latency", to_target),
    }


def _has_all(target: psycopg.Connection, ids: set[int]) -> bool:
    row = target.execute("SELECT count(*) FROM orders WHERE id = ANY(%s)", [list(ids)]).fetchone()
    return row is not None and row[0] == len(ids)


def _commits(database: psycopg.Connection) -> list[tuple[int, float]]:
    """The ids written, and when their transactions were committed, in this order."""
    return database.execute(
        "SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM orders WHERE id BETWEEN %s AND %s ORDER BY 2",
        [LATENCY_BASE, lane_base(LANES)],
    ).fetchall()


def percentiles(name: str, seconds: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return {f"{name}_p{p}_ms": round(cuts[p - 1] * 1000, 2) for p in (50, 95, 99)}


class _Sightings:
    """When the ids of each connection had become visible: (time, highest id) in order."""

    def __init__(self) -> None:
        self.lanes: list[list[tuple[float, int]]] = [[] for _ in range(LANES)]

    def see(self, now: float, ids: list[int]) -> None:
        for number in ids:
            lane = self.lanes[(number - LATENCY_BASE) // _LANE]
            if not lane or lane[-1][1] < number:
                lane.append((now, number))

    def complete(self, count: int) -> bool:
        return all(lane and lane[-1][1] >= lane_base(n) + count - 1 for n, lane in enumerate(self.lanes))

    def when(self, number: int) -> float | None:
        """When the id was first seen, itself or a later one of its connection."""
        lane = self.lanes[(number - LATENCY_BASE) // _LANE]
        at = bisect_left(lane, number, key=lambda sighting: sighting[1])
        return lane[at][0] if at < len(lane) else None


def _ids(values: list[Any]) -> list[int]:
    found = (_ID.search(value) for value in values if value is not None)
    return [number for m in found if m and LATENCY_BASE <= (number := int(m.group(1))) < lane_base(LANES)]
