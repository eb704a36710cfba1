"""Names and values that other connectors mixed up, cut or left out. Which tickets: docs/loss-tickets.md."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.sources.postgres.kit import Runner, plain

Sql = psycopg.Connection[Any]


def test_names_in_many_bytes(props: dict[str, str], sql: Sql) -> None:
    """The stream's names are UTF-8: schema, table and columns."""
    sql.execute('CREATE SCHEMA "schéma"; CREATE TABLE "schéma"."表" ("ключ" int PRIMARY KEY, "größe" text)')
    with Runner({**props, "snapshot.mode": "no_data"}) as run:
        run.settle()
        sql.execute('INSERT INTO "schéma"."表" VALUES (1, \'ü\')')
        run.count(1)
        [record] = run.records
        assert plain(record.value["after"]) == {"ключ": 1, "größe": "ü"}
        assert (record.value["source"]["schema"], record.value["source"]["table"]) == ("schéma", "表")


def test_columns_that_differ_in_case_alone(props: dict[str, str], sql: Sql) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, a text, \"A\" text); INSERT INTO t VALUES (1, 'low', 'high')")
    with Runner(props) as run:
        run.count(1)
        run.settle()
        sql.execute("INSERT INTO t VALUES (2, 'l', 'h')")
        run.count(2)
        assert [plain(record.value["after"]) for record in run.records] == [
            {"id": 1, "a": "low", "A": "high"},
            {"id": 2, "a": "l", "A": "h"},
        ]


def test_tables_whose_names_match_each_other_as_patterns(props: dict[str, str], sql: Sql) -> None:
    """An underscore or percent sign in a name is itself, wherever the catalogue is asked for it."""
    sql.execute("CREATE TABLE a_b (id int PRIMARY KEY, x int); CREATE TABLE axb (id int PRIMARY KEY, y text, z text)")
    sql.execute('CREATE TABLE "a%b" (id text PRIMARY KEY)')
    with Runner({**props, "snapshot.mode": "no_data"}) as run:
        run.settle()
        sql.execute("INSERT INTO a_b VALUES (1, 2); INSERT INTO axb VALUES (1, 'y', 'z')")
        sql.execute("INSERT INTO \"a%b\" VALUES ('p')")
        run.count(3)
        assert [plain(record.value["after"]) for record in run.records] == [
            {"id": 1, "x": 2},
            {"id": 1, "y": "y", "z": "z"},
            {"id": "p"},
        ]


def test_enums_of_one_name_in_two_schemas(props: dict[str, str], sql: Sql) -> None:
    sql.execute("CREATE SCHEMA one; CREATE SCHEMA two; CREATE TYPE one.mood AS ENUM ('sad', 'ok')")
    sql.execute("CREATE TYPE two.mood AS ENUM ('up', 'down')")
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, a one.mood, b two.mood); INSERT INTO t VALUES (1, 'sad', 'up')")
    with Runner(props) as run:
        run.count(1)
        run.settle()
        sql.execute("INSERT INTO t VALUES (2, 'ok', 'down')")
        run.count(2)
        assert [plain(record.value["after"]) for record in run.records] == [
            {"id": 1, "a": "sad", "b": "up"},
            {"id": 2, "a": "ok", "b": "down"},
        ]
        fields = {field.name: field.schema for field in run.records[1].value["after"].schema.fields}
        assert fields["a"].parameters["allowed"] == "sad,ok"
        assert fields["b"].parameters["allowed"] == "up,down"


def test_digits_of_times_and_numbers(props: dict[str, str], sql: Sql) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, at timestamptz, t timetz, n numeric(30, 10))")
    sql.execute("SET timezone = 'Asia/Kolkata'")
    values = ("2020-02-03 04:05:06.123456+00", "12:34:56.123456+05:30", "12345678901234567890.0123456789")
    sql.execute("INSERT INTO t VALUES (1, %s, %s, %s)", values)
    with Runner(props) as run:
        run.count(1)
        run.settle()
        sql.execute("INSERT INTO t VALUES (2, %s, %s, %s)", values)
        run.count(2)
        for record in run.records:
            after = record.value["after"]
            assert after["at"] == "2020-02-03T04:05:06.123456Z"
            assert after["t"] == "07:04:56.123456Z"
            assert after["n"] == Decimal(values[2])


def test_a_bad_value_takes_no_other_change_along(props: dict[str, str], sql: Sql) -> None:
    """event.processing.failure.handling.mode=skip leaves out the one event and goes on."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, n numeric(5, 2))")
    settings = {**props, "snapshot.mode": "no_data", "event.processing.failure.handling.mode": "skip"}
    with Runner(settings) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (1, 1), (2, 'NaN'), (3, 3)")
        run.until(lambda records: 3 in [record.key["id"] for record in records])
        assert {1, 3} <= {record.key["id"] for record in run.records}


def test_one_value_has_one_hash_wherever_it_stands(props: dict[str, str], sql: Sql) -> None:
    """The second version of the hash masks depends on the value alone, so that masked columns can be joined."""
    sql.execute(
        "CREATE TABLE a (id int PRIMARY KEY, mail text); CREATE TABLE b (id int PRIMARY KEY, contact varchar(80))"
    )
    masks = {"column.mask.hash.v2.SHA-256.with.salt.pepper": "public.a.mail,public.b.contact"}
    with Runner({**props, **masks, "snapshot.mode": "no_data"}) as run:
        run.settle()
        sql.execute("INSERT INTO a VALUES (1, 'x@y'); INSERT INTO b VALUES (1, 'x@y')")
        run.count(2)
        first, second = run.records[0].value["after"]["mail"], run.records[1].value["after"]["contact"]
        assert first == second != "x@y"


@pytest.mark.parametrize("identity", ["DEFAULT", "FULL"])
def test_long_values_survive_an_update_beside_them(props: dict[str, str], sql: Sql, identity: str) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, big text, n int)")
    sql.execute(f"ALTER TABLE t ALTER COLUMN big SET STORAGE EXTERNAL; ALTER TABLE t REPLICA IDENTITY {identity}")
    with Runner({**props, "snapshot.mode": "no_data"}) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (1, repeat('x', 100000), 0)")
        sql.execute("UPDATE t SET n = 1")
        run.count(2)
        after = run.records[1].value["after"]["big"]
        assert after == ("x" * 100_000 if identity == "FULL" else "__debezium_unavailable_value")
