"""An incremental snapshot begun by one connector is ended by the other: the key in the offset is read both ways."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from headrace.testing.servers import PostgresServer
from tests.parity.frame.oracle import Oracle
from tests.parity.workload.sides import Event, Ours, Theirs

SIGNALS = "CREATE TABLE sig (id varchar(64) PRIMARY KEY, type varchar(32), data varchar(2048))"
KEYS = {
    "int": ("k int", "g"),
    "bigint": ("k bigint", "g * 10000000000"),
    "text": ("k text", "'k' || lpad(g::text, 3, '0')"),
    "numeric": ("k numeric(12, 3)", "g * 1.125 - 5"),
    "uuid": ("k uuid", "lpad(g::text, 32, '0')::uuid"),
    "date": ("k date", "'2020-01-01'::date + g"),
    "pair": ("j smallint DEFAULT 7, k varchar(10)", "'v' || lpad(g::text, 3, '0')"),
}
ROWS = 12


def _until(side: Any, found: list[Event], condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline, [event.value.payload for event in found[-3:]]
        found += side.take()


@pytest.mark.parity
@pytest.mark.parametrize("first", ["ours", "theirs"])
@pytest.mark.parametrize("kind", KEYS)
def test_the_other_goes_on_where_one_was(
    kind: str, first: str, postgres: PostgresServer, make_database: Callable[..., str], oracle: Oracle
) -> None:
    name = make_database()
    columns, value = KEYS[kind]
    key = "j, k" if kind == "pair" else "k"
    with psycopg.connect(postgres.dsn(name), autocommit=True) as sql:
        sql.execute(SIGNALS)
        sql.execute(f"CREATE TABLE a ({columns}, n int, PRIMARY KEY ({key}))".encode())
        sql.execute(f"INSERT INTO a (k, n) SELECT {value}, g FROM generate_series(1, {ROWS}) g".encode())
        sql.execute("CREATE PUBLICATION pub FOR ALL TABLES")
        settings = {
            "name": "test",
            "topic.prefix": "srv",
            "database.hostname": postgres.host,
            "database.port": str(postgres.port),
            "database.user": postgres.user,
            "database.password": postgres.password,
            "database.dbname": name,
            "plugin.name": "pgoutput",
            "slot.name": f"slot_{name}",
            "publication.name": "pub",
            "poll.interval.ms": "20",
            "snapshot.mode": "no_data",
            "signal.data.collection": "public.sig",
            "signal.poll.interval.ms": "100",
            "notification.enabled.channels": "sink",
            "notification.sink.topic.name": "notes",
            "incremental.snapshot.chunk.size": "3",
            "slot.max.retries": "20",
            "slot.retry.delay.ms": "500",
        }
        sides = [lambda stored: Ours(settings, stored), lambda stored: Theirs(oracle, settings, stored)]
        if first == "theirs":
            sides.reverse()
        found: list[Event] = []
        one = sides[0](None)
        try:
            _until(one, found, lambda: any(e.topic == "notes" for e in found))
            data = json.dumps({"data-collections": ["public.a"]})
            with sql.transaction():
                sql.execute("INSERT INTO sig VALUES ('s-1', 'execute-snapshot', %s)", (data,))
                sql.execute("INSERT INTO sig VALUES ('s-2', 'pause-snapshot', '{}')")
            # One chunk is read before the pause; then a row whose offset says so.
            _until(one, found, lambda: sum(e.topic == "srv.public.a" for e in found) == 3)
            sql.execute("INSERT INTO sig VALUES ('s-3', 'log', '{\"message\": \"x\"}')")
            _until(one, found, lambda: found[-1].topic == "srv.public.sig" and found[-1].key.payload["id"] == "s-3")
        finally:
            one.close()
        stored = found[-1].offset
        assert "incremental_snapshot_primary_key" in stored
        rest: list[Event] = []
        other = sides[1](stored)
        try:
            _until(other, rest, lambda: any(_is_complete(event) for event in rest))
        finally:
            other.close()
    read = [e.value.payload["after"]["n"] for e in (*found, *rest) if e.topic == "srv.public.a"]
    assert read == list(range(1, ROWS + 1))


def _is_complete(event: Event) -> bool:
    return event.topic == "notes" and event.value.payload["type"] == "COMPLETED"
