"""Topics that are routed into one table but lay out their keys or values differently: each block is read by its own route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.sinks.postgres.kit import UPSERT, Sink, Topic, as_batch, struct_schema

from headrace.data import INT32_SCHEMA, SchemaBuilder, SinkRecord
from headrace.native import core
from headrace.testing.servers import PostgresServer

pytestmark = pytest.mark.skipif(core is None, reason="the Rust core is not built")

TEXT = SchemaBuilder.string().optional().build()
ONE_TABLE = {**UPSERT, "collection.name.format": "t"}
BY_ID = {**ONE_TABLE, "primary.key.fields": "id"}


def keys_in_other_places() -> list[SinkRecord]:
    a = Topic("a")
    b = Topic("b", key=struct_schema({"region": INT32_SCHEMA, "id": INT32_SCHEMA}, "b.Key"))
    return [
        *(a.event("c", n, "a") for n in range(3)),
        *(b.event("c", n, "b", key=[100 + n, n]) for n in range(10, 13)),
        b.event("d", 11, "b", key=[111, 11]),
        b.tombstone([112, 12]),
    ]


def rows_behind_events() -> list[SinkRecord]:
    row = {"note": TEXT}
    a, b = Topic("a", row), Topic("b", row)
    return [*(a.flat("a", key=n) for n in range(3)), *(b.event("c", "b", key=n) for n in range(10, 13))]


@pytest.mark.parametrize(
    ("props", "make"), [(BY_ID, keys_in_other_places), (ONE_TABLE, rows_behind_events)], ids=["keys", "forms"]
)
@pytest.mark.parametrize("in_turns", [False, True])
def test_each_block_is_read_by_its_own_route(
    postgres: PostgresServer,
    make_database: Callable[..., str],
    props: dict[str, str],
    make: Callable[[], list[SinkRecord]],
    in_turns: bool,
) -> None:
    records = make()
    if in_turns:
        first, second = ([r for r in records if r.topic == topic] for topic in "ab")
        records = [*first[:2], *second, *first[2:]]
    found: list[list[Any]] = []
    for blocks in (False, True):
        name = make_database()
        sink = Sink(postgres, name, props, topics=("a", "b"))
        sink.task.put(as_batch(records) if blocks else records)
        sink.stop()
        with postgres.connect(name) as sql:
            found.append(sql.execute("SELECT t::text FROM t ORDER BY 1").fetchall())
    assert found[1] == found[0]
