"""The tables of docs/performance.md are what the results say."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("performance_tables", ROOT / "benchmarks" / "performance.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(script: ModuleType) -> None:
    assert script.main(["--check"]) == 0, "run make performance"


def test_every_table_has_its_place_in_the_page(script: ModuleType) -> None:
    page = script.PAGE.read_text(encoding="utf-8")
    assert {name for name in script.TABLES if f"<!-- table: {name} -->" in page} == set(script.TABLES)


def test_tables_are_made_of_results(script: ModuleType, tmp_path: Path) -> None:
    machine = {"cpu": "x", "cores": 2, "memory_gb": 1.5, "kernel": "6", "python": "3.11", "postgres": "18.6"}
    cost = {"connector_cpu_s_per_million": 3.25, "all_peak_pss_mb": 120.4, "source_task_peak_pss_mb": 80.06}
    ours = {"case": "catchup", "machine": machine, "metrics": {"catchup_events_per_s": 300000, **cost}}
    ours |= {"ratio_to_limit": 1.034, "noise_ratio": 1.02}
    beside = {"catchup_events_per_s": 30000, "connector_cpu_s_per_million": 41.0, "worker_peak_pss_mb": 900.0}
    peer = {**ours, "case": "peer.catchup", "peer_metrics": beside, "again_metrics": ours["metrics"]}
    peer |= {"ratio_to_peer": 10.0, "cpu_ratio_to_peer": 0.079}
    for case in (ours, peer):
        (tmp_path / f"{case['case']}.jsonl").write_text(json.dumps(case) + "\n")
    cases = script.load(tmp_path)
    page = "a\n<!-- table: summary -->\nold\n<!-- end -->\n<!-- table: peer -->\n<!-- end -->\nz\n"
    made = script.filled(page, cases, {})
    assert "old" not in made
    assert "| 300,000 | 3.25 | 80.1 | 1.03 | 30,000 | 10.0 | 41.0 | 1.02 |" in made
    assert "| 300,000 | 30,000 | 300,000 | 10.0 | 3.25 | 41.0 | 0.08 | 120 | 900 | 1.02 |" in made
    assert script.filled(made, cases, {}) == made
    assert "Not measured yet." in script.filled(page, {}, {})
    twins = script.filled("<!-- table: implementations -->\n<!-- end -->", cases, cases)
    assert "| 300,000 | 300,000 | 1.00 | 3.25 | 3.25 |" in twins


def test_an_unknown_table_is_an_error(script: ModuleType) -> None:
    with pytest.raises(KeyError):
        script.filled("<!-- table: no-such -->\n<!-- end -->", {}, {})
