"""One writer: random transactions on its own rows of the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from tests.parity.workload.ddl import change
from tests.parity.workload.tables import Table
from tests.parity.workload.values import quote

_SPAN = 1_000_000


class Writer:
    """Makes the statements of transactions; rows are told apart by `n`, of which each writer has its own range."""

    def __init__(self, rng: Random, tables: list[Table], number: int) -> None:
        self.rng = rng
        self.tables = tables
        self.number = number
        self._next = number * _SPAN
        self._kinds: list[tuple[int, Callable[[Table], list[str]]]] = [
            (8, self._insert),
            (4, self._insert_many),
            (2, self._insert_series),
            (8, self._update),
            (3, self._update_many),
            (3, self._touch),
            (3, self._move_key),
            (4, self._delete),
            (1, self._delete_many),
            (2, self._upsert),
            (1, self._message),
        ]

    # Statements ------------------------------------------------------------------------------------------------------

    def _n(self, table: Table) -> int:
        self._next += 1
        table.rows.setdefault(self.number, []).append(self._next)
        return self._next

    def _one(self, table: Table) -> int | None:
        known = table.rows.get(self.number)
        return self.rng.choice(known) if known and table.names_rows else None

    def _insert(self, table: Table) -> list[str]:
        row = table.values(self.rng, self._n(table))
        names = ", ".join(f'"{name}"' for name in row)
        return [f"INSERT INTO {table.sql} ({names}) VALUES ({', '.join(row.values())})"]

    def _insert_many(self, table: Table) -> list[str]:
        rows = []
        for _ in range(self.rng.choice((2, 5, 20))):
            row = table.values(self.rng, self._n(table))
            rows.append("(" + ", ".join(row.get(column.name, "DEFAULT") for column in table.columns) + ")")
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        return [f"INSERT INTO {table.sql} ({names}) VALUES {', '.join(rows)}"]

    def _insert_series(self, table: Table) -> list[str]:
        first = self._n(table)
        row = table.values(self.rng, first)
        count = self.rng.choice((3, 30))
        for _ in range(count - 1):
            self._n(table)
        names = ", ".join(f'"{name}"' for name in row)
        row["n"] = "i"
        return [
            f"INSERT INTO {table.sql} ({names}) SELECT {', '.join(row.values())} FROM generate_series({first}, {self._next}) i"
        ]

    def _changed(self, table: Table) -> str:
        free = [c for c in table.columns if c.name not in table.key and c.name != "n"]
        chosen = self.rng.sample(free, min(len(free), self.rng.choice((1, 1, 2, 4))))
        return ", ".join(f'"{c.name}" = {c.literal(self.rng)}' for c in chosen)

    def _update(self, table: Table) -> list[str]:
        n, changed = self._one(table), self._changed(table)
        return [f"UPDATE {table.sql} SET {changed} WHERE n = {n}"] if n and changed else []

    def _update_many(self, table: Table) -> list[str]:
        n, changed = self._one(table), self._changed(table)
        return [f"UPDATE {table.sql} SET {changed} WHERE n BETWEEN {n} AND {n + 15}"] if n and changed else []

    def _touch(self, table: Table) -> list[str]:
        """An update that changes nothing: long values stay where they are."""
        n = self._one(table)
        name = self.rng.choice(table.columns).name
        return [f'UPDATE {table.sql} SET "{name}" = "{name}" WHERE n = {n}'] if n else []

    def _move_key(self, table: Table) -> list[str]:
        n = self._one(table)
        if not n:
            return []
        table.rows[self.number].remove(n)
        return [f"UPDATE {table.sql} SET n = {self._n(table)} WHERE n = {n}"]

    def _delete(self, table: Table) -> list[str]:
        n = self._one(table)
        if not n:
            return []
        table.rows[self.number].remove(n)
        return [f"DELETE FROM {table.sql} WHERE n = {n}"]

    def _delete_many(self, table: Table) -> list[str]:
        n = self._one(table)
        return [f"DELETE FROM {table.sql} WHERE n BETWEEN {n} AND {n + 7}"] if n else []

    def _upsert(self, table: Table) -> list[str]:
        n, changed = self._one(table), self._changed(table)
        if not n or not changed or table.key != ["n"]:
            return []
        row = table.values(self.rng, n)
        names = ", ".join(f'"{name}"' for name in row)
        insert = f"INSERT INTO {table.sql} ({names}) VALUES ({', '.join(row.values())})"
        return [f"{insert} ON CONFLICT (n) DO UPDATE SET {changed}"]

    def _message(self, table: Table) -> list[str]:
        flag = self.rng.choice(("true", "true", "false"))
        content = quote(f"message of {table.name}")
        if self.rng.random() < 0.3:
            content += "::bytea"
        return [f"SELECT pg_logical_emit_message({flag}, {quote(self.rng.choice(('app', 'audit')))}, {content})"]

    def _statement(self) -> list[str]:
        kinds = [make for _, make in self._kinds]
        make = self.rng.choices(kinds, [weight for weight, _ in self._kinds])[0]
        return make(self.rng.choice(self.tables))

    # Transactions ----------------------------------------------------------------------------------------------------

    def transaction(self) -> list[str]:
        """Statements of one transaction, without BEGIN and COMMIT; a last ROLLBACK undoes all."""
        rng = self.rng
        statements: list[str] = []
        for _ in range(rng.choice((1, 1, 2, 3, 6, 12))):
            statements += self._statement()
        if rng.random() < 0.15:
            point = [f"SAVEPOINT s{self.number}"]
            for _ in range(rng.randrange(1, 4)):
                point += self._statement()
            point.append(rng.choice(("ROLLBACK TO ", "RELEASE ")) + f"s{self.number}")
            place = rng.randrange(len(statements) + 1)
            statements[place:place] = point
        if rng.random() < 0.05:
            statements.append("ROLLBACK")
        return statements

    def truncating(self) -> list[str]:
        """A transaction with TRUNCATE in it, which needs the tables for itself."""
        chosen = self.rng.sample(self.tables, min(len(self.tables), self.rng.choice((1, 2))))
        names = ", ".join(table.sql for table in chosen)
        return [
            *self._insert(chosen[0]),
            f"TRUNCATE {names}{self.rng.choice(('', ' CASCADE'))}",
            *self._insert(chosen[-1]),
        ]

    def altering(self) -> list[str]:
        """A transaction with a change of a table in it, and rows before and behind.

        Those before are of another table: whether the server tells a table's shape anew for a row that precedes the change in
        its transaction depends on when its caches hear of the commit."""
        table, other = self.rng.choice(self.tables), self.rng.choice(self.tables)
        before = self._insert(other) if other is not table else []
        changed = change(self.rng, table)
        return [*before, *changed, *self._insert(table), *self._update(table)]

    def copies(self) -> Iterator[tuple[str, list[str]]]:
        """COPY of some rows: the statement, the lines in text form; only for tables of plain columns."""
        for table in self.tables:
            names = [c.name for c in table.columns if c.name == "n" or (c.required and c.default is None)]
            if names == ["n"]:
                lines = [str(self._n(table)) for _ in range(self.rng.choice((1, 40)))]
                yield f"COPY {table.sql} (n) FROM STDIN", lines
