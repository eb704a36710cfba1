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


def _put(
    client: ConnectClient, name: str, config: Mapping[str, str | None], initial_state: str | None
) -> tuple[bool, Connector]:
    if initial_state is not None:
        return True, client.create(name, config, initial_state=initial_state.upper())
    return client.put_config(name, config)


def diff(current: Mapping[str, str], desired: Mapping[str, str | None]) -> list[str]:
    """One line per key that differs: `+ key = value`, `- key = value`, `~ key: old -> new`; secrets hidden."""
    lines = []
    for key in sorted({*current, *desired}):
        if key not in desired:
            lines.append(f"- {key} = {output.shown_value(key, current[key])}")
        elif key not in current:
            lines.append(f"+ {key} = {output.shown_value(key, desired[key])}")
        elif current[key] != desired[key]:
            lines.append(f"~ {key}: {output.shown_value(key, current[key])} -> {output.shown_value(key, desired[key])}")
    return lines


@connectors.command()
@files_argument
@client_options
def validate(url: str, auth: str | None, cacert: str | None, as_json: bool, files: tuple[str, ...]) -> None:
    """Let the cluster validate connector FILEs; creates nothing. Exit code 6 when there are errors."""
    found = [read_connector(path) for path in files]
    count = 0
    with open_client(url, auth, cacert) as client:
        for file in found:
            result = client.validate({**file.config, **({"name": file.name} if file.name else {})})
            count += result.error_count
            if as_json:
                output.print_json(result.raw)
                continue
            click.echo(f"{file.name or file.path}: {result.error_count} error(s)")
            if result.errors:
                output.print_table(
                    ("key", "error"), [(key, text) for key, texts in result.errors.items() for text in texts]
                )
    if count:
        raise ConfigException(f"Validation found {count} error(s).", code="CONNECTOR_CONFIG_INVALID")


@connectors.command()
@names_argument
@click.option("--tasks", "--include-tasks", "include_tasks", is_flag=True, help="Restart the tasks as well.")
@click.option("--only-failed", is_flag=True, help="Only what has failed.")
@click.option("--task", type=int, help="This task alone.")
@wait_options
@client_options
def restart(
    url: str,
    auth: str | None,
    cacert: str | None,
    as_json: bool,
    names: tuple[str, ...],
    include_tasks: bool,
    only_failed: bool,
    task: int | None,
    wanted: str | None,
    timeout_s: float,
) -> None:
    """Restart connectors; without options the connector alone, not its tasks."""
    if task is not None and (include_tasks or only_failed):
        raise click.UsageError("--task restarts one task; --tasks and --only-failed do not go with it.")
    with open_client(url, auth, cacert) as client:
        for name in names:
            plan = None
            if task is not None:
                client.restart_task(name, task)
            else:
                plan = client.restart(name, include_tasks=include_tasks, only_failed=only_failed)
            if as_json and plan is not None:
                output.print_json(plan.raw)
            elif not as_json:
                click.echo(f"{name}: restarted")
            if wanted:
                wait_for(client, name, wanted, timeout_s)


def _state_command(name: str, done: str, text: str, call: Callable[[ConnectClient, str], None]) -> None:
    @connectors.command(name, help=text)
    @names_argument
    @wait_options
    @client_options
    def command(
        url: str,
        auth: str | None,
        cacert: str | None,
        as_json: bool,
        names: tuple[str, ...],
        wanted: str | None,
        timeout_s: float,
    ) -> None:
        with open_client(url, auth, cacert) as client:
            for connector in names:
                call(client, connector)
                if not as_json:
                    click.echo(f"{connector}: {done}")
                if wanted:
                    wait_for(client, connector, wanted, timeout_s)


_state_command("pause", "paused", "Pause connectors; their tasks stay in place.", ConnectClient.pause)
_state_command("resume", "resumed", "Resume connectors that are paused or stopped.", ConnectClient.resume)
_state_command("stop", "stopped", "Stop connectors; their tasks end, their offsets can be changed.", ConnectClient.stop)


@connectors.command()
@names_argument
@client_options
def delete(url: str, auth: str | None, cacert: str | None, as_json: bool, names: tuple[str, ...]) -> None:
    """Delete connectors. Their offsets are kept, so that a connector of the same name goes on where this one ended."""
    with open_client(url, auth, cacert) as client:
        for name in names:
            client.delete(name)
            if not as_json:
                click.echo(f"{name}: deleted")
