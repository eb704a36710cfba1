"""Latency at a steady rate: from a commit in the source to the record in the log and to the row in the target.

A writer process commits single rows with rising ids; one observer looks at the log and at the target every millisecond and
notes when ids have become visible. Commit times are the server's own (track_commit_timestamp). All clocks are this machine's.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import time
from typing import Any

import psycopg

from headrace.log.spi import Log
from headrace.spi import TopicPartition
from headrace.testing.bench.workload import LATENCY_BASE

_WRITER = """
import sys, time, psycopg
from headrace.testing.bench.workload import Workload, LATENCY_BASE
dsn, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
    work, begun, count = Workload(connection, 0), time.monotonic(), int(rate * seconds)
    for number in range(count):
        ahead = begun + number / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        work.insert(LATENCY_BASE + number)
    print(count / (time.monotonic() - begun))
"""
_ID = re.compile(rb'"id":(\d{13,})')


def measure(
    dsn: str, target: psycopg.Connection, source: psycopg.Connection, log: Log, topic: str, rate: float, seconds: float
) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds for log and target, the rate that was reached, and how often the observer looked."""
    partition = TopicPartition(topic, 0)
    position = log.end_offsets([partition])[partition]
    last = LATENCY_BASE + int(rate * seconds) - 1
    in_log: list[tuple[float, int]] = []
    in_target: list[tuple[float, int]] = []
    looks: list[float] = []
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, dsn, str(rate), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    seen_log = seen_target = LATENCY_BASE - 1
    deadline = time.monotonic() + seconds + 60
    try:
        while seen_target < last and time.monotonic() < deadline:
            now = time.time()
            batch = log.read(partition, position, 5000)
            visible = time.time()
            if batch is not None and len(batch) and batch.offsets is not None:
                position = batch.offsets[-1] + 1
                newest = _newest_id(list(batch.values))
                if newest > seen_log:
                    seen_log = newest
                    in_log.append((visible, newest))
            row = target.execute(
                "SELECT max(id) FROM orders WHERE id BETWEEN %s AND %s", [LATENCY_BASE, last]
            ).fetchone()
            if row and row[0] is not None and row[0] > seen_target:
                seen_target = row[0]
                in_target.append((time.time(), seen_target))
            looks.append(time.time() - now)
            time.sleep(0.001)
    finally:
        output, _ = writer.communicate(timeout=60)
    if seen_target < last:
        raise RuntimeError(f"Only {seen_target - LATENCY_BASE + 1} of {last - LATENCY_BASE + 1} rows arrived.")
    rows = source.execute(
        "SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM orders WHERE id BETWEEN %s AND %s ORDER BY id",
        [LATENCY_BASE, last],
    ).fetchall()
    result = {"rate_per_s": round(float(json.loads(output)), 1)}
    for name, sightings in (("log", in_log), ("target", in_target)):
        result |= _percentiles(name, rows, sightings)
    result["observer_step_p95_ms"] = round(statistics.quantiles(looks, n=20)[-1] * 1000 + 1, 2)
    return result


def _newest_id(values: list[Any]) -> int:
    for value in reversed(values):
        if value is not None and (found := _ID.findall(value)):
            return int(found[-1])
    return 0


def _percentiles(name: str, rows: list[Any], sightings: list[tuple[float, int]]) -> dict[str, float]:
    latencies = []
    at = 0
    # The first tenth warms up.
    for number, committed in rows:
        while at < len(sightings) and sightings[at][1] < number:
            at += 1
        if at == len(sightings):
            break
        latencies.append((sightings[at][0] - committed) * 1000)
    cuts = statistics.quantiles(latencies[len(latencies) // 10 :], n=100)
    return {f"{name}_latency_p{p}_ms": round(cuts[p - 1], 1) for p in (50, 95, 99)}
