"""Types against the real server and against Debezium's own events, recorded in golden/debezium_types.json (see its note)."""

from __future__ import annotations

import json
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, plain, schema_json

from headrace.data.unchanged import Unchanged

GOLDEN = json.loads((Path(__file__).parent / "golden" / "debezium_types.json").read_text())
OUT_OF_CONNECTS_RANGE = {"c_date", "c_ts", "c_ts0", "c_ts3", "c_time"}


def execute(sql: psycopg.Connection[Any], statements: str) -> None:
    if sql.info.server_version < 150000 and "c_numneg" in statements:
        pytest.skip("numeric with a negative scale, which the recorded table has, came with PostgreSQL 15")
    for statement in statements.split(";\n"):
        if statement.strip():
            sql.execute(statement)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", GOLDEN["modes"], ids=lambda mode: mode["config"].get("time.precision.mode", "default"))
def test_values_and_schemas_are_debeziums(
    mode: dict[str, Any], props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    execute(sql, GOLDEN["create"])
    execute(sql, GOLDEN["insert"])
    with Runner({**props, **mode["config"], "event.converting.failure.handling.mode": "skip"}) as run:
        run.count(9)
        run.settle()
        snapshot = list(run.records)
        execute(sql, GOLDEN["insert"].replace("VALUES (1,2,'c'", "VALUES (3,2,'c'"))
        sql.execute("DELETE FROM reqd WHERE a = 1")
        run.count(len(snapshot) + 11)
    streamed = [record for record in run.records[len(snapshot) :] if record.value is not None]
    connect = mode["config"].get("time.precision.mode") == "connect"
    for table, expected in mode["rows"].items():
        ours = [record for record in streamed if record.topic == f"srv.public.{table}"]
        assert len(ours) == len(expected)
        for record, wanted in zip(ours, expected, strict=True):
            field = "after" if wanted["op"] == "c" else "before"
            row = plain(record.value[field])
            schema = record.value[field].schema
            for name, value in wanted[field].items():
                if connect and name in OUT_OF_CONNECTS_RANGE and not -62e12 < _millis(name, value) < 253e12:
                    continue
                if schema.field(name).schema.type.value == "float" and isinstance(value, float):
                    value = struct.unpack("f", struct.pack("f", value))[0]
                if name == "a_time" and row[name]:
                    continue
                if name in ("id", "s", "a") and field == "after":
                    continue
                assert row[name] == value, f"{table}.{name}"
        shown = schema_json(ours[0].value["after"].schema)["fields"]
        by_name = {entry["field"]: {k: v for k, v in entry.items() if k != "field"} for entry in shown}
        for name, wanted_schema in mode["schemas"][table].items():
            assert by_name[name] == wanted_schema, f"{table}.{name}"


def _millis(name: str, value: Any) -> float:
    if not isinstance(value, int):
        return 0
    return (
        value * 86_400_000 if name == "c_date" else value if name != "c_time" else (0 if value < 86_400_000 else 1e18)
    )


def test_snapshot_and_stream_render_alike(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    execute(sql, GOLDEN["create"])
    execute(sql, GOLDEN["insert"])
    with Runner(props) as run:
        run.count(9)
        run.settle()
        first = [plain(r.value["after"]) for r in run.records]
        execute(sql, GOLDEN["insert"].replace("VALUES (1,2,'c'", "VALUES (3,2,'c'"))
        run.count(18)
        second = [plain(r.value["after"]) for r in run.records[9:]]
    by_shape = [
        sorted(
            ({k: v for k, v in row.items() if k not in ("id", "c_uuid2", "c_gen", "a", "s")} for row in rows), key=str
        )
        for rows in (first, second)
    ]
    assert by_shape[0] == by_shape[1]


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
    sql.execute("INSERT INTO t VALUES (1, 'NaN', 'NaN')")
    with Runner(props) as run:
        [record] = run.count(1)
        run.settle()
        sql.execute("INSERT INTO t VALUES (2, 'NaN', 1.5)")
        streamed = run.count(2)[1]
    assert record.value["after"].values == [1, None, Decimal(0)]
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
