"""`headrace bench`: measurements with servers of its own. Results are JSON lines on standard output, all else is on standard error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from headrace.cli.kit import kit_function


@click.group()
def bench() -> None:
    """Measure this machine; nothing is needed but the package.

    One JSON object per case and line on standard output; progress and a readable table on standard error."""


def _common(
    rows: int, rows_help: str, *, repeated: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    options = [click.option("--rows", default=rows, show_default=True, type=click.IntRange(min=1), help=rows_help)]
    if repeated:
        said = "Medians are of so many."
        options.append(click.option("--runs", default=5, show_default=True, type=click.IntRange(min=1), help=said))
    options.append(click.option("--json", "as_json", is_flag=True, help="No table on standard error."))
    folder = click.Path(file_okay=False, path_type=Path)
    options.append(click.option("--save", type=folder, help="A folder to put the results in as well."))

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_only = click.option("--only", multiple=True, metavar="CASE", help="Only this case; may be given more than once.")


@bench.command()
@_common(1_000_000, "Changes that wait in the slot.")
@_only
@click.option(
    "--log",
    type=click.Choice(["embedded", "kafka"]),
    default="embedded",
    show_default=True,
    help="Where the log is; kafka is a broker of its own, which needs Java and Maven.",
)
def catchup(rows: int, runs: int, as_json: bool, save: Path | None, only: tuple[str, ...], log: str) -> None:
    """PostgreSQL to the log: changes that wait in a slot, beside pg_recvlogical."""
    found = kit_function("bench", "run_catchup_bench")(rows, runs=runs, only=only, log=log)
    _show("catchup.kafka" if log == "kafka" else "catchup", found, as_json, save)


@bench.command()
@_common(1_000_000, "Rows of the table.")
@_only
def snapshot(rows: int, runs: int, as_json: bool, save: Path | None, only: tuple[str, ...]) -> None:
    """PostgreSQL to the log: a full table, beside COPY."""
    _show("snapshot", kit_function("bench", "run_snapshot_bench")(rows, runs=runs, only=only), as_json, save)


@bench.command()
@_common(1_000_000, "Rows in the log.")
@_only
def sink(rows: int, runs: int, as_json: bool, save: Path | None, only: tuple[str, ...]) -> None:
    """The log to PostgreSQL and to Redis, beside a staged upsert and commands made beforehand."""
    _show("sink", kit_function("bench", "run_sink_bench")(rows, runs=runs, only=only), as_json, save)


@bench.command()
@_common(300_000, "Changes that wait in the slot.")
@_only
def transform(rows: int, runs: int, as_json: bool, save: Path | None, only: tuple[str, ...]) -> None:
    """Catch-up through a transform written in Python, and through a chain of built-in ones."""
    _show("transform", kit_function("bench", "run_transform_bench")(rows, runs=runs, only=only), as_json, save)


@bench.command()
@_common(300_000, "Rows of the table, and changes that wait in the slot.")
@_only
def settings(rows: int, runs: int, as_json: bool, save: Path | None, only: tuple[str, ...]) -> None:
    """What the sizes of batches and the number of connections do."""
    _show("settings", kit_function("bench", "run_settings_bench")(rows, runs=runs, only=only), as_json, save)


@bench.command()
@_common(1_000_000, "Changes of the base case; the others have about as many bytes.")
@_only
@click.option(
    "--huge-rows", type=click.IntRange(min=1), help="Rows of the one transaction; five times --rows unless told."
)
def cliff(rows: int, runs: int, as_json: bool, save: Path | None, only: tuple[str, ...], huge_rows: int | None) -> None:
    """Catch-up on wide tables, large values, tiny transactions and a huge one."""
    run = kit_function("bench", "run_cliff_bench")
    _show("cliff", run(rows, runs=runs, only=only, huge_rows=huge_rows), as_json, save)


@bench.command()
@_common(1_000_000, "Rows of the table, and changes that wait in the slot.")
@_only
def peer(rows: int, runs: int, as_json: bool, save: Path | None, only: tuple[str, ...]) -> None:
    """Kafka Connect with Debezium beside us: catch-up, snapshot and sink in turns. Needs Java and Maven."""
    _show("peer", kit_function("bench", "run_peer_bench")(rows, runs=runs, only=only), as_json, save)


@bench.command()
@_common(10_000, "Rows of the table.")
@click.option("--rate", default=1000.0, show_default=True, help="Commits per second, of one row each.")
@click.option("--seconds", default=10.0, show_default=True, help="How long they are made.")
@click.option("--idle-seconds", default=10.0, show_default=True, help="How long the idle CPU is measured before.")
def latency(
    rows: int, runs: int, as_json: bool, save: Path | None, rate: float, seconds: float, idle_seconds: float
) -> None:
    """From the commit to the log and to the target's commit, with default settings; and CPU while nothing happens."""
    run = kit_function("bench", "run_latency_bench")
    _show("latency", run(rows, runs=runs, rate=rate, seconds=seconds, idle_s=idle_seconds), as_json, save)


@bench.command()
@_common(1_000_000, "Rows of the snapshot.")
@click.option("--changes", default=1_000_000, show_default=True, help="Changes to catch up with, each run.")
@click.option("--rate", default=1000.0, show_default=True, help="Changes per second of the latency case.")
@click.option("--latency-seconds", default=10.0, show_default=True, help="How long latency is measured.")
def pipeline(
    rows: int, runs: int, as_json: bool, save: Path | None, changes: int, rate: float, latency_seconds: float
) -> None:
    """PostgreSQL to the embedded log to PostgreSQL: rates, latency, memory, CPU."""
    run = kit_function("bench", "run_pipeline_bench")
    _show("pipeline", run(rows, changes, runs=runs, rate=rate, latency_s=latency_seconds), as_json, save)


@bench.command()
@_common(1_000_000, "Rows of the table, and changes that wait in the slot.", repeated=False)
@_only
@click.option(
    "--folder", default="benchmarks/profiles", show_default=True, type=click.Path(file_okay=False, path_type=Path)
)
def profile(rows: int, as_json: bool, save: Path | None, only: tuple[str, ...], folder: Path) -> None:
    """Flame graphs of every path, by py-spy and perf."""
    _show("profile", kit_function("bench", "run_profile_bench")(rows, folder=folder, only=only), as_json, save)


def _show(name: str, cases: Iterable[dict[str, Any]], as_json: bool, save: Path | None) -> None:
    found = list(cases)
    lines = [json.dumps(case) for case in found]
    for line in lines:
        click.echo(line)
    if save is not None:
        save.mkdir(parents=True, exist_ok=True)
        (save / f"{name}.jsonl").write_text("".join(line + "\n" for line in lines))
    if not as_json:
        for case in found:
            for metric, value in _figures(case).items():
                click.echo(f"{case['case']:<18} {metric:<42} {value:>14,.6g}", err=True)


def _figures(case: dict[str, Any]) -> dict[str, float]:
    theirs = {f"peer_{name}": value for name, value in case.get("peer_metrics", {}).items()}
    ratios = {name: value for name, value in case.items() if "ratio" in name}
    shares = {
        f"{tool}, percent: {part}": share
        for tool, found in case.get("shares_percent", {}).items()
        for part, share in found.items()
    }
    return {**case["metrics"], **case.get("limit_metrics", {}), **theirs, **ratios, **shares}
