"""`headrace plugins`: what a cluster has installed, and the settings of a plugin."""

from __future__ import annotations

import click

from headrace.cli import output
from headrace.cli.options import client_options, open_client


@click.group()
def plugins() -> None:
    """Plugins of a cluster."""


@plugins.command("list")
@click.option("--all", "everything", is_flag=True, help="Transforms, predicates and converters as well as connectors.")
@client_options
def list_(url: str, auth: str | None, cacert: str | None, as_json: bool, everything: bool) -> None:
    """List the connectors installed."""
    with open_client(url, auth, cacert) as client:
        found = client.plugins(connectors_only=not everything)
    if as_json:
        output.print_json([plugin.raw for plugin in found])
    else:
        output.print_table(("type", "class", "version"), [(item.type, item.class_name, item.version) for item in found])


@plugins.command()
@click.argument("plugin")
@client_options
def describe(url: str, auth: str | None, cacert: str | None, as_json: bool, plugin: str) -> None:
    """Show the settings of PLUGIN: a class name, simple name or alias."""
    with open_client(url, auth, cacert) as client:
        found = client.plugin_config(plugin)
    if as_json:
        output.print_json(found)
        return
    rows = [
        (
            key["name"],
            key["type"],
            "required" if key["required"] else key["default_value"],
            key.get("importance"),
            key.get("documentation"),
        )
        for key in found
    ]
    output.print_table(("key", "type", "default", "importance", "meaning"), rows, empty="No settings.")
