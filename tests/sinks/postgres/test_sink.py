"""What the sink does to a real target."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.sinks.postgres.kit import CONFLUENT, KEY, ROW, UPSERT, Topic, struct_schema
from tests.sinks.postgres.world import World

from headrace.data import INT32_SCHEMA, OPTIONAL_STRING_SCHEMA, STRING_SCHEMA, SchemaBuilder, SinkRecord
from headrace.data.unchanged import UnchangedText
from headrace.errors import ConfigException, ConnectException, DataException, HeadraceError, RetriableException
from headrace.spi.context import TopicPartition
from headrace.testing.servers import PostgresServer

PLACE = TopicPartition("t", 0)
PLACEHOLDER = "__debezium_unavailable_value"


def failing(code: str, action: Callable[[], object], kind: type[HeadraceError] = HeadraceError) -> HeadraceError:
    with pytest.raises(kind) as caught:
        action()
    assert caught.value.code == code, caught.value
    return caught.value


@pytest.mark.parametrize("props", [UPSERT, CONFLUENT], ids=["debezium", "confluent"])
def test_flat_rows_are_upserted_and_tombstones_delete(world: World, props: dict[str, str]) -> None:
    topic, sink = Topic(), world.sink(props)
    sink.put(topic.flat(1, "a"), topic.flat(2, "b"), topic.flat(1, "a2"), topic.tombstone(2), topic.flat(3, None))
    assert world.rows() == [(1, "a2"), (3, None)]
    sink.put(topic.tombstone(3), topic.flat(3, "back"), topic.flat(1, None))
    assert world.rows() == [(1, None), (3, "back")]
    assert sink.task.pre_commit({PLACE: 8}) == {PLACE: 8}
    assert world.stored() == 8


def test_envelopes(world: World) -> None:
    topic, sink = Topic(), world.sink()
    sink.put(
        topic.event("r", 1, "a"), topic.event("c", 2, "b"), topic.event("u", 2, "b2"), topic.event("c", 3, "c"),
        topic.event("d", 3, None), topic.tombstone(3), topic.event("d", 1, None), topic.tombstone(1), topic.event("c", 1, "again"),
    )  # fmt: skip
    assert world.rows() == [(1, "again"), (2, "b2")]


def test_a_row_deleted_and_inserted_again_keeps_nothing_of_the_old(world: World) -> None:
    world.sql.execute("CREATE TABLE t (id int PRIMARY KEY, name text, extra text DEFAULT 'new')")
    world.sql.execute("INSERT INTO t VALUES (1, 'old', 'old')")
    topic, sink = Topic(), world.sink()
    sink.put(topic.event("d", 1, None), topic.event("c", 1, "again"))
    assert world.rows("SELECT * FROM t") == [(1, "again", "new")]


@pytest.mark.parametrize("enabled", [True, False])
def test_truncate(world: World, enabled: bool) -> None:
    topic, sink = Topic(), world.sink({**UPSERT, "truncate.enabled": str(enabled).lower()})
    sink.put(topic.event("c", 1, "a"))
    sink.put(topic.event("c", 2, "b"), topic.event("t"), topic.event("c", 3, "c"))
    assert world.rows() == ([(3, "c")] if enabled else [(1, "a"), (2, "b"), (3, "c")])


def test_deletes_do_nothing_unless_enabled(world: World) -> None:
    topic, sink = Topic(), world.sink({**UPSERT, "delete.enabled": "false"})
    sink.put(topic.event("c", 1, "a"), topic.event("d", 1, None), topic.tombstone(1))
    assert world.rows() == [(1, "a")]
    confluent = world.sink({**CONFLUENT, "delete.enabled": "false"})
    failing("SINK_NULL_VALUE", lambda: confluent.put(topic.tombstone(1)), DataException)


def test_insert_mode_with_log_coordinates_as_key(world: World) -> None:
    topic, sink = (
        Topic(),
        world.sink({**CONFLUENT, "insert.mode": "insert", "pk.mode": "kafka", "delete.enabled": "false"}),
    )
    sink.put(topic.flat(7, "a"), topic.flat(7, "b"))
    assert world.rows("SELECT * FROM t ORDER BY 3") == [("t", 0, 0, 7, "a"), ("t", 0, 1, 7, "b")]


def test_insert_mode_without_key_keeps_every_row(world: World) -> None:
    topic, sink = Topic(), world.sink({"insert.mode": "insert", "schema.evolution": "basic"})
    sink.put(topic.flat(1, "a"), topic.flat(1, "a"))
    assert world.rows() == [(1, "a"), (1, "a")]


def test_update_mode_never_inserts(world: World) -> None:
    topic, sink = Topic(), world.sink({**UPSERT, "insert.mode": "update"})
    world.sql.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
    world.sql.execute("INSERT INTO t VALUES (1, 'old')")
    sink.put(topic.flat(1, "new"), topic.flat(2, "none"))
    assert world.rows() == [(1, "new")]


def test_primitive_key_and_key_from_value(world: World) -> None:
    topic, sink = Topic(), world.sink({**UPSERT, "primary.key.fields": "id"})
    record = topic.flat(1, "a")
    record.key_schema, record.key = INT32_SCHEMA, 1
    sink.put(record)
    assert world.rows() == [(1, "a")]
    other = Topic("t2")
    by_value = world.sink({**UPSERT, "primary.key.mode": "record_value", "primary.key.fields": "id"}, topics=["t2"])
    by_value.put(other.event("c", 1, "a"), other.event("c", 2, "b"), other.event("d", 1, None), other.tombstone(1))
    assert world.rows("SELECT * FROM t2") == [(2, "b")]


def test_replay_changes_nothing(world: World) -> None:
    topic, first = Topic(), world.sink()
    records = [topic.flat(1, "a"), topic.flat(1, "b"), topic.tombstone(1), topic.flat(2, "c")]
    first.put(*records)
    first.put(*records[:3])
    assert world.rows() == [(2, "c")]
    second = world.sink()
    assert second.context.offsets == {PLACE: 4}
    world.sql.execute("DELETE FROM t")
    second.put(*records)
    assert world.rows() == []
    second.put(topic.flat(5, "e"))
    assert world.rows() == [(5, "e")]


def test_replay_in_insert_mode_changes_nothing(world: World) -> None:
    props = {"insert.mode": "insert", "schema.evolution": "basic"}
    topic, first = Topic(), world.sink(props)
    records = [topic.flat(1, "a"), topic.flat(2, "b")]
    first.put(*records)
    world.sink(props).put(*records, topic.flat(3, "c"))
    assert world.rows() == [(1, "a"), (2, "b"), (3, "c")]


def test_a_lingering_task_writes_nothing(world: World) -> None:
    topic, old = Topic(), world.sink()
    records = [topic.flat(n, "x") for n in range(10)]
    old.put(*records[:3])
    new = world.sink()
    new.put(*records[3:6])
    records[6].value.values[1] = "from the old one"
    failing("SINK_FENCED", lambda: old.put(*records[3:8]), ConnectException)
    assert len(world.rows()) == 6
    new.put(*records[6:])
    assert len(world.rows()) == 10


def test_two_first_writers(world: World) -> None:
    topic, one, two = Topic(), world.sink(), world.sink()
    one.put(topic.flat(1, "one"))
    other = Topic()
    failing("SINK_FENCED", lambda: two.put(other.flat(1, "two")), ConnectException)
    assert world.rows() == [(1, "one")]


def test_positions_move_for_records_that_write_nothing(world: World) -> None:
    topic, sink = Topic(), world.sink({**UPSERT, "delete.enabled": "false"})
    sink.put(topic.tombstone(1), topic.tombstone(2))
    assert world.stored() == 2


def test_unchanged_values_are_left_as_they_are(world: World) -> None:
    text = SchemaBuilder.string().optional().build()
    row = {
        "id": INT32_SCHEMA,
        "name": text,
        "body": STRING_SCHEMA,
        "tags": SchemaBuilder.array(STRING_SCHEMA).optional().build(),
    }
    topic, sink = Topic(row=row), world.sink()
    sink.put(topic.event("c", 1, "a", "long one", ["x"]), topic.event("c", 2, "b", "long two", ["y"]))
    sink.put(
        topic.event("u", 1, "a2", UnchangedText(PLACEHOLDER), [PLACEHOLDER]),
        topic.event("u", 2, "b2", PLACEHOLDER, ["z"]),
        topic.event("u", 2, PLACEHOLDER, "short", [PLACEHOLDER]),
        topic.event("c", 3, "c", "long three", []),
        topic.event("u", 3, "c3", PLACEHOLDER, []),
    )
    assert world.rows("SELECT * FROM t ORDER BY id") == [
        (1, "a2", "long one", ["x"]), (2, "b2", "short", ["z"]), (3, "c3", "long three", [])
    ]  # fmt: skip


def test_evolution_adds_columns_and_refuses_what_it_cannot(world: World) -> None:
    topic, sink = Topic(), world.sink()
    sink.put(topic.flat(1, "a"))
    wider = Topic(row={**ROW, "note": OPTIONAL_STRING_SCHEMA, "kind": SchemaBuilder.string().default("it's").build()})
    wider.numbers = topic.numbers
    sink.put(wider.flat(2, "b", "n", "k"), topic.flat(3, "c"), wider.flat(1, "a2", None, "k2"))
    assert world.rows("SELECT * FROM t ORDER BY id") == [
        (1, "a2", None, "k2"),
        (2, "b", "n", "k"),
        (3, "c", None, "it's"),
    ]
    strict = Topic(row={**ROW, "must": INT32_SCHEMA})
    strict.numbers = topic.numbers
    error = failing("SINK_EVOLUTION", lambda: sink.put(strict.flat(4, "d", 1)))
    assert error.field == "schema.evolution"


def test_without_evolution_missing_things_are_named(world: World) -> None:
    topic, sink = Topic(), world.sink({**CONFLUENT, "auto.create": "false", "auto.evolve": "false"})
    error = failing("SINK_TABLE_MISSING", lambda: sink.put(topic.flat(1, "a")))
    assert error.field == "auto.create"
    world.sql.execute("CREATE TABLE t (id int)")
    error = failing(
        "SINK_COLUMN_MISSING", lambda: world.sink({**CONFLUENT, "auto.evolve": "false"}).put(topic.flat(1, "a"))
    )
    assert error.field == "auto.evolve"
    world.sql.execute("ALTER TABLE t ADD name text")
    error = failing("SINK_NO_UNIQUE_KEY", lambda: world.sink(CONFLUENT).put(topic.flat(1, "a")), ConfigException)
    assert error.field == "pk.fields"


def test_a_table_changed_under_us_is_looked_at_again(world: World) -> None:
    topic, sink = Topic(), world.sink()
    sink.put(topic.flat(1, "1"))
    world.sql.execute("ALTER TABLE t ALTER name TYPE int USING name::int")
    sink.put(topic.flat(2, "2"))
    assert world.rows() == [(1, 1), (2, 2)]
    world.sql.execute("DROP TABLE t")
    sink.put(topic.flat(3, "3"))
    assert world.rows() == [(3, "3")]


def test_shapes_in_turns_with_a_delete_between(world: World) -> None:
    more = {**ROW, "note": SchemaBuilder.string().optional().build()}
    topic, other, sink = Topic(), Topic(row=more), world.sink()
    other.numbers = topic.numbers
    sink.put(
        topic.event("c", 1, "gone"),
        other.event("c", 2, "kept", "n"),
        other.event("d", 1, "gone", None),
        topic.event("c", 3, "kept"),
    )
    assert world.sql.execute("SELECT id, name, note FROM t ORDER BY id").fetchall() == [
        (2, "kept", "n"),
        (3, "kept", None),
    ]


def test_bad_records_are_reported_alone(world: World) -> None:
    topic, sink = Topic(), world.sink(reporter=True)
    sink.put(topic.flat(0, "zero"))
    world.sql.execute("ALTER TABLE t ADD CHECK (name <> 'bad')")
    records = [topic.flat(n, "ok") for n in range(1, 40)]
    records[10].value.values[1] = "bad"
    records[20].value.values[1] = 12.5
    records[30].key.values[0] = 2**40
    records[38].value.values[1] = "nul\x00"
    sink.put(*records)
    assert len(world.rows()) == 36
    assert [record.offset for record, _ in sink.context.reports] == [11, 21, 31, 39]
    texts = [str(error) for _, error in sink.context.reports]
    assert "t-0@11" in texts[0]
    assert "column name" in texts[1]
    assert "column id" in texts[2]
    assert "column name" in texts[3]
    assert world.stored() == 40


def test_a_bad_record_fails_the_task_when_nobody_takes_it(world: World) -> None:
    topic, sink = Topic(), world.sink()
    sink.put(topic.flat(2, "fine"))
    schemaless = SinkRecord("t", 0, KEY, topic.flat(1, "a").key, None, {"id": 1}, 1)
    error = failing("SINK_NOT_A_STRUCT", lambda: sink.put(schemaless, topic.flat(3, "later")), DataException)
    assert "t-0@1" in str(error)
    assert world.rows() == [(2, "fine")]
    assert sink.task.pre_commit({PLACE: 3}) == {PLACE: 1}


def test_target_restart_in_the_middle() -> None:
    with PostgresServer(durable=False) as server:
        server.create_database("target")
        world = World(server, "target")
        topic, sink = Topic(), world.sink({**UPSERT, "flush.max.retries": "1"})
        sink.put(topic.flat(1, "a"))
        world.sql.close()
        server.stop()
        record = topic.flat(2, "b")
        failing("PG_SHUTDOWN", lambda: sink.put(record), RetriableException)
        for _ in range(3):
            error = failing("PG_CONNECT_REFUSED", lambda: sink.put(record), RetriableException)
            assert error.field == "connection.url"
        assert sink.context.timeouts == [1000] * 4
        # A task opened while the target is away goes on when it is back.
        late = world.sink()
        server.start()
        late.put(record)
        sink.put(record)
        with server.connect("target") as sql:
            assert sql.execute("SELECT id, name FROM t ORDER BY id").fetchall() == [(1, "a"), (2, "b")]
        sink.stop()
        late.stop()


def test_a_connection_killed_between_puts(world: World) -> None:
    topic, sink = Topic(), world.sink()
    sink.put(topic.flat(1, "a"))
    world.sql.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'headrace-sink' AND datname = current_database()")  # fmt: skip
    record = topic.flat(2, "b")
    with pytest.raises(RetriableException):
        sink.put(record)
    sink.put(record)
    assert world.rows() == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("point", ["sink.before_target_commit", "sink.after_target_commit"])
def test_a_failure_around_the_commit(world: World, monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    from headrace.foundation import failpoints

    topic, sink = Topic(), world.sink({"insert.mode": "insert", "schema.evolution": "basic"})
    sink.put(topic.flat(1, "a"))
    monkeypatch.setattr(failpoints, "_active", failpoints._parse(f"{point}=raise"))
    record = topic.flat(2, "b")
    with pytest.raises(RetriableException):
        sink.put(record)
    sink.put(record)
    assert world.rows() == [(1, "a"), (2, "b")]


def test_table_names(world: World) -> None:
    world.sql.execute('CREATE SCHEMA "Mart"')
    topic = Topic("shop.public.Orders")
    world.sink({**UPSERT, "collection.name.format": "Mart.${topic}"}).put(topic.event("c", 1, "a"))
    assert world.rows('SELECT id, name FROM "Mart"."shop_public_Orders"') == [(1, "a")]
    topic = Topic("shop.public.Orders")
    folded = {**UPSERT, "collection.name.format": "x_${source.table}", "quote.identifiers": "false"}
    sink = world.sink({**folded, "offsets.table.name": "Mart.pos"})
    sink.put(topic.event("c", 1, "a"), topic.event("c", 2, "b"), topic.event("d", 1, None), topic.tombstone(1))
    assert world.rows("SELECT id, name FROM x_orders") == [(2, "b")]
    assert world.rows('SELECT next_offset FROM "Mart".pos') == [(4,)]
    confluent = world.sink(CONFLUENT)
    failing("SINK_TABLE_NAME", lambda: confluent.put(Topic("a.b.c").flat(1, "a")))


def test_field_lists(world: World) -> None:
    topic = Topic(row={**ROW, "secret": OPTIONAL_STRING_SCHEMA})
    world.sink({**UPSERT, "field.exclude.list": "t:secret"}).put(topic.flat(1, "a", "s"))
    assert world.rows("SELECT * FROM t") == [(1, "a")]
    world.sink({**CONFLUENT, "fields.whitelist": "secret", "table.name.format": "t2", "offsets.table.name": "o2"}).put(
        Topic(row={**ROW, "secret": OPTIONAL_STRING_SCHEMA}).flat(1, "a", "s")
    )
    assert world.rows("SELECT * FROM t2") == [(1, "s")]


def test_record_without_key(world: World) -> None:
    topic, sink = Topic(), world.sink()
    failing("SINK_KEY_MISSING", lambda: sink.put(topic.flat(1, "a", key=None)), DataException)
    other = world.sink({**UPSERT, "primary.key.fields": "nope"})
    failing("SINK_KEY_FIELDS", lambda: other.put(topic.flat(1, "a")), ConfigException)


def test_composite_key(world: World) -> None:
    key = struct_schema({"a": INT32_SCHEMA, "b": STRING_SCHEMA})
    topic, sink = Topic(row={"b": STRING_SCHEMA, "v": INT32_SCHEMA, "a": INT32_SCHEMA}, key=key), world.sink()
    sink.put(topic.event("c", "x", 1, 1, key=[1, "x"]), topic.event("c", "y", 2, 1, key=[1, "y"]), topic.event("d", "x", 0, 1, key=[1, "x"]))  # fmt: skip
    assert world.rows("SELECT a, b, v FROM t") == [(1, "y", 2)]


def test_key_from_headers(world: World) -> None:
    topic, sink = Topic(row={"name": STRING_SCHEMA}), world.sink({**UPSERT, "primary.key.mode": "record_header"})
    record = topic.flat("a")
    record.headers.add("id", 7, INT32_SCHEMA)
    gone = topic.tombstone(1)
    gone.headers.add("id", 7, INT32_SCHEMA)
    sink.put(record)
    assert world.rows() == [(7, "a")]
    sink.put(gone)
    assert world.rows() == []


def test_batch_size_bounds_a_transaction(world: World) -> None:
    topic, sink = Topic(), world.sink({**UPSERT, "batch.size": "2"})
    world.sql.execute("CREATE TABLE t (id int PRIMARY KEY, name text, tx text DEFAULT pg_current_xact_id()::text)")
    sink.put(*(topic.flat(n, "x") for n in range(5)))
    assert world.rows("SELECT count(*), count(DISTINCT tx) FROM t") == [(5, 3)]
    all_at_once = world.sink({**UPSERT, "offsets.table.name": "other"})
    again = Topic()
    world.sql.execute("TRUNCATE t")
    all_at_once.put(*(again.flat(n, "x") for n in range(5)))
    assert world.rows("SELECT count(*), count(DISTINCT tx) FROM t") == [(5, 1)]


def test_existing_rich_columns(world: World) -> None:
    world.sql.execute(
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(3) NOT NULL,"
        " shout text GENERATED ALWAYS AS (upper(name)) STORED)"
    )
    topic, sink = Topic(row={**ROW, "shout": OPTIONAL_STRING_SCHEMA}), world.sink(reporter=True)
    sink.put(topic.flat(5, "abc", "ignored"), topic.flat(6, "much too long", None), topic.flat(7, None, None))
    assert world.rows("SELECT * FROM t") == [(5, "abc", "ABC")]
    assert [record.offset for record, _ in sink.context.reports] == [1, 2]
    assert "column name" in str(sink.context.reports[1][1])


def test_two_topics_and_a_schema_change_in_one_put(world: World) -> None:
    one, two = Topic("t"), Topic("t2")
    wider = Topic("t", row={**ROW, "more": INT32_SCHEMA.__class__(INT32_SCHEMA.type, optional=True)})
    wider.numbers = one.numbers
    sink = world.sink(topics=["t", "t2"])
    sink.put(
        one.event("c", 1, "a"),
        two.event("c", 1, "b"),
        wider.event("u", 1, "a2", 5),
        one.event("u", 1, "a3"),
        two.tombstone(1),
        two.event("c", 2, "stays"),
    )
    assert world.rows("SELECT * FROM t") == [(1, "a3", 5)]
    assert world.rows("SELECT * FROM t2") == [(2, "stays")]
