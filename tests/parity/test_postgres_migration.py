"""Stored offsets of either connector: wherever one stops, the other goes on with the very next record."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
import pytest

from headrace.testing.servers import PostgresServer
from tests.parity.corpus.postgres_stream import SCENARIOS, SYNC
from tests.parity.frame.oracle import Oracle
from tests.parity.stream.lab import Side
from tests.parity.workload.sides import Event, Ours, Theirs
from tests.support import wait_until

pytestmark = pytest.mark.parity
_numbers = itertools.count(1)
_CLOCK = ("ts_ms", "ts_us", "ts_ns")


class History(NamedTuple):
    """`stream`: what one connector made, in order; `props` for the other, whose slot stands before all of it."""

    stream: list[Event]
    props: dict[str, str]


@contextmanager
def _history(server: PostgresServer, name: str, make: Callable[[dict[str, str]], Side]) -> Iterator[History]:
    scenario = SCENARIOS[name]
    database = f"migration_{next(_numbers)}"
    server.create_database(database)
    props = {
        "name": "test",
        "topic.prefix": "srv",
        "database.hostname": server.host,
        "database.port": str(server.port),
        "database.user": server.user,
        "database.password": server.password,
        "database.dbname": database,
        "plugin.name": "pgoutput",
        "publication.name": "pub",
        "poll.interval.ms": "20",
        **scenario.config,
    }
    events: list[Event] = []
    side: Side | None = None
    try:
        with psycopg.connect(server.dsn(database), autocommit=True) as sql:
            for statement in (*scenario.prepare, "CREATE TABLE zz_mark (n int PRIMARY KEY)"):
                sql.execute(statement)  # type: ignore[call-overload]
            sql.execute("CREATE PUBLICATION pub FOR ALL TABLES")
            first, second = f"first_{database}", f"second_{database}"
            sql.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (second,))
            side = make({**props, "slot.name": first})
            query = "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s AND active"

            def streaming() -> bool:
                assert side is not None
                events.extend(side.take())
                return sql.execute(query, (first,)).fetchone() is not None

            wait_until(streaming, 30)
            for step in scenario.steps:
                if step != SYNC:
                    with sql.transaction():
                        for statement in [step] if isinstance(step, str) else step:
                            sql.execute(statement)  # type: ignore[call-overload]
            sql.execute("INSERT INTO zz_mark VALUES (1)")
            wait_until(lambda: _ended(events, side), 30)
            stream = [event for event in events if not event.offset.get("snapshot")]
            assert len(stream) > 2
            yield History(stream, {**props, "slot.name": second, "lsn.flush.mode": "manual"})
    finally:
        if side is not None:
            side.close()
        server.drop_database(database)


def _ended(events: list[Event], side: Side | None) -> bool:
    assert side is not None
    events += side.take()
    topics = [event.topic for event in events]
    if not topics or "srv.public.zz_mark" not in topics:
        return False
    # With transaction metadata one record more comes behind the mark.
    return not any(topic == "srv.transaction" for topic in topics) or topics[-1] == "srv.transaction"


def _plain(event: Event) -> Any:
    """What must be equal, positions and all."""
    value = event.value.payload
    if value and "source" in value:
        source = {name: v for name, v in value["source"].items() if name != "version"}
        value = {name: v for name, v in value.items() if name not in _CLOCK} | {"source": source}
    return event.topic, event.key.payload, value


def _rest(side: Side, last: Any) -> list[Any]:
    """What a connector makes, up to a record that is `last`."""
    events: list[Any] = []

    def taken() -> bool:
        events.extend(_plain(event) for event in side.take())
        return any(_unsequenced(last) == _unsequenced(one) for one in events[-3:])

    try:
        wait_until(taken, 8)
    except AssertionError as failure:
        # Too few are shown by the comparison.
        if failure.__cause__ is not None:
            raise
    finally:
        side.close()
    return events


def _place(event: Event) -> Any:
    truncated = event.offset["messageType"] == "TRUNCATE"
    return event.offset["lsn"], event.offset["messageType"], event.offset["lsn_proc"] if truncated else None


@pytest.mark.parametrize("name", ["transactions", "transactions-off", "messages-included", "truncate", "identity-full"])
def test_debeziums_offsets_are_gone_on_from_at_every_record(
    name: str, postgres: PostgresServer, oracle: Oracle
) -> None:
    with _history(postgres, name, lambda props: Theirs(oracle, props)) as (stream, props):
        # Between the records of one change Debezium's offset already lies behind all of them.
        places = [at for at, event in enumerate(stream[:-1]) if _place(stream[at + 1]) != _place(event)]
        for at in places:
            stored = {key: value for key, value in stream[at].offset.items() if value is not None}
            first = at + 1
            if stored["messageType"] == "TRUNCATE" and stored["lsn_proc"] != stored["lsn"]:
                # Which of a truncate's tables have been told is not in the offset.
                first = min(n for n, event in enumerate(stream) if event.offset["lsn"] == stored["lsn"])
            wanted = [_plain(event) for event in stream[first:]]
            assert _rest(Ours(props, stored), wanted[-1]) == wanted, (at, stored)


@pytest.mark.parametrize("name", ["transactions", "identity-full"])
def test_debezium_goes_on_from_our_offsets(name: str, postgres: PostgresServer, oracle: Oracle) -> None:
    with _history(postgres, name, Ours) as (stream, props):
        places = [at for at, event in enumerate(stream[:-1]) if stream[at + 1].offset != event.offset]
        for at in places[::3]:
            # The records of one change carry the offset of the change before, but for the last: they come again together.
            first = at + 1
            while first > 0 and stream[first - 1].offset == stream[at].offset and not _completes(stream, first - 1):
                first -= 1
            wanted = [_plain(event) for event in stream[first:]]
            made = _rest(Theirs(oracle, props, stream[at].offset), wanted[-1])
            assert [_unsequenced(one) for one in made] == [_unsequenced(one) for one in wanted], (
                at,
                stream[at].offset,
            )


def _completes(stream: list[Event], at: int) -> bool:
    """Whether the record is the last of its change: the first to carry its offset is."""
    return at == 0 or stream[at - 1].offset != stream[at].offset


def _unsequenced(plain: Any) -> Any:
    """Without the commit before, which neither knows of the first transaction, and both after a restart in it."""
    topic, key, value = plain
    if value and "source" in value:
        value = {**value, "source": {**value["source"], "sequence": None}}
    return topic, key, value
