"""Samples: how a metric travels from where it is counted to /metrics."""

from __future__ import annotations

from typing import NamedTuple


class Sample(NamedTuple):
    """One measured value under its canonical Prometheus name; the unit is last in the name."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float
    kind: str = "gauge"
    """gauge or counter"""
