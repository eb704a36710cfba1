"""Details of streamed events that the comparison with Debezium on a generated workload brought to light."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, ops

from headrace.sources.postgres.types.temporal import interval_iso


def streamed(props: dict[str, str], sql: psycopg.Connection[Any], statements: list[str], count: int) -> list[Any]:
    """The records of statements run while the stream is up; the tables are there already, and empty."""
    with Runner(props) as run:
        run.settle()
        for statement in statements:
            sql.execute(statement)  # type: ignore[call-overload]
        return run.count(count)


def test_source_snapshot_is_unset_in_streamed_events(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    [record] = streamed(props, sql, ["INSERT INTO t VALUES (1)"], 1)
    assert record.value["source"].get_without_default("snapshot") is None
    assert record.value["source"]["snapshot"] == "false"


@pytest.mark.parametrize(
    ("skipped", "expected"), [("c", ["d", "-", "u"]), ("d", ["c", "u"]), ("t", ["d", "-", "c", "u"])]
)
def test_of_a_key_change_only_the_operations_that_are_not_skipped_come(
    skipped: str, expected: list[str], props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v int)")
    sql.execute("INSERT INTO t VALUES (1, 0)")
    with Runner({**props, "skipped.operations": skipped}) as run:
        run.settle()
        del run.records[:]
        sql.execute("UPDATE t SET id = 2")
        sql.execute("UPDATE t SET v = 1")
        records = run.count(len(expected))
    assert ops(records) == expected


def test_a_message_outside_transactions_is_a_commit_though_its_prefix_is_not_wanted(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    if sql.info.server_version < 140000:
        pytest.skip("pgoutput sends messages from PostgreSQL 14 on")
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    with Runner({**props, "message.prefix.include.list": "wanted"}) as run:
        run.settle()
        with sql.transaction():
            sql.execute("INSERT INTO t VALUES (1)")
            [(written,)] = sql.execute("SELECT pg_logical_emit_message(false, 'other', 'x')").fetchall()
        [record] = run.count(1)
    at, _, offset = written.partition("/")
    assert record.value["source"]["sequence"].startswith(f'["{int(at, 16) << 32 | int(offset, 16)}"')


def test_masks_work_on_what_stands_for_values_that_were_not_sent(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, a text, b text NOT NULL DEFAULT 'abcdef', c text NOT NULL)")
    masks = {"column.mask.with.2.chars": ".*[.](a|c)", "column.truncate.to.3.chars": ".*[.]b"}
    records = streamed({**props, **masks}, sql, ["INSERT INTO t VALUES (1, 'x', 'y', 'z')", "DELETE FROM t"], 3)
    assert records[1].value["before"].values == [1, "**", "abc", "**"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:00:01.999999", "1.999998999"),
        ("-00:00:01.999999", "-1.999998999"),
        ("00:00:01.707642", "1.707641999"),
        ("00:00:00.000001", "0.000001"),
        ("00:00:10", "10"),
        ("00:00:59.5", "59.5"),
    ],
)
def test_seconds_of_intervals_are_summed_in_floating_point(text: str, seconds: str) -> None:
    assert interval_iso(text) == f"P0Y0M0DT0H0M{seconds}S"


def test_a_mask_that_cannot_hide_a_column_is_told_of(
    props: dict[str, str], sql: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, a text, b json, c text[], d json)")
    masks = {"column.mask.with.2.chars": ".*[.](a|b|c)", "column.truncate.to.3.chars": ".*[.]d"}
    with Runner({**props, **masks}) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (1, 'x', '{}', '{y}', '{}')")
        run.count(1)
    told = [record.args[1] for record in caplog.records if "goes unmasked" in record.msg and record.args]  # type: ignore[index]
    assert told == ["b", "c"]
