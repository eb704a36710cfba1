"""The catalog is ahead of the stream: rows of an older shape must still come through."""

from __future__ import annotations

import pytest


def test_rows_with_nulls_in_columns_made_not_null_since(pipe):
    p = pipe()
    p.source.execute("CREATE TABLE a (id int PRIMARY KEY, n text, m numeric(5,2) DEFAULT 1)")
    p.start().settle()
    with p.source.transaction():
        p.source.execute("INSERT INTO a VALUES (1, NULL, NULL), (2, NULL, 2), (3, 'c', NULL), (4, NULL, 'NaN')")
        p.source.execute("UPDATE a SET n = 'x' WHERE n IS NULL")
        p.source.execute("UPDATE a SET m = 0 WHERE m IS NULL OR m = 'NaN'")
    p.source.execute("ALTER TABLE a ALTER n SET NOT NULL, ALTER m SET NOT NULL")
    p.source.execute("INSERT INTO a VALUES (5, 'y', 3)")
    first = p.take(11)
    assert [r.value["after"]["n"] for r in first[:4]] == [None, None, "c", None]
    assert p.copied("SELECT id, n, m FROM srv_public_a ORDER BY id") == p.rows("SELECT * FROM a ORDER BY id")
    p.source.execute("COMMENT ON COLUMN a.n IS 'x'; ALTER TABLE a ADD o int")
    p.source.execute("INSERT INTO a VALUES (6, 'z', 3)")
    [last] = p.take(1)
    assert last.value_schema.field("after").schema.field("n").schema.optional is False


def test_rows_of_a_type_that_has_been_dropped_since(pipe):
    p = pipe()
    p.source.execute("CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE a (id int PRIMARY KEY, n mood)")
    run = p.start()
    run.settle()
    run.close()
    p.source.execute("INSERT INTO a VALUES (1, 'a')")
    p.source.execute("ALTER TABLE a ALTER n TYPE text; DROP TYPE mood")
    p.source.execute("INSERT INTO a VALUES (2, 'c')")
    p.start(run.offsets.stored)
    p.take(2)
    assert p.copied("SELECT id, n FROM srv_public_a ORDER BY id") == [(1, "a"), (2, "c")]


def test_columns_that_the_publication_does_not_list_are_not_in_the_snapshot(pipe, caplog):
    p = pipe({"publication.autocreate.mode": "disabled"})
    if p.source.info.server_version < 150000:
        pytest.skip("publications list columns from PostgreSQL 15 on")
    p.source.execute("CREATE TABLE a (id int PRIMARY KEY, n int, g int GENERATED ALWAYS AS (n * 2) STORED)")
    p.source.execute("CREATE TABLE b (id int PRIMARY KEY, n int, secret int)")
    p.source.execute("CREATE PUBLICATION pub FOR TABLE a (id, n), b (id, n)")
    p.source.execute("INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1, 1)")
    p.take(2)
    p.source.execute("UPDATE a SET n = 10; UPDATE b SET n = 10, secret = 10")
    p.take(2)
    # A copy of such a column would stay what it was at the snapshot.
    assert p.copied("SELECT * FROM srv_public_b") == [(1, 10)]
    # Generated ones are read all the same, as Debezium does; the log tells what becomes of them.
    assert p.copied("SELECT id, n, g FROM srv_public_a") == [(1, 10, 2)]
    assert "reads g of public.a, which the stream does not send" in caplog.text


def test_changes_of_the_table_between_the_records_of_one_batch(pipe):
    p = pipe()
    run = p.source.execute
    run("CREATE TABLE a (id int PRIMARY KEY, n int, d text, r text)")
    p.start().settle()
    run("INSERT INTO a VALUES (1, 1, 'd', 'r'), (2, 1, 'd', 'r')")
    run("ALTER TABLE a DROP COLUMN d")
    run("UPDATE a SET n = 2 WHERE id = 1")
    run("ALTER TABLE a RENAME COLUMN r TO rr")
    run("UPDATE a SET n = 3, rr = 'new' WHERE id = 2")
    run("DELETE FROM a WHERE id = 1")
    run("INSERT INTO a VALUES (1, 77, 'back')")
    run("ALTER TABLE a ALTER n TYPE bigint")
    run("INSERT INTO a VALUES (3, 5, 'big')")
    run("ALTER TABLE a ADD COLUMN e int NOT NULL DEFAULT 5")
    run("INSERT INTO a VALUES (4, 6, 'wide', 7)")
    p.take(9)
    assert p.copied("SELECT id, n, rr, e FROM srv_public_a ORDER BY id") == p.rows(
        "SELECT id, n, rr, e FROM a ORDER BY id"
    )
