"""Debezium's stored offsets: wherever it stops, headrace goes on with the very next record."""

from __future__ import annotations

import itertools
from typing import Any

import psycopg
import pytest

from headrace.testing.servers import PostgresServer
from tests.parity.corpus.postgres_stream import SCENARIOS, SYNC
from tests.parity.frame.oracle import Oracle
from tests.parity.workload.sides import Event, Ours, Theirs
from tests.support import wait_until

pytestmark = pytest.mark.parity
_numbers = itertools.count(1)
_CLOCK = ("ts_ms", "ts_us", "ts_ns")


def _plain(event: Event) -> Any:
    """What must be equal, positions and all."""
    value = event.value.payload
    if value and "source" in value:
        source = {name: v for name, v in value["source"].items() if name != "version"}
        value = {name: v for name, v in value.items() if name not in _CLOCK} | {"source": source}
    return event.topic, event.key.payload, value


def _streamed(events: list[Event]) -> list[Event]:
    return [event for event in events if not event.offset.get("snapshot")]


@pytest.mark.parametrize("name", ["transactions", "transactions-off", "messages-included", "truncate", "identity-full"])
def test_debeziums_offsets_are_gone_on_from_at_every_record(
    name: str, postgres: PostgresServer, oracle: Oracle
) -> None:
    scenario = SCENARIOS[name]
    database = f"migration_{next(_numbers)}"
    postgres.create_database(database)
    props = {
        "name": "test",
        "topic.prefix": "srv",
        "database.hostname": postgres.host,
        "database.port": str(postgres.port),
        "database.user": postgres.user,
        "database.password": postgres.password,
        "database.dbname": database,
        "plugin.name": "pgoutput",
        "publication.name": "pub",
        "poll.interval.ms": "20",
        **scenario.config,
    }
    events: list[Event] = []
    theirs: Theirs | None = None
    try:
        with psycopg.connect(postgres.dsn(database), autocommit=True) as sql:
            for statement in (*scenario.prepare, "CREATE TABLE zz_mark (n int PRIMARY KEY)"):
                sql.execute(statement)  # type: ignore[call-overload]
            sql.execute("CREATE PUBLICATION pub FOR ALL TABLES")
            slot = f"ours_{database}"
            sql.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
            theirs = Theirs(oracle, {**props, "slot.name": f"theirs_{database}"})
            query = "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s AND active"
            wait_until(lambda: sql.execute(query, (theirs.name,)).fetchone(), 30)
            for step in scenario.steps:
                if step != SYNC:
                    with sql.transaction():
                        for statement in [step] if isinstance(step, str) else step:
                            sql.execute(statement)  # type: ignore[call-overload]
            sql.execute("INSERT INTO zz_mark VALUES (1)")
            wait_until(lambda: _ended(events, theirs), 30)
            stream = _streamed(events)
            assert len(stream) > 2
            # Between the records of one change Debezium's offset already lies behind all of them.
            places = [at for at, event in enumerate(stream[:-1]) if _place(stream[at + 1]) != _place(event)]
            for at in places:
                stored = {key: value for key, value in stream[at].offset.items() if value is not None}
                first = at + 1
                if stored["messageType"] == "TRUNCATE" and stored["lsn_proc"] != stored["lsn"]:
                    # Which of a truncate's tables have been told is not in the offset.
                    first = min(n for n, event in enumerate(stream) if event.offset["lsn"] == stored["lsn"])
                wanted = [_plain(event) for event in stream[first:]]
                rest = _ours({**props, "slot.name": slot, "lsn.flush.mode": "manual"}, stored, wanted[-1])
                assert rest == wanted, (at, stored)
    finally:
        if theirs is not None:
            theirs.close()
        postgres.drop_database(database)


def _ended(events: list[Event], theirs: Theirs | None) -> bool:
    assert theirs is not None
    events += theirs.take()
    topics = [event.topic for event in events]
    if not topics or "srv.public.zz_mark" not in topics:
        return False
    # With transaction metadata one record more comes behind the mark.
    return not any(topic == "srv.transaction" for topic in topics) or topics[-1] == "srv.transaction"


def _place(event: Event) -> Any:
    truncated = event.offset["messageType"] == "TRUNCATE"
    return event.offset["lsn"], event.offset["messageType"], event.offset["lsn_proc"] if truncated else None


def _ours(props: dict[str, str], stored: dict[str, Any], last: Any) -> list[Any]:
    """What the task makes from that offset on, up to a record that is `last`."""
    side = Ours(props, stored)
    events: list[Any] = []

    def taken() -> bool:
        events.extend(_plain(event) for event in side.take())
        return last in events[-3:]

    try:
        wait_until(taken, 5)
    except AssertionError as failure:
        # Too few are shown by the comparison.
        if failure.__cause__ is not None:
            raise
    finally:
        side.close()
    return events
