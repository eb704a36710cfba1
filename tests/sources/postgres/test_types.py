"""Types against the real server: what the comparison with Debezium (tests/parity) does not show."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from tests.parity.corpus.postgres_types import stand_in
from tests.sources.postgres.kit import Runner

from headrace.data.unchanged import Unchanged, unchanged_value

pytestmark = pytest.mark.usefixtures("implementation")


def test_a_numeric_beyond_pythons_digit_limit(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, n numeric)")
    sql.execute("INSERT INTO t VALUES (1, 10::numeric ^ 9000 + 0.25)")
    with Runner(props) as run:
        [record] = run.count(1)
    value = record.value["after"]["n"]
    assert value["scale"] == 2
    assert int.from_bytes(value["value"], "big", signed=True) == 10**9002 + 25


def test_nan_is_left_out_with_a_warning_or_refused(
    props: dict[str, str], sql: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, n numeric(6,2), m numeric(6,2) NOT NULL)")
    sql.execute("INSERT INTO t VALUES (1, 'NaN', 0.5)")
    with Runner(props) as run:
        [record] = run.count(1)
        run.settle()
        sql.execute("INSERT INTO t VALUES (2, 'NaN', 1.5)")
        streamed = run.count(2)[1]
        # A required column has no value to stand for it.
        sql.execute("INSERT INTO t VALUES (3, 1, 'NaN')")
        assert run.failure().code == "DECIMAL_NOT_FINITE"
        sql.execute("DELETE FROM t WHERE id = 3")
    assert record.value["after"].values == [1, None, Decimal("0.50")]
    assert streamed.value["after"].values == [2, None, Decimal("1.50")]
    assert "decimal" in caplog.text
    strict = {**props, "slot.name": props["slot.name"] + "_b", "event.converting.failure.handling.mode": "fail"}
    with Runner(strict) as run:
        assert run.failure().code == "DECIMAL_NOT_FINITE"
    with Runner({**strict, "slot.name": props["slot.name"] + "_c", "decimal.handling.mode": "string"}) as run:
        assert run.count(1)[0].value["after"]["n"] == "NAN"


def test_unchanged_toast_travels_marked(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(
        "CREATE TABLE t (id int PRIMARY KEY, v int, x text, b bytea, ta text[], ia int[], ua uuid[], j jsonb, d date[])"
    )
    big = (
        "SELECT string_agg(md5(i::text), ''), decode(string_agg(md5(i::text), ''), 'hex'), array_agg(md5(i::text)),"
        " array_agg(i * 7919), array_agg(md5(i::text)::uuid), jsonb_agg(md5(i::text)), array_agg(date '2020-01-01' + i * 7 % 999)"
        " FROM generate_series(1, 3000) i"
    )
    sql.execute(f"INSERT INTO t SELECT 1, 1, * FROM ({big}) q")  # type: ignore[arg-type]
    with Runner({**props, "snapshot.mode": "no_data"}) as run:
        run.settle()
        sql.execute("UPDATE t SET v = 2")
        [update] = run.count(1)
        sql.execute("ALTER TABLE t REPLICA IDENTITY FULL")
        sql.execute("UPDATE t SET v = 3")
        full = run.count(2)[1]
    after = update.value["after"]
    assert all(isinstance(value, Unchanged) for value in after.values[2:])
    placeholder = "__debezium_unavailable_value"
    assert after["x"] == placeholder
    assert after["b"] == placeholder.encode()
    assert after["ta"] == [placeholder]
    assert after["ia"] == list(placeholder.encode())
    assert after["ua"] == ["b68a35a7-17ad-35b3-af2a-ae46edb4545a"]
    assert not any(isinstance(value, Unchanged) for value in full.value["after"].values)
    assert full.value["before"]["v"] == 2
    assert len(full.value["after"]["x"]) == 96000
    assert full.value["after"]["x"] == full.value["before"]["x"]


def test_new_enum_labels_are_learnt(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, m mood)")
    with Runner({**props, "snapshot.mode": "no_data"}) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (1, 'ok')")
        run.count(1)
        sql.execute("ALTER TYPE mood ADD VALUE 'new'")
        sql.execute("INSERT INTO t VALUES (2, 'new')")
        run.count(2)
        sql.execute("INSERT INTO t VALUES (3, 'sad')")
        sql.execute("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'")
        run.count(3)
    allowed = [r.value["after"].schema.field("m").schema.parameters["allowed"] for r in run.records]
    assert allowed[:2] == ["sad,ok", "sad,ok,new"]
    assert [r.value["after"]["m"] for r in run.records][:2] == ["ok", "new"]
    assert run.records[2].value["after"]["m"] in ("sad", "blue")


def test_types_that_debezium_cannot_read_are_read(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    """Seen with 3.6.3: a domain over an enum keeps it from starting, a refcursor ends its snapshot, NULL in isbn[] its stream."""
    sql.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    sql.execute("CREATE DOMAIN d_mood AS mood NOT NULL")
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, m d_mood, c refcursor, a tsvector[], n int[])")
    sql.execute("INSERT INTO t VALUES (1, 'ok', 'abc', ARRAY['a:1', NULL]::tsvector[], '{{1,2},{3,4}}')")
    with Runner(props) as run:
        [record] = run.count(1)
        run.settle()
        sql.execute("INSERT INTO t VALUES (2, 'sad', 'abc', '{}', '{5}')")
        streamed = run.count(2)[1]
    after = record.value["after"]
    assert [field.name for field in after.schema.fields] == ["id", "m", "a", "n"]
    # NULL in an array whose elements are required is refused as a value: the array is left out, with a warning.
    assert after.values == [1, "ok", None, [1, 2, 3, 4]]
    assert streamed.value["after"].values == [2, "sad", [], [5]]


def test_unsent_values_of_extensions_are_told_apart(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    for statement in (*stand_in("geometry"), *stand_in("sparsevec"), *stand_in("vector")):
        sql.execute(statement)  # type: ignore[call-overload]
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v int, g geometry, s sparsevec, e vector)")
    for column in "gse":
        sql.execute(f"ALTER TABLE t ALTER {column} SET STORAGE EXTERNAL")  # type: ignore[arg-type]
    sql.execute(
        "INSERT INTO t SELECT 1, 1, ('01' || repeat('02000000', 2000))::geometry, ('{' || string_agg(i || ':1', ',') || '}/9000')::sparsevec,"
        " ('[' || string_agg('1', ',') || ']')::vector FROM generate_series(1, 3000) i"
    )
    with Runner({**props, "snapshot.mode": "no_data"}) as run:
        run.settle()
        sql.execute("UPDATE t SET v = 2")
        [record] = run.count(1)
    after = record.value["after"]
    for name in ("g", "s", "e"):
        schema = after.schema.field(name).schema
        assert after[name] == unchanged_value(schema, b"__debezium_unavailable_value")
