"""post.processors: values that the log does not hold are read from the table, many rows by one query."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, ops, plain

from headrace.data.unchanged import Unchanged
from headrace.sources.postgres import reselect
from headrace.sources.postgres.connector import PostgresConnector

_BIG = "(SELECT string_agg(md5(random()::text || g), '') FROM generate_series(1, 400) g)"


@pytest.fixture
def props(props: dict[str, str]) -> dict[str, str]:
    return {
        **props,
        "snapshot.mode": "no_data",
        "post.processors": "again",
        "again.type": "io.debezium.processors.reselect.ReselectColumnsPostProcessor",
    }


def test_unchanged_and_null_values_of_many_rows_are_read_by_one_query_per_chunk(
    props: dict[str, str], sql: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reselect, "ROWS_PER_QUERY", 20)
    queries: list[int] = []
    read = reselect.Reselect._read

    def counted(self: Any, table: Any, slots: Any, keys: Any) -> Any:
        queries.append(len(keys))
        return read(self, table, slots, keys)

    monkeypatch.setattr(reselect.Reselect, "_read", counted)
    sql.execute("CREATE TABLE t (id int, k text, n int, big text, late int, PRIMARY KEY (k, id))")
    sql.execute(f"INSERT INTO t SELECT i, E'it''s \\\\ \t' || i, 0, {_BIG}, NULL FROM generate_series(1, 50) i")
    expected = {row[0]: row[1] for row in sql.execute("SELECT id, big FROM t").fetchall()}
    with Runner(props) as run:
        run.settle()
        with sql.transaction():
            sql.execute("UPDATE t SET n = 1")
            sql.execute("UPDATE t SET late = 7")
        run.count(100)
    assert ops(run.records) == ["u"] * 100
    for record in run.records:
        after = record.value["after"]
        assert after["big"] == expected[after["id"]]
        assert not isinstance(after["big"], Unchanged)
        # As the row is now, not as it was.
        assert after["late"] == 7
    assert len(queries) <= 12
    assert max(queries) == 20


def test_the_lists_masks_and_switches_are_heard(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, n int, a text, b text, c text)")
    sql.execute(f"INSERT INTO t VALUES (1, 0, {_BIG}, {_BIG}, {_BIG})")
    settings = {
        "column.mask.with.4.chars": "public.t.c",
        "again.reselect.columns.include.list": r"public\.T:[ac],nothing",
        "again.reselect.null.values": "false",
    }
    with Runner({**props, **settings}) as run:
        run.settle()
        sql.execute("UPDATE t SET n = 1")
        sql.execute("INSERT INTO t (id) VALUES (2)")
        update, insert = run.count(2)
    after = update.value["after"]
    assert len(after["a"]) == 32 * 400
    assert isinstance(after["b"], Unchanged)
    assert after["c"] == "****"
    assert plain(insert.value["after"]) == {"id": 2, "n": None, "a": None, "b": None, "c": "****"}


def test_a_row_that_has_gone_leaves_the_record_as_it_is_or_ends_the_task(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, n int, a text)")
    sql.execute(f"INSERT INTO t VALUES (1, 0, {_BIG})")
    with Runner({**props, "again.reselect.error.handling.mode": "FAIL"}) as run:
        run.settle()
        with sql.transaction():
            sql.execute("UPDATE t SET n = 1")
            sql.execute("DELETE FROM t")
        assert run.failure().code == "RESELECT_ROW_NOT_FOUND"
        assert run.records == []
    with Runner(props, run.offsets.stored) as run:
        update, delete, tombstone = run.count(3)
    assert isinstance(update.value["after"]["a"], Unchanged)
    assert delete.value["op"] == "d"
    assert tombstone.value is None


def test_rows_are_found_by_the_key_of_the_event_when_that_is_asked_for(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, u uuid NOT NULL, n int, a text)")
    sql.execute(f"INSERT INTO t VALUES (1, gen_random_uuid(), 0, {_BIG})")
    sql.execute("CREATE TABLE bare (id int, n int, a text); ALTER TABLE bare REPLICA IDENTITY FULL")
    keyed = {
        "post.processors.again.type": props["again.type"],
        "post.processors.again.reselect.use.event.key": "true",
        "message.key.columns": "public.t:u",
    }
    with Runner({**props, **keyed}) as run:
        run.settle()
        sql.execute("UPDATE t SET n = 1")
        sql.execute("INSERT INTO bare (id) VALUES (1)")
        update, insert = run.count(2)
    assert [field.name for field in update.key.schema.fields] == ["u"]
    assert len(update.value["after"]["a"]) == 32 * 400
    assert insert.key is None


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"again.type": "com.example.Mine"}, "Java classes cannot run here"),
        ({"post.processors": "other"}, "no other.type"),
        ({"again.reselect.null.values": "perhaps"}, "true or false"),
        ({"again.reselect.error.handling.mode": "skip"}, "warn or fail"),
        ({"again.reselect.cache.enabled": "true"}, "no such setting"),
        ({"again.reselect.columns.include.list": "("}, "no regular expression"),
    ],
)
def test_wrong_settings_are_refused(props: dict[str, str], settings: dict[str, str], word: str) -> None:
    values = PostgresConnector().validate({**props, **settings})
    [errors] = [value.errors for value in values if value.name == "post.processors"]
    assert any(word in error for error in errors)
    assert not PostgresConnector.config().get("again.type")


def test_a_key_change_whose_create_is_skipped_has_no_row_to_read(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, n int)")
    sql.execute("INSERT INTO t VALUES (1, NULL)")
    with Runner({**props, "skipped.operations": "c"}) as run:
        run.settle()
        sql.execute("UPDATE t SET id = 2")
        delete, tombstone = run.count(2)
    assert ops([delete, tombstone]) == ["d", "-"]


@pytest.mark.parametrize("tombstones", ["true", "false"])
def test_rows_of_a_snapshot_beside_the_stream_are_not_taken_for_a_change(
    tombstones: str, props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    """The signal that closes a window brings rows of another table, and its own record is skipped."""
    sql.execute("CREATE TABLE sig (id varchar(64) PRIMARY KEY, type varchar(32), data varchar(2048))")
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, a text, b text, c text)")
    sql.execute("INSERT INTO t VALUES (1), (2), (3)")
    more = {"signal.data.collection": "public.sig", "skipped.operations": "c", "tombstones.on.delete": tombstones}
    with Runner({**props, **more}) as run:
        run.settle()
        data = '{"data-collections": ["public.t"], "type": "INCREMENTAL"}'
        sql.execute("INSERT INTO sig VALUES ('s', 'execute-snapshot', %s)", (data,))
        records = run.count(3)
        sql.execute("UPDATE t SET id = 4 WHERE id = 3")
        records = run.count(5 if tombstones == "true" else 4)
    assert [plain(record.value["after"]) for record in records[:3]] == [
        {"id": id, "a": None, "b": None, "c": None} for id in (1, 2, 3)
    ]
    assert ops(records[3:]) == (["d", "-"] if tombstones == "true" else ["d"])


def test_a_row_is_not_read_from_another_table_of_its_name(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Runner(props) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (1, NULL)")
        sql.execute("ALTER TABLE t RENAME TO former")
        sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'another')")
        first, second = run.count(2)
    assert first.value["after"]["v"] is None
    assert second.value["after"]["v"] == "another"


def test_a_column_that_was_required_gets_no_null(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, n int, v text NOT NULL)")
    sql.execute(f"INSERT INTO t VALUES (1, 0, {_BIG})")
    with Runner(props) as run:
        run.settle()
        sql.execute("UPDATE t SET n = 1")
        run.count(1)
        # Decoded with the column as it was, read when it is NULL.
        sql.execute("UPDATE t SET n = 2")
        with sql.transaction():
            sql.execute("ALTER TABLE t ALTER v DROP NOT NULL")
            sql.execute("UPDATE t SET v = NULL")
        records = run.count(3)
    assert all(value is not None or field.schema.optional for record in records for value, field in fields(record))
    assert records[2].value["after"]["v"] is None


def fields(record: Any) -> list[tuple[Any, Any]]:
    after = record.value["after"]
    return list(zip(after.values, after.schema.fields, strict=True))


@pytest.mark.parametrize(
    ("type", "keys"),
    [
        ("timestamptz", ["2024-01-02 03:04:05.6+07", "infinity"]),
        ("numeric", ["1.50", "-0.00"]),
        ("float8", ["0.1", "1e300", "-Infinity"]),
        ("bytea", [r"\x00ff5c", r"\x"]),
        ("varchar(8)", ["it's \\ \t\n", "", "\\N"]),
        ("char(4)", ["a", "ä'"]),
        ('"char"', ["x"]),
        ("name", ["n"]),
        ("interval", ["1 mon 2 days 03:00:00"]),
        ("int[]", ["{1,2}", "{}"]),
        ("text[]", ['{"a,b",NULL,"c\\"d"}']),
        ("int4range", ["[1,5)", "empty"]),
        ("inet", ["10.0.0.1/8"]),
        ("bit(3)", ["101"]),
        ("money", ["$1.20"]),
        ("mood", ["it's"]),
        ("posint", ["5"]),
        ("word", ["a'b"]),
    ],
)
def test_keys_of_any_type_find_their_rows(
    type: str, keys: list[str], props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TYPE mood AS ENUM ('it''s', 'ok')")
    sql.execute("CREATE DOMAIN posint AS int CHECK (VALUE > 0); CREATE DOMAIN word AS varchar(9)")
    wide = '"k"" ä"'
    sql.execute(
        f'CREATE TABLE "T a""b" ({wide} {type} PRIMARY KEY, n int, "v\'" text);'
        f"CREATE TABLE two (k {type}, k2 int, n int, v text, PRIMARY KEY (k, k2))".encode()
    )
    for key in keys:
        sql.execute(f'INSERT INTO "T a""b" VALUES (%s::{type}, 0, {_BIG})'.encode(), (key,))
        sql.execute(
            f"INSERT INTO two VALUES (%s::{type}, 1, 0, {_BIG}), (%s::{type}, 2, 0, {_BIG})".encode(), (key, key)
        )
    with Runner({**props, "include.unknown.datatypes": "true"}) as run:
        run.settle()
        sql.execute('UPDATE "T a""b" SET n = 1')
        sql.execute("UPDATE two SET n = 1")
        records = run.count(3 * len(keys))
    for record in records:
        assert record.key is not None
        assert not isinstance(record.value["after"].values[-1], Unchanged)
        assert len(record.value["after"].values[-1]) == 32 * 400


def test_of_rows_that_share_the_events_key_none_gets_the_values_of_another(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, customer int NOT NULL, v text)")
    sql.execute("INSERT INTO t VALUES (1, 7, 'of another'), (2, 8, NULL)")
    keyed = {"again.reselect.use.event.key": "true", "message.key.columns": "public.t:customer"}
    with Runner({**props, **keyed}) as run:
        run.settle()
        with sql.transaction():
            sql.execute("UPDATE t SET customer = 7 WHERE id = 2")
            sql.execute("UPDATE t SET v = 'own' WHERE id = 2")
            sql.execute("INSERT INTO t VALUES (3, 9, NULL); UPDATE t SET v = 'found' WHERE id = 3")
        records = run.count(4)
    assert [record.value["after"]["v"] for record in records] == [None, "own", "found", "found"]
