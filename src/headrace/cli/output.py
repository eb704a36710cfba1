"""Printing: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_WIDTH: Final = 10_000
_SECRET_WORDS: Final = (
    "password",
    "secret",
    "token",
    "credential",
    "passphrase",
    "jaas",
    "private.key",
    "apikey",
    "api.key",
)
_COLOURS: Final = {
    "RUNNING": "green", "PAUSED": "yellow", "STOPPED": "yellow", "FAILED": "bold red", "UNASSIGNED": "magenta", "RESTARTING": "cyan",
    "used": "green", "defaulted": "dim", "ignored": "yellow", "unknown": "yellow", "refused": "bold red",
}  # fmt: skip


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def console() -> Console:
    """A console on standard output; lines are never broken when it is no terminal."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(width=width, highlight=False, markup=False, emoji=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "Nothing to show.") -> None:
    """A table without frame; None shows as a dash; states are coloured on terminals."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column.upper(), overflow="fold")
    found = False
    for row in rows:
        found = True
        table.add_row(*(Text(_cell(value), style=_COLOURS.get(str(value), "")) for value in row))
    if not found:
        click.echo(empty)
        return
    printer = console()
    if printer.is_terminal:
        printer.print(table)
        return
    with printer.capture() as captured:
        printer.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _cell(value: Any) -> str:
    return "-" if value is None else str(value)


def shown_value(key: str, value: str | None) -> str:
    """A configuration value for people: what looks like a secret is hidden, unless it is a reference to one."""
    if value is None:
        return "null"
    if any(word in key.lower() for word in _SECRET_WORDS) and value and "${" not in value:
        return "[hidden]"
    return value


def print_config(config: Mapping[str, str]) -> None:
    print_table(("key", "value"), [(key, shown_value(key, config[key])) for key in sorted(config)])
