"""The benchmark's work: an `orders` table of ten columns, changes of 60 % inserts, 30 % updates, 10 % deletes in
transactions of 100, and a marker row that comes last."""

from __future__ import annotations

from typing import Final

import psycopg

MARKER_BASE: Final = 9_000_000_000_000
LATENCY_BASE: Final = 5_000_000_000_000
CHANGES_PER_TRANSACTION: Final = 100

COLUMNS: Final = "id, customer_id, status, amount, currency, created_at, updated_at, note, quantity, is_gift"
_TABLE: Final = """CREATE TABLE {name} (id bigint PRIMARY KEY, customer_id bigint NOT NULL, status text NOT NULL,
 amount numeric(12,2) NOT NULL, currency char(3) NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
 note text, quantity int NOT NULL, is_gift boolean NOT NULL)"""
ROW: Final = """g, (g*7919)%100000, (array['new','paid','shipped'])[1+g%3], ((g*31)%1000000)/100.0, 'EUR', clock_timestamp(),
 clock_timestamp(), 'order note '||md5(g::text)||' lorem ipsum dolor', (g%9)+1, g%10=0"""
_WORK: Final = """CREATE OR REPLACE PROCEDURE work(txs int, base bigint, gone bigint) LANGUAGE plpgsql AS $$ BEGIN
 FOR i IN 0..txs-1 LOOP
  INSERT INTO orders SELECT {row} FROM generate_series(base+i*60, base+i*60+59) g;
  UPDATE orders SET status='shipped', amount=amount+1, updated_at=clock_timestamp() WHERE id BETWEEN i*30+1 AND i*30+30;
  DELETE FROM orders WHERE id BETWEEN gone+i*10 AND gone+i*10+9;
  COMMIT;
 END LOOP; END $$"""


def rows_for(changes: int) -> int:
    """How many rows the table has to have for `changes` changes, none of them to a row twice."""
    return max(changes * 6 // 10, 1000)


class Workload:
    """Drives the source database; keeps the next free ids, so that every call changes exactly what it says."""

    publication = "bench_orders"
    tables = r"public\.orders"
    topic = "bench.public.orders"

    def __init__(self, connection: psycopg.Connection, rows: int) -> None:
        self._connection = connection
        self._rows = rows
        self._next = rows + 1
        self._gone = rows // 2 + 1
        self._markers = 0

    def create(self) -> None:
        """The table with its rows, the procedure, the publication."""
        run = self._connection.execute
        run(_TABLE.format(name="orders"))
        run(f"INSERT INTO orders SELECT {ROW} FROM generate_series(1::bigint, {self._rows}) g".encode())
        run(_WORK.format(row=ROW).encode())
        run("CREATE PUBLICATION bench_orders FOR TABLE orders")
        run("VACUUM ANALYZE orders")
        run("CHECKPOINT")

    def usable(self, changes: int) -> int:
        """The nearest number of changes that one run can make: whole transactions, as many as there are rows to change."""
        transactions = min(changes // CHANGES_PER_TRANSACTION, self._rows // 2 // 30, (self._rows - self._gone) // 10)
        return max(transactions, 1) * CHANGES_PER_TRANSACTION

    def change(self, changes: int) -> int:
        """Make `changes` changes (see `usable`); returns how many of them are deletes."""
        transactions = changes // CHANGES_PER_TRANSACTION
        self._connection.execute("CALL work(%s, %s, %s)", [transactions, self._next, self._gone])
        self._next += transactions * 60
        self._gone += transactions * 10
        return transactions * 10

    def marker(self) -> int:
        """Insert one more row; its id. When it has arrived, everything before it has."""
        self._markers += 1
        marker = MARKER_BASE + self._markers
        self.insert(marker)
        return marker

    def insert(self, number: int) -> None:
        self._connection.execute(f"INSERT INTO orders SELECT {ROW} FROM (SELECT {number}::bigint AS g) s".encode())


def table_ddl(name: str) -> str:
    """CREATE TABLE of the orders table under another name."""
    return _TABLE.format(name=name)


def differences(source: psycopg.Connection, target: psycopg.Connection) -> int:
    """How many rows differ between source and target, all ten columns compared."""
    digest = f"SELECT count(*), sum(hashtextextended(ROW({COLUMNS})::text, 0)) FROM orders"
    if source.execute(digest.encode()).fetchone() == target.execute(digest.encode()).fetchone():
        return 0
    query = f"SELECT {COLUMNS} FROM orders ORDER BY id"
    ours = set(source.execute(query.encode()).fetchall())
    theirs = set(target.execute(query.encode()).fetchall())
    return len(ours ^ theirs)
