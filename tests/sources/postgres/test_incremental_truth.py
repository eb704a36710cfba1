"""Incremental snapshots against the truth: whatever is written meanwhile, altered, or cut off, what the records say in the end is what
the table has."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner
from tests.sources.postgres.test_incremental import SIGNALS, done, notes, rows, settings, signal

from headrace.data import SourceRecord
from headrace.data.unchanged import Unchanged
from headrace.foundation import failpoints
from headrace.testing.servers import PostgresServer

TABLE = "CREATE TABLE a (id int PRIMARY KEY, n int, long text); ALTER TABLE a ALTER long SET STORAGE EXTERNAL"


class Copy:
    """A target: what the records make of it. A value that was not sent leaves what is there."""

    def __init__(self) -> None:
        self.rows: dict[Any, list[Any]] = {}
        self._taken = 0

    def take(self, records: Sequence[SourceRecord], table: str = "a") -> None:
        """Those that came since the last call."""
        for record in records[self._taken :]:
            if record.topic == f"srv.public.{table}" and record.value is not None:
                key, value = record.key.values[0], record.value
                if value["op"] == "d":
                    self.rows.pop(key, None)
                    continue
                after, had = value["after"].values, self.rows.get(key)
                kept = had or [None] * len(after)
                self.rows[key] = [kept[at] if isinstance(one, Unchanged) else one for at, one in enumerate(after)]
        self._taken = len(records)

    def crash(self) -> None:
        """The records come from another run."""
        self._taken = 0


class Writers:
    """Threads that insert, change, delete and rename rows, in transactions that overlap."""

    def __init__(self, dsn: str, seed: int, threads: int = 3) -> None:
        self._dsn, self._stop = dsn, threading.Event()
        self.failures: list[Exception] = []
        self._threads = [threading.Thread(target=self._run, args=(seed * 10 + n,), daemon=True) for n in range(threads)]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)
        assert not self.failures

    def _run(self, seed: int) -> None:
        chance = random.Random(seed)
        with psycopg.connect(self._dsn, autocommit=True) as sql:
            while not self._stop.is_set():
                try:
                    with sql.transaction():
                        for _ in range(chance.randint(1, 3)):
                            self._one(sql, chance)
                        if chance.random() < 0.1:
                            raise psycopg.Rollback
                except (psycopg.errors.OperationalError, psycopg.errors.UniqueViolation):
                    continue  # deadlock, or two that rename to one name at once
                except Exception as error:
                    self.failures.append(error)
                    return
                time.sleep(chance.random() * 0.004)

    @staticmethod
    def _one(sql: psycopg.Connection[Any], chance: random.Random) -> None:
        id, other = chance.randint(1, 300), chance.randint(1, 300)
        match chance.randint(0, 5):
            case 0:
                sql.execute(
                    "INSERT INTO a VALUES (%s, 0, repeat(%s, 3000)) ON CONFLICT DO NOTHING", (id, chance.choice("xyz"))
                )
            case 1:
                sql.execute("DELETE FROM a WHERE id = %s", (id,))
            case 2:
                sql.execute(
                    "UPDATE a SET id = %s WHERE id = %s AND NOT EXISTS (SELECT 1 FROM a WHERE id = %s)",
                    (other, id, other),
                ) if chance.random() < 0.3 else None
            case 3:
                sql.execute("UPDATE a SET long = repeat('w', 2500) || n WHERE id = %s", (id,))
            case _:
                sql.execute("UPDATE a SET n = n + 1 WHERE id = %s", (id,))


def truth(sql: psycopg.Connection[Any]) -> dict[Any, list[Any]]:
    return {row[0]: list(row) for row in sql.execute("SELECT * FROM a").fetchall()}


@pytest.mark.parametrize("mode", ["insert_insert", "insert_delete", "read_only"])
def test_the_records_say_what_the_table_has(
    postgres: PostgresServer, props: dict[str, str], sql: psycopg.Connection[Any], mode: str, tmp_path: Any
) -> None:
    sql.execute(SIGNALS)
    sql.execute(TABLE)
    sql.execute("INSERT INTO a SELECT g * 2, 0, repeat('o', 3000) FROM generate_series(1, 150) g")
    file = tmp_path / "signals"
    more = {"signal.enabled.channels": "source,file", "signal.file": str(file), "signal.poll.interval.ms": "20"}
    if mode == "read_only":
        more["read.only"] = "true"
    else:
        more["incremental.snapshot.watermarking.strategy"] = mode
    given = {**settings(props), **more, "incremental.snapshot.chunk.size": "7", "max.batch.size": "40"}
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    copy = Copy()
    run = Runner(given)
    run.settle()
    try:
        with Writers(postgres.dsn(sql.info.dbname), seed):
            request = '{"data-collections": ["public.a"]}'
            if mode == "read_only":
                file.write_text(f'{{"id": "f-1", "type": "execute-snapshot", "data": {request}}}\n')
            else:
                sql.execute("INSERT INTO sig VALUES ('s-1', 'execute-snapshot', %s)", (request,))
            crashes, deadline = 0, time.monotonic() + 30
            while not done(run.records):
                assert time.monotonic() < deadline, (seed, notes(run.records)[-3:])
                stored = run.offsets.stored
                committed = chance.random() < 0.7
                polled = run.poll(commit=committed)
                running = polled and stored and "incremental_snapshot_collections" in stored
                if running and crashes < 3 and (not crashes or chance.random() < 0.3):
                    # What was handed over and not committed may be in the target or not; it comes again.
                    crashes += 1
                    if committed or chance.random() < 0.5:
                        copy.take(run.records)
                    copy.crash()
                    run.close()
                    run = Runner(given, run.offsets.stored)
                    continue
                copy.take(run.records)
        sql.execute("INSERT INTO a VALUES (100000, 0, '')")
        run.until(lambda found: any(r.topic == "srv.public.a" and r.key["id"] == 100000 for r in found))
        copy.take(run.records)
    finally:
        run.close()
    assert copy.rows == truth(sql), seed
    assert crashes, seed


def test_columns_come_and_go_between_and_within_chunks(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT g, 'v' FROM generate_series(1, 8) g")
    changes = {
        2: "ALTER TABLE a ADD w int DEFAULT 5",
        3: "ALTER TABLE a DROP v; INSERT INTO a VALUES (0, 1), (9, 9)",
        4: "ALTER TABLE a ALTER w TYPE text USING 'w' || w",
    }
    with Runner(settings(props)) as run:
        run.settle()
        beside = run.task._beside
        assert beside is not None
        assert beside.signalling._snapshots is not None
        reader = beside.signalling._snapshots._reader
        read, number = reader.read, [0]

        def altering(*arguments: Any) -> Any:
            number[0] += 1
            if number[0] in changes:
                sql.execute(changes[number[0]].encode())
            chunk = read(*arguments)
            if number[0] == 1:
                # Behind the read and before the window's end: the rows have the definition they were read with.
                sql.execute("ALTER TABLE a ADD x bool; UPDATE a SET x = true WHERE id = 1; ALTER TABLE a DROP x")
            return chunk

        reader.read = altering  # type: ignore[method-assign]
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.a"])
        run.until(done)
    found = rows(run.records, "a")
    assert ("r", 2, "v") in found
    assert {row[1:] for row in found if row[0] == "r" and row[1] in (3, 4)} == {(3, "v", 5), (4, "v", 5)}
    assert {row[1:] for row in found if row[0] == "r" and row[1] in (5, 6)} == {(5, 5), (6, 5)}
    assert {row[1:] for row in found if row[0] == "r" and row[1] in (7, 8)} == {(7, "w5"), (8, "w5")}
    assert [row for row in found if row[1] in (0, 9)] == [("c", 0, 1), ("c", 9, 9)]


def test_a_table_locked_for_long_is_read_later(
    props: dict[str, str], sql: psycopg.Connection[Any], postgres: Any
) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1); CREATE TABLE b (id int PRIMARY KEY)")
    with psycopg.connect(postgres.dsn(sql.info.dbname)) as locker, Runner(settings(props)) as run:
        run.settle()
        locker.execute("LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.a"])
        sql.execute("INSERT INTO b VALUES (7)")
        # The stream goes on meanwhile.
        run.until(lambda found: rows(found, "b") == [("c", 7)])
        assert rows(run.records, "a") == []
        locker.rollback()
        run.until(done)
    assert rows(run.records, "a") == [("r", 1)]


def test_truncate_within_the_window(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 4)")
    with Runner(settings(props)) as run:
        run.settle()
        beside = run.task._beside
        assert beside is not None
        assert beside.signalling._snapshots is not None
        reader = beside.signalling._snapshots._reader
        read = reader.read

        def truncating(*arguments: Any) -> Any:
            chunk = read(*arguments)
            sql.execute("TRUNCATE a")
            return chunk

        reader.read = truncating  # type: ignore[method-assign]
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.a"])
        run.until(done)
    assert rows(run.records, "a") == []


def test_a_commit_that_others_do_not_see_yet_is_waited_for(
    props: dict[str, str], sql: psycopg.Connection[Any], postgres: PostgresServer
) -> None:
    """With synchronous replication a transaction is in the log, and streamed, while a chunk cannot see it."""
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a VALUES (1, 'old')")
    dsn = postgres.dsn(sql.info.dbname)
    with Runner(settings(props)) as run, psycopg.connect(dsn, autocommit=True) as admin:
        run.settle()
        admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        admin.execute("SELECT pg_reload_conf()")
        hanging = threading.Thread(
            target=lambda: psycopg.connect(dsn, autocommit=True).execute("UPDATE a SET v = 'new'"), daemon=True
        )
        try:
            hanging.start()
            run.until(lambda found: rows(found, "a") == [("u", 1, "new")])
            with psycopg.connect(dsn, autocommit=True) as other:
                other.execute("SET synchronous_commit = local")
                signal(other, "s-1", "execute-snapshot", data_collections=["public.a"])
                assert other.execute("SELECT v FROM a").fetchone() == ("old",)
            session = run.task._session
            assert session is not None
            session.connections.sql.execute("SET synchronous_commit = local")
            run.until(lambda found: any(type == "STARTED" for type, _ in notes(found)))
            for _ in range(5):
                run.poll()
            assert rows(run.records, "a") == [("u", 1, "new")]
        finally:
            admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
            admin.execute("SELECT pg_reload_conf()")
        run.until(done)
        hanging.join(10)
    assert rows(run.records, "a") == [("u", 1, "new"), ("r", 1, "new")]


def test_a_connection_lost_within_a_chunk(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 5)")
    with Runner(settings(props)) as run:
        run.settle()

        def cut() -> None:
            sql.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()"
            )

        failpoints.install("source.incremental.chunk_read", cut, skip=1)
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.a"])
        run.until(done)
        assert not failpoints.remove("source.incremental.chunk_read")
        assert run.task.numbers.reconnects == 1
    assert [row[1] for row in rows(run.records, "a")] == [1, 2, 3, 4, 5]
