"""Offsets without records: what `SourceTaskContext.advance` was given, on its way into the ledger and to a commit.

An offset so given stands in the ledger behind the records handed over before it, as the offset of a dropped record does. It
leaves with the next append; `due` says when it needs one of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.runtime.append_units import AppendUnit
from headrace.runtime.appender import OrderedAppender


class Advances:
    """For the task's thread. `interval_s`: the shortest time between two commits of offsets alone that nobody calls urgent."""

    def __init__(self, interval_s: float, now: Callable[[], float]) -> None:
        self._interval_s = interval_s
        self._now = now
        self._given: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._urgent = False
        self._waiting = False
        self._next_at = now()

    def add(self, partition: Mapping[str, Any], offset: Mapping[str, Any], *, urgent: bool) -> None:
        """See `SourceTaskContext.advance`."""
        self._given.append((dict(partition), dict(offset)))
        self._urgent |= urgent

    def enter(self, appender: OrderedAppender) -> None:
        """Put what was given into the ledger; call it when the records of the same poll are there. DataException for an
        offset that cannot be stored."""
        if self._given:
            given, self._given = self._given, []
            tickets = [appender.ticket(partition, offset, 0) for partition, offset in given]
            appender.drop(AppendUnit((), tickets, 0, ()))
            self._waiting = True

    def due(self, appender: OrderedAppender) -> bool:
        """Whether to flush now; answers True once for what has been entered."""
        if not self._waiting:
            return False
        now = self._now()
        if not self._urgent and (appender.in_flight or now < self._next_at):
            return False
        self._waiting = self._urgent = False
        if not appender.in_flight and not appender.has_committable():
            # The records behind it took it along.
            return False
        self._next_at = now + self._interval_s
        return True
