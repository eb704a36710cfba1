"""What goes wrong around the polling SQL source: odd values, lost connections, long queries, secrets, tables that change."""

from __future__ import annotations

import threading
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import types
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import OperationalError
from tests.sources.sql.test_sql_source import Postgres, Sqlite, config, shop  # noqa: F401
from tests.support import wait_until

from headrace.errors import ConnectException, DataException, RetriableException
from headrace.sources.sql.connector import SqlSourceConnector
from headrace.systems.sql import Kind, parse_url
from headrace.systems.sql.columns import from_reflection
from headrace.systems.sql.errors import map_error
from headrace.testing import SourceRun, plain, run_source
from headrace.testing.stand_ins import ConnectorContextStub


def failure(run: SourceRun) -> ConnectException:
    with run, pytest.raises(ConnectException) as failed:
        run.wait(100)
    return failed.value


def test_columns_and_types_added_in_flight(shop: Postgres) -> None:  # noqa: F811
    shop.table("orders")
    with SourceRun(SqlSourceConnector, config(shop)) as run:
        for count in range(1, 9):  # psycopg prepares what is run often
            shop.insert("orders", 1)
            run.wait(count)
        shop.execute("CREATE TYPE mood AS ENUM ('glad', 'sad')")
        shop.execute("ALTER TABLE orders ADD extra text DEFAULT 'x', ADD feeling mood DEFAULT 'sad'")
        shop.insert("orders", 1)
        records = run.wait(9)
    assert [(r.value["extra"], r.value["feeling"]) for r in records[8:]] == [("x", "sad")]


def test_columns_that_stay_keep_their_schema(shop: Postgres, caplog: pytest.LogCaptureFixture) -> None:  # noqa: F811
    """What is left out is told once, not with each query."""
    shop.execute("CREATE TABLE t (id serial, a int[] DEFAULT '{1}')")
    with SourceRun(SqlSourceConnector, config(shop, "incrementing")) as run:
        for count in (1, 2, 3):
            shop.execute("INSERT INTO t DEFAULT VALUES")
            run.wait(count)
    assert caplog.text.count("Column a is left out") == 1


@pytest.mark.parametrize(
    ("declared", "literal", "said"),
    [
        ("BOOLEAN", "'false'", "'false' is no boolean"),
        ("BLOB", "5", "5 is no bytes"),
        ("INTEGER", "'abc'", "'abc' is no whole number"),
        ("INTEGER", "1.5", "1.5 is no whole number"),
        ("INTEGER", "9e999", "inf is no whole number"),
        ("DOUBLE", "'abc'", "'abc' is no number"),
        ("NUMERIC(8,2)", "'abc'", "'abc' is no decimal of scale 2"),
        ("DATE", "'abc'", "'abc' is no date"),
        ("DATE", "5", "5 is no date"),
        ("TIME", "'abc'", "'abc' is no time of day"),
        ("TIME", "5", "5 is no time of day"),
    ],
)
def test_values_of_sqlite_of_another_type(declared: str, literal: str, said: str, tmp_path: Path) -> None:
    world = Sqlite(tmp_path / "t.db")
    world.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, v {declared})")
    world.execute(f"INSERT INTO t VALUES (1, {literal})")
    error = failure(SourceRun(SqlSourceConnector, config(world, "incrementing")))
    assert isinstance(error, DataException)
    assert said in str(error)
    world.close()


def test_large_integers_of_sqlite(tmp_path: Path) -> None:
    world = Sqlite(tmp_path / "t.db")
    world.execute("CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, s SMALLINT, b BIGINT, x BLOB)")
    world.execute("INSERT INTO t VALUES (1, 70000, 9223372036854775807, 'text')")
    record = run_source(SqlSourceConnector, config(world, "incrementing"), 1).records[0]
    assert plain(record.value) == {"id": 1, "s": 70000, "b": 9223372036854775807, "x": b"text"}
    world.close()


def test_integers_of_mysql_without_sign() -> None:
    def kind(type_: types.TypeEngine[Any]) -> Kind:
        return from_reflection("mysql", [{"name": "c", "type": type_}])[0].kind

    wide = [kind(type_(unsigned=True)) for type_ in (mysql.TINYINT, mysql.SMALLINT, mysql.INTEGER, mysql.BIGINT)]  # type: ignore[operator]
    assert wide == [Kind.INT16, Kind.INT32, Kind.INT64, Kind.INT64]
    assert [kind(mysql.TINYINT()), kind(mysql.INTEGER())] == [Kind.INT8, Kind.INT32]


def test_a_timestamp_of_sqlite_that_is_none(tmp_path: Path) -> None:
    """It fails in the database's own call of our function, which is no reason to try again for ever."""
    world = Sqlite(tmp_path / "t.db")
    world.table("t")
    world.execute("INSERT INTO t VALUES (1, 'x', 'yesterday')")
    error = failure(SourceRun(SqlSourceConnector, config(world)))
    assert error.code == "SQL_REFUSED"
    world.close()


@pytest.mark.parametrize(
    ("number", "passes"),
    [(1054, False), (1045, False), (1049, False), (1040, True), (1205, True), (1213, True), (2003, True), (2013, True)],
)
def test_operational_errors_of_mysql(number: int, passes: bool) -> None:
    error = OperationalError("SELECT 1", {}, Exception(number, "words"))
    mapped = map_error(error, parse_url("jdbc:mysql://h/db"))
    assert isinstance(mapped, RetriableException) is passes


def test_validation_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "mis?spelt %20.db"
    props = {"connection.url": f"sqlite:///{tmp_path}/missing.db", "mode": "bulk", "topic.prefix": "t"}
    errors = {value.name: value.errors for value in SqlSourceConnector().validate(props) if value.errors}
    assert "unable to open" in errors["connection.url"][0]
    assert not list(tmp_path.iterdir())
    Sqlite(path.with_name("odd #%20 name.db")).close()
    found = {**props, "connection.url": f"jdbc:sqlite:{tmp_path}/odd #%20 name.db"}
    assert not [value.errors for value in SqlSourceConnector().validate(found) if value.errors]


def test_a_masked_query_is_in_no_error(shop: Postgres) -> None:  # noqa: F811
    """Nor is a part of it, which PostgreSQL would quote."""
    settings = config(shop, "bulk") | {"query.masked": "SELECT of_the_king FROM nowhere"}
    error = failure(SourceRun(SqlSourceConnector, settings))
    shown = "".join(traceback.format_exception(error))
    assert "UndefinedTable (42P01)" in str(error)
    assert "king" not in shown
    assert "nowhere" not in shown


def test_each_table_has_its_own_retries(shop: Postgres, caplog: pytest.LogCaptureFixture) -> None:  # noqa: F811
    """A short outage is one failure for each of many tables, not as many in a row."""
    for number in range(6):
        shop.table(f"t{number}")
    settings = config(shop, query_retry_attempts="4")
    with SourceRun(SqlSourceConnector, settings) as run:
        shop.insert("t0", 1)
        run.wait(1)
        with shop.away():
            wait_until(lambda: caplog.text.count("cannot be read now; trying again") == 6, 10, "a failure of each")
        shop.insert("t5", 1)
        run.wait(2)


def test_a_stop_ends_a_long_query(shop: Postgres) -> None:  # noqa: F811
    running = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    run = SourceRun(SqlSourceConnector, config(shop, "bulk") | {"query": "SELECT pg_sleep(60)"}).start()
    wait_until(lambda: shop.execute(running) == [(1,)], 10, "the query")
    started = time.monotonic()
    run.stop()
    assert time.monotonic() - started < 10
    assert shop.execute(running) == [(0,)]


def test_partitioned_tables(shop: Postgres) -> None:  # noqa: F811
    """A row is read once: with its partition, as by way of pgjdbc, or with the whole if that is asked for."""
    shop.execute("CREATE TABLE p (id bigserial, k int) PARTITION BY LIST (k)")
    shop.execute("CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)")
    for kinds, wanted in (("TABLE", ["public.p1"]), ("partitioned table", ["public.p"])):
        connector = SqlSourceConnector()
        connector.start(config(shop, "bulk", table_types=kinds))
        connector.stop()
        assert [table.full for table in connector._planned or ()] == wanted


def test_a_table_that_makes_names_ambiguous_fails_the_connector(shop: Postgres) -> None:  # noqa: F811
    shop.table("orders")
    with SourceRun(SqlSourceConnector, config(shop, "bulk", table_poll_interval_ms="20")) as run:
        shop.execute("CREATE SCHEMA other; CREATE TABLE other.orders (id bigint PRIMARY KEY)")
        with pytest.raises(ConnectException, match="have one name"):
            run.wait(lambda _: False)


def test_any_failure_of_the_monitor_is_told(shop: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    told = threading.Event()
    errors: list[BaseException] = []

    class Context(ConnectorContextStub):
        def raise_error(self, error: BaseException) -> None:
            errors.append(error)
            told.set()

    connector = SqlSourceConnector()
    connector.initialize(Context())
    connector.start(config(shop, "bulk", table_poll_interval_ms="20"))
    monkeypatch.setattr(connector, "_tables", lambda: 1 / 0)
    assert told.wait(10)
    connector.stop()
    assert isinstance(errors[0], ZeroDivisionError)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"incrementing.column.mapping": "[x:id", "incrementing.column.name": ""}, "incrementing.column.mapping"),
        ({"incrementing.column.mapping": "orders", "incrementing.column.name": ""}, "incrementing.column.mapping"),
        ({"incrementing.column.mapping": ".*:id"}, "incrementing.column.mapping"),
        ({"timestamp.columns.mapping": ".*:[]", "timestamp.column.name": ""}, "timestamp.columns.mapping"),
        (
            {"timestamp.columns.mapping": ".*:[c]", "timestamp.column.name": "", "query": "SELECT 1"},
            "timestamp.columns.mapping",
        ),
    ],
)
def test_refused_mappings(changes: dict[str, str], field: str) -> None:
    props = {
        "connection.url": "jdbc:postgresql://127.0.0.1:1/x",
        "connection.user": "u",
        "mode": "timestamp+incrementing",
        "incrementing.column.name": "id",
        "timestamp.column.name": "changed",
        "topic.prefix": "t",
    }
    values = SqlSourceConnector().validate(props | changes)
    assert [value.name for value in values if value.errors] == [field]


@pytest.mark.parametrize(
    "offset",
    [{"timestamp": 10**18}, {"timestamp": 5, "timestamp_nanos": 10**12}, {"incremnting": 5}, {"timestamp": 1.5}],
)
def test_offsets_that_cannot_be(offset: dict[str, Any]) -> None:
    with pytest.raises(ConnectException) as refused:
        SqlSourceConnector().alter_offsets({}, [({"query": "query"}, offset)])
    assert refused.value.code == "OFFSET_INVALID"
