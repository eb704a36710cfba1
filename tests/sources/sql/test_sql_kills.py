"""The polling source in a real worker, killed at the points that would hurt: every row is in the log, each once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.kit import create, read_all, worker_at
from tests.support import wait_until

from headrace.testing import faults
from headrace.testing.postgres_server import PostgresServer


@pytest.mark.parametrize("point", ["log.after_commit", pytest.param("source.after_read", marks=pytest.mark.parity)])
def test_killed(point: str, postgres: PostgresServer, make_database: Callable[[], str], tmp_path: Path) -> None:
    name = make_database()
    config = {
        "connector.class": "io.confluent.connect.jdbc.JdbcSourceConnector",
        "connection.url": postgres.jdbc_url(name),
        "connection.user": postgres.user,
        "connection.password": postgres.password,
        "mode": "timestamp+incrementing",
        "incrementing.column.name": "id",
        "timestamp.column.name": "changed",
        "topic.prefix": "db-",
        "poll.interval.ms": "20",
        "batch.max.rows": "7",
    }
    with postgres.connect(name) as connection:
        connection.execute("CREATE TABLE orders (id bigserial PRIMARY KEY, changed timestamp NOT NULL DEFAULT now())")
        connection.execute("INSERT INTO orders SELECT FROM generate_series(1, 50)")
        worker = worker_at(tmp_path / "worker")
        fault = faults.environment(faults.kill(point, after=2, connector="orders"), folder=tmp_path)
        try:
            worker.start(env=fault)
            create(worker, "orders", config)
            wait_until(lambda: list(tmp_path.glob("*@orders")), 20, "the kill")
            connection.execute("INSERT INTO orders SELECT FROM generate_series(1, 50)")

            def ids() -> list[int]:
                batch = read_all(worker, "db-orders")
                values = [] if batch is None else [json.loads(value or b"{}") for value in batch.values]
                return [value["payload"]["id"] for value in values]

            wait_until(lambda: len(ids()) >= 100, 20, "all rows")
            assert ids() == list(range(1, 101))
        finally:
            worker.close()
