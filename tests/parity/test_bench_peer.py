"""The benchmark beside the peer runs, and counts the peer's records as it counts ours."""

from __future__ import annotations

import json
import shutil

import pytest

from headrace.errors import ConnectException
from headrace.testing.bench import run_peer_bench
from headrace.testing.jvm import jars, java

pytestmark = [pytest.mark.parity, pytest.mark.timeout(900)]


def test_a_small_run_beside_the_peer() -> None:
    if shutil.which("mvn") is None:
        pytest.skip("needs mvn")
    try:
        java.find_java()
        jars.fetch()
    except ConnectException as error:
        pytest.skip(str(error))
    cases = run_peer_bench(2000, runs=1, only=["peer.snapshot", "peer.sink", "peer.catchup"])
    assert [case["case"] for case in cases] == ["peer.snapshot", "peer.sink", "peer.catchup"]
    for case in cases:
        json.dumps(case)
        assert case["ratio_to_peer"] > 0
        assert case["cpu_ratio_to_peer"] > 0
        assert case["noise_ratio"] >= 1
        assert case["peer"]["debezium"] == jars.DEBEZIUM
        assert case["peer_metrics"]["worker_peak_pss_mb"] > 50
    assert cases[2]["metrics"]["records"] == 2201
