"""The log is wiped, or a topic made anew, while the targets are kept: both sinks say so, and write all of it after a reset."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from tests.runtime.worker_support import Worker
from tests.support import wait_until

from headrace.log.factory import open_log
from headrace.log.spi import EncodedBatch, Log, TopicSpec
from headrace.spi.converter import Column
from headrace.testing.servers import PostgresServer, RedisServer

JSON = "org.apache.kafka.connect.json.JsonConverter"
CODE = "SINK_POSITION_OF_ANOTHER_TOPIC"
SINKS = ("pg", "stream")


def struct(**payload: int) -> bytes:
    fields = [{"field": name, "type": "int32"} for name in payload]
    return json.dumps({"schema": {"type": "struct", "fields": fields}, "payload": payload}).encode()


class Scene:
    """One topic `t`, written to by the test itself, and a sink into each kind of target."""

    def __init__(self, folder: Path, postgres: PostgresServer, database: str, redis: RedisServer) -> None:
        self.worker = Worker(folder, key__converter=JSON, value__converter=JSON)
        self.sql = postgres.connect(database)
        self.client = redis_py.Redis(host=redis.host, port=redis.port)
        self.configs = {
            "pg": {
                "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
                "connection.url": postgres.jdbc_url(database),
                "connection.username": postgres.user,
                "connection.password": postgres.password,
                "insert.mode": "insert",
                "schema.evolution": "basic",
                "topics": "t",
            },
            "stream": {
                "connector.class": "com.redis.kafka.connect.RedisSinkConnector",
                "redis.uri": redis.uri,
                "redis.type": "STREAM",
                "redis.keyspace": "s",
                "topics.regex": "t",
            },
        }

    def log(self) -> Log:
        return open_log({"log.embedded.path": str(self.worker.data / "log")})

    def append(self, ids: Iterable[int], *, anew: bool = False) -> None:
        log = self.log()
        try:
            if anew:
                log.delete_topics(["t"])
                log.create_topics([TopicSpec("t")])
            records = [struct(id=id) for id in ids]
            count = len(records)
            log.producer("test").append(
                [EncodedBatch("t", 0, [1] * count, Column(list(records)), Column(list(records)), [()] * count)]
            )
        finally:
            log.close()

    def create(self, state: str = "RUNNING") -> None:
        for name, config in self.configs.items():
            body = {"name": name, "config": config, "initial_state": state}
            self.worker.request("POST", "/connectors", body, 201)

    def wipe(self, ids: Iterable[int]) -> None:
        """Begin with an empty data folder and these records."""
        self.worker.terminate()
        shutil.rmtree(self.worker.data)
        self.worker.data.mkdir()
        self.append(ids)
        self.worker.start()

    def ids(self) -> tuple[list[int], list[int]]:
        """What is in the table, and in the stream in order; a record written twice is there twice."""
        there = self.sql.execute("SELECT to_regclass('t')").fetchone() != (None,)
        rows = self.sql.execute("SELECT id FROM t ORDER BY id").fetchall() if there else []
        return [id for (id,) in rows], [int(fields[b"id"]) for _, fields in self.client.xrange("s")]

    def until(self, ids: list[int]) -> None:
        try:
            wait_until(lambda: self.ids() == (ids, ids), 15, f"both targets have {ids}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.ids()}\n{self.worker.log()[-3000:]}") from None

    def trace(self, name: str) -> str:
        return next((task.get("trace") or "" for task in self.worker.status(name)["tasks"]), "")

    def until_refused(self, code: str) -> None:
        for name in SINKS:
            wait_until(lambda name=name: f"[{code}]" in self.trace(name), 15, f"{name} fails with {code}")

    def change_offsets(self, method: str, body: Any = None) -> None:
        for name in SINKS:
            self.worker.request("PUT", f"/connectors/{name}/stop", status=204)
            answer = self.worker.request(method, f"/connectors/{name}/offsets", body, 200)
            assert "successfully" in answer["message"]
            self.worker.request("PUT", f"/connectors/{name}/resume", status=202)


@pytest.fixture
def scene(
    tmp_path: Path, postgres: PostgresServer, make_database: Callable[..., str], redis: RedisServer
) -> Iterator[Scene]:
    scene = Scene(tmp_path, postgres, make_database(), redis)
    try:
        scene.worker.start()
        scene.append(range(5))
        scene.create()
        scene.until([0, 1, 2, 3, 4])
        yield scene
    finally:
        scene.worker.close()
        scene.sql.close()
        scene.client.close()


@pytest.mark.parametrize("how", ["log wiped", "topic made anew"])
def test_new_records_are_not_passed_over(scene: Scene, how: str) -> None:
    # More records than before as well as fewer: neither the old position nor the end of the topic may hide some.
    if how == "log wiped":
        scene.wipe(range(10, 13))
        scene.create()
    else:
        scene.append(range(10, 18), anew=True)
    new = list(range(10, 13 if how == "log wiped" else 18))
    scene.until_refused(CODE)
    assert scene.ids() == ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])
    scene.change_offsets("DELETE")
    scene.until([0, 1, 2, 3, 4, *new])
    scene.append([20])
    scene.until([0, 1, 2, 3, 4, *new, 20])


def test_offsets_are_reset_though_the_new_log_knows_of_none(scene: Scene) -> None:
    scene.wipe(range(10, 13))
    scene.create("STOPPED")
    scene.change_offsets("DELETE")
    scene.until([0, 1, 2, 3, 4, 10, 11, 12])


def test_an_operators_position_counts_and_one_that_never_was_is_refused(scene: Scene) -> None:
    def at(offset: int) -> dict[str, Any]:
        partition = {"kafka_topic": "t", "kafka_partition": 0}
        return {"offsets": [{"partition": partition, "offset": {"kafka_offset": offset}}]}

    scene.change_offsets("PATCH", at(7))
    scene.until_refused("SEEK_BEYOND_END")
    assert "from offset 7" in scene.trace("pg")
    assert "ends at 5" in scene.trace("pg")
    scene.change_offsets("PATCH", at(5))
    scene.append([5, 6])
    scene.until([0, 1, 2, 3, 4, 5, 6])
