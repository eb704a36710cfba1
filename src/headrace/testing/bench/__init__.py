"""Measurements with servers of our own: `headrace bench …`; see benchmarks/README.md."""

from headrace.testing.bench.catchup import run_catchup_bench
from headrace.testing.bench.pipeline import run_pipeline_bench
from headrace.testing.bench.snapshot import run_snapshot_bench

__all__ = ["run_catchup_bench", "run_pipeline_bench", "run_snapshot_bench"]
