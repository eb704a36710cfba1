"""One transaction of the target, with few round trips: statements wait until a COPY or the end needs them, and are sent together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from headrace.systems.postgres import DatabaseError
from headrace.systems.postgres.introspect import Conn

SAVEPOINT = "headrace"
_THERE_ALREADY = frozenset(("23505", "42P07", "42710"))


def create(connection: Conn, statement: str) -> None:
    """Execute a CREATE … IF NOT EXISTS, which still loses a race: the other's new row type or table is a duplicate then."""
    try:
        connection.execute(statement.encode())
    except DatabaseError as error:
        if error.sqlstate not in _THERE_ALREADY:
            raise


class Transaction:
    """Rolled back when its block raises, or ends without `commit`."""

    def __init__(self, connection: Conn) -> None:
        """`connection`: in autocommit mode."""
        self._connection = connection
        self._waiting: list[tuple[str, Callable[[int], None] | None]] = [("BEGIN", None)]
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open:
            self._open = False
            # What broke the connection has been raised already.
            with contextlib.suppress(DatabaseError):
                self._connection.rollback()

    def run(self, statement: str, check: Callable[[int], None] | None = None) -> None:
        """Execute a statement without parameters, sooner or later. `check` is given the number of rows it changed, and may raise."""
        self._waiting.append((statement, check))

    def flush(self) -> None:
        """Send what waits, and hear of it."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        # Several statements cannot be prepared as one.
        cursor = self._connection.execute("; ".join(statement for statement, _ in waiting).encode(), prepare=False)
        for _, check in waiting:
            if check is not None:
                check(cursor.rowcount)
            cursor.nextset()

    def ask(self, query: str) -> object:
        """The one value that a query gives, once everything before it is done."""
        self.flush()
        row = self._connection.execute(query.encode(), prepare=False).fetchone()
        return None if row is None else row[0]

    def copy(self, into: str, data: Iterable[bytes]) -> None:
        """COPY `into` (a table with its columns) from pieces of binary data; what waits goes first."""
        self.flush()
        with self._connection.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN (FORMAT binary)") as copy:
            # The server takes one piece in while the next is made.
            for piece in data:
                copy.write(piece)

    def attempt(self, action: Callable[[], None], may_undo: Callable[[str], bool]) -> bool:
        """Do something that may be refused: whether it was done. When the server refused it with an SQLSTATE that `may_undo` takes, all of it
        was undone; other errors, and those of what went before it, are raised."""
        self.run(f"SAVEPOINT {SAVEPOINT}")
        self.flush()
        try:
            action()
            self.flush()
        except DatabaseError as error:
            if self._connection.closed or not may_undo(error.sqlstate or ""):
                raise
            self._waiting = [(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}", None), (f"RELEASE SAVEPOINT {SAVEPOINT}", None)]
            return False
        self.run(f"RELEASE SAVEPOINT {SAVEPOINT}")
        return True

    def commit(self) -> None:
        """Everything is durable now. Nothing may be done afterwards."""
        if any(check is not None for _, check in self._waiting):
            self.flush()
        self.run("COMMIT")
        self.flush()
        self._open = False
