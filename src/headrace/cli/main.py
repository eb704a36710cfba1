"""The root command. Groups are named here and imported when they are used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Final

import click

from headrace import __version__
from headrace.cli import exits
from headrace.errors import HeadraceError

_COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "standalone": ("standalone:standalone", "Run a worker with these connectors, in the foreground."),
    "connectors": ("connectors:connectors", "List, create, change and remove connectors of any Connect cluster."),
    "plugins": ("plugins:plugins", "Show the plugins of a cluster and their settings."),
    "loggers": ("loggers:loggers", "Show and set log levels of a worker."),
    "config": ("config:config", "Check configuration files."),
    "new": ("new:new", "Make a package with a connector or transform of your own."),
    "bench": ("bench:bench", "Measure this machine."),
    "demo": ("demo:demo", "Run a small shop from PostgreSQL into two targets, and compare."),
    "reference": ("reference:reference", "Write the reference pages of all settings."),
    "completion": ("completion:completion", "Print the shell completion script."),
}
"""Command → (module:attribute under headrace.cli, short help)."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(f"headrace.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, epilog=exits.HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="headrace")
def cli() -> None:
    """Change data capture for the people who run it: a Kafka Connect worker, and commands for any Connect cluster."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (see `exits`)."""
    try:
        result = cli.main(
            args=list(arguments) if arguments is not None else None, prog_name="headrace", standalone_mode=False
        )
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # The reader has gone (`headrace … | head`): nothing is wrong, and flushing at exit must not complain again.
        sys.stdout = None
        return exits.OK
    except HeadraceError as error:
        click.echo(f"Error: {error}", err=True)
        return exits.exit_code(error)
    return result if isinstance(result, int) else exits.OK
