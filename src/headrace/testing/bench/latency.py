"""Latency at a steady rate: from a commit in the source to the record in the log and to the row in the target.

A writer process commits single rows over several connections (one alone waits too long for the disk), each with rising ids
of its own; one observer looks at the log and at the target every millisecond and notes when ids have become visible. Commit times are the server's own (track_commit_timestamp). All clocks are this machine's.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from bisect import bisect_left
from typing import Any

import psycopg

from headrace.errors import ConnectException
from headrace.log.spi import Log
from headrace.spi import TopicPartition
from headrace.testing.bench.workload import LATENCY_BASE

LANES = 4
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
    """p50, p95 and p99 in milliseconds for log and target, the rate that was reached, and how often the observer looked."""
    partition = TopicPartition(topic, 0)
    position = log.end_offsets([partition])[partition]
    count = int(rate / LANES * seconds)
    in_log, in_target = _Sightings(), _Sightings()
    looks: list[float] = []
    query = "SELECT " + ", ".join(
        f"(SELECT max(id) FROM orders WHERE id BETWEEN {lane_base(n)} AND {lane_base(n) + count})" for n in range(LANES)
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, dsn, str(rate), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + seconds + 60
    try:
        while not in_target.complete(count) and time.monotonic() < deadline:
            now = time.time()
            batch = log.read(partition, position, 5000)
            visible = time.time()
            if batch is not None and len(batch) and batch.offsets is not None:
                position = batch.offsets[-1] + 1
                in_log.see(visible, _ids(list(batch.values)))
            row = target.execute(query.encode()).fetchone() or ()
            in_target.see(time.time(), [number for number in row if number is not None])
            looks.append(time.time() - now)
            time.sleep(0.001)
    finally:
        output, _ = writer.communicate(timeout=60)
    if not in_target.complete(count):
        raise ConnectException(f"Not all of {count * LANES} rows arrived in the target.", code="BENCH_NOT_EQUAL")
    rows = source.execute(
        "SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM orders WHERE id BETWEEN %s AND %s ORDER BY 2",
        [LATENCY_BASE, lane_base(LANES)],
    ).fetchall()
    result = {"rate_per_s": round(float(output), 1)}
    for name, sightings in (("log", in_log), ("target", in_target)):
        result |= _percentiles(name, rows, sightings)
    result["observer_step_p95_ms"] = round(statistics.quantiles(looks, n=20)[-1] * 1000 + 1, 2)
    return result


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


def _percentiles(name: str, rows: list[Any], sightings: _Sightings) -> dict[str, float]:
    # The first tenth warms up.
    counted = rows[len(rows) // 10 :]
    latencies = [
        (seen - committed) * 1000 for number, committed in counted if (seen := sightings.when(number)) is not None
    ]
    cuts = statistics.quantiles(latencies, n=100)
    return {f"{name}_latency_p{p}_ms": round(cuts[p - 1], 1) for p in (50, 95, 99)}
