"""A transaction whose statements wait for each other: what is undone, what is raised, what stays prepared."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from tests.sinks.postgres import kit
from tests.sinks.postgres.kit import UPSERT, Sink, Topic

from headrace.native import core
from headrace.sinks.postgres import shortcut
from headrace.sinks.postgres.transaction import Transaction
from headrace.systems.postgres.introspect import Conn
from headrace.testing.servers import PostgresServer


@pytest.fixture
def sql(postgres: PostgresServer, make_database: Callable[..., str]) -> Iterator[Conn]:
    with postgres.connect(make_database()) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, n int CHECK (n > 0))")
        yield connection


def is_data(state: str) -> bool:
    return state.startswith("23")


def rows(sql: Conn) -> list[tuple[int, ...]]:
    return sql.execute("SELECT * FROM t ORDER BY id").fetchall()


def test_what_was_refused_is_undone_alone(sql: Conn) -> None:
    with Transaction(sql) as transaction:
        transaction.run("INSERT INTO t VALUES (1, 1)")
        assert not transaction.attempt(lambda: transaction.run("INSERT INTO t VALUES (2, 1), (1, 1)"), is_data)
        assert transaction.attempt(lambda: transaction.run("INSERT INTO t VALUES (3, 1)"), is_data)
        transaction.commit()
    assert rows(sql) == [(1, 1), (3, 1)]


def test_a_failure_of_what_went_before_is_not_the_attempts(sql: Conn) -> None:
    with Transaction(sql) as transaction:
        transaction.run("INSERT INTO t VALUES (1, 0)")
        with pytest.raises(psycopg.errors.CheckViolation):
            transaction.attempt(lambda: transaction.run("INSERT INTO t VALUES (2, 1)"), is_data)
    assert rows(sql) == []
    assert sql.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_a_check_that_raises_ends_it(sql: Conn) -> None:
    def refuse(count: int) -> None:
        raise LookupError(count)

    with Transaction(sql) as transaction:
        transaction.run("INSERT INTO t VALUES (1, 1), (2, 1)", refuse)
        with pytest.raises(LookupError, match="2"):
            transaction.commit()
    assert rows(sql) == []


def test_without_commit_nothing_stays(sql: Conn) -> None:
    with Transaction(sql) as transaction:
        transaction.run("INSERT INTO t VALUES (1, 1)")
        transaction.flush()
    assert rows(sql) == []


@pytest.mark.skipif(core is None, reason="the Rust core is not built")
def test_what_the_loaders_prepared_outlives_a_wrong_guess(
    postgres: PostgresServer, make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit, "PUT_BLOCKS", True)
    monkeypatch.setattr(shortcut, "LEAST_ROWS", 2)
    name = make_database()
    sink, topics = Sink(postgres, name, UPSERT), [Topic(f"t{number}") for number in range(8)]
    try:
        for topic in topics:
            # So many tables that psycopg would prepare the questions asked about each.
            sink.put(topic.event("r", 1, "a"), topic.event("r", 2, "a"))
        with postgres.connect(name) as sql:
            sql.execute("INSERT INTO t1 VALUES (3, 'theirs')")
            sink.put(topics[1].event("c", 3, "ours"), topics[1].event("c", 4, "ours"))
            sink.put(topics[1].event("u", 1, "ours"))
            found = sql.execute("SELECT * FROM t1 ORDER BY 1").fetchall()
    finally:
        sink.stop()
    assert [row[:2] for row in found] == [(1, "ours"), (2, "a"), (3, "ours"), (4, "ours")]
