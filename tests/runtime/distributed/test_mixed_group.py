"""A JVM worker and a member of ours in one Connect group on a real broker: either leads, and nothing is run by both or by none."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from headrace.runtime.distributed import config_records
from headrace.runtime.distributed.config_state import ConfigReducer
from headrace.runtime.distributed.protocol import SubProtocol
from headrace.runtime.distributed.work import Configured
from headrace.testing.jvm import jars
from headrace.testing.jvm.program import QUICK_FLAGS, properties_file, start_program
from headrace.testing.kafka_server import SMALL_HEAP, KafkaServer
from headrace.testing.processes import ServerProcess, free_port
from tests.runtime.distributed.group_play import Group, group
from tests.runtime.distributed.group_worker import NotingWorker

CONNECTORS = ["c0", "c1", "c2", "c3"]
Items = set[str]


class JvmWorker:
    """Kafka Connect's own distributed worker."""

    def __init__(self, kafka: KafkaServer, name: str, folder: Path) -> None:
        self.kafka, self.name, self.folder = kafka, name, folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.process: ServerProcess | None = None

    def start(self) -> None:
        """Start it, without waiting."""
        topics = {
            f"{kind}.storage.{key}": value
            for kind in ("config", "offset", "status")
            for key, value in (("topic", f"{self.name}-{kind}"), ("replication.factor", "1"))
        }
        settings = {
            "bootstrap.servers": self.kafka.bootstrap,
            "group.id": self.name,
            "listeners": self.url.removesuffix("/"),
            "rest.advertised.host.name": "127.0.0.1",
            **topics,
            "offset.storage.partitions": "1",
            "status.storage.partitions": "1",
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "plugin.discovery": "service_load",
            "scheduled.rebalance.max.delay.ms": "1500",
        }
        file = properties_file(self.folder / "worker.properties", settings)
        main = "org.apache.kafka.connect.cli.ConnectDistributed"
        java = self.kafka.java
        self.process = start_program(java, jars.libs(), main, file, heap=SMALL_HEAP, flags=QUICK_FLAGS)

    def end(self) -> None:
        """Have it stop in order."""
        if self.process is not None:
            self.process.end(timeout_s=60)
            self.process = None

    def ask(self, path: str, body: Any = None) -> Any:
        """A REST call; None when it is not answered well."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())
        except (urllib.error.HTTPError, OSError):
            return None

    def running(self) -> Items:
        """What it took on in the last round, by its log: statuses of what it stopped may be late."""
        log = (self.folder / "worker.log").read_text()
        rounds = re.findall(r"got assignment: Assignment\{.*?connectorIds=\[(.*?)\], taskIds=\[(.*?)\]", log)
        return {item for part in rounds[-1] for item in part.split(", ") if item} if rounds else set()

    def runs_all(self) -> bool:
        """Whether it tells of all that it runs it."""
        here = {"state": "RUNNING", "worker_id": f"127.0.0.1:{self.port}"}
        for name in CONNECTORS:
            status = self.ask(f"connectors/{name}/status") or {"connector": {}, "tasks": []}
            parts = [status["connector"], *status["tasks"]]
            if len(parts) != 2 or any(part.get(key) != value for part in parts for key, value in here.items()):
                return False
        return self.running() == ALL


class FollowingWorker(NotingWorker):
    """One that reads the config topic."""

    def follow(self, bootstrap: str, topic: str) -> None:
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "none", "enable.auto.commit": False})
        self.partition = TopicPartition(topic, 0, 0)
        self.consumer.assign([self.partition])
        self.reducer = ConfigReducer()

    async def catch_up(self, timeout_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await asyncio.to_thread(self._read)
                return True
        return False

    def _read(self) -> None:
        _, end = self.consumer.get_watermark_offsets(self.partition, timeout=10)
        while self.reducer.snapshot().offset < end:
            message = self.consumer.poll(1)
            if message is None or message.error():
                continue
            record = config_records.decode(message.key(), message.value())
            assert not isinstance(record, config_records.Unusable)
            self.reducer.apply(message.offset(), record)
        state = self.reducer.snapshot()
        tasks = {name: tuple(range(len(state.of(name).tasks))) for name in state.connectors()}
        self.read = Configured(state.offset, tasks)


@contextmanager
def jvm(kafka: KafkaServer, name: str, folder: Path) -> Iterator[JvmWorker]:
    worker = JvmWorker(kafka, name, folder)
    try:
        worker.start()
        yield worker
    finally:
        worker.end()


async def until(made: Group, holds: Callable[[], Any], timeout_s: float = 60) -> None:
    """Ask again and again, beside the event loop."""
    async with asyncio.timeout(timeout_s):
        while not await asyncio.to_thread(holds):
            made.check()
            await asyncio.sleep(0.2)


def _names(worker: NotingWorker) -> Items:
    return set(map(str, worker.running))


ALL = {*CONNECTORS, *(f"{name}-0" for name in CONNECTORS)}


@pytest.mark.parity
def test_either_leads_and_everything_runs_once(kafka: KafkaServer, unique: str, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("line\n")

    def create(java: JvmWorker, name: str) -> bool:
        config = {"connector.class": "FileStreamSource", "file": str(tmp_path / "in.txt"), "topic": f"{unique}-t"}
        return java.ask(f"connectors/{name}/config") or java.ask("connectors", {"name": name, "config": config})

    async def shared(made: Group, java: JvmWorker, ours: FollowingWorker) -> None:
        """Each has half, and nothing is run by both or by none."""

        def holds() -> bool:
            theirs, here = java.running(), _names(ours)
            return len(here) == len(theirs) == len(ALL) / 2 and theirs | here == ALL

        await until(made, holds)
        assert len([item for item in _names(ours) if "-" in item]) == len(CONNECTORS) / 2

    async def scenario(java: JvmWorker, made: Group) -> None:
        await until(made, lambda: java.ask("connectors") is not None)
        for name in CONNECTORS:
            await until(made, lambda name=name: create(java, name))
        await until(made, java.runs_all)

        ours = FollowingWorker("ours", made.topic)
        ours.follow(kafka.bootstrap, f"{unique}-config")
        assert await ours.catch_up(30)
        made.start("ours", ours, worker_sync_timeout_ms="3000", session_timeout_ms="6000")
        await shared(made, java, ours)
        assert ours.membership is not None
        assert ours.membership.protocol is SubProtocol.SESSIONED
        assert not ours.membership.leads
        assert ours.membership.leader_url == java.url

        await asyncio.to_thread(java.end)
        await made.until(lambda: _names(ours) == ALL, 60)
        assert ours.membership.leads

        ours.notes.clear()
        await asyncio.to_thread(java.start)
        await shared(made, java, ours)
        assert ours.membership.leads
        assert {kind for kind, _ in ours.notes} == {"stop"}, "what stays is not restarted"

        await made.leave("ours")
        await until(made, java.runs_all)

    async def play(java: JvmWorker) -> None:
        async with group(kafka.bootstrap, unique, {}) as made:
            await scenario(java, made)

    with jvm(kafka, unique, tmp_path) as java:
        asyncio.run(play(java))
