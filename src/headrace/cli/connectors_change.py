"""`headrace connectors`: create, apply, validate, restart, pause, resume, stop, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import click

from headrace.cli import output
from headrace.cli.connectors import connectors
from headrace.cli.files import ConnectorFile, read_connector
from headrace.cli.options import client_options, complete_connector, open_client
from headrace.cli.waiting import wait_for, wait_options
from headrace.client.connect import ConnectClient
from headrace.client.models import Connector
from headrace.errors import ConfigException, NotFoundException

files_argument = click.argument("files", metavar="FILE...", nargs=-1, required=True)
names_argument = click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_connector)


@connectors.command()
@files_argument
@click.option(
    "--initial-state",
    type=click.Choice(["running", "paused", "stopped"], case_sensitive=False),
    help="The state to start in.",
)
@wait_options
@client_options
def create(
    url: str,
    auth: str | None,
    cacert: str | None,
    as_json: bool,
    files: tuple[str, ...],
    initial_state: str | None,
    wanted: str | None,
    timeout_s: float,
) -> None:
    """Create connectors from FILEs: JSON ({"name", "config"} or flat), properties, or - for standard input."""
    found = [read_connector(path) for path in files]
    with open_client(url, auth, cacert) as client:
        for file in found:
            name = file.required_name()
            state = initial_state or file.initial_state
            info = client.create(name, file.config, initial_state=state.upper() if state else None)
            if as_json:
                output.print_json(info.raw)
            else:
                click.echo(f"{name}: created")
            if wanted:
                wait_for(client, name, wanted, timeout_s)


@connectors.command()
@files_argument
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@wait_options
@client_options
def apply(
    url: str,
    auth: str | None,
    cacert: str | None,
    as_json: bool,
    files: tuple[str, ...],
    dry_run: bool,
    wanted: str | None,
    timeout_s: float,
) -> None:
    """Create connectors, or update those whose configuration differs; shows the keys that change.

    A connector whose configuration is the same is left alone, as writing it again would restart it.
    """
    found = [read_connector(path) for path in files]
    with open_client(url, auth, cacert) as client:
        for file in found:
            _apply(client, file, as_json=as_json, dry_run=dry_run)
            if wanted and not dry_run:
                wait_for(client, file.required_name(), wanted, timeout_s)


def _apply(client: ConnectClient, file: ConnectorFile, *, as_json: bool, dry_run: bool) -> None:
    name = file.required_name()
    desired = {**file.config, "name": name}
    try:
        current: Mapping[str, str] | None = client.config(name)
    except NotFoundException:
        current = None
    changes = diff(current or {}, desired)
    if current is not None and not changes:
        verb = "unchanged"
        answer = None if not as_json else client.connector(name).raw
    elif dry_run:
        verb = "would be created" if current is None else "would be updated"
        answer = None
    else:
        created, info = _put(client, name, desired, file.initial_state if current is None else None)
        verb, answer = "created" if created else "updated", info.raw
    if as_json and answer is not None:
        output.print_json(answer)
        return
    click.echo(f"{name}: {verb}")
    for line in changes:
        click.echo(f"  {line}")


def _put(client: ConnectClient, name: str, config: Mapping[str, str | None], initial_state: str | None) -> tuple[bool, Connector]:
