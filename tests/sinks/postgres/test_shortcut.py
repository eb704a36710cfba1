"""Rows that are taken for new ones: copied straight into the target, and upserted all the same when the guess was wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.sinks.postgres import kit
from tests.sinks.postgres.kit import ROW, UPSERT, Sink, Topic, struct_schema

from headrace.data import FLOAT64_SCHEMA, INT32_SCHEMA, INT64_SCHEMA
from headrace.errors import HeadraceError
from headrace.native import core
from headrace.sinks.postgres import shortcut
from headrace.sinks.postgres.transaction import Transaction
from headrace.systems.postgres.introspect import Conn
from headrace.testing.servers import PostgresServer

pytestmark = pytest.mark.skipif(core is None, reason="the Rust core is not built")


class World:
    """`ways`: where the rows of each load went: "direct" or "staged"."""

    def __init__(self, server: PostgresServer, name: str, ways: list[str]) -> None:
        self.server, self.name, self.ways = server, name, ways
        self.sql: Conn = server.connect(name)
        self.sinks: list[Sink] = []

    def sink(self, props: dict[str, str] = UPSERT) -> Sink:
        self.sinks.append(Sink(self.server, self.name, props))
        return self.sinks[-1]

    def rows(self) -> list[tuple[Any, ...]]:
        return self.sql.execute("SELECT * FROM t ORDER BY id").fetchall()

    def since(self) -> list[str]:
        found = self.ways[:]
        self.ways.clear()
        return found


@pytest.fixture
def world(
    postgres: PostgresServer, make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    ways: list[str] = []
    copy = Transaction.copy

    def spy(self: Transaction, into: str, data: Any) -> None:
        ways.append("staged" if into.startswith("pg_temp.") else "directly")
        copy(self, into, data)

    monkeypatch.setattr(Transaction, "copy", spy)
    monkeypatch.setattr(kit, "PUT_BLOCKS", True)
    monkeypatch.setattr(shortcut, "LEAST_ROWS", 2)
    made = World(postgres, make_database(), ways)
    yield made
    for sink in made.sinks:
        sink.stop()
    made.sql.close()


def test_new_rows_go_directly_and_others_through_staging(world: World) -> None:
    topic, sink = Topic(), world.sink()
    sink.put(topic.event("r", 1, "a"), topic.event("r", 2, "b"))
    world.sql.execute("INSERT INTO t VALUES (9, 'theirs')")
    sink.put(topic.event("c", 3, "c"), topic.event("u", 1, "A"))
    # The table was empty when it was first looked at, and the second batch was the first that was not all new.
    assert world.since() == ["directly", "directly", "staged"]
    sink.put(topic.event("c", 4, "d"), topic.event("u", 1, "AA"))
    assert world.since() == ["staged"], "a wrong guess makes the next one wait"
    sink.put(topic.event("c", 5, "e"), topic.event("c", 6, "f"), topic.event("u", 1, "AAA"))
    assert world.since() == ["staged", "directly"]
    sink.put(topic.event("c", 7, "g"), topic.event("u", 5, "E"))
    assert world.since() == ["staged"], "one row beside others is not worth a COPY"
    assert world.rows() == [(1, "AAA"), (2, "b"), (3, "c"), (4, "d"), (5, "E"), (6, "f"), (7, "g"), (9, "theirs")]


def test_rows_that_are_there_after_all_are_updated(world: World) -> None:
    world.sql.execute("CREATE TABLE t (id int PRIMARY KEY, name text, note text DEFAULT 'kept')")
    world.sql.execute("INSERT INTO t SELECT n, 'old' FROM generate_series(1, 5) n")
    topic, sink = Topic(), world.sink()
    sink.put(*(topic.event("c", n, "new") for n in range(3, 8)), topic.event("u", 1, "changed"))
    assert world.since() == ["staged", "directly", "staged"]
    assert [row[1] for row in world.rows()] == ["changed", "old", "new", "new", "new", "new", "new"]
    for key in (3, 4):
        sink.put(topic.event("d", key, "new"), topic.event("c", key, "again"), topic.event("c", key + 10, "x"))
        # Deletes are staged always; the first of these rows still wait.
        assert world.since() == ["staged", "staged" if key == 3 else "directly"]
    assert world.rows()[2:4] == [(3, "again", "kept"), (4, "again", "kept")]


def test_tables_with_triggers_are_always_upserted(world: World) -> None:
    world.sql.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
    world.sql.execute("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    world.sql.execute("CREATE TRIGGER seen AFTER UPDATE ON t FOR EACH STATEMENT EXECUTE FUNCTION f()")
    topic, sink = Topic(), world.sink()
    sink.put(topic.event("c", 1, "a"), topic.event("c", 2, "b"))
    assert world.since() == ["staged"]
    assert world.rows() == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("mode", ["insert", "upsert"])
@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ("ALTER TABLE t ALTER amount TYPE float8", [(1, 10.0), (2, 20.0)]),
        ("ALTER TABLE t RENAME TO before; CREATE TABLE t (id int PRIMARY KEY, amount float8)", []),
    ],
    ids=["column of the same width", "table of the same name"],
)
def test_another_type_is_seen(world: World, mode: str, change: str, kept: list[tuple[int, float]]) -> None:
    world.sql.execute("CREATE TABLE t (id int PRIMARY KEY, amount bigint)")
    topic = Topic(row={"id": INT32_SCHEMA, "amount": INT64_SCHEMA})
    sink = world.sink(UPSERT if mode == "upsert" else {"insert.mode": "insert"})
    sink.put(topic.event("c", 1, 10), topic.event("c", 2, 20))
    world.sql.execute(change)
    sink.put(topic.event("c", 3, 30), topic.event("c", 4, 40))
    assert world.rows() == [*kept, (3, 30.0), (4, 40.0)]


def test_a_key_that_is_gone_is_seen(world: World) -> None:
    world.sql.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
    topic, sink = Topic(), world.sink()
    sink.put(topic.event("c", 1, "a"), topic.event("c", 2, "b"))
    world.sql.execute("ALTER TABLE t DROP CONSTRAINT t_pkey")
    with pytest.raises(HeadraceError) as raised:
        sink.put(topic.event("r", 1, "a"), topic.event("r", 2, "b"))
    assert raised.value.code == "SINK_NO_UNIQUE_KEY"
    assert world.rows() == [(1, "a"), (2, "b")]


def test_keys_that_are_one_to_the_target_keep_their_order(world: World) -> None:
    world.sql.execute("CREATE TABLE t (id numeric(4,0) PRIMARY KEY, name text); INSERT INTO t VALUES (9, 'there')")
    key = struct_schema({"id": FLOAT64_SCHEMA}, "t.Key")
    topic = Topic(row={"id": FLOAT64_SCHEMA, "name": ROW["name"]}, key=key)
    sink = world.sink()
    # All of these keys are rounded to 5; the last one written is the last of the batch.
    sink.put(topic.event("c", 5.1, "first"), topic.event("c", 6.0, "other"), topic.event("u", 4.9, "last"))
    assert world.rows() == [(5, "last"), (6, "other"), (9, "there")]


def test_the_pauses_grow_and_end(world: World) -> None:
    world.sql.execute("CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    topic, sink = Topic(), world.sink()
    tries = []
    for _ in range(12):
        sink.put(topic.event("c", 1, "x"), topic.event("c", 2, "y"))
        tries.append(len(world.since()) == 2)
    assert [number for number, tried in enumerate(tries) if tried] == [0, 2, 6]
    world.sql.execute("DELETE FROM t")
    for number in range(12, 16):
        sink.put(topic.event("c", number, "x"), topic.event("c", number + 100, "y"))
    assert world.since()[-1] == "directly"
