"""The demo's load: a process that keeps the shop busy until it is told to stop.

    python -m headrace.testing.demo.load DSN TRANSACTIONS_PER_S SEED

Orders, payments, price changes, address changes, deletions, moves of stock from one warehouse to another (which change a
primary key), and transactions that are rolled back. Prints one JSON object when SIGTERM ends it.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from collections.abc import Callable

import psycopg

Work = Callable[[psycopg.Cursor, random.Random], int]


def new_order(cursor: psycopg.Cursor, rng: random.Random) -> int:
    row = cursor.execute(
        "INSERT INTO orders (customer_id, note) SELECT id, %s FROM customers ORDER BY id OFFSET %s LIMIT 1 RETURNING id",
        [rng.choice([None, "gift", "call first – später"]), rng.randrange(2000)],
    ).fetchone()
    if row is None:
        return 0
    lines = rng.randint(1, 4)
    for line in range(1, lines + 1):
        product = rng.randint(1, 600)
        cursor.execute(
            "INSERT INTO order_items SELECT %s, %s, id, %s, price, %s FROM products WHERE id = %s",
            [row[0], line, rng.randint(1, 9), rng.choice([None, 0.1, 0.0725]), product],
        )
        cursor.execute(
            "UPDATE inventory SET quantity = quantity - 1 WHERE product_id = %s AND warehouse = 'north'", [product]
        )
    cursor.execute(
        "UPDATE orders SET total = (SELECT sum(quantity * unit_price) FROM order_items WHERE order_id = id), updated_at = clock_timestamp() WHERE id = %s",
        [row[0]],
    )
    return 2 + 2 * lines


def pay(cursor: psycopg.Cursor, rng: random.Random) -> int:
    row = cursor.execute(
        "UPDATE orders SET status = 'paid', updated_at = clock_timestamp() WHERE id = (SELECT id FROM orders WHERE status = 'new' ORDER BY id OFFSET %s LIMIT 1) "
        "RETURNING id, total",
        [rng.randrange(50)],
    ).fetchone()
    if row is None:
        return 0
    cursor.execute(
        "INSERT INTO payments (order_id, amount, method, details) VALUES (%s, %s, 'card', %s)",
        [row[0], row[1], json.dumps({"risk": rng.random()})],
    )
    return 2


def change_price(cursor: psycopg.Cursor, rng: random.Random) -> int:
    cursor.execute("UPDATE products SET price = price * 1.01, rating = random() WHERE id = %s", [rng.randint(1, 600)])
    return cursor.rowcount


def change_description(cursor: psycopg.Cursor, rng: random.Random) -> int:
    text = "".join(rng.choices("abcdefgh ijklm nopq\n", k=3000))
    cursor.execute("UPDATE products SET description = %s WHERE id = %s", [text, rng.randint(1, 600)])
    return cursor.rowcount


def change_customer(cursor: psycopg.Cursor, rng: random.Random) -> int:
    number = rng.randint(1, 3000)
    email = rng.choice([None, f" New.{number}@Mail.Example", f"x{number}@EXAMPLE.org"])
    cursor.execute("UPDATE customers SET email = %s, vip = NOT vip, tags = NULL WHERE id = %s", [email, number])
    return cursor.rowcount


def new_customer(cursor: psycopg.Cursor, rng: random.Random) -> int:
    cursor.execute(
        "INSERT INTO customers (email, name, country) VALUES (%s, 'New', 'NL')", [f"N{rng.random()}@New.Example"]
    )
    return 1


def move_stock(cursor: psycopg.Cursor, rng: random.Random) -> int:
    product = rng.randint(1, 600)
    fro, to = rng.choice([("south", "depot"), ("depot", "south"), ("west", "east"), ("east", "west")])
    cursor.execute(
        "UPDATE inventory SET warehouse = %s, counted_at = now() WHERE warehouse = %s AND product_id = %s",
        [to, fro, product],
    )
    return cursor.rowcount


def delete_order(cursor: psycopg.Cursor, rng: random.Random) -> int:
    row = cursor.execute(
        "DELETE FROM orders WHERE id = (SELECT id FROM orders ORDER BY id OFFSET %s LIMIT 1) RETURNING id",
        [rng.randrange(3000)],
    ).fetchone()
    if row is None:
        return 0
    cursor.execute("DELETE FROM order_items WHERE order_id = %s", [row[0]])
    deleted = cursor.rowcount
    cursor.execute("DELETE FROM payments WHERE order_id = %s", [row[0]])
    return 1 + deleted + cursor.rowcount


MIX: list[tuple[int, Work]] = [
    (30, new_order),
    (25, pay),
    (12, change_price),
    (5, change_description),
    (8, change_customer),
    (4, new_customer),
    (8, move_stock),
    (8, delete_order),
]


def run(dsn: str, per_second: float, seed: int) -> dict[str, float]:
    """Work until SIGTERM; the counts of what was committed and rolled back."""
    rng = random.Random(seed)
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    weights, works = [w for w, _ in MIX], [work for _, work in MIX]
    transactions = changes = rolled_back = 0
    begun = time.monotonic()
    with psycopg.connect(dsn, application_name="demo load") as connection, connection.cursor() as cursor:
        while not ended:
            changed = 0
            for work in rng.choices(works, weights, k=rng.choice([1, 1, 2, 5])):
                changed += work(cursor, rng)
            if rng.random() < 0.05:
                connection.rollback()
                rolled_back += 1
            else:
                connection.commit()
                transactions += 1
                changes += changed
            ahead = begun + (transactions + rolled_back) / per_second - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
    seconds = time.monotonic() - begun
    return {"transactions": transactions, "changes": changes, "rolled_back": rolled_back, "seconds": round(seconds, 1)}


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))), flush=True)
