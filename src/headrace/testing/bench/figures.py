"""From the measurements of several runs to the one object that a case prints.

A run is a mapping from a metric's name (unit last) to a number. Of repeated runs the median of each metric is shown, and how far
the runs lie apart; a ratio to a limit is that of the medians, measured in the same turns.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from headrace.errors import ConnectException
from headrace.native import IMPLEMENTATION
from headrace.testing.bench.machine import machine

Run = Mapping[str, float]
Case = dict[str, Any]


def medians(runs: Sequence[Run]) -> dict[str, float]:
    """The median of each metric that all runs have."""
    names = [name for name in runs[0] if all(name in run for run in runs)] if runs else []
    return {name: rounded(name, median(run[name] for run in runs)) for name in names}


def spread(runs: Sequence[Run], metric: str) -> float:
    """Highest through lowest: what the same measurement differs by on this machine."""
    values = [run[metric] for run in runs]
    return round(max(values) / min(values), 3) if min(values) > 0 else 0.0


def rounded(name: str, value: float) -> float:
    """Rates, counts and bytes whole; all else to three digits behind the point."""
    return round(value) if name.endswith(("_per_s", "_bytes", "_count")) and value > 100 else round(value, 3)


def case(
    name: str,
    runs: Sequence[Run],
    metric: str,
    *,
    limits: Mapping[str, float] | None = None,
    limit_metric: str | None = None,
    counts: Mapping[str, float] | None = None,
    **more: Any,
) -> Case:
    """One case. `metric`: the rate it is judged by, `limit_metric`: the one of `limits` to compare it with. `counts`: what was the same in
    all runs, first among the metrics."""
    middle = medians(runs)
    result: Case = {
        "case": name,
        "implementation": IMPLEMENTATION,
        "machine": machine(),
        "runs": len(runs),
        "metrics": {**(counts or {}), **middle},
    }
    if limits:
        result["limit_metrics"] = dict(limits)
        if limit_metric is not None and limits.get(limit_metric):
            result["ratio_to_limit"] = round(middle[metric] / limits[limit_metric], 3)
    if len(runs) > 1:
        result["noise_ratio"] = spread(runs, metric)
    return result | more


def chosen(names: Iterable[str], only: Sequence[str]) -> list[str]:
    """Those of `names` that are wanted; all without a wish. ConnectException for a name that is none."""
    known = list(names)
    if wrong := sorted(set(only) - set(known)):
        raise ConnectException(
            f"No case {', '.join(wrong)} here; there are {', '.join(known)}.", code="BENCH_NO_CASE", field="--only"
        )
    return [name for name in known if not only or name in only]


def say(text: str) -> None:
    """Progress, on standard error: standard output is for results."""
    print(text, file=sys.stderr, flush=True)
