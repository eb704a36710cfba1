"""Exit codes by kind of error; scripts rely on them."""

from __future__ import annotations

from typing import Final

from headrace.client.failures import NOT_CONNECT, REBALANCING, UNREACHABLE
from headrace.errors import (
    AlreadyExistsException,
    ConfigException,
    HeadraceError,
    IllegalStateException,
    NotFoundException,
)

OK: Final = 0
OTHER: Final = 1
USAGE: Final = 2
UNREACHABLE_EXIT: Final = 3
NOT_FOUND: Final = 4
CONFLICT: Final = 5
INVALID_CONFIG: Final = 6
FAILED_STATE: Final = 7

CONNECTOR_FAILED: Final = "CONNECTOR_FAILED"
"""Code of the error that says a connector or task is FAILED."""

HELP: Final = """\b
Exit codes:
  0  done
  1  any other error
  2  wrong usage; errors found by `config check`
  3  the worker cannot be reached
  4  there is no such connector, task, plugin or logger
  5  conflict: the name is taken, the cluster is rebalancing, or the connector is not in the state needed
  6  the configuration is invalid
  7  the connector or a task has failed"""


def exit_code(error: HeadraceError) -> int:
    """The exit code of an error; codes that say more than their class come first."""
    if error.code in (UNREACHABLE, NOT_CONNECT):
        return UNREACHABLE_EXIT
    if error.code == CONNECTOR_FAILED:
        return FAILED_STATE
    if error.code == REBALANCING:
        return CONFLICT
    match error:
        case NotFoundException():
            return NOT_FOUND
        case AlreadyExistsException() | IllegalStateException():
            return CONFLICT
        case ConfigException():
            return INVALID_CONFIG
        case _:
            return OTHER
