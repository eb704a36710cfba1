"""`headrace connectors`: what there is. What changes it is in `connectors_change.py`, offsets in `offsets.py`."""

from __future__ import annotations

import click

from headrace.cli import output
from headrace.cli.options import client_options, complete_connector, open_client
from headrace.client.models import Expanded, Status


@click.group()
def connectors() -> None:
    """Connectors of any Connect cluster."""


name_argument = click.argument("name", shell_complete=complete_connector)


@connectors.command("list")
@click.option("--state", help="Only connectors with this state, theirs or a task's, for example FAILED.")
@client_options
def list_(url: str, auth: str | None, cacert: str | None, as_json: bool, state: str | None) -> None:
    """List connectors with their state."""
    with open_client(url, auth, cacert) as client:
        found = client.expanded()
    if state is not None:
        found = {name: item for name, item in found.items() if _has_state(item.status, state.upper())}
    if as_json:
        output.print_json({name: item.raw for name, item in found.items()})
        return
    rows = [_row(name, item) for name, item in found.items()]
    output.print_table(("name", "type", "state", "tasks", "worker", "class"), rows, empty="No connectors.")


def _has_state(status: Status | None, state: str) -> bool:
    return status is not None and any(item.state == state for item in (status.connector, *status.tasks))


def _row(name: str, item: Expanded) -> tuple[object, ...]:
    class_name = item.info.config.get("connector.class", "").rpartition(".")[2] if item.info else None
    if item.status is None:
        return (name, None, None, None, None, class_name)
    return (
        name,
        item.status.type,
        item.status.connector.state,
        _task_summary(item.status),
        item.status.connector.worker_id,
        class_name,
    )


def _task_summary(status: Status) -> str:
    """`3 RUNNING`, or the numbers per state, the most frequent first."""
    counts: dict[str, int] = {}
    for task in status.tasks:
        counts[task.state] = counts.get(task.state, 0) + 1
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items(), key=lambda item: -item[1])) or "none"


@connectors.command()
@name_argument
@click.option("--trace", is_flag=True, help="Show whole traces instead of their first line.")
@client_options
def describe(url: str, auth: str | None, cacert: str | None, as_json: bool, name: str, trace: bool) -> None:
    """Show a connector's state, tasks and configuration."""
    with open_client(url, auth, cacert) as client:
        info, status = client.connector(name), client.status(name)
    if as_json:
        output.print_json({"status": status.raw, "info": info.raw})
        return
    click.echo(f"{info.name} ({info.type})\n")
    instances = [("connector", status.connector), *((f"task {task.id}", task) for task in status.tasks)]
    output.print_table(
        ("what", "state", "worker", "version"),
        [(label, item.state, item.worker_id, item.version) for label, item in instances],
    )
    for label, item in instances:
        if item.trace:
            click.echo(f"\n{label}: {item.trace.strip() if trace else item.trace.strip().partition(chr(10))[0]}")
    click.echo()
    output.print_config(info.config)


@connectors.command()
@name_argument
@client_options
def tasks(url: str, auth: str | None, cacert: str | None, as_json: bool, name: str) -> None:
    """Show a connector's tasks and their state."""
    with open_client(url, auth, cacert) as client:
        found = client.tasks(name)
        status = {} if as_json else {task.id: task for task in client.status(name).tasks}
    if as_json:
        output.print_json([task.raw for task in found])
        return
    rows = [
        (
            task.id,
            status[task.id].state if task.id in status else None,
            status[task.id].worker_id if task.id in status else None,
            task.config.get("task.class"),
        )
        for task in found
    ]
    output.print_table(("id", "state", "worker", "class"), rows, empty="No tasks.")


@connectors.command()
@name_argument
@click.option("--reset", is_flag=True, help="Forget the topics used until now.")
@client_options
def topics(url: str, auth: str | None, cacert: str | None, as_json: bool, name: str, reset: bool) -> None:
    """Show the topics a connector has used, or forget them."""
    with open_client(url, auth, cacert) as client:
        if reset:
            client.reset_topics(name)
            return
        found = client.topics(name)
    if as_json:
        output.print_json({name: {"topics": found}})
    else:
        output.print_table(("topic",), [(topic,) for topic in sorted(found)], empty="No topics.")


from headrace.cli import connectors_change as _change  # noqa: E402, F401 - adds its commands to the group
from headrace.cli import offsets as _offsets  # noqa: E402, F401
from headrace.cli import signals as _signals  # noqa: E402, F401
