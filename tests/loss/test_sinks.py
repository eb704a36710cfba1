"""What other sinks lost or spoilt on the way into PostgreSQL. Which tickets: docs/loss-tickets.md."""

from __future__ import annotations

from collections.abc import Callable

from tests.regressions.pipe import Pipe


def test_a_batch_that_begins_with_a_delete(pipe: Callable[..., Pipe]) -> None:
    p = pipe({"snapshot.mode": "no_data"}, {"delete.enabled": "true"})
    p.source.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    p.start().settle()
    p.source.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    p.take(2)
    p.source.execute("DELETE FROM t WHERE id = 1")
    p.source.execute("INSERT INTO t VALUES (3, 'c'), (1, 'again')")
    p.source.execute("UPDATE t SET v = 'bb' WHERE id = 2")
    p.source.execute("DELETE FROM t WHERE id = 3")
    p.take(7)
    query = "SELECT id, v FROM {} ORDER BY id"
    assert p.copied(query.format("srv_public_t")) == p.rows(query.format("t")) == [(1, "again"), (2, "bb")]


def test_quotes_blanks_and_bits_arrive_unchanged(pipe: Callable[..., Pipe]) -> None:
    p = pipe({"snapshot.mode": "no_data"})
    for connection, table in ((p.source, "t"), (p.target, "srv_public_t")):
        connection.execute(
            f"CREATE TABLE {table} (id int PRIMARY KEY, doc tsvector, flags bit(20), more varbit(21), note text)"
        )
    p.start().settle()
    p.source.execute(
        "INSERT INTO t VALUES (1, $$'it''s' 'two words':3A$$::tsvector, B'10000000000000000001', B'111000111000111000111', 'it''s')"
    )
    p.take(1)
    query = "SELECT id, doc::text, flags::text, more::text, note FROM {}"
    assert p.copied(query.format("srv_public_t")) == p.rows(query.format("t"))
