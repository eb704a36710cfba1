"""The latency bench: percentiles of a known load, sightings in any order, and one short run of the whole."""

from __future__ import annotations

import pytest

from headrace.testing.bench.latency import LANES, _Sightings, lane_base, percentiles
from headrace.testing.bench.latency_case import run_latency_bench


def test_percentiles_are_in_milliseconds() -> None:
    found = percentiles("latency", [n / 1000 for n in range(1, 1001)])
    assert found == pytest.approx(
        {"latency_p50_ms": 500.5, "latency_p95_ms": 950.95, "latency_p99_ms": 990.99}, abs=0.02
    )


def test_an_id_is_seen_when_it_or_a_later_one_of_its_connection_is() -> None:
    seen = _Sightings()
    seen.see(1.0, [lane_base(0), lane_base(1) + 2])
    seen.see(2.0, [lane_base(0) + 1, lane_base(1) + 1])
    assert [seen.when(lane_base(0) + n) for n in range(3)] == [1.0, 2.0, None]
    assert seen.when(lane_base(1)) == 1.0
    assert not seen.complete(2)
    seen.see(3.0, [lane_base(lane) + 1 for lane in range(LANES)])
    assert seen.complete(2)


def test_a_short_run_measures_both_ways_and_the_idle_processes() -> None:
    [case] = run_latency_bench(100, runs=1, rate=100, seconds=1.0, idle_s=0.5)
    metrics = case["metrics"]
    assert case["case"] == "latency"
    assert 0 < metrics["latency_p50_ms"] <= metrics["latency_p99_ms"]
    assert metrics["latency_p50_ms"] < metrics["target_latency_p99_ms"]
    assert 0 < metrics["idle_worker_cpu_pct"] <= metrics["idle_cpu_pct"] < 100
