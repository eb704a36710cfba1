"""Several connections under the framework's own loop: blocks from the log, a dead letter topic, a batch that comes again, several tasks."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sinks.postgres.kit import UPSERT
from tests.sinks.postgres.world import World

from headrace.data import SinkRecord
from headrace.sinks.postgres.connector import DebeziumJdbcSinkConnector
from headrace.spi.context import TopicPartition
from headrace.testing import faults
from headrace.testing.records import sink_record
from headrace.testing.sink_run import run_sink


def records() -> list[SinkRecord]:
    """Two versions of each of 400 rows in four partitions; of the second, every hundredth is too long for the table."""
    return [
        sink_record(
            "t", {"id": n}, {"id": n, "name": "much too long" if turn and n % 100 == 7 else f"v{turn}"}, partition=n % 4
        )
        for turn in range(2)
        for n in range(400)
    ]


@pytest.mark.parametrize("point", ["sink.before_target_commit", "sink.after_target_commit"])
@pytest.mark.parametrize("tasks", [1, 2])
def test_with_dead_letters_and_a_failure(world: World, point: str, tasks: int) -> None:
    world.sql.execute("CREATE TABLE t (id bigint PRIMARY KEY, name varchar(5))")
    config: dict[str, Any] = {
        **UPSERT,
        "connection.url": world.server.jdbc_url(world.dbname),
        "connection.username": world.server.user,
        "connection.password": world.server.password,
        "write.max.connections": "3",
        "batch.size": "50",
        "flush.retry.delay.ms": "1",
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": "dead",
    }
    with faults.retry(point, after=5) as fault:
        run = run_sink(DebeziumJdbcSinkConnector, config, records(), partitions=4, max_tasks=tasks)
    assert fault.reached.is_set()
    assert world.rows() == [(n, "v0" if n % 100 == 7 else "v1") for n in range(400)]
    assert len(run.dead_letters) == 4
    assert run.committed == {TopicPartition("t", number): 200 for number in range(4)}
    stored = world.rows("SELECT partition, next_offset FROM headrace_sink_offsets ORDER BY 1")
    assert stored == [(number, 200) for number in range(4)]
