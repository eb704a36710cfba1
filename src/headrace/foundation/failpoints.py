"""Named crash points: tests make a process die, fail or hang exactly where it would hurt most.

`HEADRACE_FAILPOINTS="source.after_append=kill,sink.before_commit=raise"`; each fires once per process, or once over all
processes when `HEADRACE_FAILPOINTS_DIR` names a folder for the marks. Without the variable a point costs one dict look-up.

Actions: `kill` (SIGKILL to the own process), `raise` (RetriableException), `fail` (ConnectException), `hang` (never returns).
A number after a colon skips the first hits: `source.after_append=kill:3` fires at the fourth. `source.after_append@orders=kill`
fires only in processes that work for the connector `orders` (see `set_scope`).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from headrace.errors import ConfigException, ConnectException, RetriableException

_ACTIONS = frozenset({"kill", "raise", "fail", "hang"})


class _Point:
    __slots__ = ("action", "mark", "skip")

    def __init__(self, action: str | Callable[[], None], skip: int, mark: str) -> None:
        self.action = action
        self.skip = skip
        self.mark = mark


def _parse(text: str) -> dict[str, _Point]:
    points: dict[str, _Point] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, action = item.partition("=")
        action, _, skip = action.partition(":")
        if action not in _ACTIONS:
            raise ConfigException(
                f"Unknown failpoint action {action!r}.",
                code="FAILPOINT_INVALID",
                field="HEADRACE_FAILPOINTS",
                remedy=f"Use one of {', '.join(sorted(_ACTIONS))}.",
            )
        points[name] = _Point(action, int(skip or 0), name)
    return points


_active: dict[str, _Point] = _parse(os.environ.get("HEADRACE_FAILPOINTS", ""))


_counting = threading.Lock()
"""Several threads may pass a point at once."""


def set_scope(name: str | None) -> None:
    """Say whom this process works for: points meant for others are dropped, those for `name` (and for all) stay."""
    for point in [key for key in _active if "@" in key]:
        value = _active.pop(point)
        plain, _, scope = point.partition("@")
        if scope == name:
            _active[plain] = value


def install(name: str, action: Callable[[], None], skip: int = 0) -> None:
    """Let the point call `action` in this process, once, after `skip` hits without; for tests that run what they test within themselves."""
    _active[name] = _Point(action, skip, name)


def remove(name: str) -> bool:
    """Take back what `install` asked for; False when it has fired already."""
    return _active.pop(name, None) is not None


def failpoint(name: str) -> None:
    """Mark a named point; does what `HEADRACE_FAILPOINTS` asks for it, once."""
    if name in _active:
        _hit(name)


def _hit(name: str) -> None:
    with _counting:
        point = _active.get(name)
        if point is None:
            return
        if point.skip > 0:
            point.skip -= 1
            return
        del _active[name]
    if not isinstance(point.action, str):
        point.action()
        return
    folder = os.environ.get("HEADRACE_FAILPOINTS_DIR")
    if folder:
        try:
            (Path(folder) / point.mark).touch(exist_ok=False)
        except FileExistsError:
            return
    if point.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if point.action == "hang":
        threading.Event().wait()
    if point.action == "fail":
        raise ConnectException(f"Failpoint {name}.", code="FAILPOINT")
    raise RetriableException(f"Failpoint {name}.", code="FAILPOINT")
