"""Tables and transactions that are not like the ordinary ones: wide rows, large values, tiny transactions, a huge one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import psycopg

from headrace.testing.bench.backlog import Made
from headrace.testing.bench.workload import ROW, table_ddl

_MARKER: Final = 9_000_000_000_007
_WIDE: Final = (
    ("int", "(g*{n})%1000000"),
    ("text", "'text '||((g*{n})%1000)"),
    ("numeric(12,2)", "((g*{n})%1000000)/100.0"),
    ("timestamptz", "clock_timestamp()"),
    ("boolean", "(g+{n})%2=0"),
    ("bigint", "g*{n}"),
    ("double precision", "g/({n}+1.0)"),
    ("date", "date '2024-01-01'+((g+{n})%365)::int"),
    ("uuid", "md5((g+{n})::text)::uuid"),
    ("varchar(40)", "md5((g*{n})::text)"),
)


@dataclass(frozen=True)
class Shape:
    """`ddl`: the columns; `row`: a SELECT list over `g`, a bigint, whose first is the key. `share`: rows for each change of the base case,
    so that all have about as many bytes; `per_transaction`: rows, None = all of them in one."""

    ddl: str
    row: str
    share: float
    per_transaction: int | None


def _wide(columns: int) -> Shape:
    kinds = [_WIDE[number % len(_WIDE)] for number in range(columns - 1)]
    names = ", ".join(f"c{number} {kind}" for number, (kind, _) in enumerate(kinds))
    values = ", ".join(text.format(n=number + 3) for number, (_, text) in enumerate(kinds))
    return Shape(f"(id bigint PRIMARY KEY, {names})", f"g, {values}", 1 / 8, 100)


_ORDERS: Final = table_ddl("x").partition(" x ")[2]
SHAPES: Final[Mapping[str, Shape]] = {
    "wide": _wide(100),
    # Neither compressed nor kept in the row: what is measured is the way, not pglz.
    "large": Shape("(id bigint PRIMARY KEY, body text STORAGE EXTERNAL)", "g, repeat(md5(g::text), 2048)", 1 / 300, 10),
    "tiny": Shape(_ORDERS, ROW, 1 / 2, 1),
    "huge": Shape(_ORDERS, ROW, 5, None),
}


class ShapeWork:
    """`rows` rows inserted into a table of a shape."""

    publication = "bench_shape"

    def __init__(self, connection: psycopg.Connection, name: str, shape: Shape, rows: int) -> None:
        self._connection = connection
        self._shape = shape
        self._rows = rows
        self._table = f"shape_{name}"
        self.tables = rf"public\.{self._table}"
        self.topic = f"bench.public.{self._table}"

    def create(self) -> None:
        run = self._connection.execute
        run(f"CREATE TABLE {self._table} {self._shape.ddl}".encode())
        run(f"CREATE PUBLICATION {self.publication} FOR TABLE {self._table}".encode())

    def make(self) -> Made:
        size = self._shape.per_transaction
        if size is None:
            self._insert(f"generate_series(1::bigint, {self._rows}) g")
        else:
            self._connection.execute(
                f"""DO $$ BEGIN FOR i IN 0..{-(-self._rows // size) - 1} LOOP
                 INSERT INTO {self._table} SELECT {self._shape.row}
                  FROM generate_series(i*{size}+1::bigint, least((i+1)*{size}, {self._rows})) g;
                 COMMIT; END LOOP; END $$""".encode()
            )
        return Made(self._rows, self._rows)

    def mark(self) -> str:
        self._insert(f"(SELECT {_MARKER}::bigint AS g) s")
        return str(_MARKER)

    def drop(self) -> None:
        self._connection.execute(f"DROP PUBLICATION {self.publication}".encode())
        self._connection.execute(f"DROP TABLE {self._table}".encode())

    def _insert(self, of: str) -> None:
        self._connection.execute(f"INSERT INTO {self._table} SELECT {self._shape.row} FROM {of}".encode())
