"""Queries and names of the user's: sent as they are, read in order, and refused where rows could be lost or come again for ever."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.sources.sql.test_sql_source import Postgres, Sqlite, World, config, shop, world  # noqa: F401

from headrace.errors import ConnectException, DataException
from headrace.sources.sql.connector import SqlSourceConnector
from headrace.systems.sql import Database, parse_url
from headrace.testing import SourceRun, run_source


@pytest.mark.parametrize("mode", ["bulk", "incrementing"])
def test_text_in_a_query_stays(world: World, mode: str) -> None:  # noqa: F811
    world.table("orders")
    world.insert("orders", 1)
    texts = [":a:b", r"\:x", r"\: ", " :12:30", "50%", "%(id)s", "?"]
    columns = ", ".join(f"'{text}' AS n{number}" for number, text in enumerate(texts))
    query = f"SELECT * FROM (SELECT id, {columns} FROM orders) AS o -- a comment: 5% :of it"
    record = run_source(SqlSourceConnector, {**config(world, mode), "query": query}, 1).records[0]
    assert record.value.values[1:] == texts


def test_names_of_any_kind(world: World) -> None:  # noqa: F811
    table, number = 'o"";%s', "a :last 5%"
    world.execute(f'CREATE TABLE "{table}" ("{number}" INTEGER PRIMARY KEY NOT NULL, "select" INTEGER)')
    settings = config(world, "incrementing") | {
        "incrementing.column.name": number,
        "transforms": "r",
        "transforms.r.type": "org.apache.kafka.connect.transforms.RegexRouter",
        "transforms.r.regex": ".*",
        "transforms.r.replacement": "odd",
    }
    with SourceRun(SqlSourceConnector, settings) as run:
        for id_ in (1, 2):
            world.execute(f'INSERT INTO "{table}" VALUES ({id_}, 7)')
            records = run.wait(id_)
    assert [record.value.to_dict() for record in records] == [{number: 1, "select": 7}, {number: 2, "select": 7}]


@pytest.mark.parametrize("mode", ["incrementing", "timestamp", "timestamp+incrementing"])
def test_a_query_that_evades_the_conditions_fails(shop: Postgres, mode: str) -> None:  # noqa: F811
    """The WHERE clause is of the UNION's last part only."""
    for name in ("a", "b"):
        shop.table(name)
        shop.execute(f"INSERT INTO {name} SELECT g, '', '2024-01-01'::timestamptz + make_interval(mins => g) "
                     f"FROM generate_series({1 if name == 'a' else 10}, 12) g")  # fmt: skip
    query = "SELECT * FROM a UNION ALL SELECT * FROM b"
    run = SourceRun(SqlSourceConnector, {**config(shop, mode), "query": query}).start()
    with pytest.raises(ConnectException) as failed:
        run.wait(100)
    run.kill()
    assert failed.value.code == "SQL_ORDER"
    assert len(run.records) == 15


def test_rows_of_one_id_at_the_end_of_a_batch(shop: Postgres) -> None:  # noqa: F811
    """A join gives several rows of an order: after a kill among them all come, none is left out."""
    shop.execute("CREATE TABLE orders AS SELECT g AS id FROM generate_series(1, 3) g")
    query = "SELECT * FROM (SELECT id, line FROM orders, generate_series(1, 4) line) AS rows"
    settings = {**config(shop, "incrementing", batch_max_rows="5"), "query": query}
    run = SourceRun(SqlSourceConnector, settings).start()
    run.wait(5)
    run.kill()
    run.start()
    wanted = {(id_, line) for id_ in (1, 2, 3) for line in (1, 2, 3, 4)}
    run.wait(lambda found: {(record.value["id"], record.value["line"]) for record in found} == wanted)
    run.stop()


@pytest.mark.parametrize("mode", ["incrementing", "timestamp+incrementing"])
def test_rows_without_id_are_left_out(world: World, mode: str) -> None:  # noqa: F811
    world.execute("CREATE TABLE t (id bigint, changed timestamp)")
    world.execute("INSERT INTO t VALUES (1, '2024-01-01'), (NULL, '2024-01-01'), (2, '2024-01-02')")
    run = run_source(SqlSourceConnector, config(world, mode, validate_non_null="false"), 2)
    assert [record.value["id"] for record in run.records] == [1, 2]


def test_a_time_that_does_not_exist(shop: Postgres) -> None:  # noqa: F811
    """In the hour left out in spring: as a moment it would be another time, and rows up to that one be lost."""
    shop.execute("CREATE TABLE t (id serial, changed timestamp NOT NULL)")
    shop.execute("INSERT INTO t (changed) VALUES ('2024-03-31 01:59'), ('2024-03-31 02:30')")
    run = SourceRun(SqlSourceConnector, config(shop, db_timezone="Europe/Paris")).start()
    with pytest.raises(DataException, match="does not exist in Europe/Paris") as failed:
        run.wait(2)
    run.kill()
    assert failed.value.field == "db.timezone"


def test_the_time_of_a_database_without_zones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MySQL and SQL Server tell the time in the server's zone: that is db.timezone."""
    database = Database(parse_url(f"jdbc:sqlite:{tmp_path / 'x.db'}"))
    sqlite = Sqlite(tmp_path / "x.db")
    assert abs(database.now(ZoneInfo("Asia/Tokyo")) - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
    sqlite.close()

    class Answer:
        def exec_driver_sql(self, statement: str) -> Answer:
            return self

        def scalar_one(self) -> dt.datetime:
            return dt.datetime(2024, 5, 6, 7)

        def rollback(self) -> None: ...

    monkeypatch.setattr(database, "connect", Answer)
    assert database.now(ZoneInfo("Europe/Paris")).astimezone(dt.UTC) == dt.datetime(2024, 5, 6, 5, tzinfo=dt.UTC)
