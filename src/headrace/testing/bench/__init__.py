"""Measurements with servers of our own: `headrace bench pipeline --json`; see benchmarks/README.md."""

from headrace.testing.bench.pipeline import run_pipeline_bench

__all__ = ["run_pipeline_bench"]
