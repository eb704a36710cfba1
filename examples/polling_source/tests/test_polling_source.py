"""The source against a real PostgreSQL: the kit's suite for any source, and what is special about polling."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from headrace.spi import ConfigException, ConnectException
from headrace.testing import SourceConformance, SourceRun, TcpProxy, plain, run_source
from headrace.testing.postgres_server import PostgresServer
from polling_source import PollingSourceConnector

TABLE = (
    "CREATE TABLE {} (id bigserial PRIMARY KEY, name text, price numeric, tags text[], "
    "updated_at timestamptz NOT NULL DEFAULT now())"
)
Connection = psycopg.Connection[tuple[Any, ...]]


class Shop:
    """A database behind a proxy, with a table or more, and the source's settings for it."""

    def __init__(self, server: PostgresServer, name: str, proxy: TcpProxy) -> None:
        self.connection: Connection = server.connect(name)
        self.proxy = proxy
        self.config = {
            "database.hostname": proxy.host,
            "database.port": str(proxy.port),
            "database.user": server.user,
            "database.password": server.password,
            "database.name": name,
            "table.whitelist": "orders",
            "topic.prefix": "shop",
            "poll.interval.ms": "20",
            "commit.delay.ms": "0",
        }
        self.table("orders")

    def table(self, name: str) -> None:
        self.connection.execute(TABLE.format(name))

    def insert(self, count: int, table: str = "orders") -> list[int]:
        """So many rows in one transaction: all have the same timestamp."""
        query = f"INSERT INTO {table} (name) SELECT 'n' || g FROM generate_series(1, {count}) g RETURNING id"
        return [row[0] for row in self.connection.execute(query)]


@pytest.fixture
def shop(postgres: PostgresServer, make_database: Callable[[], str]) -> Iterator[Shop]:
    with TcpProxy(postgres.host, postgres.port) as proxy:
        shop = Shop(postgres, make_database(), proxy)
        yield shop
        shop.connection.close()


class TestConformance(SourceConformance):
    connector = PollingSourceConnector
    refused = (
        ({"database.port": "1"}, "database.hostname"),
        ({"database.port": "70000"}, "database.port"),
        ({"table.whitelist": "missing"}, "table.whitelist"),
        ({"table.whitelist": ""}, "table.whitelist"),
        ({"table.whitelist": "orders,users,orders"}, "table.whitelist"),
        ({"timestamp.column": "name"}, "timestamp.column"),
    )

    @pytest.fixture(autouse=True)
    def _shop(self, shop: Shop) -> None:
        self.shop = shop
        shop.table("users")
        self.tables = itertools.cycle(["orders", "users"])

    def config(self) -> dict[str, str]:
        # Batches of 5 end among the rows of one transaction, which all have one timestamp.
        return {**self.shop.config, "table.whitelist": "orders,users", "batch.size": "5"}

    def produce(self, count: int) -> Sequence[tuple[str, int]]:
        table = next(self.tables)
        return [(f"shop.{table}", number) for number in self.shop.insert(count, table)]

    def identity(self, record: Any) -> tuple[str, int]:
        return record.topic, record.key["id"]

    @contextmanager
    def interrupt(self) -> Iterator[None]:
        self.shop.proxy.refuse()
        yield
        self.shop.proxy.accept()

    def outside(self) -> Any:
        return self.shop.connection.execute("SELECT relname, relkind FROM pg_class ORDER BY 1, 2").fetchall()


def test_records(shop: Shop) -> None:
    shop.connection.execute("INSERT INTO orders VALUES (7, 'jam', 1.50, '{a,b}', '2024-05-06 07:08:09.123456+02')")
    run = run_source(PollingSourceConnector, shop.config, until=1)
    record = run.records[0]
    assert record.topic == "shop.orders"
    assert plain(record.key) == {"id": 7}
    assert record.value["updated_at"].isoformat() == "2024-05-06T05:08:09.123000+00:00"  # Connect keeps milliseconds
    assert {name: record.value[name] for name in ("name", "price", "tags")} == {
        "name": "jam",
        "price": "1.50",
        "tags": "{a,b}",
    }
    offset = {"table": "orders", "id": 7, "timestamp": "2024-05-06 05:08:09.123456+00"}
    assert run.offsets == [({"table": "orders"}, offset)]


def test_changed_rows_come_again(shop: Shop) -> None:
    shop.insert(3)
    with SourceRun(PollingSourceConnector, shop.config) as run:
        run.wait(3)
        shop.connection.execute("UPDATE orders SET name = 'new', updated_at = now() WHERE id = 2")
        last = run.wait(4)[-1]
    assert plain(last.key) == {"id": 2}
    assert last.value["name"] == "new"


def test_a_new_column_is_seen(shop: Shop) -> None:
    """Also after many polls, when psycopg would have prepared the statements."""
    with SourceRun(PollingSourceConnector, shop.config) as run:
        for count in range(1, 9):
            shop.insert(1)
            run.wait(count)
        shop.connection.execute('ALTER TABLE orders ADD COLUMN "size in %s" integer DEFAULT 5')
        shop.insert(1)
        assert run.wait(9)[-1].value["size in %s"] == 5


def test_rows_committed_late_are_waited_for(shop: Shop, postgres: PostgresServer) -> None:
    config = {**shop.config, "commit.delay.ms": "1500"}
    with SourceRun(PollingSourceConnector, config) as run, postgres.connect(shop.config["database.name"]) as late:
        late.autocommit = False
        late.execute("INSERT INTO orders (id, name) VALUES (101, 'early timestamp, late commit')")
        shop.connection.execute("INSERT INTO orders (id, name) VALUES (102, 'later timestamp, early commit')")
        late.commit()
        assert [record.key["id"] for record in run.wait(2)] == [101, 102]


def test_tables_are_divided(shop: Shop) -> None:
    tables = [f"t{number}" for number in range(7)]
    for table in tables:
        shop.table(table)
    connector = PollingSourceConnector()
    connector.start({**shop.config, "table.whitelist": ",".join(tables)})
    shares = [config["table.whitelist"].split(",") for config in connector.task_configs(3)]
    assert shares == [["t0", "t1"], ["t2", "t3"], ["t4", "t5", "t6"]]
    assert len(connector.task_configs(20)) == 7


def test_an_unreachable_database_is_refused(shop: Shop) -> None:
    config = {**shop.config, "database.password": "wrong"}
    with pytest.raises(ConfigException, match="password authentication failed"):
        SourceRun(PollingSourceConnector, config).start()
    with pytest.raises(ConnectException, match="Cannot connect"):
        PollingSourceConnector().start(config)
