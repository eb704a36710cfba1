"""What the demo sees while it runs: rows per table on each side, rates, lag; as a live table or, without a terminal, as lines."""

from __future__ import annotations

import sys
import time
from collections import deque
from dataclasses import dataclass, field

import psycopg
import redis as redis_py
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from headrace.testing.demo.shop import TABLES

SLOT = "headrace_demo"


@dataclass(slots=True)
class View:
    """One look at source and targets. Rates are changes per second since the look before; lags None while unknown."""

    seconds: float
    source: dict[str, int]
    warehouse: dict[str, int]
    cache: dict[str, int]
    source_per_s: float
    warehouse_per_s: float
    lag_bytes: int | None
    lag_s: float | None

    @property
    def counts_equal(self) -> bool:
        return self.source == self.warehouse == self.cache


@dataclass(slots=True)
class Watcher:
    """Looks through connections of its own."""

    shop: psycopg.Connection
    warehouse: psycopg.Connection
    cache: redis_py.Redis
    begun: float = field(default_factory=time.monotonic)
    _past: deque[tuple[float, int, int]] = field(default_factory=deque)

    def look(self) -> View:
        now = time.monotonic()
        source, warehouse = _counts(self.shop), _counts(self.warehouse)
        cache = dict.fromkeys(TABLES, 0)
        for key in self.cache.scan_iter(match="[cpio]*:*", count=10_000):
            table = key.partition(b":")[0].decode()
            if table in cache:
                cache[table] += 1
        written, arrived = _changes(self.shop), _changes(self.warehouse)
        # The server adds up its statistics about once a second, so a rate needs a longer look back.
        self._past.append((now, written, arrived))
        while len(self._past) > 2 and self._past[1][0] < now - 2.5:
            self._past.popleft()
        then, written_then, arrived_then = self._past[0]
        seconds = max(now - then, 0.1)
        rates = ((written - written_then) / seconds, (arrived - arrived_then) / seconds)
        return View(now - self.begun, source, warehouse, cache, *rates, self._lag_bytes(), self._lag_s())

    def _lag_bytes(self) -> int | None:
        row = self.shop.execute(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint FROM pg_replication_slots WHERE slot_name = %s",
            [SLOT],
        ).fetchone()
        return None if row is None else row[0]

    def _lag_s(self) -> float | None:
        """How much younger the youngest order of the source is than the target's."""
        try:
            (theirs,) = self.warehouse.execute("SELECT max(updated_at)::timestamptz FROM orders").fetchone() or (None,)
        except psycopg.errors.UndefinedTable:
            return None
        (ours,) = self.shop.execute("SELECT max(updated_at) FROM orders").fetchone() or (None,)
        return None if ours is None or theirs is None else max(0.0, (ours - theirs).total_seconds())


def _counts(connection: psycopg.Connection) -> dict[str, int]:
    counts = {}
    for table in TABLES:
        there = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"public.{table}"]).fetchone()
        count = connection.execute(f"SELECT count(*) FROM {table}").fetchone() if there and there[0] else None
        counts[table] = count[0] if count else 0
    return counts


def _changes(connection: psycopg.Connection) -> int:
    row = connection.execute(
        "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_user_tables WHERE relname = ANY(%s)",
        [list(TABLES)],
    ).fetchone()
    return 0 if row is None else row[0]


class Display:
    """Shows views. On a terminal a table that stays in its place, else a line about every two seconds."""

    def __init__(self) -> None:
        self.console = Console(file=sys.stdout, highlight=False)
        self._live = (
            Live(console=self.console, refresh_per_second=4, transient=True) if self.console.is_terminal else None
        )
        self._last_line = 0.0

    def __enter__(self) -> Display:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        self.console.print(text, soft_wrap=True, markup=False)

    def show(self, view: View, phase: str) -> None:
        if self._live:
            self._live.update(Group(_table(view), Text(f"{phase}   {_summary(view)}")))
        elif time.monotonic() - self._last_line >= 2:
            self._last_line = time.monotonic()
            rows = [sum(side.values()) for side in (view.source, view.warehouse, view.cache)]
            self.console.print(
                f"{view.seconds:5.1f} s  {phase:<11} rows {rows[0]} → {rows[1]} | {rows[2]}  {_summary(view)}",
                soft_wrap=True,
            )


def _summary(view: View) -> str:
    lag_bytes = "–" if view.lag_bytes is None else f"{view.lag_bytes / 1024:,.0f} KiB"
    lag_s = "–" if view.lag_s is None else f"{view.lag_s:.2f} s"
    return f"written {view.source_per_s:,.0f}/s  arriving {view.warehouse_per_s:,.0f}/s  lag {lag_bytes}, {lag_s}"


def _table(view: View) -> Table:
    table = Table(title="shop → log → warehouse, cache")
    table.add_column("table")
    for name in ("source rows", "PostgreSQL", "Redis"):
        table.add_column(name, justify="right")
    for name in TABLES:
        counts = (view.source[name], view.warehouse[name], view.cache[name])
        style = "green" if len(set(counts)) == 1 else "yellow"
        table.add_row(name, *(f"{count:,}" for count in counts), style=style)
    return table
