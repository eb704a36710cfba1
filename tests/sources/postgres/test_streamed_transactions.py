"""Transactions that the server streams before they are committed: what comes of them is what comes of whole ones."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, comparable_offsets, plain

from headrace.data import SourceRecord
from headrace.testing.servers import PostgresServer


def _seen(run: Runner) -> list[Any]:
    return [
        (
            record.topic,
            plain(record.key),
            {**(plain(record.value) or {}), "ts_ms": 0, "ts_us": 0, "ts_ns": 0},
            offset,
        )
        for record, offset in zip(run.records, comparable_offsets(run.records), strict=True)
    ]


def _told(records: list[SourceRecord]) -> list[Any]:
    return [
        (record.topic, plain(record.key), offset)
        for record, offset in zip(records, comparable_offsets(records), strict=True)
    ]


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("streaming", ["on", "parallel"])
def test_streamed_transactions_are_as_whole_ones(
    streaming: str, props: dict[str, str], sql: psycopg.Connection[Any], postgres: PostgresServer, database: str
) -> None:
    if sql.info.server_version < (160000 if streaming == "parallel" else 140000):
        pytest.skip("needs a later server")
    sql.execute("ALTER DATABASE " + database + " SET logical_decoding_work_mem = '64kB'")
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    sql.execute("CREATE TABLE u (id int PRIMARY KEY)")
    fill = "INSERT INTO t SELECT g, repeat(md5(g::text), 10) FROM generate_series(%s::int, %s::int) g"
    started = {**props, "snapshot.mode": "no_data"}
    streamed = {**started, "slot.name": props["slot.name"] + "_s", "slot.stream.params": f"streaming={streaming}"}
    with (
        Runner(started) as whole,
        Runner(streamed) as parts,
        psycopg.connect(postgres.dsn(database)) as large,
        psycopg.connect(postgres.dsn(database)) as doomed,
    ):
        whole.settle()
        parts.settle()
        large.execute(fill, [1, 800])
        doomed.execute(fill, [10_001, 10_800])
        large.execute("SAVEPOINT a")
        large.execute(fill, [2001, 2800])
        large.execute("SAVEPOINT b")
        large.execute("UPDATE t SET id = -id WHERE id < 300")
        large.execute("RELEASE b")
        sql.execute("INSERT INTO u VALUES (1)")
        doomed.rollback()
        large.execute("ROLLBACK TO a")
        large.execute("ALTER TABLE t ADD c int DEFAULT 7")
        large.execute("UPDATE t SET v = 'short' WHERE id <= 400")
        large.execute("DELETE FROM t WHERE id > 700")
        sql.execute("INSERT INTO u VALUES (2)")
        large.commit()
        sql.execute("INSERT INTO u VALUES (3)")
        sql.execute("INSERT INTO t VALUES (5000, 'x')")
        count = 800 + 400 + 100 * 2 + 4
        whole.count(count)
        parts.count(count)
        assert _seen(parts) == _seen(whole)
        # Spilled by the server in the one case, streamed in the other.
        counts = sql.execute("SELECT slot_name, stream_txns > 0 FROM pg_stat_replication_slots")
        wait = dict(counts.fetchall())
        assert wait.get(props["slot.name"]) in (None, False)


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("metadata", ["false", "true"])
def test_a_restart_amid_streamed_transactions_goes_on_with_the_rest(
    metadata: str, props: dict[str, str], sql: psycopg.Connection[Any], postgres: PostgresServer, database: str
) -> None:
    if sql.info.server_version < 140000:
        pytest.skip("needs a later server")
    sql.execute("ALTER DATABASE " + database + " SET logical_decoding_work_mem = '64kB'")
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    settings = {**props, "snapshot.mode": "no_data", "provide.transaction.metadata": metadata}
    streamed = {**settings, "slot.stream.params": "streaming=on"}
    with Runner(streamed) as run:
        run.settle()
    fill = "INSERT INTO t SELECT g, repeat(md5(g::text), 10) FROM generate_series(%s::int, %s::int) g"
    with psycopg.connect(postgres.dsn(database)) as one, psycopg.connect(postgres.dsn(database)) as two:
        one.execute(fill, [1, 400])
        two.execute(fill, [1001, 1400])
        one.execute("SAVEPOINT a")
        one.execute(fill, [401, 700])
        one.execute("ROLLBACK TO a")
        with two.cursor() as cursor, cursor.copy("COPY t FROM STDIN") as copy:
            for number in range(2001, 2200):
                copy.write_row((number, "share a position"))
        one.execute(fill, [701, 900])
        two.commit()
        one.commit()
    count = 599 + 600 + (4 if metadata == "true" else 0)
    with Runner(streamed) as run:
        whole = list(run.count(count, commit=False))
    shown = _told(whole)
    for taken in [*range(0, count - 1, 97), count - 2]:
        for again in (streamed, settings):
            with Runner(again, dict(whole[taken].source_offset)) as run:
                rest = list(run.count(count - taken - 1, commit=False))
            assert _told(rest) == shown[taken + 1 :], taken


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("binary", ["false", "true"])
def test_interleaved_transactions_and_a_table_first_seen_in_what_is_rolled_back(
    binary: str, props: dict[str, str], sql: psycopg.Connection[Any], postgres: PostgresServer, database: str
) -> None:
    """The server tells of a table once in a streamed transaction, be it in a part that is taken back."""
    sql.execute("ALTER DATABASE " + database + " SET logical_decoding_work_mem = '64kB'")
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY, v text)")
    fill = "INSERT INTO {} SELECT g, repeat(md5(g::text), 10) FROM generate_series(%s::int, %s::int) g"
    started = {**props, "snapshot.mode": "no_data"}
    streamed = {**started, "slot.name": props["slot.name"] + "_s", "slot.stream.params": "streaming=on"}
    with (
        Runner(started) as whole,
        Runner({**streamed, "slot.stream.binary": binary}) as parts,
        psycopg.connect(postgres.dsn(database)) as one,
        psycopg.connect(postgres.dsn(database)) as other,
    ):
        whole.settle()
        parts.settle()
        # Where a stream was before its first transaction is its own affair.
        sql.execute("CREATE TABLE begun (id int PRIMARY KEY); INSERT INTO begun VALUES (1)")
        whole.count(1)
        parts.count(1)
        del whole.records[:], parts.records[:]
        for part, (writer, table) in enumerate([(one, "t"), (other, "u"), (one, "t"), (other, "u")]):
            writer.execute("SAVEPOINT a")
            writer.execute(fill.format(table), [part * 1000, part * 1000 + 799])  # type: ignore[arg-type]
            # Everything before it has been sent when this one comes.
            sql.execute("INSERT INTO begun VALUES (%s)", [part + 2])
            whole.count(part + 1)
            parts.count(part + 1)
            if part < 2:
                writer.execute("ROLLBACK TO a")
        one.execute("TRUNCATE t")
        one.execute("ALTER TABLE t ALTER v TYPE varchar(400), ADD c int")
        one.execute("INSERT INTO t VALUES (1, 'x', 2)")
        other.execute("UPDATE u SET v = 'y' WHERE id % 3 = 0")
        other.commit()
        one.execute("SELECT pg_logical_emit_message(true, 'p', 'm')")
        one.commit()
        # What the server says once of a table holds for the transactions behind.
        sql.execute("INSERT INTO u VALUES (-1, 'z'); INSERT INTO t VALUES (2, 'z', 3)")

        def ended(records: list[Any]) -> bool:
            return bool(records) and plain(records[-1].value)["after"] == {"id": 2, "v": "z", "c": 3}

        whole.until(ended)
        parts.until(ended)
        for made, wanted in zip(_seen(parts), _seen(whole), strict=True):
            # An offset tells of the commit, too, if that had come when the record left.
            assert made[:3] == wanted[:3]
        row = sql.execute(
            "SELECT stream_count > 3 FROM pg_stat_replication_slots WHERE slot_name = %s", [streamed["slot.name"]]
        ).fetchone()
        assert row in ((True,), (None,), None)


@pytest.mark.usefixtures("implementation")
def test_a_streamed_transaction_is_taken_up_where_it_was_left(
    props: dict[str, str], sql: psycopg.Connection[Any], database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that ends in the midst of what it hands over, and one that ends before the commit; nothing is left in the folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sql.execute("ALTER DATABASE " + database + " SET logical_decoding_work_mem = '64kB'")
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    settings = {**props, "snapshot.mode": "no_data", "slot.stream.params": "streaming=on", "max.batch.size": "700"}
    with psycopg.connect(sql.info.dsn, password=props["database.password"]) as writer:
        with Runner(settings) as first:
            first.settle()
            writer.execute("INSERT INTO t SELECT g, repeat(md5(g::text), 4) FROM generate_series(1, 5000) g")
            sql.execute("CREATE TABLE begun (id int PRIMARY KEY); INSERT INTO begun VALUES (1)")
            first.count(1)
        with Runner(settings, first.offsets.stored) as second:
            second.settle()
            writer.execute("UPDATE t SET v = v || 'x' WHERE id % 2 = 0")
            writer.commit()
            second.count(1500)
            assert len(second.records) < 3000
    with Runner(settings, second.offsets.stored) as third:
        third.count(7500 - len(second.records))
        sql.execute("INSERT INTO t VALUES (-1, 'end')")
        third.count(7501 - len(second.records))
    seen = [(r.value["op"], r.value["after"]["id"]) for r in (*second.records, *third.records)]
    wanted = [("c", number) for number in range(1, 5001)] + [("u", number) for number in range(2, 5001, 2)]
    assert seen[:5000] == wanted[:5000]
    assert sorted(seen[5000:-1]) == sorted(wanted[5000:])
    assert seen[-1] == ("c", -1)
    assert not list(tmp_path.iterdir())
