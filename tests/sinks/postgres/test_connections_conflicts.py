"""Connections of one task that want the same rows in opposite order: the server ends that, and nothing is lost or done twice."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.sinks.postgres.kit import UPSERT, Topic
from tests.sinks.postgres.world import World

from headrace.data import SinkRecord
from headrace.sinks.postgres.turns import TableTurns
from headrace.spi.context import TopicPartition
from headrace.testing.waiting import wait_until

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def crossing(topics: dict[TopicPartition, Topic], name: str) -> list[SinkRecord]:
    """Rows x1 then y1 through the connection of the partitions 0, and y1 then x1 through the other; between them either has one of z."""
    order = (("x", 0, 1), ("z", 0, 10), ("y", 0, 1), ("y", 1, 1), ("z", 1, 11), ("x", 1, 1))
    return [topics[TopicPartition(topic, partition)].flat(key, name) for topic, partition, key in order]


def test_a_deadlock_is_tried_again_and_then_prevented(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.sql.execute(f"ALTER DATABASE {world.dbname} SET deadlock_timeout = '20ms'")
    topics = {TopicPartition(name, n): Topic(name, partition=n) for name in "xyz" for n in (0, 1)}
    sink = world.sink({**UPSERT, "write.max.connections": "2"}, topics=("x", "y", "z"), partitions=2)
    for record in crossing(topics, "first"):
        sink.put(record)
    with ThreadPoolExecutor(1) as threads, caplog.at_level(logging.WARNING, "headrace.sinks.postgres.turns"):
        for turn, met in ((1, 2), (2, 1)):
            with world.unwritable("z"):
                put = threads.submit(sink.put, *crossing(topics, f"turn {turn}"))
                # Either has written its first row and waits for z; from the second turn on they take turns.
                wait_until(lambda met=met: world.rows(WAITING) == [(met,)])
            put.result(30)
    [said] = [record.getMessage() for record in caplog.records if "waited for one another" in record.getMessage()]
    assert said.endswith("writes x, y, z")
    assert world.rows("SELECT id, name FROM x UNION ALL SELECT id, name FROM y") == [(1, "turn 2")] * 2
    stored = world.rows("SELECT DISTINCT next_offset, count(*) FROM headrace_sink_offsets GROUP BY 1")
    assert stored == [(3, 6)]
    assert sink.context.timeouts == []


def test_who_was_met_is_known_when_it_has_ended() -> None:
    turns = TableTurns()
    a, b, c = (None, "a"), (None, "b"), (None, "c")
    with turns.taken(0, [a]), turns.taken(1, [b]):
        pass
    turns.met(0, [a])
    with turns.taken(1, [b]):
        with turns.taken(0, [c]):
            pass

        assert turns._turn.locked()
    with turns.taken(0, [c]):
        assert not turns._turn.locked()
