"""run_demo: a shop under load, copied into a second PostgreSQL database and into Redis, and compared row by row."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psycopg
import redis as redis_py
from rich.box import SIMPLE_HEAD
from rich.table import Table

from headrace.errors import HeadraceError
from headrace.testing.demo.compare import (
    Column,
    Comparison,
    Rows,
    columns_of,
    compare,
    redis_rows,
    source_rows,
    warehouse_rows,
)
from headrace.testing.demo.files import SINK_POSTGRES, SINK_REDIS, SOURCE, write_files
from headrace.testing.demo.shop import SCHEMA, TABLES, first_rows
from headrace.testing.demo.watch import Display, Watcher
from headrace.testing.demo.worker import WorkerProcess, command
from headrace.testing.servers import PostgresServer, RedisServer, ServerProcess, free_port

CONNECTORS = (SOURCE, SINK_POSTGRES, SINK_REDIS)
TARGETS = ("PostgreSQL", "Redis")


def run_demo(
    keep: bool = False, *, load_s: float = 15.0, transactions_per_s: float = 250.0, catch_up_s: float = 60.0
) -> int:
    """Run the demo; 0 when both targets equal the source, 1 when not or when something failed.

    `keep`: afterwards leave everything running until Ctrl-C. `load_s`: seconds of load while the pipeline runs.
    Nothing is left behind but with `keep`, and then until its end."""
    with ExitStack() as stack, Display() as display:
        try:
            demo = _Demo(stack, display)
            demo.set_up()
            demo.replicate(load_s, transactions_per_s)
            results = demo.settle(catch_up_s)
        except HeadraceError as error:
            display.say(f"The demo failed. {error}")
            return 1
        except KeyboardInterrupt:
            return 130
        display.__exit__()
        equal = demo.summarise(results)
        if keep:
            demo.keep_running()
        return 0 if equal else 1


class _Demo:
    def __init__(self, stack: ExitStack, display: Display) -> None:
        self._stack = stack
        self._display = display
        self._begun = time.monotonic()
        self._load_result: dict[str, float] = {}

    def set_up(self) -> None:
        say, enter = self._display.say, self._stack.enter_context
        self._folder = Path(tempfile.mkdtemp(prefix="headrace-demo-"))
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._postgres = enter(PostgresServer(password="demo-only"))
        self._redis = enter(RedisServer())
        say(f"PostgreSQL on port {self._postgres.port}, Redis protocol on port {self._redis.port}.")
        for database in ("shop", "warehouse"):
            self._postgres.create_database(database)
        with self._postgres.connect("shop") as connection:
            connection.execute(SCHEMA)
            connection.execute(first_rows().encode())
            connection.execute("ANALYZE")
        self._shop = enter(self._postgres.connect("shop"))
        self._warehouse = enter(self._postgres.connect("warehouse"))
        self._cache = enter(redis_py.Redis(host=self._redis.host, port=self._redis.port))
        self._watcher = Watcher(self._shop, self._warehouse, self._cache)
        say(f"The shop has {sum(self._watcher.look().source.values()):,} rows in {len(TABLES)} tables.")

    def replicate(self, load_s: float, transactions_per_s: float) -> None:
        """Start the load, then the worker: the snapshot is taken while the shop is written to."""
        self._start_load(transactions_per_s)
        port = free_port()
        files = write_files(self._folder, self._postgres, self._redis, port)
        self._display.say(f"$ headrace standalone {' '.join(path.name for path in files)}")
        self._worker = WorkerProcess(files, port, self._folder / "worker.log")
        self._stack.callback(self._worker.stop)
        self._worker.wait_up()
        self._worker.wait_running(CONNECTORS)
        end = time.monotonic() + load_s
        while time.monotonic() < end:
            self._display.show(self._watcher.look(), "under load")
            self._check()
            time.sleep(0.25)

    def settle(self, deadline_s: float) -> list[Comparison]:
        """End the load, wait until the targets have everything, compare. The last comparison when the time is over."""
        self._stop_load()
        deadline = time.monotonic() + deadline_s
        while True:
            view = self._watcher.look()
            self._display.show(view, "catching up")
            self._check()
            late = time.monotonic() > deadline
            if late or (view.counts_equal and not view.lag_s):
                results = self._compare()
                if late or all(result.equal for result in results):
                    return results
            time.sleep(0.25)

    def summarise(self, results: list[Comparison]) -> bool:
        """Print what was compared; True when everything is equal."""
        table = Table(
            title="Source and targets, compared value by value", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True
        )
        for name in ("table", "target"):
            table.add_column(name, no_wrap=True)
        for name in ("source", "rows", "missing", "extra", "differ"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        for r in results:
            verdict = "[green]equal[/]" if r.equal else "[red]DIFFERS[/]"
            numbers = (r.source_rows, r.target_rows, r.missing, r.extra, r.changed)
            table.add_row(r.table, r.target, *(f"{n:,}" for n in numbers), verdict)
        self._display.console.print(table)
        for r in results:
            for difference in r.differences:
                self._display.say(f"{r.target} {r.table}: {difference}")
        load = self._load_result
        self._display.say(
            f"Load: {load['changes']:,.0f} changes in {load['transactions']:,.0f} transactions, {load['rolled_back']:,.0f} "
            f"transactions rolled back, {load['seconds']:.0f} s. Whole run: {time.monotonic() - self._begun:.0f} s."
        )
        equal = all(r.equal for r in results)
        self._display.say("Both targets equal the source." if equal else "The targets do NOT equal the source.")
        return equal

    def keep_running(self) -> None:
        """Say what to try, keep the load going, wait for Ctrl-C."""
        self._start_load(20)
        url, program, psql = self._worker.url, _short(command()[0]), _short(str(self._postgres.bin_dir / "psql"))
        self._display.say(
            f"""
Everything keeps running, with a little load, until Ctrl-C. Try:

  curl {url}/connectors?expand=status
  curl {url}/connectors/{SOURCE}/offsets
  curl {url}/metrics
  curl -X PUT {url}/connectors/{SINK_REDIS}/pause
  export HEADRACE_URL={url}
  {program} connectors list
  {program} connectors describe {SINK_POSTGRES}
  {program} connectors offsets get {SOURCE}
  {psql} {self._postgres.dsn("shop")}
  {psql} {self._postgres.dsn("warehouse")}
  redis-cli -p {self._redis.port} hgetall customers:1

The connectors' files are in {self._folder}, the worker's log is {self._folder / "worker.log"}."""
        )
        try:
            while self._worker.process.running():
                time.sleep(0.5)
            self._display.say(f"The worker has ended: {self._worker.process.log_tail()}")
        except KeyboardInterrupt:
            self._display.say("Ending.")

    # ---- inside ---------------------------------------------------------------------------------
    def _start_load(self, transactions_per_s: float) -> None:
        self._load_log = self._folder / "load.log"
        self._load_log.unlink(missing_ok=True)
        self._load = ServerProcess(
            [
                *(sys.executable, "-m", "headrace.testing.demo.load"),
                *(self._postgres.dsn("shop"), str(transactions_per_s), "7"),
            ],
            log_path=self._load_log,
        )
        self._stack.callback(self._load.end)

    def _stop_load(self) -> None:
        code = self._load.end(signal.SIGTERM, 20)
        if code != 0:
            raise subprocess.CalledProcessError(code, "load", self._load.log_tail())
        self._load_result = json.loads(self._load_log.read_text().splitlines()[-1])

    def _check(self) -> None:
        for name in CONNECTORS:
            self._worker.state(name)

    def _compare(self) -> list[Comparison]:
        results = []
        for table in TABLES:
            columns = columns_of(self._shop, table)
            expected = source_rows(self._shop, table, columns)
            readers: tuple[Callable[[], Rows], ...] = (
                partial(warehouse_rows, self._warehouse, table, columns),
                partial(redis_rows, self._cache, self._shop, table, columns),
            )
            for target, read in zip(TARGETS, readers, strict=True):
                results.append(_try(target, table, expected, read, columns))
        return results


def _try(target: str, table: str, expected: Rows, read: Callable[[], Rows], columns: list[Column]) -> Comparison:
    try:
        return compare(target, table, expected, read(), columns)
    except psycopg.DataError as error:  # the target holds a value that is none of the source's type
        return Comparison(target, table, len(expected), 0, changed=len(expected), differences=[str(error)])


def _short(path: str) -> str:
    """A path as one would type it here."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
