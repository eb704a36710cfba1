"""`headrace demo`: the product in a minute, with real servers."""

from __future__ import annotations

import click


@click.command()
@click.option("--keep", is_flag=True, help="Leave everything running, with the REST interface up.")
def demo(keep: bool) -> int:
    """Start a PostgreSQL with a small shop under load, replicate it into PostgreSQL and Redis, and compare row by row."""
    from headrace.testing.demo import run_demo

    return run_demo(keep=keep)
