"""`headrace new KIND NAME`: a package with a working plugin, its tests, and a pipeline that shows its first record."""

from __future__ import annotations

from pathlib import Path

import click

from headrace.cli.scaffold import KINDS, create


@click.command()
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("name")
@click.option(
    "--dir",
    "folder",
    default=".",
    show_default="here",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder to make the package's folder in.",
)
def new(kind: str, name: str, folder: Path) -> None:
    """Make a package with a connector, transform, predicate or converter of your own.

    It works as it is: README.md has the three commands that install it, test it and show its first record. Nothing that exists is
    overwritten.
    """
    path = create(kind, name, folder)
    click.echo(f"Made {path}. Next:")
    click.echo(f"    cd {path}")
    for line in (path / "README.md").read_text().splitlines():
        if line.startswith("    "):
            click.echo(line)
