"""`headrace loggers`: see and set log levels while a worker runs."""

from __future__ import annotations

import click

from headrace.cli import output
from headrace.cli.options import client_options, open_client


@click.group()
def loggers() -> None:
    """Log levels of a worker."""


@loggers.command("list")
@client_options
def list_(url: str, auth: str | None, cacert: str | None, as_json: bool) -> None:
    """List loggers and levels."""
    with open_client(url, auth, cacert) as client:
        found = client.loggers()
    if as_json:
        output.print_json({item.name: {"level": item.level, "last_modified": item.last_modified} for item in found})
    else:
        output.print_table(("logger", "level"), [(item.name, item.level) for item in found])


@loggers.command("set")
@click.argument("logger")
@click.argument("level")
@click.option("--cluster", is_flag=True, help="On all workers, not only the one asked.")
@client_options
def set_(url: str, auth: str | None, cacert: str | None, as_json: bool, logger: str, level: str, cluster: bool) -> None:
    """Set the LEVEL (OFF, FATAL, ERROR, WARN, INFO, DEBUG, TRACE) of LOGGER and those below it; `root` for all."""
    with open_client(url, auth, cacert) as client:
        affected = client.set_level(logger, level.upper(), cluster=cluster)
    if as_json:
        output.print_json(affected)
    else:
        click.echo(f"{logger}: {level.upper()}" + (f" ({len(affected)} loggers)" if affected else ""))
