"""`headrace standalone`: what connect-standalone does, with the same files."""

from __future__ import annotations

import click


@click.command()
@click.argument("worker_file", metavar="WORKER.PROPERTIES", type=click.Path(exists=True, dir_okay=False))
@click.argument("connector_files", metavar="[CONNECTOR]...", nargs=-1, type=click.Path(exists=True, dir_okay=False))
def standalone(worker_file: str, connector_files: tuple[str, ...]) -> int:
    """Run a worker in the foreground, with the connectors of the files given (properties or JSON).

    Ends on SIGTERM or SIGINT after the tasks had the graceful time to end; logs to standard error.
    """
    from headrace.app import run_standalone

    return run_standalone(worker_file, connector_files)
