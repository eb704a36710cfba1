"""The benchmark runs, measures something, and says it in the form that scripts read."""

from __future__ import annotations

import json

from headrace.testing.bench import run_pipeline_bench


def test_a_small_run_gives_every_case_with_its_metrics():
    cases = {case["case"]: case for case in run_pipeline_bench(2000, 1000, runs=1, rate=200, latency_s=1)}
    assert list(cases) == ["pipeline.start", "pipeline.snapshot", "pipeline.catchup", "pipeline.latency"]
    for case in cases.values():
        json.dumps(case)
        assert case["machine"]["cores"] >= 1
        assert all(isinstance(value, (int, float)) and value >= 0 for value in case["metrics"].values())
    assert cases["pipeline.catchup"]["metrics"]["changes"] == 1000
    assert cases["pipeline.catchup"]["metrics"]["catchup_events_per_s"] > 0
    assert cases["pipeline.catchup"]["metrics"]["source_cpu_s_per_million"] > 0
    assert cases["pipeline.catchup"]["ratio_to_limit"] > 0
    latency = cases["pipeline.latency"]["metrics"]
    assert latency["target_latency_p50_ms"] <= latency["target_latency_p99_ms"]
    assert latency["latency_p50_ms"] > 0
