"""A role that may not create the publication it is asked for is told what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner

from headrace.errors import ConfigException


@pytest.fixture
def plain_role(sql: psycopg.Connection[Any]) -> Iterator[str]:
    sql.execute("CREATE ROLE plain_capture LOGIN REPLICATION PASSWORD 'plain'")
    yield "plain_capture"
    sql.execute("DROP OWNED BY plain_capture CASCADE")
    sql.execute("DROP ROLE plain_capture")


def test_all_tables_needs_a_superuser_and_filtered_does_not(
    props: dict[str, str], sql: psycopg.Connection[Any], plain_role: str
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    sql.execute("INSERT INTO t VALUES (1)")
    sql.execute(f"ALTER TABLE t OWNER TO {plain_role}")
    sql.execute(f"GRANT CREATE ON DATABASE {sql.info.dbname} TO {plain_role}")
    props |= {"database.user": plain_role, "database.password": "plain"}
    refused = Runner(props)
    try:
        error = refused.failure()
    finally:
        refused.close()
    assert isinstance(error, ConfigException)
    assert (error.code, error.field) == ("PG_PERMISSION", "publication.autocreate.mode")
    assert "publication.autocreate.mode=filtered" in str(error.remedy)
    runner = Runner({**props, "publication.autocreate.mode": "filtered"})
    try:
        assert len(runner.count(1)) == 1
    finally:
        runner.close()
