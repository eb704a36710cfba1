"""Several connections of one task: everything arrives once and in order, whichever of them fails."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.sinks.postgres.kit import ROW, UPSERT, Sink, Topic
from tests.sinks.postgres.world import World

from headrace.data import SchemaBuilder, SinkRecord
from headrace.errors import ConnectException, DataException, RetriableException
from headrace.sinks.postgres import writer
from headrace.sinks.postgres.tables import Catalog
from headrace.spi.context import TopicPartition
from headrace.testing import faults
from headrace.testing.waiting import wait_until

INSERT = {"insert.mode": "insert", "schema.evolution": "basic"}
OURS = "pg_stat_activity WHERE application_name = 'headrace-sink' AND datname = current_database()"
BOTH = [(n,) for n in range(200)]


def several(count: int, **props: str) -> dict[str, str]:
    return {**UPSERT, "write.max.connections": str(count), **props}


def inserting(count: int = 2) -> dict[str, str]:
    return {**INSERT, "write.max.connections": str(count), "batch.size": "30"}


def two_hundred() -> list[SinkRecord]:
    """A hundred records of either of two partitions, in turns of 25."""
    topics = [Topic(partition=0), Topic(partition=1)]
    return [topics[n // 25 % 2].flat(n, "x") for n in range(200)]


def positions(world: World) -> list[tuple[Any, ...]]:
    return world.rows("SELECT partition, next_offset FROM headrace_sink_offsets ORDER BY partition")


def connections(world: World) -> int:
    return int(world.rows(f"SELECT count(*) FROM {OURS}")[0][0])


def ids(world: World, table: str = "t") -> list[tuple[Any, ...]]:
    return world.rows(f"SELECT id FROM {table} ORDER BY id")


def test_everything_arrives_in_the_order_of_its_partition(world: World) -> None:
    topics = [Topic(partition=number) for number in range(5)]
    sink = world.sink(several(3, **{"batch.size": "40"}), partitions=5)
    for turn in range(3):
        # Each key lies in one partition; what it was last is what stays.
        sink.put(
            *(
                topics[key % 5].flat(key, f"{turn}.{again}") if again < 3 or key % 4 else topics[key % 5].tombstone(key)
                for again, key in itertools.product(range(4), range(50))
            )
        )
        assert world.rows() == [(key, f"{turn}.3") for key in range(50) if key % 4]
        assert positions(world) == [(number, 40 * (turn + 1)) for number in range(5)]
    assert connections(world) == 3
    assert sink.task._lanes.written == 600


def test_there_are_no_more_connections_than_partitions(world: World) -> None:
    sink = world.sink(inserting(8), partitions=2)
    sink.put(*two_hundred())
    assert ids(world) == BOTH
    assert connections(world) == 2


def test_a_bad_record_holds_nobody_else_up(world: World) -> None:
    sink = world.sink(inserting(), partitions=2)
    world.sql.execute("CREATE TABLE t (id int CHECK (id <> 130), name text)")
    records = two_hundred()
    with pytest.raises(DataException) as caught:
        sink.put(*records)
    # 130 is the 56th record of partition 1.
    assert "t-1@55" in str(caught.value)
    last = [TopicPartition("t", number) for number in (0, 1)]
    assert sink.task.pre_commit(dict.fromkeys(last, 100)) == {last[0]: 100, last[1]: 55}
    assert positions(world) == [(0, 100), (1, 55)]
    sink.stop()

    again = world.sink(inserting(), partitions=2, reporter=True)
    assert again.context.offsets == {last[0]: 100, last[1]: 55}
    again.put(*records)
    assert [(record.partition, record.offset) for record, _ in again.context.reports] == [(1, 55)]
    assert ids(world) == [(n,) for n in range(200) if n != 130]
    assert positions(world) == [(0, 100), (1, 100)]


@pytest.mark.parametrize("point", ["sink.before_target_commit", "sink.after_target_commit"])
@pytest.mark.parametrize("after", [0, 3])
def test_a_failure_around_one_of_the_commits(world: World, point: str, after: int) -> None:
    sink, records = world.sink(inserting(), partitions=2), two_hundred()
    with faults.retry(point, after=after), pytest.raises(RetriableException, match="Fault"):
        sink.put(*records)
    sink.put(*records)
    assert ids(world) == BOTH
    assert positions(world) == [(0, 100), (1, 100)]
    sink.put(*records)
    assert ids(world) == BOTH


def test_connections_killed_between_puts(world: World) -> None:
    sink, records = world.sink(inserting(), partitions=2), two_hundred()
    sink.put(*records[:100])
    world.sql.execute(f"SELECT pg_terminate_backend(pid) FROM {OURS}")
    tries = 0
    while True:
        tries += 1
        try:
            sink.put(*records[100:])
            break
        except RetriableException:
            assert tries < 3
    assert ids(world) == BOTH


def test_what_ends_the_task_is_raised_before_what_is_tried_again(world: World) -> None:
    sink, records = world.sink(inserting(), partitions=2), two_hundred()
    sink.put(*records[:50])
    world.sql.execute("UPDATE headrace_sink_offsets SET next_offset = 26 WHERE partition = 1")
    with faults.retry("sink.before_target_commit"), pytest.raises(ConnectException) as caught:
        sink.put(*records[50:])
    assert caught.value.code == "SINK_FENCED"
    assert ids(world) == [(n,) for n in range(50)]


def test_a_partition_taken_away_and_given_back(world: World) -> None:
    first, records = world.sink(inserting(), partitions=2), two_hundred()
    first.put(*records[:100])
    taken = TopicPartition("t", 1)
    first.task.close([taken])
    wait_until(lambda: connections(world) == 1)
    mine, others = ([r for r in records[100:] if r.partition == number] for number in (0, 1))
    second = world.sink(inserting(), partitions=2)
    second.task.close([TopicPartition("t", 0)])
    second.put(*others[:25])
    first.put(*mine[:25])
    second.stop()
    first.context.offsets.clear()
    first.task.open([taken])
    assert first.context.offsets == {taken: 75}
    first.put(*mine, *others)
    assert ids(world) == BOTH
    assert positions(world) == [(0, 100), (1, 100)]


def test_tables_are_made_and_changed_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    changes: list[str] = []

    def counted(name: str) -> None:
        do = getattr(Catalog, name)

        def change(catalog: Catalog, *args: Any) -> None:
            changes.append(name)
            do(catalog, *args)

        monkeypatch.setattr(Catalog, name, change)

    counted("create")
    counted("add_columns")
    more = {**ROW, "more": SchemaBuilder.string().optional().build()}
    narrow = [Topic(partition=number) for number in range(4)]
    wide = [Topic(row=more, partition=number) for number in range(4)]
    for one, other in zip(narrow, wide, strict=True):
        other.numbers = one.numbers
    sink = world.sink(several(4), partitions=4)
    sink.put(*(topic.flat(number, "n") for number, topic in enumerate(narrow)))
    assert changes == ["create"]
    sink.put(*(topic.flat(number, "n", "m") for number, topic in enumerate(wide)))
    assert changes == ["create", "add_columns"]
    assert world.rows("SELECT id, name, more FROM t ORDER BY id") == [(n, "n", "m") for n in range(4)]


@pytest.mark.parametrize("good", [0, 1])
def test_open_ends_at_the_first_connection_that_fails(world: World, monkeypatch: pytest.MonkeyPatch, good: int) -> None:
    world.sink(inserting(), partitions=2).put(*two_hundred()[:100])
    world.sinks[0].stop()
    connect, tried = writer.connect, itertools.count()

    def away(target: Any) -> Any:
        if next(tried) < good:
            return connect(target)
        raise RetriableException("away", code="PG_CONNECT_REFUSED")

    with monkeypatch.context() as patch:
        patch.setattr(writer, "connect", away)
        late: Sink = world.sink(inserting(4), partitions=4)
    assert next(tried) == good + 1
    wait_until(lambda: connections(world) == 0)
    late.put(*two_hundred())
    assert ids(world) == BOTH


def test_a_row_that_waits_for_another_partitions_row(world: World) -> None:
    """A reference is met only when the other connection has written: nothing is reported."""
    world.sql.execute("CREATE TABLE parent (id int PRIMARY KEY, name text)")
    world.sql.execute("CREATE TABLE child (id int PRIMARY KEY, name text, FOREIGN KEY (id) REFERENCES parent)")
    sink = world.sink(several(2), topics=("child", "parent"), reporter=True)
    children, parents = Topic("child"), Topic("parent")
    records: Sequence[SinkRecord] = [topic.flat(n, "x") for n in range(20) for topic in (children, parents)]
    with ThreadPoolExecutor(1) as threads:
        with world.unwritable("parent"):
            put = threads.submit(sink.put, *records)
            # The children's transaction has been refused while the parents' cannot go on.
            wait_until(lambda: world.rows(f"SELECT count(*) FROM {OURS} AND query ILIKE 'rollback%'") == [(1,)])
        put.result(30)
    assert ids(world, "child") == ids(world, "parent") == [(n,) for n in range(20)]
    assert sink.context.reports == []
