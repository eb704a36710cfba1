"""Runs a source as a worker does, in the test's process, on a log in memory.

run = run_source(MySourceConnector, {"topic": "t"}, until=10)
assert [record.value["id"] for record in run.records] == list(range(10))
assert run_source(MySourceConnector, {"topic": "t"}, until=5, resume=run).records[-1].value["id"] == 14
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Unpack

from headrace.data import SinkRecord
from headrace.spi.connector import SourceConnector
from headrace.testing.connector_run import ConnectorRun, RunOptions
from headrace.testing.decoding import LogReader
from headrace.testing.memory_log import MemoryLog, MemoryOffsetStore

Until = int | Callable[[list[SinkRecord]], Any]
"""A number of records, or a condition on those there are."""


class SourceRun(ConnectorRun[SourceConnector]):
    """A connector with its tasks; see `ConnectorRun` for the arguments. `log`: by default a new one."""

    kind = "source"

    def __init__(
        self,
        connector: type[SourceConnector],
        config: Mapping[str, str],
        *,
        log: MemoryLog | None = None,
        **options: Unpack[RunOptions],
    ) -> None:
        super().__init__(connector, config, log or MemoryLog(), **options)
        self._reader = LogReader(self.log, self._registry, self.config, self._worker)
        self.replans = 0
        """How often the connector asked for its tasks to be planned anew."""

    def _task_config(self, planned: Mapping[str, str]) -> Mapping[str, str]:
        return planned

    def replan(self) -> None:
        """What the worker does when the connector asks for it, at another time: end the tasks, plan them again, start them."""
        threading.Thread(target=self._replan, name=f"{self.name}-replan", daemon=True).start()

    def _replan(self) -> None:
        with self._plan_lock:
            self.replans += 1
            if self._connector is not None:
                self._end_tasks(lambda task: task.runner.stop())
                self._start_tasks(self._connector)

    @property
    def records(self) -> list[SinkRecord]:
        """All records in the log, decoded; those of one partition in order. Dead letters are not among them."""
        return self._reader.records({self.config.get("errors.deadletterqueue.topic.name", "")})

    @property
    def offsets(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The committed (source partition, source offset) pairs."""
        return MemoryOffsetStore(self.log).list(self.name)

    def wait(self, until: Until, deadline_s: float | None = None) -> list[SinkRecord]:
        """Wait until the log has so many records in all, or the condition holds for them; returns all of them.

        Raises what a task or the connector failed with; AssertionError when the time is over."""
        deadline = time.monotonic() + (self.deadline_s if deadline_s is None else deadline_s)
        while True:
            records = self.records
            if len(records) >= until if isinstance(until, int) else until(records):
                return records
            self.check()
            if time.monotonic() > deadline:
                wanted = f"{until} records" if isinstance(until, int) else "what was waited for"
                raise AssertionError(f"{wanted} did not come in time; there are {len(records)} records: {records[-3:]}")
            time.sleep(0.005)


def run_source(
    connector: type[SourceConnector],
    config: Mapping[str, str],
    until: Until,
    *,
    resume: SourceRun | None = None,
    **options: Any,
) -> SourceRun:
    """Run a source until that many *further* records are in the log (or the condition holds for all of them), then stop it.

    `resume`: an earlier run, whose log and offsets are gone on with. `options`: as for `SourceRun`. What a task fails with is raised."""
    if resume is not None:
        options.setdefault("log", resume.log)
        options.setdefault("name", resume.name)
    run = SourceRun(connector, config, **options)
    before = len(run.records)
    with run:
        run.wait(before + until if isinstance(until, int) else until)
    return run
