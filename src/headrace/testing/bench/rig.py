"""What the cases run on: a PostgreSQL server of our own with two databases, or a server for each, and workers with fresh folders; where
it is asked for a Kafka broker."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Final

import psycopg

from headrace.errors import ConnectException
from headrace.log.factory import is_kafka, open_log
from headrace.spi import TopicPartition
from headrace.testing.bench.machine import postgres_programs
from headrace.testing.demo.worker import WorkerProcess
from headrace.testing.kafka_server import KafkaServer
from headrace.testing.servers import PostgresServer, free_port

SOURCE_DATABASE, TARGET_DATABASE = "shop", "copy"
JSON_CONVERTER: Final = "org.apache.kafka.connect.json.JsonConverter"
PASSWORD: Final = "bench-only"
_TIMEOUT_S = 1800.0
_PREFIX: Final = "bench"
_STEP_S = 0.005
_KAFKA_STEP_S = 0.02
_BROKER_HEAP: Final = ("-Xms1g", "-Xmx1g")
_SERVER: Final = {
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",
    "shared_buffers": "512MB",
    # One for every run there will be, all made before the first.
    "max_replication_slots": "200",
    # It would run in one measurement and not in the next.
    "autovacuum": "off",
}


Watch = Callable[[int, str, str], AbstractContextManager[None]]
"""(the worker's process id, connector, name of the path) → what is entered while a run is measured."""


class Rig:
    """`source` and `target`: connections to the two databases, for the bench itself; `target_apart`: the target has a server of its
    own, for a walsender reads all its server's WAL, what a sink writes there too. `kafka`: the workers' log is on a broker of our own.
    Everything is gone when `stack` ends."""

    def __init__(
        self,
        stack: ExitStack,
        options: Mapping[str, str] | None = None,
        *,
        target_apart: bool = False,
        kafka: bool = False,
    ) -> None:
        self.stack = stack
        self.folder = Path(tempfile.mkdtemp(prefix="headrace-bench-", dir=os.environ.get("HEADRACE_BENCH_DIR")))
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        options = {**_SERVER, **(options or {})}

        def server() -> PostgresServer:
            own = PostgresServer(options=options, password=PASSWORD, programs=postgres_programs())
            return stack.enter_context(own)

        self.server = server()
        self.target_server = server() if target_apart else self.server
        self.server.create_database(SOURCE_DATABASE)
        self.target_server.create_database(TARGET_DATABASE)
        self.source: psycopg.Connection = stack.enter_context(self.server.connect(SOURCE_DATABASE))
        self.target: psycopg.Connection = stack.enter_context(self.target_server.connect(TARGET_DATABASE))
        self.watch: Watch = lambda worker, connector, name: nullcontext()
        self._log = {"log.implementation": "embedded"}
        if kafka:
            broker = stack.enter_context(KafkaServer(self.folder / "kafka", heap=_BROKER_HEAP, flags=()))
            self._log = {"bootstrap.servers": broker.bootstrap, "log.implementation": "kafka"}
        self._workers = 0

    def worker(self, properties: Mapping[str, str] | None = None) -> BenchWorker:
        """A running worker with an empty log. The caller closes it, or the end of the rig does."""
        self._workers += 1
        worker = BenchWorker(self.folder / f"worker-{self._workers}", {**self._log, **(properties or {})})
        self.stack.callback(worker.close)
        return worker

    def settle(self) -> None:
        """What earlier work left to do is done before a measurement begins."""
        for connection in (self.source, self.target):
            connection.execute("CHECKPOINT")

    def write_behind(self) -> None:
        """A commit of something that nobody has asked for: pg_recvlogical waits for what lies behind the position it is to end at."""
        self.source.execute("CREATE TABLE IF NOT EXISTS bench_end (n int)")
        self.source.execute("INSERT INTO bench_end VALUES (1)")

    def drop_slot(self, name: str) -> None:
        """Drop a slot as soon as its reader has let go of it."""
        deadline = time.monotonic() + 30
        while True:
            row = self.source.execute("SELECT active FROM pg_replication_slots WHERE slot_name = %s", [name]).fetchone()
            if row is None:
                return
            if not row[0]:
                self.source.execute("SELECT pg_drop_replication_slot(%s)", [name])
                return
            if time.monotonic() > deadline:
                raise ConnectException(f"Slot {name} is still read.", code="BENCH_NOT_EQUAL")
            time.sleep(0.02)

    def source_config(self, **more: str) -> dict[str, str]:
        """A source on the source database, without tables, slot and publication."""
        return {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "tasks.max": "1",
            "database.hostname": self.server.host,
            "database.port": str(self.server.port),
            "database.user": self.server.user,
            "database.password": self.server.password,
            "database.dbname": SOURCE_DATABASE,
            "database.sslmode": "disable",
            "topic.prefix": _PREFIX,
            "plugin.name": "pgoutput",
            "publication.autocreate.mode": "disabled",
            "max.batch.size": "8192",
            "max.queue.size": "32768",
            **more,
        }

    def sink_config(self, topic: str, table: str, **more: str) -> dict[str, str]:
        """An upserting sink into a table of the target database."""
        return {
            "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
            "tasks.max": "1",
            "topics": topic,
            "connection.url": self.target_server.jdbc_url(TARGET_DATABASE),
            "connection.username": self.target_server.user,
            "connection.password": self.target_server.password,
            "insert.mode": "upsert",
            "delete.enabled": "true",
            "primary.key.mode": "record_key",
            "schema.evolution": "none",
            "collection.name.format": table,
            "use.time.zone": "UTC",
            "batch.size": "5000",
            "consumer.override.max.poll.records": "5000",
            **more,
        }


class BenchWorker:
    """`headrace standalone` with an empty log, and the way to see what is in that log. `properties` say which; what is in Kafka when it ends
    is deleted."""

    def __init__(self, folder: Path, properties: Mapping[str, str]) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        port = free_port()
        lines = {
            "listeners": f"http://127.0.0.1:{port}",
            "headrace.data.dir": str(folder / "data"),
            "key.converter": JSON_CONVERTER,
            "value.converter": JSON_CONVERTER,
            **properties,
        }
        file = folder / "worker.properties"
        file.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        self.process = WorkerProcess([file], port, folder / "worker.log")
        self.rest = self.process.rest
        try:
            self.process.wait_up()
            self.log = open_log({**properties, "log.embedded.path": str(folder / "data" / "log")})
        except BaseException:
            self.process.stop()
            raise
        self._kafka = is_kafka(properties)
        self._closed = False

    @property
    def pid(self) -> int:
        return self.process.process.pid

    def create_stopped(self, name: str, config: Mapping[str, str]) -> None:
        """Check and store a connector; `resume` starts it."""
        body = {"name": name, "config": dict(config), "initial_state": "STOPPED"}
        self.rest("/connectors", "POST", body)

    def resume(self, name: str) -> None:
        self.rest(f"/connectors/{name}/resume", "PUT")

    def remove(self, name: str) -> None:
        self.rest(f"/connectors/{name}", "DELETE")

    def end_offset(self, topic: str) -> int:
        """How many records the topic's one partition has; 0 before it exists."""
        partition = TopicPartition(topic, 0)
        return self.log.end_offsets([partition]).get(partition, 0)

    def until(
        self, condition: Callable[[], bool], what: str, connectors: tuple[str, ...], step_s: float = _STEP_S
    ) -> None:
        """Wait, and look after the connectors: ConnectException with the trace when one has failed."""
        deadline = time.monotonic() + _TIMEOUT_S
        look = time.monotonic()
        while not condition():
            now = time.monotonic()
            if now > look + 2:
                look = now
                for name in connectors:
                    self.process.state(name)
                if now > deadline:
                    raise ConnectException(f"Waited {_TIMEOUT_S:g} s for {what}.\n{self.process.process.log_tail()}")
            # Each look is a few requests of a broker that shares the machine.
            time.sleep(_KAFKA_STEP_S if self._kafka else step_s)

    def close(self) -> None:
        """End it and delete its folder."""
        if self._closed:
            return
        self._closed = True
        self.process.stop()
        if self._kafka:
            self.log.delete_topics([topic for topic in self.log.topics() if topic.startswith(_PREFIX)])
        self.log.close()
        shutil.rmtree(self._folder, ignore_errors=True)
