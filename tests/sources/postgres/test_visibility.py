"""A commit is decoded before other sessions see it: the catalog and the rows are read once they do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner
from tests.support import wait_until

from headrace.sources.postgres.stream.visibility import Visibility
from headrace.testing.servers import PostgresServer


@pytest.fixture
def standby(postgres: PostgresServer) -> Iterator[Callable[[bool], None]]:
    """`standby(missing)`: whether commits wait for a standby that there is not: they are in the log then, and not visible."""
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as admin:

        def missing(wanted: bool) -> None:
            value = "'nobody'" if wanted else "''"
            admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = {value}".encode())
            admin.execute("SELECT pg_reload_conf()")
            query = "SELECT current_setting('synchronous_standby_names')"
            wait_until(lambda: (admin.execute(query).fetchone() == ("nobody",)) is wanted, 10, "the new setting")

        yield missing
        missing(False)
        admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
        admin.execute("SELECT pg_reload_conf()")


def waiting(sql: psycopg.Connection[Any]) -> bool:
    """Whether a commit waits for a standby."""
    return bool(sql.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'").fetchone())


def commit(dsn: str, statements: str) -> threading.Thread:
    def run() -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(statements.encode())

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_table_is_read_when_the_commit_that_made_it_is_visible(
    props: dict[str, str],
    sql: psycopg.Connection[Any],
    postgres: PostgresServer,
    database: str,
    standby: Callable[[bool], None],
) -> None:
    sql.execute("CREATE TABLE t (id int)")
    with Runner(props) as run:
        run.settle()
        standby(True)
        change = (
            "BEGIN; ALTER TABLE t ADD PRIMARY KEY (id), ADD v int NOT NULL DEFAULT 7; INSERT INTO t VALUES (1); COMMIT"
        )
        writer = commit(postgres.dsn(database), change)
        wait_until(lambda: waiting(sql), 10, "the commit's wait")
        seen = threading.Timer(0.3, standby, [False])
        seen.start()
        try:
            [record] = run.count(1)
        finally:
            seen.join()
            writer.join()
    assert record.key["id"] == 1
    assert record.value["after"].schema.field("v").schema.default == 7


def test_the_wait_has_an_end(
    sql: psycopg.Connection[Any],
    postgres: PostgresServer,
    database: str,
    standby: Callable[[bool], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    standby(True)
    writer = commit(postgres.dsn(database), "CREATE TABLE t (id int)")
    wait_until(lambda: waiting(sql), 10, "the commit's wait")
    [(xid,)] = sql.execute(
        "SELECT backend_xid::text::bigint FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    ).fetchall()
    Visibility(patience_s=0.05).wait(sql, xid)
    assert "not visible yet" in caplog.text
    standby(False)
    writer.join()
    caplog.clear()
    Visibility(patience_s=0.05).wait(sql, xid)
    assert caplog.text == ""


def test_a_value_is_not_read_again_before_the_change_is_visible(
    props: dict[str, str],
    sql: psycopg.Connection[Any],
    postgres: PostgresServer,
    database: str,
    standby: Callable[[bool], None],
) -> None:
    """What was there before the change would be taken for what came of it."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'before')")
    reselect = {"post.processors": "r", "r.type": "io.debezium.processors.reselect.ReselectColumnsPostProcessor"}
    with Runner({**props, **reselect, "snapshot.mode": "no_data"}) as run:
        run.settle()
        sql.execute("UPDATE t SET v = 'known'")
        run.count(1)
        standby(True)
        writer = commit(postgres.dsn(database), "UPDATE t SET v = NULL")
        wait_until(lambda: waiting(sql), 10, "the commit's wait")
        seen = threading.Timer(0.3, standby, [False])
        seen.start()
        try:
            record = run.count(2)[1]
        finally:
            seen.join()
            writer.join()
    assert record.value["after"]["v"] is None
