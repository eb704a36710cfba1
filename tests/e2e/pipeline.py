"""A small pipeline for end-to-end tests: one table, from PostgreSQL into PostgreSQL, Redis hashes and a Redis stream.

The stream is the witness for exactly once: it must have one entry per change, no more and no less.
"""

from __future__ import annotations

import json
from pathlib import Path

import redis as redis_py
from tests.support import wait_until

from headrace.testing.demo.worker import WorkerProcess
from headrace.testing.servers import free_port

NAMES = ("src", "pg", "hash", "stream")
_TABLE = "CREATE TABLE orders (id int PRIMARY KEY, status text, amount numeric(12,2), big text, at timestamptz DEFAULT now())"


class Pipeline:
    """`changes` counts what was done to the source, rows of the first snapshot included."""

    def __init__(self, folder: Path, postgres, redis, source_db: str, target_db: str, rows: int = 200) -> None:
        self.folder = folder
        self.postgres, self.redis = postgres, redis
        self.source_db, self.target_db = source_db, target_db
        self.source = postgres.connect(source_db)
        self.target = postgres.connect(target_db)
        self.client = redis_py.Redis(host=redis.host, port=redis.port)
        self.source.execute(_TABLE)
        self.source.execute("ALTER TABLE orders ALTER COLUMN big SET STORAGE EXTERNAL")
        self.source.execute(
            "INSERT INTO orders SELECT g, 'new', g / 4.0, repeat('x', 3000) || g FROM generate_series(1, %s) g", [rows]
        )
        self.changes = rows
        self._next = rows + 1
        self._step = 0
        self.worker: WorkerProcess | None = None
        self.settings: dict[str, str] = {}
        """Of the worker, beside those that every test has."""

    # ---- the worker -----------------------------------------------------------------------------
    def start(self) -> None:
        port = free_port()
        properties = self.folder / "worker.properties"
        converter = "org.apache.kafka.connect.json.JsonConverter"
        lines = {
            "listeners": f"http://127.0.0.1:{port}",
            "log.implementation": "embedded",
            "headrace.data.dir": str(self.folder / "data"),
            "key.converter": converter,
            "value.converter": converter,
            "offset.flush.interval.ms": "300",
            "headrace.restart.backoff.initial.ms": "50",
            **self.settings,
        }
        if "bootstrap.servers" in self.settings:
            del lines["log.implementation"]
        properties.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        files = [properties]
        for name, config in self.connectors().items():
            files.append(self.folder / f"{name}.json")
            files[-1].write_text(json.dumps({"name": name, "config": config}))
        self.worker = WorkerProcess(files, port, self.folder / "worker.log")
        self.worker.wait_up()

    def connectors(self) -> dict[str, dict[str, str]]:
        route = {
            "topics": f"{self.source_db}.public.orders",
            "transforms": "route",
            "transforms.route.type": "org.apache.kafka.connect.transforms.RegexRouter",
            "transforms.route.regex": r".*\.(orders)",
            "transforms.route.replacement": "$1",
        }
        redis_sink = {
            "connector.class": "com.redis.kafka.connect.RedisSinkConnector",
            "redis.uri": self.redis.uri,
            **route,
        }
        return {
            "src": {
                "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
                "database.hostname": self.postgres.host,
                "database.port": str(self.postgres.port),
                "database.user": self.postgres.user,
                "database.password": self.postgres.password,
                "database.dbname": self.source_db,
                "topic.prefix": self.source_db,
                "plugin.name": "pgoutput",
                "slot.name": self.source_db,
                "publication.name": "pub",
                "publication.autocreate.mode": "filtered",
                "table.include.list": r"public\.orders",
            },
            "pg": {
                "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
                "connection.url": self.postgres.jdbc_url(self.target_db),
                "connection.username": self.postgres.user,
                "connection.password": self.postgres.password,
                "insert.mode": "upsert",
                "delete.enabled": "true",
                "primary.key.mode": "record_key",
                "schema.evolution": "basic",
                **route,
            },
            "hash": {**redis_sink, "redis.type": "HASH"},
            "stream": {**redis_sink, "redis.type": "STREAM"},
        }

    def close(self) -> None:
        if self.worker is not None:
            self.worker.stop()
        self.source.close()
        self.target.close()
        self.client.close()

    def log_tail(self) -> str:
        return "" if self.worker is None else self.worker.process.log_tail(6000)

    # ---- the work -------------------------------------------------------------------------------
    def work(self, steps: int) -> None:
        """Some inserts, updates that leave the long text alone, deletes; every fifth transaction is rolled back."""
        for _ in range(steps):
            self._step += 1
            with self.source.transaction(force_rollback=self._step % 5 == 0):
                run = self.source.execute
                run("INSERT INTO orders VALUES (%s, 'new', 1.25, repeat('y', 2500))", [self._next])
                run("UPDATE orders SET status = 'paid' WHERE id = (SELECT min(id) FROM orders)")
                run("UPDATE orders SET amount = amount + 1 WHERE id = %s", [self._next])
                done = 3
                if self._step % 3 == 0:
                    run("DELETE FROM orders WHERE id = (SELECT min(id) FROM orders)")
                    done += 1
            if self._step % 5:
                self.changes += done
                self._next += 1

    # ---- the judgement --------------------------------------------------------------------------
    def wait_rows_equal(self, timeout_s: float = 30.0) -> None:
        """Until both copies equal the source."""
        self._wait(self._equal, timeout_s, "source and targets are equal")

    def _wait(self, condition, timeout_s: float, message: str) -> None:
        try:
            wait_until(condition, timeout_s, message)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_tail()}") from error

    def _equal(self) -> bool:
        query = "SELECT id::text, status, amount::numeric(12,2)::text, big FROM orders ORDER BY orders.id"
        ours = self.source.execute(query).fetchall()
        if self.target.execute("SELECT to_regclass('orders')").fetchone() == (None,):
            return False
        if ours != self.target.execute(query).fetchall():
            return False
        keys = list(self.client.scan_iter(match="orders:*", count=5000))
        pipeline = self.client.pipeline(transaction=False)
        for key in keys:
            pipeline.hmget(key, "id", "status", "amount", "big")
        theirs = sorted(
            (tuple(None if v is None else v.decode() for v in row) for row in pipeline.execute()),
            key=lambda r: int(r[0] or 0),
        )
        return ours == theirs
