"""The same records as blocks and one by one come to the same tables, positions and reports."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.sinks.postgres.kit import CONFLUENT, Sink, as_batch, struct_schema

from headrace.data import INT32_SCHEMA, STRING_SCHEMA, Schema, SchemaBuilder, SinkRecord, Struct
from headrace.data.logical import decimal_builder
from headrace.data.unchanged import UnchangedText, unchanged_value
from headrace.native import core
from headrace.sinks.postgres import shortcut
from headrace.sinks.postgres.loading import Loader
from headrace.sinks.postgres.sorted_rows import NativeRows
from headrace.systems.postgres.introspect import Conn
from headrace.testing.servers import PostgresServer

pytestmark = pytest.mark.skipif(core is None, reason="the Rust core is not built")

PLACEHOLDER = b"__debezium_unavailable_value"
TEXT = SchemaBuilder.string().optional().build()
TEXTS = SchemaBuilder.array(SchemaBuilder.string().optional().build()).optional().build()
FIELDS = {
    "id": INT32_SCHEMA,
    "part": STRING_SCHEMA,
    "body": TEXT,
    "tags": TEXTS,
    "amount": decimal_builder(2).optional().build(),
    "small": SchemaBuilder.int32().optional().default(5).build(),
}
TABLE = """CREATE TABLE {name} (id int, part text, body varchar(8), tags text[], amount numeric(6,2), small smallint DEFAULT 9,
 other int DEFAULT 1{key})"""
TABLES = ("a", "b", "to_a", "to_b", "one_table")
SOURCE = struct_schema({"table": STRING_SCHEMA}, "source")


class Shape:
    """The schemas of one topic's records; `more`: a later form of the table, with a column that `other` has."""

    def __init__(self, topic: str, more: bool) -> None:
        fields = {**FIELDS, **({"other": SchemaBuilder.int32().optional().build()} if more else {})}
        self.topic, self.more = topic, more
        self.key = struct_schema({"id": INT32_SCHEMA, "part": STRING_SCHEMA}, f"{topic}.Key")
        self.row = struct_schema(fields, f"{topic}.Value", optional=True)
        self.envelope = struct_schema(
            {"before": self.row, "after": self.row, "source": SOURCE, "op": STRING_SCHEMA}, f"{topic}.Envelope"
        )


SHAPES = {(topic, more): Shape(topic, more) for topic in ("a", "b") for more in (False, True)}
keys = st.tuples(st.integers(1, 3), st.sampled_from(["x", "y"]))
marks = unchanged_value(TEXTS, PLACEHOLDER)
rows = st.fixed_dictionaries(
    {
        "body": st.sampled_from(["short", None, UnchangedText(PLACEHOLDER.decode()), PLACEHOLDER.decode(), "", "much too long"]),
        "tags": st.sampled_from([None, [], ["t", None], list(marks)]),
        "amount": st.sampled_from([None, Decimal("1.50"), Decimal("-9999.99"), Decimal("12345.00")]),
        "small": st.sampled_from([None, 1, -7, 70_000]),
        "other": st.sampled_from([None, 3]),
    }
)  # fmt: skip
good_rows = rows.filter(
    lambda r: r["body"] != "much too long" and r["amount"] != Decimal("12345.00") and r["small"] != 70_000
)
ops = st.sampled_from(["c", "u", "u", "r", "d", "tombstone", "tombstone"])


def changes(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    one = st.tuples(st.sampled_from("aab"), st.integers(0, 1), st.sampled_from([False, False, True]), ops, keys, values)
    return st.lists(one, min_size=1, max_size=25)


def records_of(listed: list[Any], flat: bool) -> list[SinkRecord]:
    offsets = {place: itertools.count() for place in itertools.product("ab", (0, 1))}
    made = []
    for topic, partition, more, op, key, values in listed:
        shape = SHAPES[topic, more]
        row = Struct(shape.row, [*key, *(values[name] for name in [f.name for f in shape.row.fields][2:])])
        schema: Schema | None
        value: Struct | None
        if op == "tombstone" or (flat and op == "d"):
            schema, value = None, None
        elif flat:
            schema, value = shape.row, row
        else:
            before, after = (row, None) if op == "d" else (None, row)
            schema, value = shape.envelope, Struct(shape.envelope, [before, after, Struct(SOURCE, [f"to_{topic}"]), op])
        made.append(SinkRecord(topic, partition, shape.key, Struct(shape.key, list(key)), schema, value, next(offsets[topic, partition])))  # fmt: skip
    return made


class Targets:
    """Two databases, one for the records one by one, one for the blocks."""

    def __init__(self, server: PostgresServer, names: list[str]) -> None:
        self.server, self.names, self.made = server, names, False
        self.connections: list[Conn] = [server.connect(name) for name in names]

    def run(
        self, props: dict[str, str], batches: list[list[SinkRecord]], reporter: bool, filled: bool = False, **how: Any
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """What came of it each time: rows, positions, reports, the error it ended with."""
        keyed = ", PRIMARY KEY (id, part)" if props.get("insert.mode") != "insert" else ""
        results = []
        for number, (name, sql) in enumerate(zip(self.names, self.connections, strict=True)):
            self.empty(sql, keyed)
            if filled:
                for table in TABLES:
                    sql.execute(
                        f"INSERT INTO {table} (id, part, body) VALUES (1, 'x', 'was'), (2, 'y', 'was')".encode()
                    )
            sink = Sink(self.server, name, props, reporter, topics=("a", "b"))
            ended = None
            try:
                for batch in batches:
                    sink.task.put(as_batch(batch, **how) if number else batch)
            except Exception as error:
                ended = (type(error), getattr(error, "code", None), str(error))
            sink.stop()
            reports = [
                (r.original_topic, r.original_partition, r.original_offset, str(e)) for r, e in sink.context.reports
            ]
            results.append((*self.contents(sql), reports, ended))
        self.made = True
        return results[0], results[1]

    def empty(self, sql: Conn, keyed: str) -> None:
        if self.made:
            sql.execute("; ".join(f"DELETE FROM {table}" for table in (*TABLES, "headrace_sink_offsets")).encode())
            return
        for table in TABLES:
            sql.execute(TABLE.format(name=table, key=keyed).encode())

    def contents(self, sql: Conn) -> tuple[Any, ...]:
        tables = [
            sql.execute(f"SELECT t::text FROM {table} t ORDER BY 1").fetchall()  # type: ignore[arg-type]
            for table in TABLES
        ]
        positions = sql.execute("SELECT topic, partition, next_offset FROM headrace_sink_offsets ORDER BY 1, 2")
        return (*tables, positions.fetchall())

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


@pytest.fixture
def targets(postgres: PostgresServer, make_database: Callable[..., str]) -> Iterator[Targets]:
    made = Targets(postgres, [make_database(), make_database()])
    yield made
    made.close()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each load was of native rows."""
    found: list[bool] = []
    load = Loader.load

    def spy(self: Loader, transaction: Any, rows: Any) -> None:
        load(self, transaction, rows)
        found.append(isinstance(rows, NativeRows))

    monkeypatch.setattr(Loader, "load", spy)
    monkeypatch.setattr(shortcut, "LEAST_ROWS", 1)
    return found


DEBEZIUM = {"insert.mode": "upsert", "primary.key.mode": "record_key", "delete.enabled": "true"}
WAYS: dict[str, tuple[dict[str, str], bool]] = {
    "upsert": (DEBEZIUM, False),
    "upsert flat": (DEBEZIUM, True),
    "confluent": (CONFLUENT, True),
    "by value": ({**DEBEZIUM, "primary.key.mode": "record_value", "primary.key.fields": "id,part"}, False),
    "no deletes": ({**DEBEZIUM, "delete.enabled": "false"}, False),
    "confluent without deletes": ({**CONFLUENT, "delete.enabled": "false"}, True),
    "update": ({**DEBEZIUM, "insert.mode": "update"}, False),
    "insert": ({"insert.mode": "insert", "delete.enabled": "true", "primary.key.mode": "record_key"}, False),
    "insert flat": ({"insert.mode": "insert"}, True),
    "by source": ({**DEBEZIUM, "collection.name.format": "${source.table}"}, False),
    "one table": ({**DEBEZIUM, "collection.name.format": "one_table"}, False),
    "some fields": ({**DEBEZIUM, "field.exclude.list": "a:body,tags"}, False),
    "small batches": ({**DEBEZIUM, "batch.size": "4"}, False),
    "partial": ({**DEBEZIUM, "unavailable.value.placeholder": "short"}, False),
}


@pytest.mark.parametrize("way", WAYS)
def test_blocks_come_to_the_same(targets: Targets, written: list[bool], way: str) -> None:
    props, flat = WAYS[way]

    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])  # fmt: skip
    @given(
        changes(good_rows), st.integers(0, 25), st.booleans(), st.sets(st.integers(0, 24), max_size=1), st.booleans()
    )
    def check(listed: list[Any], cut: int, nulls_apart: bool, loose: set[int], filled: bool) -> None:
        records = records_of(listed, flat)
        batches = [batch for batch in (records[:cut], records[cut:]) if batch]
        chosen = {number for number in loose if all(number < len(batch) for batch in batches)}
        one, other = targets.run(props, batches, False, filled, nulls_apart=nulls_apart, loose=chosen)
        assert other == one

    check()
    assert any(written)


@pytest.mark.parametrize("way", ["upsert", "confluent", "insert flat"])
def test_bad_records_are_the_same(targets: Targets, written: list[bool], way: str) -> None:
    props, flat = WAYS[way]

    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])  # fmt: skip
    @given(changes(rows), st.booleans())
    def check(listed: list[Any], reporter: bool) -> None:
        one, other = targets.run(props, [records_of(listed, flat)], reporter)
        assert other == one

    check()
