"""The polling SQL source on PostgreSQL and SQLite: modes, types, offsets, new tables, lost connections."""

from __future__ import annotations

import datetime as dt
import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import pytest

from headrace.errors import ConfigException, ConnectException, RetriableException
from headrace.sources.sql.connector import SqlSourceConnector
from headrace.systems.sql import Database
from headrace.testing import MemoryLog, MemoryOffsetStore, SourceConformance, SourceRun, TcpProxy, plain, run_source
from headrace.testing.postgres_server import PostgresServer

MODES = ("incrementing", "timestamp", "timestamp+incrementing")
COLUMNS = {"incrementing.column.name": "id", "timestamp.column.name": "changed"}


class World(Protocol):
    """A database and how to reach it."""

    url: dict[str, str]

    def execute(self, statement: str) -> Any: ...

    def table(self, name: str) -> None: ...

    def insert(self, table: str, count: int) -> list[int]: ...


class Postgres:
    """Reached through a proxy, so that connections can be lost."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.connection = server.connect(name)
        self.name = name
        self.proxy = TcpProxy(server.host, server.port)
        self.url = {
            "connection.url": f"jdbc:postgresql://{self.proxy.host}:{self.proxy.port}/{name}",
            "connection.user": server.user,
            "connection.password": server.password,
        }

    def execute(self, statement: str) -> Any:
        cursor = self.connection.execute(statement)
        return cursor.fetchall() if cursor.description else None

    def table(self, name: str) -> None:
        self.execute(
            f'CREATE TABLE "{name}" (id bigserial PRIMARY KEY, name text, changed timestamptz NOT NULL DEFAULT now())'
        )

    def insert(self, table: str, count: int) -> list[int]:
        query = f"INSERT INTO \"{table}\" (name) SELECT 'n' || g FROM generate_series(1, {count}) g RETURNING id"
        return [row[0] for row in self.execute(query)]

    @contextmanager
    def away(self) -> Iterator[None]:
        self.proxy.refuse()
        yield
        self.proxy.accept()

    def close(self) -> None:
        self.proxy.close()
        self.connection.close()


class Sqlite:
    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.execute("PRAGMA journal_mode=WAL")
        self.url = {"connection.url": f"jdbc:sqlite:{path}"}

    def execute(self, statement: str) -> Any:
        return self.connection.execute(statement).fetchall()

    def table(self, name: str) -> None:
        self.execute(
            f'CREATE TABLE "{name}" (id INTEGER PRIMARY KEY NOT NULL, name TEXT, '
            "changed TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')))"
        )

    def insert(self, table: str, count: int) -> list[int]:
        values = ", ".join(f"('n{n}')" for n in range(count))
        return [row[0] for row in self.execute(f'INSERT INTO "{table}" (name) VALUES {values} RETURNING id')]

    def close(self) -> None:
        self.connection.close()


@pytest.fixture(params=["postgresql", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "sqlite":
        sqlite = Sqlite(tmp_path / "shop.db")
        yield sqlite
        sqlite.close()
        return
    server, make = request.getfixturevalue("postgres"), request.getfixturevalue("make_database")
    postgres_world = Postgres(server, make())
    yield postgres_world
    postgres_world.close()


@pytest.fixture
def shop(postgres: PostgresServer, make_database: Callable[..., str]) -> Iterator[Postgres]:
    world = Postgres(postgres, make_database())
    yield world
    world.close()


def config(world: World, mode: str = "timestamp+incrementing", **changes: str) -> dict[str, str]:
    base = {
        **world.url,
        "mode": mode,
        "topic.prefix": "shop-",
        "poll.interval.ms": "20",
        "connection.backoff.ms": "50",
        **{key: value for key, value in COLUMNS.items() if key.split(".")[0] in mode},
    }
    return base | {key.replace("_", "."): value for key, value in changes.items()}


class Suite(SourceConformance):
    connector = SqlSourceConnector
    mode = "timestamp+incrementing"
    refused = (
        ({"mode": "often"}, "mode"),
        ({"mode": "timestamp", "timestamp.column.name": None}, "timestamp.column.name"),
        ({"incrementing.column.name": "missing", "mode": "incrementing"}, "incrementing.column.name"),
        ({"timestamp.column.name": "missing", "mode": "timestamp"}, "timestamp.column.name"),
        ({"connection.url": "jdbc:unheard:of"}, "connection.url"),
        ({"table.whitelist": "nothing"}, "table.whitelist"),
        ({"table.blacklist": "orders"}, "table.blacklist"),
        ({"topic.prefix": "a b"}, "topic.prefix"),
        ({"batch.max.rows": "0"}, "batch.max.rows"),
        ({"db.timezone": "Nowhere"}, "db.timezone"),
    )

    @pytest.fixture(autouse=True)
    def _world(self, world: World) -> None:
        self.world = world
        self.names = itertools.cycle(["orders", "users"])
        for name in ("orders", "users"):
            world.table(name)

    def config(self) -> dict[str, str]:
        return {**config(self.world, self.mode), "batch.max.rows": "5", "table.whitelist": "orders,users"}

    def produce(self, count: int) -> Sequence[tuple[str, int]]:
        name = next(self.names)
        return [(f"shop-{name}", number) for number in self.world.insert(name, count)]

    def identity(self, record: Any) -> tuple[str, int]:
        return record.topic, record.value["id"]

    def interrupt(self) -> AbstractContextManager[None] | None:
        return self.world.away() if isinstance(self.world, Postgres) else None


class TestTimestampIncrementing(Suite):
    pass


ONE_IS_ENOUGH = pytest.mark.parametrize(
    "world", ["sqlite", pytest.param("postgresql", marks=pytest.mark.parity)], indirect=True
)


@ONE_IS_ENOUGH
class TestIncrementing(Suite):
    mode = "incrementing"


@ONE_IS_ENOUGH
class TestTimestamp(Suite):
    mode = "timestamp"
    repeats_after_stop = True


def test_bulk_reads_everything_each_time(world: World) -> None:
    world.table("orders")
    world.insert("orders", 3)
    with SourceRun(SqlSourceConnector, config(world, "bulk")) as run:
        records = run.wait(9)
    assert [record.value["id"] for record in records[:9]] == [1, 2, 3] * 3
    assert not run.offsets


def test_the_auto_increment_column_is_found(world: World) -> None:
    world.table("orders")
    world.insert("orders", 2)
    run = run_source(SqlSourceConnector, config(world, "incrementing", incrementing_column_name=""), 2)
    assert [offset for _, offset in run.offsets] == [{"incrementing": 2}]


@pytest.mark.parametrize("mode", MODES)
def test_a_query(world: World, mode: str) -> None:
    world.table("orders")
    world.insert("orders", 4)
    query = "SELECT * FROM (SELECT id, name, changed, ' :no' AS note, '50%' AS rate FROM orders) AS o"
    changes = {"query": query, "topic.prefix": "found"}
    with SourceRun(SqlSourceConnector, {**config(world, mode), **changes}) as run:
        run.wait(4)
        world.insert("orders", 1)
        records = run.wait(5)
    assert [record.value["id"] for record in records] == [1, 2, 3, 4, 5]
    assert {record.topic for record in records} == {"found"}
    assert (records[0].value["note"], records[0].value["rate"]) == (" :no", "50%")
    assert [partition for partition, _ in run.offsets] == [{"query": "query"}]


def test_updates_come_again(world: World) -> None:
    world.table("orders")
    world.insert("orders", 3)
    now = "now()" if isinstance(world, Postgres) else "strftime('%Y-%m-%d %H:%M:%f', 'now')"
    with SourceRun(SqlSourceConnector, config(world)) as run:
        run.wait(3)
        world.execute(f"UPDATE orders SET name = 'new', changed = {now} WHERE id = 2")
        last = run.wait(4)[-1]
    assert (last.value["id"], last.value["name"]) == (2, "new")


def test_offsets_are_confluents(shop: Postgres) -> None:
    shop.table("orders")
    shop.execute("INSERT INTO orders VALUES (7, 'jam', '2024-05-06 07:08:09.123456+02')")
    run = run_source(SqlSourceConnector, config(shop), 1)
    assert run.offsets == [
        (
            {"protocol": "1", "table": "public.orders"},
            {"incrementing": 7, "timestamp": 1714972089123, "timestamp_nanos": 123456000},
        )
    ]


@pytest.mark.parametrize(
    "partition",
    [
        {"protocol": "1", "table": "public.orders"},
        {"protocol": "1", "table": "<db>.public.orders"},
        {"table": "orders"},
    ],
)
def test_an_offset_of_confluents_is_taken_over(shop: Postgres, partition: dict[str, str]) -> None:
    shop.table("orders")
    shop.insert("orders", 5)
    stamp = shop.execute("SELECT floor(extract(epoch FROM changed) * 1000)::bigint, "
                         "(extract(microseconds FROM changed)::bigint % 1000000) * 1000 FROM orders WHERE id = 3")[0]  # fmt: skip
    log = MemoryLog()
    stored = {key: value.replace("<db>", shop.name) for key, value in partition.items()}
    offset = {"timestamp_nanos": stamp[1], "incrementing": 3, "timestamp": stamp[0]}
    MemoryOffsetStore(log).put("test", [(stored, offset)])
    run = run_source(SqlSourceConnector, config(shop), 2, log=log)
    assert [record.value["id"] for record in run.records] == [4, 5]


def test_rows_of_one_timestamp_in_timestamp_mode(shop: Postgres) -> None:
    """A kill in the middle of rows with one timestamp: they come again, none is left out."""
    shop.table("orders")
    shop.insert("orders", 10)
    run = SourceRun(SqlSourceConnector, config(shop, "timestamp", batch_max_rows="3")).start()
    run.wait(3)
    run.kill()
    run.start()
    records = run.wait(lambda found: {record.value["id"] for record in found} == set(range(1, 11)))
    run.stop()
    assert len(records) >= 10


def test_rows_that_commit_late_are_waited_for(shop: Postgres, postgres: PostgresServer) -> None:
    shop.table("orders")
    settings = config(shop, timestamp_delay_interval_ms="1500")
    with SourceRun(SqlSourceConnector, settings) as run, postgres.connect(shop.name) as late:
        late.autocommit = False
        late.execute("INSERT INTO orders (id, name) VALUES (101, 'early')")
        shop.execute("INSERT INTO orders (id, name) VALUES (102, 'late')")
        late.commit()
        assert [record.value["id"] for record in run.wait(2)] == [101, 102]


@pytest.mark.parametrize(("initial", "found"), [("1704067200000", [2]), (None, [1, 2]), ("-1", [])])
def test_timestamp_initial(shop: Postgres, initial: str | None, found: list[int]) -> None:
    shop.table("orders")
    shop.execute("INSERT INTO orders VALUES (1, 'old', '1965-06-01'), (2, 'new', '2024-06-01')")
    changes = {} if initial is None else {"timestamp_initial": initial}
    with SourceRun(SqlSourceConnector, config(shop, **changes)) as run:
        run.wait(lambda _: run.tasks[0].listener.state is not None)
        shop.execute("INSERT INTO orders VALUES (3, 'later', now())")
        records = run.wait(len(found) + 1)
    assert [record.value["id"] for record in records] == [*found, 3]


def test_new_tables_are_found(world: World) -> None:
    world.table("orders")
    world.insert("orders", 1)
    with SourceRun(SqlSourceConnector, config(world, table_poll_interval_ms="50"), max_tasks=4) as run:
        run.wait(1)
        world.table("users")
        world.insert("users", 2)
        records = run.wait(3)
        assert len(run.tasks) == 2
    assert sorted((record.topic, record.value["id"]) for record in records) == [
        ("shop-orders", 1),
        ("shop-users", 1),
        ("shop-users", 2),
    ]


def test_which_tables(shop: Postgres) -> None:
    for name in ("orders", "users", "Audit Log"):
        shop.table(name)
    shop.execute("CREATE SCHEMA other; CREATE TABLE other.things (id bigserial PRIMARY KEY)")
    shop.execute("CREATE VIEW recent AS SELECT * FROM orders")

    def tables(**changes: str) -> set[str]:
        connector = SqlSourceConnector()
        connector.start(config(shop, "bulk", **changes))
        try:
            return {table.full for table in connector._planned or ()}
        finally:
            connector.stop()

    everything = {"public.orders", "public.users", "public.Audit Log", "other.things"}
    assert tables() == everything
    assert tables(table_whitelist="orders,public.users") == {"public.orders", "public.users"}
    assert tables(table_whitelist='"public"."Audit Log"') == {"public.Audit Log"}
    assert tables(table_blacklist="orders,other.things") == {"public.users", "public.Audit Log"}
    assert tables(table_include_list=r"public\..*", table_exclude_list=r".*\.users") == {
        "public.orders",
        "public.Audit Log",
    }
    assert tables(schema_pattern="oth%") == {"other.things"}
    assert tables(table_types="VIEW") == {"public.recent"}
    assert tables(table_types="TABLE,VIEW") == everything | {"public.recent"}


def test_tables_of_one_name_are_refused(shop: Postgres) -> None:
    shop.table("orders")
    shop.execute("CREATE SCHEMA other; CREATE TABLE other.orders (id bigint PRIMARY KEY)")
    with pytest.raises(ConfigException, match="have one name"):
        SourceRun(SqlSourceConnector, config(shop, "bulk")).start()


def test_columns_that_may_be_null(shop: Postgres) -> None:
    shop.execute("CREATE TABLE orders (id integer, a timestamp, b timestamp)")
    shop.execute("INSERT INTO orders VALUES (1, '2024-01-01', NULL), (2, NULL, '2024-01-02'), (3, NULL, NULL)")
    settings = config(shop, "timestamp", timestamp_column_name="a,b")
    with pytest.raises(ConfigException, match="allows NULL in a, b"):
        SourceRun(SqlSourceConnector, settings).start()
    run = run_source(SqlSourceConnector, settings | {"validate.non.null": "false"}, 2)
    assert [record.value["id"] for record in run.records] == [1, 2]


def test_types_of_postgresql(shop: Postgres) -> None:
    shop.execute("CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE DOMAIN score AS integer CHECK (VALUE > 0)")
    shop.execute(
        "CREATE TABLE t (id serial PRIMARY KEY, b boolean NOT NULL, s smallint, l bigint, r real, d double precision, "
        "n numeric(10,2), u numeric, x text, c char(3), y bytea, dt date, tm time, ts timestamp, tz timestamptz, "
        "j jsonb, g uuid, m mood, o score, a int[], iv interval)"
    )
    shop.execute(
        "INSERT INTO t VALUES (1, true, 2, 3, 1.5, 2.5, 12.30, 4.125, 'x', 'c', '\\x0102', '2024-05-06', '07:08:09.123', "
        "'2024-05-06 07:08:09.123', '2024-05-06 07:08:09.123+02', '{\"a\": 1}', "
        "'00000000-0000-0000-0000-000000000001', 'glad', 5, '{1}', '1 day')"
    )
    record = run_source(SqlSourceConnector, config(shop, "incrementing"), 1).records[0]
    assert plain(record.value) == {
        "id": 1, "b": True, "s": 2, "l": 3, "r": 1.5, "d": 2.5, "n": Decimal("12.30"), "u": Decimal("4.125"), "x": "x", "c": "c  ",
        "y": b"\x01\x02", "dt": dt.date(2024, 5, 6), "tm": dt.time(7, 8, 9, 123000),
        "ts": dt.datetime(2024, 5, 6, 7, 8, 9, 123000, dt.UTC), "tz": dt.datetime(2024, 5, 6, 5, 8, 9, 123000, dt.UTC),
        "j": '{"a": 1}', "g": "00000000-0000-0000-0000-000000000001", "m": "glad", "o": 5,
    }  # fmt: skip
    schema = record.value_schema
    assert schema is not None
    shown = {field.name: (field.schema.type.value, field.schema.optional) for field in schema.fields}
    assert (shown["id"], shown["b"], shown["s"], shown["l"]) == (
        ("int32", False), ("boolean", False), ("int16", True), ("int64", True)
    )  # fmt: skip
    assert (shown["r"], shown["d"], schema.name) == (("float", True), ("double", True), "t")
    n, u = schema.field("n"), schema.field("u")
    assert n is not None
    assert u is not None
    assert n.schema.parameters == {"scale": "2", "connect.decimal.precision": "10"}
    assert u.schema.parameters == {"scale": "127", "connect.decimal.precision": "0"}


@pytest.mark.parametrize(
    ("mapping", "types"),
    [
        ("none", ["bytes", "bytes", "bytes", "bytes", "bytes"]),
        ("precision_only", ["int8", "int64", "bytes", "bytes", "bytes"]),
        ("best_fit", ["int8", "int64", "double", "bytes", "bytes"]),
        ("best_fit_eager_double", ["int8", "int64", "double", "double", "bytes"]),
    ],
)
def test_numeric_mapping(shop: Postgres, mapping: str, types: list[str]) -> None:
    shop.execute(
        "CREATE TABLE t (id serial, a numeric(2), b numeric(18), c numeric(5,2), d numeric(30,2), e numeric(30))"
    )
    shop.execute("INSERT INTO t VALUES (1, 1, 2, 3.25, 4.25, 5)")
    record = run_source(SqlSourceConnector, config(shop, "incrementing", numeric_mapping=mapping), 1).records[0]
    assert record.value_schema is not None
    assert [field.schema.type.value for field in record.value_schema.fields[1:]] == types
    assert [float(value) for value in record.value.values[1:]] == [1, 2, 3.25, 4.25, 5]


@pytest.mark.parametrize(
    ("granularity", "value"),
    [
        ("micros_long", 1714972089123456),
        ("micros_string", "1714972089123456"),
        ("micros_iso_datetime_string", "2024-05-06T07:08:09.123456"),
        ("nanos_long", 1714972089123456000),
        ("nanos_string", "1714972089123456000"),
        ("nanos_iso_datetime_string", "2024-05-06T07:08:09.123456000"),
    ],
)
def test_granularity_and_time_zone(shop: Postgres, granularity: str, value: Any) -> None:
    """The zone is that of timestamps without one, in values and in the query."""
    shop.execute("CREATE TABLE t (id serial, changed timestamp NOT NULL)")
    shop.execute("INSERT INTO t VALUES (1, '2024-05-06 07:08:09.123456'), (2, '2024-05-06 07:08:09.123456')")
    settings = config(shop, timestamp_granularity=granularity, db_timezone="Europe/Paris")
    first = run_source(SqlSourceConnector, settings, 2)
    assert [record.value["changed"] for record in first.records] == [value, value]
    shop.execute("INSERT INTO t VALUES (3, '2024-05-06 07:08:09.123456')")
    again = run_source(SqlSourceConnector, settings, 1, resume=first)
    assert [record.value["id"] for record in again.records] == [1, 2, 3]


def test_times_of_sqlite_in_any_form(tmp_path: Path) -> None:
    world = Sqlite(tmp_path / "t.db")
    world.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, changed TIMESTAMP NOT NULL, ok BOOLEAN, n NUMERIC(8,2))"
    )
    world.execute("INSERT INTO t VALUES (1, '2024-05-06 07:08:09', 1, 1.5), (2, '2024-05-06T07:08:09.000', 0, 2), "
                  "(3, '2024-05-06 09:08:09+02:00', 1, 3), (4, 1714979289000, 1, 4), (5, '2024-05-06 07:08:09.0001', 1, 5)")  # fmt: skip
    first = run_source(SqlSourceConnector, config(world, batch_max_rows="2"), 5)
    assert [record.value["id"] for record in first.records] == [1, 2, 3, 4, 5]
    assert len({record.value["changed"] for record in first.records}) == 1  # to the millisecond
    assert [record.value["ok"] for record in first.records] == [True, False, True, True, True]
    world.execute("INSERT INTO t VALUES (6, '2024-05-06 07:08:09.000100', 1, 6)")
    again = run_source(SqlSourceConnector, config(world), 1, resume=first)
    assert [record.value["id"] for record in again.records][5:] == [6]
    world.close()


def test_a_failure_behind_the_last_row_loses_nothing(shop: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are read, and then the query's transaction cannot be ended."""
    shop.table("orders")
    shop.insert("orders", 5)
    end, failures = Database.end_query, iter([True, False, True])

    def fail(database: Database) -> None:
        if next(failures, False):
            raise RetriableException("lost", code="SQL_UNREACHABLE")
        end(database)

    monkeypatch.setattr(Database, "end_query", fail)
    with SourceRun(SqlSourceConnector, config(shop)) as run:
        run.wait(5)
        shop.insert("orders", 5)
        records = run.wait(10)
    assert [record.value["id"] for record in records] == list(range(1, 11))


def test_retries_can_be_limited(shop: Postgres) -> None:
    shop.table("orders")
    run = SourceRun(SqlSourceConnector, config(shop, query_retry_attempts="1")).start()
    shop.insert("orders", 1)
    run.wait(1)
    with shop.away(), pytest.raises(ConnectException) as failed:
        run.wait(2)
    run.kill()
    assert failed.value.code == "SQL_RETRIES_EXHAUSTED"


def test_a_wrong_query_fails(shop: Postgres) -> None:
    settings = config(shop, "bulk") | {"query": "SELECT nonsense FROM nowhere"}
    run = SourceRun(SqlSourceConnector, settings).start()
    with pytest.raises(ConnectException) as failed:
        run.wait(1)
    run.kill()
    assert failed.value.code == "SQL_REFUSED"


def test_offsets_are_checked() -> None:
    alter = SqlSourceConnector().alter_offsets
    assert alter({}, [({"protocol": "1", "table": "public.t"}, {"incrementing": 5}), ({"query": "query"}, None)])
    for partition, offset in (({"server": "x"}, None), ({"table": "t"}, {"incrementing": "5"})):
        with pytest.raises(ConnectException):
            alter({}, [(partition, offset)])
