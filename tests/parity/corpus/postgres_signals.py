"""Scenarios of signals for both PostgreSQL connectors: snapshots beside the stream and what is told of them.

Steps as in `postgres_stream`; further ones: `COMPLETED n` waits until n snapshots were told to be complete, `TOLD type n` until n
notifications of a type have come.
"""

from __future__ import annotations

import json
from typing import Any

from tests.parity.corpus.postgres_stream import SYNC, Scenario

SIGNALS = "CREATE TABLE sig (id varchar(64) PRIMARY KEY, type varchar(32), data varchar(2048))"
_BASE = {
    "snapshot.mode": "no_data",
    "signal.data.collection": "public.sig",
    "notification.enabled.channels": "sink",
    "notification.sink.topic.name": "notes",
    "incremental.snapshot.chunk.size": "2",
    "signal.poll.interval.ms": "100",
}
_A = ("CREATE TABLE a (id int PRIMARY KEY, v text)", "INSERT INTO a SELECT g, 'v' || g FROM generate_series(1, 5) g")
_B = (
    "CREATE TABLE b (k1 int, k2 text, v numeric(5, 2), PRIMARY KEY (k1, k2))",
    "INSERT INTO b SELECT g, 't' || g, g FROM generate_series(1, 3) g",
)


def signal(id: str, kind: str, /, **data: Any) -> str:
    """The statement that sends one."""
    text = json.dumps({key.replace("_", "-"): value for key, value in data.items()}).replace("'", "''")
    return f"INSERT INTO sig VALUES ('{id}', '{kind}', '{text}')"


def execute(id: str, *tables: str, **data: Any) -> str:
    """A signal for a snapshot."""
    return signal(id, "execute-snapshot", data_collections=list(tables), **data)


SCENARIOS = {
    "incremental": Scenario(
        (SIGNALS, *_A, *_B, "CREATE TABLE nokey (x int)", "CREATE TABLE empty (id int PRIMARY KEY)"),
        (
            execute(
                "s-1", "public.a", "public.b", "public.nokey", "public.empty", "public.missing", type="incremental"
            ),
            "COMPLETED 1",
            SYNC,
            "INSERT INTO a VALUES (6, 'six')",
            execute("s-2", "public.a"),
            "COMPLETED 2",
        ),
        _BASE,
    ),
    "uncaptured": Scenario(
        (SIGNALS, *_A, *_B),
        (execute("s-1", "public.b", "public.a"), "COMPLETED 1"),
        {**_BASE, "table.include.list": "public.a,public.zz_mark"},
    ),
    "insert-delete": Scenario(
        (SIGNALS, *_A),
        (execute("s-1", "public.a"), "COMPLETED 1"),
        {**_BASE, "incremental.snapshot.watermarking.strategy": "insert_delete"},
    ),
    "regex-and-conditions": Scenario(
        (SIGNALS, *_A, *_B),
        (
            execute(
                "s-1",
                "public.[ab]",
                additional_conditions=[
                    {"data-collection": "PUBLIC.A", "filter": "id < 2 OR id = 5"},
                    {"data-collection": "public.b", "filter": "k2 = 't2'"},
                ],
            ),
            "COMPLETED 1",
            execute("s-2", "public.A"),
            "COMPLETED 2",
            execute("s-3", "public.a", additional_condition="id = 1"),
            "COMPLETED 3",
        ),
        _BASE,
    ),
    "surrogate": Scenario(
        (
            SIGNALS,
            "CREATE TABLE a (id int PRIMARY KEY, n int)",
            "INSERT INTO a SELECT g, -g FROM generate_series(1, 5) g",
        ),
        (execute("s-1", "public.a", surrogate_key="n"), "COMPLETED 1"),
        _BASE,
    ),
    "message-keys": Scenario(
        (SIGNALS, "CREATE TABLE a (id int, n int)", "INSERT INTO a SELECT g, -g FROM generate_series(1, 5) g"),
        (execute("s-1", "public.a"), "COMPLETED 1"),
        {**_BASE, "message.key.columns": "public.a:n"},
    ),
    "two-signals": Scenario(
        (SIGNALS, *_A, *_B),
        ((execute("s-1", "public.a"), execute("s-2", "public.b")), "COMPLETED 1"),
        _BASE,
    ),
    "pause-resume": Scenario(
        (SIGNALS, *_A),
        (
            (execute("s-1", "public.a"), signal("s-2", "pause-snapshot", type="incremental")),
            "TOLD PAUSED 1",
            SYNC,
            SYNC,
            "INSERT INTO a VALUES (7, 'seven')",
            signal("s-3", "resume-snapshot", type="incremental"),
            "COMPLETED 1",
        ),
        _BASE,
    ),
    "blocking": Scenario(
        (SIGNALS, *_A, *_B, "CREATE TABLE empty (id int PRIMARY KEY)"),
        (
            execute("s-1", "public.b", type="blocking"),
            "COMPLETED 1",
            "INSERT INTO a VALUES (6, 'six')",
            SYNC,
            execute(
                "s-2",
                "public.A",
                type="BLOCKING",
                additional_conditions=[
                    {"data-collection": "public.a", "filter": "SELECT * FROM public.a WHERE id < 4 ORDER BY id"}
                ],
            ),
            "COMPLETED 2",
            execute("s-3", "public.empty", type="blocking"),
            "COMPLETED 3",
            execute("s-4", "public.nowhere", type="blocking"),
            "COMPLETED 4",
        ),
        _BASE,
    ),
    "initial": Scenario(
        (SIGNALS, "INSERT INTO sig VALUES ('old', 'log', '{}')", *_A, *_B),
        ("COMPLETED 1", SYNC, execute("s-1", "public.b"), "COMPLETED 2"),
        {
            **_BASE,
            "snapshot.mode": "initial",
            "table.include.list": "public.a,public.b,public.zz_mark",
            "snapshot.include.collection.list": "public.a,public.b",
        },
    ),
    "passed-over": Scenario(
        (SIGNALS, *_A),
        (
            signal("1", "no-such-type"),
            "INSERT INTO sig VALUES ('2', 'execute-snapshot', '{bad')",
            signal("3", "execute-snapshot"),
            signal("4", "log", message="here {}"),
            "INSERT INTO sig VALUES ('5', 'snapshot-window-close', NULL)",
            "UPDATE sig SET type = 'execute-snapshot' WHERE id = '1'",
            "DELETE FROM sig WHERE id = '1'",
            execute("6", "public.a"),
            "COMPLETED 1",
        ),
        _BASE,
    ),
    "transactions": Scenario(
        (SIGNALS, *_A),
        (execute("s-1", "public.a"), "COMPLETED 1"),
        {**_BASE, "provide.transaction.metadata": "true"},
    ),
}

EXPLAINED: dict[str, str] = {}
"""`<scenario>:<place>` patterns of what differs, and why."""
