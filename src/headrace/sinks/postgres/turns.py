"""Tables that two connections of a task cannot write at the same time: which they are shows when the server ends a deadlock."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext

from headrace.sinks.postgres.sorted_rows import TableName
from headrace.systems.postgres import DatabaseError

_log = logging.getLogger(__name__)
_CONFLICTS = frozenset(("40P01", "40001"))


def is_conflict(error: BaseException) -> bool:
    """Whether the server undid a transaction for the sake of another one."""
    return isinstance(error, DatabaseError) and error.sqlstate in _CONFLICTS


class TableTurns:
    """Shared by the connections of one task, and by their threads.

    Partitions of one topic have no keys in common, so that their rows may be written side by side. Those of topics that share a table
    may have, and so may tables that refer to one another. Nothing is held back for that before it shows: a deadlock is ended by the
    server, changes nothing, and makes the tables that met in it be written by one connection after another from then on."""

    def __init__(self) -> None:
        self.definitions = threading.Lock()
        """Held by the connection that creates or changes a table: the others then find what they wanted."""
        self._guard = threading.Lock()
        self._turn = threading.Lock()
        self._under_way: dict[int, Collection[TableName]] = {}
        self._beside: dict[int, set[TableName]] = {}
        """By connection the tables of all transactions that were under way at some time of its last one: whom it met may have ended since."""
        self._met: set[TableName] = set()

    @contextmanager
    def taken(self, number: int, tables: Collection[TableName]) -> Iterator[None]:
        """For the time of a transaction of connection `number` on these tables."""
        with self._guard:
            turn = self._turn if not self._met.isdisjoint(tables) else nullcontext()
        with turn:
            with self._guard:
                self._beside[number] = {table for others in self._under_way.values() for table in others}
                for other in self._under_way:
                    self._beside[other] |= set(tables)
                self._under_way[number] = tables
            try:
                yield
            finally:
                with self._guard:
                    del self._under_way[number]

    def met(self, number: int, tables: Collection[TableName]) -> None:
        """The last transaction of connection `number`, on these, was undone for the sake of one beside it."""
        with self._guard:
            found = {*tables, *self._beside.get(number, ())}
            new = found - self._met
            self._met |= found
        if new:
            _log.warning(
                "Connections of this task waited for one another; from now on one at a time writes %s",
                ", ".join(sorted(".".join(filter(None, table)) for table in new)),
            )
