"""`headrace connectors signal` and `notifications`: ask a running connector for something, and see what it told."""

from __future__ import annotations

import datetime as dt
import json

import click

from headrace.cli import output
from headrace.cli.connectors import connectors, name_argument
from headrace.cli.files import read_text
from headrace.cli.options import client_options, open_client
from headrace.errors import ConfigException


@connectors.command()
@name_argument
@click.argument("type")
@click.option("--data", help="JSON of the signal, or @FILE.")
@click.option("--id", help="The signal's id, by which notifications name it; by default a new one.")
@client_options
def signal(
    url: str,
    auth: str | None,
    cacert: str | None,
    as_json: bool,
    name: str,
    type: str,
    data: str | None,
    id: str | None,
) -> None:
    """Send a signal of TYPE (execute-snapshot, stop-snapshot, pause-snapshot, resume-snapshot, log) to a running connector of a headrace
    worker. Its signal.enabled.channels must name jmx."""
    text = read_text(data[1:]) if data is not None and data.startswith("@") else data
    try:
        document = None if text is None else json.loads(text)
    except ValueError as error:
        raise ConfigException(f"--data is no JSON: {error}", field="data", remedy="Correct it.") from None
    with open_client(url, auth, cacert) as client:
        sent = client.signal(name, type, document, id=id)
    if as_json:
        output.print_json({"id": sent})
    else:
        click.echo(f"{name}: signal {sent} sent")


@connectors.command()
@name_argument
@client_options
def notifications(url: str, auth: str | None, cacert: str | None, as_json: bool, name: str) -> None:
    """Show what a connector of a headrace worker told last of its snapshots."""
    with open_client(url, auth, cacert) as client:
        found = client.notifications(name)
    if as_json:
        output.print_json(found)
        return
    rows = []
    for item in found:
        told = item.get("additional_data") or {}
        shown = ", ".join(f"{key}={told[key]}" for key in sorted(told) if key != "connector_name")
        moment = dt.datetime.fromtimestamp(item.get("timestamp", 0) / 1000, dt.UTC)
        rows.append(
            (f"{moment:%Y-%m-%d %H:%M:%S}", item.get("aggregate_type"), item.get("type"), item.get("id"), shown)
        )
    output.print_table(("time", "about", "type", "id", "more"), rows, empty="No notifications.")
