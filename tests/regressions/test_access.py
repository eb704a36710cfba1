"""Rows must not be passed over because of rights, and keys not because they hold NULL."""

from __future__ import annotations

import pytest

from headrace.errors import HeadraceError


def test_row_security_hides_no_rows_from_the_snapshot(pipe):
    p = pipe({"publication.autocreate.mode": "disabled"})
    role = f"reader_{p.source.info.dbname}"
    run = p.source.execute
    run(
        "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 5); CREATE PUBLICATION pub FOR TABLE a"
    )
    run("ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON a USING (id < 3)")
    run(f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'pw'; GRANT SELECT ON a TO {role}")
    try:
        p.props |= {"database.user": role, "database.password": "pw"}
        with pytest.raises(HeadraceError, match="row-level security"):
            p.start().settle()
        p.runner.close()
        run(f"ALTER ROLE {role} BYPASSRLS")
        p.start().settle()
        assert len(p.runner.records) == 5
        p.runner.close()
    finally:
        run(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_keys_with_nulls_under_a_unique_index(pipe):
    p = pipe({"message.key.columns": "public.a:k,m"})
    p.source.execute("CREATE TABLE a (k int, m int, n int, UNIQUE (k, m)); ALTER TABLE a REPLICA IDENTITY FULL")
    p.target.execute("CREATE TABLE srv_public_a (k int, m int, n int, UNIQUE (k, m))")
    p.start().settle()
    p.source.execute("INSERT INTO a VALUES (1, NULL, 1), (1, 2, 1)")
    p.take(2)
    p.source.execute("UPDATE a SET n = 2")
    p.take(2)
    assert p.copied("SELECT * FROM srv_public_a ORDER BY m") == [(1, 2, 2), (1, None, 2)]
    p.source.execute("DELETE FROM a WHERE m IS NULL")
    p.take(2)
    assert p.copied("SELECT * FROM srv_public_a") == [(1, 2, 2)]
