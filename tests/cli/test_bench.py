"""What `bench` and `demo` hand over and print; what they do is tested with the kit."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

CASES = [
    {"case": "start", "metrics": {"start_s": 0.5}},
    {"case": "snapshot", "metrics": {"snapshot_rows_per_s": 123456}},
]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []

    def run_pipeline_bench(*arguments: int, **more: float) -> list[dict[str, Any]]:
        calls.append((arguments, more))
        return CASES

    monkeypatch.setattr("headrace.testing.bench.run_pipeline_bench", run_pipeline_bench)
    monkeypatch.setattr("headrace.testing.demo.run_demo", lambda keep: calls.append(keep) or 1)
    return calls


def test_bench_prints_a_line_per_case(run: Run, calls: list[Any]) -> None:
    outcome = run("bench", "pipeline", "--json", "--rows", "10", "--changes", "20", "--rate", "5")
    assert [json.loads(line) for line in outcome.out.splitlines()] == CASES
    assert outcome.err == ""
    assert calls == [((10, 20), {"runs": 5, "rate": 5.0, "latency_s": 10.0})]


def test_the_table_for_people_is_beside_the_results(run: Run, calls: list[Any]) -> None:
    outcome = run("bench", "pipeline")
    assert [json.loads(line) for line in outcome.out.splitlines()] == CASES
    assert "123,456" in outcome.err


def test_results_are_kept_where_asked(run: Run, calls: list[Any], tmp_path: Path) -> None:
    run("bench", "pipeline", "--save", str(tmp_path / "results"))
    kept = (tmp_path / "results" / "pipeline.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in kept] == CASES


def test_demo_exits_as_it_found(run: Run, calls: list[Any]) -> None:
    assert run("demo", "--keep").code == 1
    assert calls == [True]


def test_a_missing_kit_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "headrace.testing.demo", None)
    outcome = run("demo")
    assert outcome.code == 1
    assert "KIT_NOT_INSTALLED" in outcome.err
