"""The public kit for authors of connectors, transforms and converters. Import from here: these names stay.

- Runs: `run_source`, `run_sink`, `run_transform`, and `SourceRun`, `SinkRun` to stop, kill and start again in between. Whole task
  loops with transforms, converters, error handling and offsets, in the test's process, on a log in memory.
- Conformance suites: subclass `SourceConformance`, `SinkConformance`, `TransformConformance`, `PredicateConformance` or
  `ConverterConformance`, fill in a few hooks, and pytest finds the tests.
- Drivers: `SourceDriver` and `SinkDriver` call one task by hand.
- Faults: `faults` makes named points of the product fail, pause or kill; `TcpProxy` cuts or stalls connections.
- Parts: `MemoryLog`, `ManualClock`, `source_record`, `sink_record`, `wait_until`; `headrace.testing.fixtures` has pytest fixtures for
  real servers (`pip install 'headrace[demo]'`).

pytest itself is needed for `headrace.testing.fixtures` only. A name is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from headrace.testing import faults
    from headrace.testing.clock import ManualClock
    from headrace.testing.conformance.converter import ConverterConformance
    from headrace.testing.conformance.sink import SinkConformance
    from headrace.testing.conformance.source import SourceConformance
    from headrace.testing.conformance.transform import PredicateConformance, TransformConformance
    from headrace.testing.drivers import SinkDriver, SourceDriver
    from headrace.testing.memory_log import MemoryLog, MemoryOffsetStore
    from headrace.testing.proxy import TcpProxy
    from headrace.testing.records import plain, sink_record, source_record, struct_of
    from headrace.testing.sink_run import SinkRun, run_sink
    from headrace.testing.source_run import SourceRun, run_source
    from headrace.testing.transform_run import TransformRun, run_transform
    from headrace.testing.waiting import wait_until

_HOMES: Final = {
    "ConverterConformance": "conformance.converter",
    "ManualClock": "clock",
    "MemoryLog": "memory_log",
    "MemoryOffsetStore": "memory_log",
    "PredicateConformance": "conformance.transform",
    "SinkConformance": "conformance.sink",
    "SinkDriver": "drivers",
    "SinkRun": "sink_run",
    "SourceConformance": "conformance.source",
    "SourceDriver": "drivers",
    "SourceRun": "source_run",
    "TcpProxy": "proxy",
    "TransformConformance": "conformance.transform",
    "TransformRun": "transform_run",
    "plain": "records",
    "run_sink": "sink_run",
    "run_source": "source_run",
    "run_transform": "transform_run",
    "sink_record": "records",
    "source_record": "records",
    "struct_of": "records",
    "wait_until": "waiting",
}

__all__ = [
    "ConverterConformance",
    "ManualClock",
    "MemoryLog",
    "MemoryOffsetStore",
    "PredicateConformance",
    "SinkConformance",
    "SinkDriver",
    "SinkRun",
    "SourceConformance",
    "SourceDriver",
    "SourceRun",
    "TcpProxy",
    "TransformConformance",
    "TransformRun",
    "faults",
    "plain",
    "run_sink",
    "run_source",
    "run_transform",
    "sink_record",
    "source_record",
    "struct_of",
    "wait_until",
]


def __getattr__(name: str) -> Any:
    if name == "faults":
        return importlib.import_module("headrace.testing.faults")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
