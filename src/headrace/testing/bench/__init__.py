"""Measurements with servers of our own: `headrace bench …`; see benchmarks/README.md."""

from headrace.testing.bench.catchup import run_catchup_bench
from headrace.testing.bench.cliff import run_cliff_bench
from headrace.testing.bench.latency_case import run_latency_bench
from headrace.testing.bench.peer.turns import run_peer_bench
from headrace.testing.bench.pipeline import run_pipeline_bench
from headrace.testing.bench.profile import run_profile_bench
from headrace.testing.bench.settings import run_settings_bench
from headrace.testing.bench.sink import run_sink_bench
from headrace.testing.bench.snapshot import run_snapshot_bench
from headrace.testing.bench.transform import run_transform_bench

__all__ = [
    "run_catchup_bench",
    "run_cliff_bench",
    "run_latency_bench",
    "run_peer_bench",
    "run_pipeline_bench",
    "run_profile_bench",
    "run_settings_bench",
    "run_sink_bench",
    "run_snapshot_bench",
    "run_transform_bench",
]
