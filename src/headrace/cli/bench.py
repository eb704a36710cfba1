"""`headrace bench`: measurements with servers of its own."""

from __future__ import annotations

import json

import click


@click.group()
def bench() -> None:
    """Measure this machine; nothing is needed but the package."""


@bench.command()
@click.option("--rows", default=100_000, show_default=True, help="Rows of the snapshot.")
@click.option("--changes", default=200_000, show_default=True, help="Changes to catch up with.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
def pipeline(rows: int, changes: int, as_json: bool) -> None:
    """PostgreSQL to the embedded log to PostgreSQL: rates, latency, memory, CPU."""
    from headrace.testing.bench import run_pipeline_bench

    result = run_pipeline_bench(rows=rows, changes=changes)
    if as_json:
        click.echo(json.dumps(result))
        return
    from headrace.cli.output import print_table

    metrics = result.get("metrics", {})
    print_table(
        ("metric", "value"),
        [(name, f"{value:,.4g}" if isinstance(value, float) else value) for name, value in metrics.items()],
    )
