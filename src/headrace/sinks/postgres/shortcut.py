"""COPY straight into the target, for rows to be upserted that are not there: less than half the server's work.

Which rows those are is a guess: rows whose keys begin, in the batch, with a creation or a delete; all rows as long as a table that
was empty has taken them so. A wrong guess violates the key; it is undone to a savepoint, with what was staged beside it, all
rows go the staged way, and the next guess waits, ever longer. So the outcome is the same whether a guess is right or not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headrace.sinks.postgres.sorted_rows import FRESH, KNOWN, ROWS, NativeRows
from headrace.sinks.postgres.tables import TargetTable
from headrace.sinks.postgres.transaction import Transaction
from headrace.systems.postgres.introspect import Conn

LEAST_ROWS: Final = 50
"""For fewer rows beside others a COPY of their own does not pay."""
MOST_LOADS_BETWEEN_TRIES: Final = 256


class Shortcut:
    """Of one table and connection."""

    def __init__(self, connection: Conn, table: TargetTable) -> None:
        row = connection.execute(f"SELECT NOT EXISTS (SELECT FROM {table.quoted})").fetchone()
        self._all_new = bool(row and row[0])
        self._pause = 0
        self._skip = 0

    def split(self, rows: NativeRows) -> tuple[NativeRows | None, NativeRows | None]:
        """(rows to stage, rows to load directly)."""
        if rows.which != ROWS:
            return rows, None
        if self._skip:
            self._skip -= 1
            return rows, None
        if self._all_new:
            return None, rows
        known, fresh = rows.counts()
        if fresh < LEAST_ROWS and known:
            return rows, None
        return rows.only(KNOWN) if known else None, rows.only(FRESH) if fresh else None

    def load(self, transaction: Transaction, copy: Callable[[], None]) -> bool:
        """Try `copy`; False when the server refused the rows, and nothing of them is there. Raises what is not about the rows."""
        if transaction.attempt(copy, _is_about_the_rows):
            self._pause = 0
            return True
        self._all_new = False
        self._skip = self._pause = min(self._pause * 2 + 1, MOST_LOADS_BETWEEN_TRIES)
        return False


def _is_about_the_rows(sqlstate: str) -> bool:
    """Whether an error is about the rows or the table, not about the session."""
    return sqlstate == "08P01" or sqlstate[:2] not in ("", "08", "25", "40", "53", "57", "58")
