"""`headrace connectors offsets`: see, change and reset the positions of a connector."""

from __future__ import annotations

import json

import click

from headrace.cli import output
from headrace.cli.connectors import connectors, name_argument
from headrace.cli.files import read_text
from headrace.cli.options import client_options, open_client
from headrace.client.models import Offset
from headrace.errors import ConfigException


@connectors.group()
def offsets() -> None:
    """A connector's positions: in the source's log, or in the topics of a sink."""


@offsets.command("get")
@name_argument
@client_options
def get(url: str, auth: str | None, cacert: str | None, as_json: bool, name: str) -> None:
    """Show the offsets committed."""
    with open_client(url, auth, cacert) as client:
        found = client.offsets(name)
    if as_json:
        output.print_json({"offsets": [{"partition": item.partition, "offset": item.offset} for item in found]})
        return
    rows = [(_compact(item.partition), _compact(item.offset)) for item in found]
    output.print_table(("partition", "offset"), rows, empty="No offsets.")


@offsets.command("alter")
@name_argument
@click.argument("file", metavar="FILE")
@client_options
def alter(url: str, auth: str | None, cacert: str | None, as_json: bool, name: str, file: str) -> None:
    """Write the offsets of FILE (the JSON that `offsets get --json` prints; - for standard input). The connector must be stopped."""
    wanted = _read(file)
    with open_client(url, auth, cacert) as client:
        _print_message(client.alter_offsets(name, wanted), as_json=as_json)


@offsets.command("reset")
@name_argument
@client_options
def reset(url: str, auth: str | None, cacert: str | None, as_json: bool, name: str) -> None:
    """Forget all offsets. The connector must be stopped."""
    with open_client(url, auth, cacert) as client:
        _print_message(client.reset_offsets(name), as_json=as_json)


def _print_message(message: str, *, as_json: bool) -> None:
    if as_json:
        output.print_json({"message": message})
    else:
        click.echo(message)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _read(file: str) -> list[Offset]:
    try:
        found = json.loads(read_text(file))
        return [Offset.of(item) for item in found["offsets"]]
    except (ValueError, KeyError, TypeError):
        raise ConfigException(
            f"{file} holds no offsets.",
            code="FILE_MALFORMED",
            remedy='Use {"offsets": [{"partition": {…}, "offset": {…}}]}.',
        ) from None
