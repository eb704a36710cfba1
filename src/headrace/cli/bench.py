"""`headrace bench`: measurements with servers of its own."""

from __future__ import annotations

import json

import click

from headrace.cli.kit import kit_function


@click.group()
def bench() -> None:
    """Measure this machine; nothing is needed but the package."""


@bench.command()
@click.option("--rows", default=300_000, show_default=True, help="Rows of the snapshot.")
@click.option("--changes", default=300_000, show_default=True, help="Changes to catch up with, each repetition.")
@click.option("--reps", default=3, show_default=True, help="Repetitions of the catch-up; two or more show the noise.")
@click.option("--rate", default=1000.0, show_default=True, help="Changes per second of the latency case.")
@click.option("--latency-seconds", default=10.0, show_default=True, help="How long latency is measured.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per case and line.")
def pipeline(rows: int, changes: int, reps: int, rate: float, latency_seconds: float, as_json: bool) -> None:
    """PostgreSQL to the embedded log to PostgreSQL: rates, latency, memory, CPU."""
    run_pipeline_bench = kit_function("bench", "run_pipeline_bench")
    cases = run_pipeline_bench(rows, changes, reps=reps, rate=rate, latency_s=latency_seconds)
    if as_json:
        for case in cases:
            click.echo(json.dumps(case))
        return
    from headrace.cli.output import print_table

    figures = [(case["case"], name, value) for case in cases for name, value in case["metrics"].items()]
    print_table(("case", "metric", "value"), [(case, name, f"{value:,.6g}") for case, name, value in figures])
