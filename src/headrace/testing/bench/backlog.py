"""Changes that wait in slots, and what it takes to get them into a log: the way that `catchup`, `transform` and `cliff` measure.

The changes are made once, with a slot for every run there will be, so that all runs and the limits read the same WAL. Contenders
take turns: what the machine does meanwhile meets all of them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from headrace.errors import ConnectException
from headrace.testing.bench import limits
from headrace.testing.bench.figures import Run, medians, say
from headrace.testing.bench.meter import Meter
from headrace.testing.bench.rig import Rig
from headrace.testing.bench.server_meter import OTHER, WALSENDER, ServerMeter

CONNECTOR = "src"


class Made(NamedTuple):
    """`changes`: of rows; `records`: what a source without transforms makes of them."""

    changes: int
    records: int


class Work(Protocol):
    """Tables of the source database and changes to them."""

    publication: str
    tables: str
    """For table.include.list."""
    topic: str
    """Where a source with the prefix `bench` puts its records."""

    def create(self) -> None:
        """Tables, rows, publication."""

    def make(self) -> Made:
        """Make the changes."""

    def mark(self) -> str:
        """One more change, to end with, and a text of its row that is nowhere else."""


@dataclass(frozen=True)
class Variant:
    """`records`: how many records come of what was made (with the row that marks the end); without it as many as there were."""

    name: str
    worker: Mapping[str, str] = field(default_factory=dict)
    connector: Mapping[str, str] = field(default_factory=dict)
    records: Callable[[Made], int] | None = None


class Backlog:
    """`runs` of each variant, and of the limits, over the same changes; see `run`."""

    def __init__(
        self,
        rig: Rig,
        work: Work,
        variants: Sequence[Variant],
        runs: int,
        *,
        limits: bool = True,
        between: Callable[[int, Made], None] | None = None,
    ) -> None:
        """`between`: called in every turn behind the first variant, with the number of the run."""
        self._rig = rig
        self._work = work
        self._variants = variants
        self._runs = runs
        self._limits = limits
        self._between = between
        self.results: dict[str, list[Run]] = {variant.name: [] for variant in variants}
        self._limit_runs: list[Run] = []
        self.made = Made(0, 0)

    @property
    def limits(self) -> dict[str, float]:
        """Medians of pg_recvlogical's and the raw reader's figures."""
        return medians(self._limit_runs)

    def run(self) -> None:
        """Make the changes and let all take their turns. ConnectException BENCH_NOT_EQUAL when a log has not what it should."""
        rig, work = self._rig, self._work
        for slot in self._slots():
            rig.source.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [slot])
        begun = time.monotonic()
        rig.source.execute("SET synchronous_commit = off")
        made = work.make()
        marker = work.mark()
        self.made = Made(made.changes + 1, made.records + 1)
        row = rig.source.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
        end = row[0] if row else "0/0"
        rig.write_behind()
        rig.source.execute("SET synchronous_commit = on")
        rig.settle()
        say(f"{self.made.changes} changes made in {time.monotonic() - begun:.1f} s")
        for number in range(self._runs):
            if self._limits:
                self._limit_runs.append(self._limit(number, end, marker))
            for place, variant in enumerate(self._variants):
                self.results[variant.name].append(self._once(variant, number))
                if place == 0 and self._between is not None:
                    self._between(number, self.made)
        for slot in self._slots():
            rig.drop_slot(slot)

    # ---- inside ---------------------------------------------------------------------------------
    def _slots(self) -> list[str]:
        kinds = [variant.name for variant in self._variants] + (["raw", "lazy"] if self._limits else [])
        return [_slot(kind, number) for kind in kinds for number in range(self._runs)]

    def _limit(self, number: int, end: str, marker: str) -> Run:
        changes = self.made.changes
        with ServerMeter(self._rig.server.pid) as server:
            raw = limits.recvlogical(self._rig.server, _slot("raw", number), self._work.publication, end)
        run = _rates("recvlogical", changes, raw.wall_s, raw.cpu_s, server.cpu_s(WALSENDER))
        with ServerMeter(self._rig.server.pid) as server:
            lazy = limits.lazy_read(self._rig.server, _slot("lazy", number), self._work.publication, marker)
        run |= _rates("lazy_read", changes, lazy.wall_s, lazy.cpu_s, server.cpu_s(WALSENDER))
        run["stream_mb"] = lazy.stream_bytes / 1e6
        say(f"  run {number + 1}: pg_recvlogical {raw.wall_s:.2f} s, lazy read {lazy.wall_s:.2f} s")
        return run

    def _once(self, variant: Variant, number: int) -> Run:
        rig, work, changes = self._rig, self._work, self.made.changes
        wanted = self.made.records if variant.records is None else variant.records(self.made)
        worker = rig.worker(variant.worker)
        try:
            slot = _slot(variant.name, number)
            config = {"slot.name": slot, "publication.name": work.publication, "table.include.list": work.tables}
            config |= {"snapshot.mode": "no_data", **variant.connector}
            worker.create_stopped(CONNECTOR, rig.source_config(**config))
            watch = rig.watch(worker.pid, CONNECTOR, variant.name)
            with Meter(worker.pid) as used, ServerMeter(rig.server.pid) as server, watch:
                begun = time.monotonic()
                worker.resume(CONNECTOR)
                worker.until(lambda: worker.end_offset(work.topic) > 0, "the first record", (CONNECTOR,))
                first = time.monotonic()
                worker.until(lambda: worker.end_offset(work.topic) >= wanted, "all records", (CONNECTOR,))
                ended = time.monotonic()
            there = worker.end_offset(work.topic)
            if there != wanted:
                raise ConnectException(f"{there} records in the log, not {wanted}.", code="BENCH_NOT_EQUAL")
        finally:
            worker.close()
        cpu = used.cpu_s()
        million = 1_000_000 / changes
        say(f"  run {number + 1}: {variant.name} {ended - begun:.2f} s")
        return {
            "catchup_events_per_s": changes / (ended - begun),
            "records_per_s": self.made.records / (ended - begun),
            "catchup_wall_s": ended - begun,
            "start_to_first_record_s": first - begun,
            "source_cpu_s_per_million": sum(s for name, s in cpu.items() if f"-{CONNECTOR} task" in name) * million,
            "connector_cpu_s_per_million": sum(cpu.values()) * million,
            "walsender_cpu_s_per_million": server.cpu_s(WALSENDER) * million,
            "server_other_cpu_s_per_million": server.cpu_s(OTHER) * million,
            "source_task_peak_pss_mb": used.peak_mb(f"-{CONNECTOR} task"),
            "all_peak_pss_mb": used.peak_total_mb,
        }


def _slot(kind: str, number: int) -> str:
    return f"{re.sub('[^a-z0-9]', '_', kind)}_{number}"


def _rates(prefix: str, changes: int, wall_s: float, cpu_s: float, walsender_s: float) -> dict[str, float]:
    million = 1_000_000 / changes
    return {
        f"{prefix}_events_per_s": changes / wall_s,
        f"{prefix}_wall_s": wall_s,
        f"{prefix}_cpu_s_per_million": cpu_s * million,
        f"{prefix}_walsender_cpu_s_per_million": walsender_s * million,
    }
