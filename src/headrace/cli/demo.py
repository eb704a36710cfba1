"""`headrace demo`: the product in a minute, with real servers."""

from __future__ import annotations

import click

from headrace.cli.kit import kit_function


@click.command()
@click.option("--keep", is_flag=True, help="Leave everything running, with the REST interface up.")
def demo(keep: bool) -> int:
    """Start a PostgreSQL with a small shop under load, replicate it into PostgreSQL and Redis, and compare row by row."""
    return int(kit_function("demo", "run_demo")(keep=keep))
