"""`--wait STATE`: look at the status until the connector and its tasks are there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from headrace.cli.exits import CONNECTOR_FAILED
from headrace.client.connect import ConnectClient
from headrace.client.models import Status
from headrace.errors import ConnectException, ConnectTimeoutException, NotFoundException

F = TypeVar("F", bound=Callable[..., Any])
_PAUSE_S = 0.1


def wait_options(command: F) -> F:
    states = click.Choice(["running", "paused", "stopped"], case_sensitive=False)
    timeout = click.option("--timeout", "timeout_s", default=60.0, show_default=True, help="Seconds to wait at most.")
    wait = click.option(
        "--wait",
        "wanted",
        type=states,
        is_flag=False,
        flag_value="running",
        help="Return when the connector and all its tasks are in this state (running).",
    )
    return wait(timeout(command))


def wait_for(client: ConnectClient, name: str, wanted: str, timeout_s: float) -> Status:
    """The status in which all are `wanted`. ConnectException CONNECTOR_FAILED as soon as one has failed; ConnectTimeoutException."""
    deadline = time.monotonic() + timeout_s
    last = "it has no status yet"
    while True:
        try:
            status = client.status(name)
        except NotFoundException:
            pass  # a connector just created has no status until it is assigned
        else:
            if status.failures:
                raise failed(status)
            if status.all_in(wanted.upper()):
                return status
            last = "; ".join(f"{_label(item.id)} {item.state}" for item in (status.connector, *status.tasks))
        if time.monotonic() > deadline:
            raise ConnectTimeoutException(
                f"Connector {name} is not {wanted.upper()} after {timeout_s:g} s: {last}.",
                remedy="Wait longer with --timeout, or look at its log.",
            )
        time.sleep(_PAUSE_S)


def failed(status: Status) -> ConnectException:
    first = status.failures[0]
    reason = (first.trace or "no reason given").strip().partition("\n")[0]
    return ConnectException(
        f"Connector {status.name}: {_label(first.id)} has failed: {reason}",
        code=CONNECTOR_FAILED,
        remedy=f"See headrace connectors describe {status.name} --trace; when repaired: headrace connectors restart {status.name} --only-failed --tasks.",
    )


def _label(task: int | None) -> str:
    return "connector" if task is None else f"task {task}"
