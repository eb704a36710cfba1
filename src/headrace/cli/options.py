"""What the commands that talk to a worker share: address, credentials, output, completion of connector names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from headrace.client.connect import ConnectClient
from headrace.errors import ConfigException, HeadraceError

DEFAULT_URL = "http://localhost:8083"
_COMPLETION_TIMEOUT_S = 2.0
F = TypeVar("F", bound=Callable[..., Any])


def url_option(command: F) -> F:
    return click.option(
        "--url",
        "-u",
        default=DEFAULT_URL,
        envvar="HEADRACE_URL",
        show_default=True,
        show_envvar=True,
        help="Address of any worker of the cluster.",
    )(command)


def auth_option(command: F) -> F:
    return click.option(
        "--auth",
        "-a",
        envvar="HEADRACE_AUTH",
        show_envvar=True,
        metavar="USER:PASSWORD",
        help="Credentials for HTTP Basic.",
    )(command)


def cacert_option(command: F) -> F:
    return click.option(
        "--cacert",
        envvar="HEADRACE_CACERT",
        show_envvar=True,
        type=click.Path(exists=True, dir_okay=False),
        help="Certificates to trust, PEM.",
    )(command)


def json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print the server's JSON instead of a table.")(command)


def client_options(command: F) -> F:
    """--url, --auth, --cacert, --json."""
    return url_option(auth_option(cacert_option(json_option(command))))


def open_client(url: str, auth: str | None, cacert: str | None = None, **more: Any) -> ConnectClient:
    """The client for a command's options. click.BadParameter for an address or credentials that are none."""
    if auth is not None and ":" not in auth:
        raise click.BadParameter("credentials have the form USER:PASSWORD", param_hint="--auth")
    user, _, password = (auth or "").partition(":")
    try:
        return ConnectClient(url, auth=(user, password) if auth else None, verify=cacert or True, **more)
    except ConfigException as error:
        raise click.BadParameter(f"{error.message} {error.remedy}", param_hint="--url") from error


def complete_connector(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of connectors for shell completion; none when the worker does not answer at once."""
    url = ctx.params.get("url") or DEFAULT_URL
    try:
        with open_client(url, ctx.params.get("auth"), timeout_s=_COMPLETION_TIMEOUT_S, retries=0) as client:
            return [name for name in client.connectors() if name.startswith(incomplete)]
    except (HeadraceError, click.ClickException):
        return []
