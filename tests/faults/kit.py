"""A laboratory for faults: real databases, pipelines through a real worker, and neighbours that must notice nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis as redis_py
from psycopg import sql

from headrace.log.factory import open_log
from headrace.log.spi import EncodedBatch, Log
from headrace.spi.context import TopicPartition
from headrace.spi.converter import Column
from headrace.testing.servers import PostgresServer, RedisServer
from tests.runtime.worker_support import Worker
from tests.support import wait_until

JSON = "org.apache.kafka.connect.json.JsonConverter"
CATCH_UP_S = 30.0
COLUMNS = ("id", "v", "n")


def worker_at(folder: Path, **settings: str) -> Worker:
    """A worker with the converters of a real pipeline; quick to notice and to start again."""
    folder.mkdir(parents=True, exist_ok=True)
    return Worker(folder, **{"key__converter": JSON, "value__converter": JSON, **settings})


class Lab:
    """One source and one target database on a PostgreSQL server; `redis` is another target."""

    def __init__(self, server: PostgresServer, target: PostgresServer | None = None) -> None:
        self.server = server
        self.target = target or server
        mark = uuid.uuid4().hex[:8]
        self.prefix = f"p{mark}"
        self.source_db, self.target_db = f"faults_{mark}", f"faults_{mark}_copy"
        server.create_database(self.source_db)
        self.target.create_database(self.target_db)
        self.src = server.connect(self.source_db)
        self.dst = self.target.connect(self.target_db)

    def close(self) -> None:
        self.src.close()
        self.dst.close()
        self.server.drop_database(self.source_db)
        self.target.drop_database(self.target_db)

    # ---- the source's data ----------------------------------------------------------------------
    def table(self, name: str, rows: int = 0, *, key: bool = True) -> None:
        self.src.execute(
            sql.SQL("CREATE TABLE {} (id bigint {}, v text, n integer NOT NULL)").format(
                sql.Identifier(name), sql.SQL("PRIMARY KEY" if key else "")
            )
        )
        if rows:
            self.insert(name, rows)

    def insert(self, name: str, count: int, commits: int = 1) -> None:
        """Add `count` rows per commit, with ids that go on."""
        statement = sql.SQL(
            "INSERT INTO {0} SELECT i, 'wert ' || i, i * 7 FROM generate_series((SELECT coalesce(max(id), 0) + 1 FROM {0}), "
            "(SELECT coalesce(max(id), 0) + {1} FROM {0})) i"
        ).format(sql.Identifier(name), sql.Literal(count))
        for _ in range(commits):
            self.src.execute(statement)

    def change(self, name: str) -> None:
        """Updates, deletes, a key that moves and a rolled back transaction."""
        table = sql.Identifier(name)
        self.src.execute(sql.SQL("UPDATE {} SET v = v || '!', n = n + 1 WHERE id % 3 = 0").format(table))
        self.src.execute(sql.SQL("DELETE FROM {} WHERE id % 7 = 0").format(table))
        self.src.execute(sql.SQL("UPDATE {0} SET id = -id WHERE id = (SELECT max(id) FROM {0})").format(table))
        with self.src.transaction(force_rollback=True):
            self.src.execute(sql.SQL("DELETE FROM {}").format(table))

    # ---- connectors -----------------------------------------------------------------------------
    def source(self, table: str, **changes: str) -> dict[str, str]:
        """A source of one table, with a slot and a publication of its own; its topic is `topic(table)`."""
        config = {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": self.server.host,
            "database.port": str(self.server.port),
            "database.user": self.server.user,
            "database.password": self.server.password,
            "database.dbname": self.source_db,
            "topic.prefix": self.prefix,
            "plugin.name": "pgoutput",
            "slot.name": f"{self.prefix}_{table}",
            "publication.name": f"{self.prefix}_{table}",
            "publication.autocreate.mode": "filtered",
            "table.include.list": rf"public\.{table}",
            "poll.interval.ms": "50",
            "status.update.interval.ms": "200",
            "retriable.restart.connector.wait.ms": "200",
            "slot.retry.delay.ms": "200",
            "slot.max.retries": "1",
        }
        return config | _dotted(changes)

    def topic(self, table: str) -> str:
        return f"{self.prefix}.public.{table}"

    def sink(self, table: str, into: str | None = None, **changes: str) -> dict[str, str]:
        """An upserting, deleting sink of `table`'s topic into the target's table `into`."""
        config = {
            "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
            "topics": self.topic(table),
            "connection.url": self.target.jdbc_url(self.target_db),
            "connection.username": self.target.user,
            "connection.password": self.target.password,
            "insert.mode": "upsert",
            "delete.enabled": "true",
            "primary.key.mode": "record_key",
            "schema.evolution": "basic",
            "collection.name.format": into or table,
            "flush.retry.delay.ms": "200",
            "transforms": "unwrap",
            "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
            "transforms.unwrap.delete.tombstone.handling.mode": "tombstone",
        }
        return config | _dotted(changes)

    def insert_sink(self, table: str, into: str | None = None, **changes: str) -> dict[str, str]:
        """A sink that only inserts, into a table without key: what comes twice is there twice."""
        plain = {"insert.mode": "insert", "delete.enabled": "false", "primary.key.mode": "none"}
        return self.sink(table, into, **{**plain, **changes})

    def redis_sink(self, redis: RedisServer, table: str, kind: str, key: str, **changes: str) -> dict[str, str]:
        config = {
            "connector.class": "com.redis.kafka.connect.RedisSinkConnector",
            "topics": self.topic(table),
            "redis.uri": redis.uri,
            "redis.type": kind,
            "redis.keyspace": key,
            "transforms": "unwrap",
            "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
        }
        return config | _dotted(changes)

    # ---- comparing ------------------------------------------------------------------------------
    def until_equal(self, table: str, into: str | None = None, timeout_s: float = CATCH_UP_S) -> None:
        """Wait until the target's table has exactly the source's rows, each once."""
        try:
            wait_until(lambda: self.equal(table, into), timeout_s, f"{into or table} equals {table}")
        except AssertionError as error:
            expected, found = rows_of(self.src, table), rows_of(self.dst, into or table)
            raise AssertionError(f"{error}; {_difference(expected, found)}") from error

    def equal(self, table: str, into: str | None = None) -> bool:
        return rows_of(self.src, table) == rows_of(self.dst, into or table)

    def assert_equal(self, table: str, into: str | None = None) -> None:
        expected, found = rows_of(self.src, table), rows_of(self.dst, into or table)
        assert found == expected, _difference(expected, found)

    def until_in_redis(self, redis: RedisServer, table: str, kind: str, key: str) -> None:
        """Wait until the list or stream has every row of an insert-only table, each once and in order."""
        expected = [str(row[0]) for row in rows_of(self.src, table)]
        with redis_py.Redis(host=redis.host, port=redis.port, decode_responses=True) as client:
            wait_until(lambda: _ids(client, kind, key) == expected, CATCH_UP_S, f"Redis {key} has the rows of {table}")


def _dotted(changes: dict[str, str]) -> dict[str, str]:
    return {key.replace("__", "."): value for key, value in changes.items()}


def _ids(client: Any, kind: str, key: str) -> list[str]:
    if kind == "STREAM":
        return [fields["id"] for _, fields in client.xrange(key)]
    return list(client.lrange(key, 0, -1))  # a list takes the keys of the records


def rows_of(connection: psycopg.Connection, table: str) -> list[tuple[Any, ...]]:
    """All rows by all columns; a row that is there twice is given twice. psycopg.Error when the table is missing."""
    columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    query = sql.SQL("SELECT {0} FROM {1} ORDER BY {0}").format(columns, sql.Identifier(table))
    return connection.execute(query).fetchall()


def _difference(expected: Sequence[Any], found: Sequence[Any]) -> str:
    missing, extra = set(expected) - set(found), set(found) - set(expected)
    return f"{len(expected)} rows in the source, {len(found)} in the target; missing {sorted(missing)[:5]}, extra {sorted(extra)[:5]}"


def create(worker: Worker, name: str, config: dict[str, str]) -> None:
    worker.request("POST", "/connectors", {"name": name, "config": config}, 201)


def refused(worker: Worker, config: dict[str, str], status: int = 400, name: str = "refused") -> str:
    """Create a connector that must be refused; the message."""
    answer = worker.http.post(worker.url + "/connectors", json={"name": name, "config": config})
    assert answer.status_code == status, answer.text
    assert name not in worker.request("GET", "/connectors")
    return str(answer.json()["message"])


def failed_task(worker: Worker, name: str, *codes: str, timeout_s: float = 20.0) -> str:
    """Wait until a task or the connector itself has failed with one of the codes; the trace."""

    def trace() -> str:
        status = worker.status(name)
        traces = [part.get("trace") or "" for part in (status["connector"], *status["tasks"])]
        return next((text for text in traces if any(f"[{code}]" in text for code in codes)), "")

    try:
        return wait_until(trace, timeout_s, f"{name} fails with {codes}")
    except AssertionError as error:
        raise AssertionError(f"{error}; {worker.status(name)}") from None


def replace(worker: Worker, name: str, config: dict[str, str]) -> None:
    worker.request("PUT", f"/connectors/{name}/config", config, 200)


def delete(worker: Worker, *names: str) -> None:
    for name in names:
        worker.request("DELETE", f"/connectors/{name}", status=204)


class Neighbour:
    """A pipeline beside the one that suffers. Made when all is well; `check` at the end, or any time."""

    def __init__(self, worker: Worker, lab: Lab, table: str = "nb") -> None:
        self.worker, self.lab, self.table = worker, lab, table
        self.names = (table, f"{table}sink")
        lab.table(table, 20)
        create(worker, self.names[0], lab.source(table))
        create(worker, self.names[1], lab.sink(table))
        lab.until_equal(table)
        self.pids = self._pids()

    def _pids(self) -> list[int]:
        return [self.worker.task_pid(name) for name in self.names]

    def check(self) -> None:
        """It runs in the same processes, without any failure, and still copies."""
        self.lab.insert(self.table, 5)
        self.lab.until_equal(self.table)
        assert self._pids() == self.pids
        metrics = self.worker.request("GET", "/metrics", status=200).splitlines()
        for name in self.names:
            assert self.worker.states(name) == ("RUNNING", ["RUNNING"])
            failures = [line for line in metrics if line.startswith(f'headrace_failures_total{{connector="{name}"')]
            assert not [line for line in failures if not line.endswith((" 0", " 0.0"))], failures
            assert self.worker.metric(f'headrace_restarts_total{{connector="{name}",task="0"}}') == 0


@contextmanager
def laboratory(server: PostgresServer, target: PostgresServer | None = None) -> Iterator[Lab]:
    lab = Lab(server, target)
    try:
        yield lab
    finally:
        lab.close()


def log_of(worker: Worker) -> Log:
    """The worker's log, opened beside it; close it."""
    return open_log({"log.implementation": "embedded", "log.embedded.path": str(worker.data / "log")})


def put_raw(worker: Worker, topic: str, *values: bytes | None) -> list[int]:
    """Append records as they are, behind what lies there; the offset of the first."""
    log = log_of(worker)
    try:
        count = len(values)
        keys, data = Column([None] * count), Column(list(values))
        batch = EncodedBatch(topic, 0, [1] * count, keys, data, [()] * count)
        return log.producer("poison").append([batch])
    finally:
        log.close()


def read_all(worker: Worker, topic: str) -> EncodedBatch | None:
    """What lies in partition 0 of a topic."""
    log = log_of(worker)
    try:
        return log.read(TopicPartition(topic, 0), 0, 1_000_000) if topic in log.topics() else None
    finally:
        log.close()
