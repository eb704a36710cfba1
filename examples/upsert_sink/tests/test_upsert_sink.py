"""The sink against a real PostgreSQL: the kit's suite for any sink, and what is special about this one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from headrace.errors import DataException
from headrace.spi import ConfigException, ConnectException, SinkRecord, TopicPartition
from headrace.testing import SinkConformance, SinkDriver, SinkRun, TcpProxy, run_sink, sink_record
from headrace.testing.postgres_server import PostgresServer
from upsert_sink import UpsertSinkConnector

ROLE = "upsert_sink_test_writer"


class Target:
    """An empty database behind a proxy, and the sink's settings for it."""

    def __init__(self, server: PostgresServer, name: str, proxy: TcpProxy) -> None:
        self.connection: psycopg.Connection[tuple[Any, ...]] = server.connect(name)
        self.proxy = proxy
        self.config = {
            "target.hostname": proxy.host,
            "target.port": str(proxy.port),
            "target.database": name,
            "target.username": server.user,
            "target.password": server.password,
            "delete.enabled": "true",
        }

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()

    def exists(self, table: str) -> bool:
        return self.rows(f"SELECT to_regclass('{table}')") != [(None,)]


@pytest.fixture
def target(postgres: PostgresServer, make_database: Callable[[], str]) -> Iterator[Target]:
    with TcpProxy(postgres.host, postgres.port) as proxy:
        target = Target(postgres, make_database(), proxy)
        yield target
        target.connection.close()


def driver(target: Target, topic: str = "shop.orders", **changes: str) -> SinkDriver:
    config = {**target.config, "topics": topic, **{key.replace("_", "."): value for key, value in changes.items()}}
    return SinkDriver(UpsertSinkConnector, config, [TopicPartition(topic, 0)])


def order(number: int, offset: int = 0, **fields: Any) -> SinkRecord:
    return sink_record("shop.orders", {"id": number}, fields or None, offset=offset)


class TestConformance(SinkConformance):
    connector = UpsertSinkConnector
    deletes = True
    refused = (
        ({"target.port": "1"}, "target.hostname"),
        ({"target.password": "wrong"}, "target.hostname"),
        ({"batch.size": "0"}, "batch.size"),
    )

    @pytest.fixture(autouse=True)
    def _target(self, target: Target) -> None:
        self.target = target

    def config(self) -> dict[str, str]:
        return {**self.target.config, "topics": self.topic}

    def read(self) -> Collection[tuple[int, int]]:
        if not self.target.exists(self.topic):
            return []
        return [(number, version) for number, version in self.target.rows(f"SELECT id, version FROM {self.topic}")]

    def bad_record(self) -> SinkRecord:
        return sink_record(self.topic, {"id": 2}, {"id": 2, "version": "no number"}, offset=1)

    @contextmanager
    def interrupt(self) -> Iterator[None]:
        self.target.proxy.refuse()
        try:
            yield
        finally:
            self.target.proxy.accept()

    def outside(self) -> Any:
        return self.target.rows("SELECT relname FROM pg_class ORDER BY 1")


def test_deletes_are_off_unless_asked_for(target: Target) -> None:
    with driver(target, delete_enabled="false") as sink:
        sink.put([order(1, 0, n=1), order(1, 1), order(2, 2)])
    assert target.rows("SELECT id, n FROM orders") == [(1, 1)]


def test_a_table_is_made_from_the_schemas(target: Target) -> None:
    moment = dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
    value = {
        "price": Decimal("1.50"),
        "at": moment,
        "paid": True,
        "data": b"\x00",
        "lines": [{"sku": "a"}],
        "note": None,
    }
    run_sink(UpsertSinkConnector, target.config, [order(1, **value)])
    assert target.rows("SELECT id, price, at, paid, data, lines, note FROM orders") == [
        (1, Decimal("1.50"), moment, True, b"\x00", [{"sku": "a"}], None)
    ]
    assert target.rows("SELECT conkey FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'p'")


def test_topics_go_to_their_tables_in_one_transaction(target: Target) -> None:
    records = [
        sink_record(f"shop.{table}", {"id": number}, {"n": number}, offset=number)
        for number in range(3)
        for table in ("orders", "users")
    ]
    run_sink(UpsertSinkConnector, target.config, records)
    for table in ("orders", "users"):
        assert target.rows(f"SELECT id, n FROM {table} ORDER BY id") == [(0, 0), (1, 1), (2, 2)]
        assert len(target.rows(f"SELECT DISTINCT xmin::text FROM {table}")) == 1


def test_written_by_size(target: Target) -> None:
    with driver(target, batch_size="3", flush_timeout_ms="60000") as sink:
        sink.put([order(1, 0, n=1), order(2, 1, n=1)])
        assert target.rows("SELECT count(*) FROM orders") == [(0,)]
        sink.put([order(3, 2, n=1)])
        assert target.rows("SELECT count(*) FROM orders") == [(3,)]


def test_written_by_time(target: Target) -> None:
    with driver(target, flush_timeout_ms="60000") as sink:
        sink.put([order(1, 0, n=1)])
        sink.put([])
        assert target.rows("SELECT count(*) FROM orders") == [(0,)]
    with driver(target, flush_timeout_ms="0") as sink:
        sink.put([order(2, 1, n=1)])
        assert target.rows("SELECT id FROM orders WHERE id = 2") == [(2,)]


def test_drained_on_stop(target: Target) -> None:
    sink = driver(target, flush_timeout_ms="60000").start()
    sink.put([order(1, 0, n=1)])
    sink.task.stop()
    assert target.rows("SELECT id FROM orders") == [(1,)]


def test_partial_rows_keep_what_they_do_not_name(target: Target) -> None:
    with driver(target) as sink:
        sink.put([order(1, 0, a=1, b=1), order(1, 1, a=2), order(2, 2, b=5), order(2, 3), order(2, 4, a=7)])
    assert target.rows("SELECT id, a, b FROM orders ORDER BY id") == [(1, 2, 1), (2, 7, None)]


def test_a_column_added_meanwhile_is_found(target: Target) -> None:
    with driver(target) as sink:
        sink.put([order(1, 0, a=1)])
        sink.commit()
        target.connection.execute("ALTER TABLE orders ADD COLUMN b bigint")
        sink.put([order(1, 1, a=1, b=2)])
    assert target.rows("SELECT a, b FROM orders") == [(1, 2)]


def test_a_missing_table_is_refused(target: Target) -> None:
    with pytest.raises(ConnectException) as found, driver(target, auto_create="false") as sink:
        sink.put([order(1, 0, n=1)])
    assert found.value.code == "TABLE_MISSING"
    assert not target.exists("orders")


def test_a_missing_column_is_refused(target: Target) -> None:
    target.connection.execute("CREATE TABLE orders (id bigint PRIMARY KEY)")
    with pytest.raises(DataException, match="no column n"), driver(target) as sink:
        sink.put([order(1, 0, n=1)])


def test_names_of_any_kind(target: Target) -> None:
    topic = 'odd "%s'
    record = sink_record(topic, {"100%": 1}, {"at %s": 2})
    with driver(target, topic) as sink:
        sink.put([record, sink_record(topic, {"100%": 2}, None, offset=1)])
    assert target.rows('SELECT * FROM "odd ""%s"') == [(1, 2)]


def test_a_dropped_table_is_made_again_and_no_record_is_to_blame(target: Target) -> None:
    config = {**target.config, "errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dead"}
    with SinkRun(UpsertSinkConnector, {**config, "topics": "shop.orders"}) as run:
        run.send([order(1, n=1)])
        run.wait()
        target.connection.execute("DROP TABLE orders")
        run.send([order(2, n=2)])
        run.wait()
    assert target.rows("SELECT id FROM orders") == [(2,)]
    assert not run.dead_letters


def test_a_missing_right_is_no_fault_of_the_record(target: Target) -> None:
    target.connection.execute("CREATE TABLE orders (id bigint PRIMARY KEY, n bigint)")
    target.connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'writer'")
    try:
        sink = driver(target, batch_size="1", target_username=ROLE, target_password="writer").start()
        with pytest.raises(ConnectException) as failed:
            sink.put([order(1, n=1)])
        sink.abandon()
    finally:
        target.connection.execute(f"DROP ROLE {ROLE}")
    assert failed.value.code == "NOT_ALLOWED"


def test_bad_records_become_dead_letters(target: Target) -> None:
    target.connection.execute("CREATE TABLE orders (id bigint PRIMARY KEY, n integer CHECK (n > 0))")
    config = {**target.config, "errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dead"}
    records = [order(1, n=1), order(2, n=-1), sink_record("shop.orders", "text", {"n": 1}), order(3, n=3)]
    run = run_sink(UpsertSinkConnector, config, records)
    assert target.rows("SELECT id FROM orders ORDER BY id") == [(1,), (3,)]
    assert len(run.dead_letters) == 2
    with pytest.raises(ConfigException, match="database"):
        run_sink(UpsertSinkConnector, {k: v for k, v in config.items() if k != "target.database"}, records)
