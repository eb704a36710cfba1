"""provide.transaction.metadata: BEGIN and END records, blocks in events, offsets; exact when the task restarts in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sources.postgres.kit import Runner, plain

from headrace.cdc.transactions import TransactionContext, hash_order
from headrace.data import SourceRecord

_TOPIC = "srv.transaction"


@pytest.fixture
def props(props: dict[str, str]) -> dict[str, str]:
    return {**props, "provide.transaction.metadata": "true", "skipped.operations": "none"}


def shape(records: Sequence[SourceRecord]) -> list[Any]:
    """A line per record: what it says of its transaction, without positions; tombstones are left out."""
    lines: list[Any] = []
    for record in records:
        if record.value is None:
            continue
        value = plain(record.value)
        if record.topic == _TOPIC:
            assert plain(record.key) == {"id": value["id"]}
            tables = {c["data_collection"]: c["event_count"] for c in value["data_collections"] or []}
            lines.append((value["status"], value["event_count"], tables))
        else:
            block = value["transaction"]
            lines.append((value["op"], block and (block["total_order"], block["data_collection_order"])))
    return lines


def work(sql: psycopg.Connection[Any]) -> None:
    with sql.transaction():
        sql.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
        sql.execute("INSERT INTO s VALUES (1)")
        sql.execute("UPDATE t SET id = 3 WHERE id = 2")
        sql.execute("SELECT pg_logical_emit_message(true, 'p', 'x')")
        sql.execute("DELETE FROM t WHERE id = 1")
    sql.execute("SELECT pg_logical_emit_message(false, 'p', 'outside')")
    sql.execute("TRUNCATE t, s")


WORK = [
    ("BEGIN", None, {}),
    ("c", (1, 1)),
    ("c", (2, 2)),
    ("c", (3, 1)),
    ("d", (4, 3)),
    ("c", (5, 4)),
    ("m", (6, 1)),
    ("d", (7, 5)),
    ("END", 7, {"public.t": 5, "public.s": 1, "LOGICAL_DECODING_MESSAGE": 1}),
    ("m", None),
    ("BEGIN", None, {}),
    ("t", (1, 1)),
    ("t", (2, 1)),
    ("END", 2, {"public.t": 1, "public.s": 1}),
]


@pytest.fixture
def tables(sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE s (id int PRIMARY KEY)")


def test_transactions_are_told_and_their_events_counted(
    props: dict[str, str], sql: psycopg.Connection[Any], tables: None
) -> None:
    if sql.info.server_version < 140000:
        pytest.skip("pgoutput sends messages from PostgreSQL 14 on")
    sql.execute("INSERT INTO t VALUES (9, 'snapshot')")
    with Runner(props) as run:
        run.settle()
        work(sql)
        run.until(lambda records: shape(records)[-1:] == WORK[-1:])
    lines = shape(run.records)
    assert lines[0] == ("r", None)
    assert lines[1:] == WORK
    begin, first = run.records[1:3]
    end = next(r for r in run.records if r.topic == _TOPIC and r.value["status"] == "END")
    xid, position = begin.value["id"].split(":")
    assert int(xid) == first.value["source"]["txId"]
    assert first.value["transaction"]["id"] == f"{xid}:{first.value['source']['lsn']}"
    assert end.value["id"] == f"{xid}:{end.source_offset['lsn']}"
    assert begin.value["ts_ms"] == end.value["ts_ms"] == first.value["source"]["ts_ms"]
    assert begin.header_items == ()
    assert begin.source_offset["messageType"] == "BEGIN"
    assert begin.source_offset["transaction_id"] == xid
    assert int(position) == begin.source_offset["lsn"]
    assert first.source_offset["transaction_data_collection_order_public.t"] == 1
    assert end.source_offset["messageType"] == "COMMIT"
    assert end.source_offset["transaction_data_collection_order_public.t"] == 5


def test_nothing_is_missing_or_twice_wherever_the_task_restarts(
    props: dict[str, str], sql: psycopg.Connection[Any], tables: None
) -> None:
    with Runner(props) as run:
        run.settle()
        run.poll()
        stored = run.offsets.stored
        work(sql)
        run.until(lambda records: shape(records)[-1:] == WORK[-1:], commit=False)
    whole = run.records
    ids = [None if r.value is None else plain(r.value).get("id") or plain(r.value)["transaction"] for r in whole]
    for cut in range(len(whole) - 1):
        kept = dict(whole[cut].source_offset)
        with Runner(props, kept) as again:
            again.until(lambda records: shape(records)[-1:] == WORK[-1:], commit=False)
            # A change of several records goes again from its first; nothing else does.
            start = len(whole) - len(again.records)
            assert start <= cut + 1
            group = [r.source_offset for r in whole[start : cut + 1]]
            assert all(dict(one) == kept for one in group), (cut, start)
            rest = [
                None if r.value is None else plain(r.value).get("id") or plain(r.value)["transaction"]
                for r in again.records
            ]
            assert rest == ids[start:]
    assert stored is None or "transaction_id" not in stored


def test_transactions_of_which_nothing_is_captured_are_told_too(
    props: dict[str, str], sql: psycopg.Connection[Any], tables: None
) -> None:
    with Runner({**props, "table.include.list": "public.s"}) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (1, 'a')")
        run.count(2)
        assert shape(run.records) == [("BEGIN", None, {}), ("END", 0, {})]


def test_metadata_topic_and_heartbeats_in_between(
    props: dict[str, str], sql: psycopg.Connection[Any], tables: None
) -> None:
    named = {**props, "topic.transaction": "tx", "topic.delimiter": "-", "heartbeat.interval.ms": "50"}
    with Runner(named) as run:
        run.settle()
        sql.execute("INSERT INTO s VALUES (1)")
        run.until(lambda records: [r.topic for r in records].count("srv-tx") == 2)
        seen = len(run.records)
        run.count(seen + 2)
        assert {r.topic for r in run.records[seen:]} == {"__debezium-heartbeat-srv"}
        assert "transaction_id" not in run.records[-1].source_offset


def test_the_counts_of_an_offset_go_on() -> None:
    context = TransactionContext()
    context.begin("7")
    for table in ("a", "b", "a"):
        context.event(table, "7:1")
    counted = context.counted()
    assert counted is not None
    again = TransactionContext.load(counted.stored())
    assert (again.id, again.total) == ("7", 3)
    assert again.event("a", "7:2").values == ["7:2", 4, 3]
    again.end()
    assert again.counted() is None


@given(st.lists(st.integers(0, 150), max_size=600), st.data())
def test_each_offset_keeps_the_counts_of_its_own_event(tables: list[int], data: st.DataObject) -> None:
    context, expected, kept = TransactionContext(), dict[str, int](), []
    context.begin("7")
    for table in tables:
        name = f"public.t{table}"
        context.event(name, "7:1")
        expected[name] = expected.get(name, 0) + 1
        kept.append((context.counted(), dict(expected)))
    if kept:
        counted, counts = data.draw(st.sampled_from(kept))
        assert counted is not None
        again = TransactionContext.load(counted.stored())
        assert (again.counts, list(again.counts), again.total) == (counts, list(counts), sum(counts.values()))
        assert again.counted() == ("7", counts, [], 0)


def test_tables_stand_in_the_order_a_java_map_gives_them() -> None:
    # As java.util.HashMap iterates over them.
    names = [f"public.x{number}" for number in range(12)]
    assert [int(name[8:]) for name in hash_order(names, 16)] == [0, 11, 10, 2, 1, 8, 7, 9, 4, 3, 6, 5]
    assert [int(name[8:]) for name in hash_order(names, 32)] == [0, 11, 10, 2, 1, 8, 7, 9, 4, 3, 6, 5]
    assert hash_order(["Aa", "BB"], 16) == ["Aa", "BB"]
    assert hash_order(["BB", "Aa"], 16) == ["BB", "Aa"]


def test_xmin_is_the_slots_when_it_is_asked_for(
    props: dict[str, str], sql: psycopg.Connection[Any], tables: None
) -> None:
    off = {**props, "provide.transaction.metadata": "false"}
    with Runner({**off, "xmin.fetch.interval.ms": "1"}) as run:
        run.settle()
        sql.execute("INSERT INTO s VALUES (1)")
        [record] = run.count(1)
        row = sql.execute("SELECT min(catalog_xmin::text::bigint) FROM pg_replication_slots").fetchone()
        assert row is not None
        assert 0 < record.value["source"]["xmin"] <= row[0]
        assert record.source_offset["xmin"] == record.value["source"]["xmin"]
    with Runner(off, run.offsets.stored) as run:
        sql.execute("INSERT INTO s VALUES (2)")
        [record] = run.count(1)
        assert record.value["source"]["xmin"] is None
        assert "xmin" not in record.source_offset


def test_metadata_that_are_switched_on_amid_a_transaction_repeat_no_event(
    props: dict[str, str], sql: psycopg.Connection[Any], tables: None
) -> None:
    with Runner({**props, "provide.transaction.metadata": "false"}) as run:
        run.settle()
        sql.execute("INSERT INTO t SELECT i FROM generate_series(1, 4) i")
        run.count(4, commit=False)
        kept = dict(run.records[1].source_offset)
    with Runner(props, kept) as again:
        again.until(lambda records: shape(records)[-1:] == [("END", 2, {"public.t": 2})], commit=False)
    begin = again.records[0]
    assert begin.value["status"] == "BEGIN"
    with Runner(props, dict(begin.source_offset)) as third:
        third.until(lambda records: shape(records)[-1:] == [("END", 2, {"public.t": 2})], commit=False)
        assert [r.key["id"] for r in third.records if r.topic != _TOPIC] == [3, 4]
