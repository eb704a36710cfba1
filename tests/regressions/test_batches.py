"""Several changes of one row in one batch of the sink, with values that were not sent."""

from __future__ import annotations

import pytest

_COLUMNS = "id, n, x, y"


@pytest.fixture
def table(pipe):
    p = pipe()
    p.source.execute("CREATE TABLE a (id int PRIMARY KEY, n int, x text, y text)")
    p.source.execute("ALTER TABLE a ALTER x SET STORAGE EXTERNAL, ALTER y SET STORAGE EXTERNAL")
    p.start().settle()
    p.source.execute(
        "INSERT INTO a SELECT g, 0, repeat('a', 5000) || g, repeat('b', 5000) || g FROM generate_series(1, 5) g"
    )
    p.take(5)
    return p


def same(p):
    query = "SELECT {} FROM {} ORDER BY id"
    ours, theirs = p.rows(query.format(_COLUMNS, "a")), p.copied(query.format(_COLUMNS, "srv_public_a"))
    return [(i, n, x and x[-9:], y and y[-9:]) for i, n, x, y in ours] == [
        (i, n, x and x[-9:], y and y[-9:]) for i, n, x, y in theirs
    ] and ours == theirs


def test_partial_and_full_versions_are_merged_in_order(table):
    run = table.source.execute
    run("UPDATE a SET n = 1, x = repeat('c', 5000) WHERE id = 1")
    run("UPDATE a SET n = 2, y = repeat('d', 5000) WHERE id = 1")
    run("UPDATE a SET x = NULL WHERE id = 1")
    run("UPDATE a SET n = 1 WHERE id = 2")
    run("DELETE FROM a WHERE id = 2")
    run("INSERT INTO a VALUES (2, 9, 'z', repeat('q', 5000))")
    run("UPDATE a SET n = 10 WHERE id = 2")
    table.take(8)
    assert same(table)


def test_a_new_key_takes_the_long_values_along(table):
    run = table.source.execute
    run("UPDATE a SET id = 13 WHERE id = 3")
    run("UPDATE a SET n = 4 WHERE id = 13")
    table.take(4)
    assert same(table)
    # Keys that change again, values that change and rows that go before the first change is read.
    with table.source.transaction():
        run("UPDATE a SET id = 14 WHERE id = 4")
        run("UPDATE a SET id = 24 WHERE id = 14")
        run("UPDATE a SET x = repeat('n', 5000) WHERE id = 24")
        run("UPDATE a SET id = 15 WHERE id = 5")
        run("DELETE FROM a WHERE id = 15")
    records = table.take(12)
    assert len(records) == 12
    assert same(table)


def test_a_new_key_in_a_table_that_is_gone_is_told_of(table, caplog):
    with table.source.transaction():
        table.source.execute("UPDATE a SET id = 13 WHERE id = 3")
        table.source.execute("ALTER TABLE a RENAME TO other")
    table.take(3)
    assert "its long values could not be read again" in caplog.text
    assert table.copied("SELECT id FROM srv_public_a ORDER BY id") == [(1,), (2,), (4,), (5,), (13,)]


def test_a_truncate_in_the_middle_takes_only_what_was_before(pipe):
    p = pipe({"skipped.operations": "none"})
    run = p.source.execute
    run("CREATE TABLE a (id int PRIMARY KEY, n int); CREATE TABLE b (id int PRIMARY KEY)")
    p.target.execute("CREATE TABLE srv_public_b (id int PRIMARY KEY)")
    p.start().settle()
    run("INSERT INTO a VALUES (1, 1)")
    run("INSERT INTO b VALUES (1)")
    run("TRUNCATE a, b")
    run("INSERT INTO a VALUES (1, 2), (5, 2)")
    run("DELETE FROM a WHERE id = 5")
    run("INSERT INTO b VALUES (2)")
    run("TRUNCATE b")
    p.take(10)
    assert p.copied("SELECT * FROM srv_public_a") == [(1, 2)]
    assert p.copied("SELECT * FROM srv_public_b") == []
