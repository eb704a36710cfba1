"""Snapshots that break and go on: what is done is not read again, and the target converges without a row going back in time."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, ops
from tests.support import wait_until

from headrace.data import SourceRecord
from headrace.data.unchanged import Unchanged
from headrace.errors import ConfigException
from headrace.sources.postgres.snapshot.chunks import Chunk
from headrace.sources.postgres.snapshot.progress import PROGRESS_KEY
from headrace.testing.servers import PostgresServer

_SMALL = {"max.batch.size": "40", "max.queue.size.in.bytes": "8192"}


class Target:
    """Applies records as an upserting sink would. `version`: every write of a row bears a greater number than the one before it."""

    def __init__(self, strict: bool = True) -> None:
        self.rows: dict[str, dict[Any, dict[str, Any]]] = {}
        self.versions: dict[tuple[str, Any], int] = {}
        self.strict = strict

    def apply(self, record: SourceRecord) -> None:
        if record.value is None:
            return
        source, op = record.value["source"], record.value["op"]
        table = self.rows.setdefault(source["table"], {})
        key = tuple(record.key.values)
        if op == "d":
            table.pop(key, None)
            self.versions.pop((source["table"], key), None)
            return
        after = record.value["after"]
        values = {field.name: after[field.name] for field in after.schema.fields}
        version = values["version"]
        if self.strict:
            known = self.versions.get((source["table"], key), 0)
            assert version >= known, f"{source['table']} {key} goes back from {known} to {version} ({op})"
        self.versions[source["table"], key] = version
        old = table.get(key)
        for name, value in values.items():
            if isinstance(value, Unchanged):
                assert old is not None, f"{source['table']} {key} arrives incomplete ({op})"
                values[name] = old[name]
        table[key] = values


@contextmanager
def writers(postgres: PostgresServer, database: str, work: Any, count: int = 2) -> Iterator[None]:
    """Runs `work(connection, random)` again and again in threads."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def run(seed: int) -> None:
        chance = random.Random(seed)
        with psycopg.connect(postgres.dsn(database), autocommit=True) as connection:
            while not stop.is_set():
                try:
                    work(connection, chance)
                    stop.wait(0.001)
                except (
                    psycopg.errors.UniqueViolation,
                    psycopg.errors.DeadlockDetected,
                    psycopg.errors.SerializationFailure,
                ):
                    continue
                except BaseException as error:
                    failures.append(error)
                    return

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures


def _schema(sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE SEQUENCE versions")
    sql.execute("CREATE TABLE a (id int PRIMARY KEY, version bigint NOT NULL DEFAULT nextval('versions'), pad text)")
    sql.execute(
        "CREATE TABLE b (id uuid PRIMARY KEY, version bigint NOT NULL DEFAULT nextval('versions'), doc text NOT NULL, pad text)"
    )
    sql.execute("ALTER TABLE b ALTER doc SET STORAGE EXTERNAL, ALTER pad SET STORAGE PLAIN")
    sql.execute(
        "CREATE TABLE p (id int, region int, version bigint NOT NULL DEFAULT nextval('versions'), PRIMARY KEY (id, region))"
        " PARTITION BY LIST (region)"
    )
    for region in range(3):
        sql.execute(f"CREATE TABLE p{region} PARTITION OF p FOR VALUES IN ({region})")
    sql.execute("CREATE TABLE z (id int PRIMARY KEY, version bigint NOT NULL DEFAULT nextval('versions'))")
    sql.execute("INSERT INTO a (id, pad) SELECT i, repeat('x', 700) FROM generate_series(1, 600) i")
    sql.execute(
        "INSERT INTO b (id, doc, pad) SELECT md5(i::text)::uuid, repeat(md5(i::text), 90), repeat('x', 400) FROM generate_series(1, 300) i"
    )
    sql.execute("INSERT INTO p (id, region) SELECT i, i % 3 FROM generate_series(1, 300) i")
    sql.execute("INSERT INTO z (id) SELECT generate_series(1, 50)")


def _write(connection: psycopg.Connection[Any], chance: random.Random) -> None:
    """A transaction of updates, inserts, deletes, key changes and moves between partitions."""
    with connection.transaction():
        for _ in range(chance.randint(1, 4)):
            i, j = chance.randint(1, 700), chance.randint(1, 700)
            match chance.randint(0, 9):
                case 0:
                    connection.execute("INSERT INTO a (id, pad) VALUES (%s, 'new') ON CONFLICT DO NOTHING", (i,))
                case 1:
                    connection.execute("DELETE FROM a WHERE id = %s", (i,))
                case 2:
                    connection.execute("UPDATE a SET id = %s, version = nextval('versions') WHERE id = %s", (j, i))
                case 3 | 4:
                    connection.execute("UPDATE a SET version = nextval('versions') WHERE id = %s", (i,))
                case 5:
                    connection.execute(
                        "UPDATE b SET version = nextval('versions') WHERE id = md5(%s::text)::uuid", (i % 300,)
                    )
                case 6:
                    connection.execute(
                        "UPDATE b SET id = md5(%s::text)::uuid, version = nextval('versions') WHERE id = md5(%s::text)::uuid",
                        (j % 400, i % 300),
                    )
                case 7:
                    connection.execute("DELETE FROM b WHERE id = md5(%s::text)::uuid", (i % 300,))
                case 8:
                    connection.execute(
                        "UPDATE p SET region = %s, version = nextval('versions') WHERE id = %s", (j % 3, i % 300)
                    )
                case _:
                    connection.execute("UPDATE z SET version = nextval('versions') WHERE id = %s", (i % 50,))


def _expected(sql: psycopg.Connection[Any], tables: Mapping[str, str]) -> dict[str, dict[Any, Any]]:
    found = {}
    for table, key in tables.items():
        rows = sql.execute(f"SELECT {key}, version FROM ONLY {table}").fetchall()
        found[table] = {tuple(str(v) for v in row[:-1]): row[-1] for row in rows}
    return found


def _have(target: Target, tables: Mapping[str, str]) -> dict[str, dict[Any, Any]]:
    return {
        table: {tuple(str(v) for v in key): row["version"] for key, row in target.rows.get(table, {}).items()}
        for table in tables
    }


@pytest.fixture
def read_chunks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL of every chunk that is read."""
    seen: list[str] = []
    original = Chunk.copy_statement

    def spy(self: Chunk, columns: Any) -> str:
        seen.append(f"{self.source} {self.where}")
        return original(self, columns)

    monkeypatch.setattr(Chunk, "copy_statement", spy)
    return seen


@pytest.mark.parametrize(
    ("threads", "seed"),
    [("3", 0), *(pytest.param(t, s, marks=pytest.mark.parity) for t in ("1", "3") for s in range(1, 4))],
)
def test_converges_over_many_breaks_with_writers_at_work(
    seed: int,
    threads: str,
    postgres: PostgresServer,
    database: str,
    props: dict[str, str],
    sql: psycopg.Connection[Any],
) -> None:
    """What is not committed is lost with each break, as in the transactional log: the target must have every row in the end, none
    twice in time, none that was deleted, none incomplete."""
    _schema(sql)
    more = {**props, **_SMALL, "snapshot.max.threads": threads, "snapshot.max.threads.multiplier": "8"}
    chance, target, stored = random.Random(seed), Target(), None
    with writers(postgres, database, _write):
        for _ in range(7):
            with Runner(more, stored) as run:
                goal = chance.randint(1, 400)
                run.until(lambda records, goal=goal: len(records) >= goal or run.task.numbers.connected)  # type: ignore[misc]
                for record in run.records:
                    target.apply(record)
                stored = run.offsets.stored
                if run.task.numbers.connected:
                    break
    with Runner(more, stored) as run:
        run.settle()
        sql.execute("INSERT INTO z VALUES (-1)")
        run.until(lambda records: any(r.key is not None and r.key.values[0] == -1 for r in records))
    for record in run.records:
        target.apply(record)
    tables = {"a": "id", "b": "id", "p0": "id, region", "p1": "id, region", "p2": "id, region", "z": "id"}
    assert _have(target, tables) == _expected(sql, tables)
    docs = {str(key[0]): row["doc"] for key, row in target.rows["b"].items()}
    assert docs == dict(sql.execute("SELECT id::text, doc FROM b").fetchall())


def test_records_that_come_again_do_no_harm(
    postgres: PostgresServer, database: str, props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    """At least once: what was handed out without being committed has reached the target all the same."""
    _schema(sql)
    more = {**props, **_SMALL, "snapshot.max.threads": "2", "snapshot.max.threads.multiplier": "8"}
    chance, target, stored = random.Random(7), Target(strict=False), None
    with writers(postgres, database, _write):
        for _ in range(4):
            with Runner(more, stored) as run:
                run.count(chance.randint(1, 300))
                run.count(len(run.records) + chance.randint(0, 200), commit=False)
                for record in run.records:
                    target.apply(record)
                stored = run.offsets.stored
    with Runner(more, stored) as run:
        run.settle()
        sql.execute("INSERT INTO z VALUES (-1)")
        run.until(lambda records: any(r.key is not None and r.key.values[0] == -1 for r in records))
    for record in run.records:
        target.apply(record)
    tables = {"a": "id", "b": "id", "p0": "id, region", "p1": "id, region", "p2": "id, region", "z": "id"}
    assert _have(target, tables) == _expected(sql, tables)


def test_chunks_that_are_done_are_not_read_again(
    props: dict[str, str], sql: psycopg.Connection[Any], read_chunks: list[str]
) -> None:
    sql.execute("CREATE TABLE a (id int PRIMARY KEY, pad text); CREATE TABLE b (id int PRIMARY KEY)")
    sql.execute("INSERT INTO a SELECT i, repeat('x', 700) FROM generate_series(1, 500) i")
    sql.execute("INSERT INTO b SELECT generate_series(1, 10)")
    more = {
        **props,
        **_SMALL,
        "snapshot.max.threads.multiplier": "10",
        "snapshot.include.collection.list": "public.b,public.a",
    }
    with Runner(more) as run:
        run.count(260)
        stored, first = run.offsets.stored, list(run.records)
    progress = json.loads(stored[PROGRESS_KEY])
    assert progress["done"] == ["public.b"]
    [[start, end]] = next(iter(progress["partial"]["public.a"]["parts"].values()))
    assert start == 0
    assert end > 0
    before = list(read_chunks)
    read_chunks.clear()
    with Runner(more, stored) as run:
        run.settle()
        again = run.records
    assert not any('"b"' in chunk for chunk in read_chunks)
    if sql.info.server_version >= 140_000:
        assert f"({end},0)" in read_chunks[0]
    # What was begun and not done is read again, the rest of what the first run did is not.
    assert len(set(before) & set(read_chunks)) <= 2
    keys = [r.key["id"] for r in first if r.topic.endswith("a")] + [r.key["id"] for r in again]
    assert set(keys) == set(range(1, 501))
    assert len(keys) < 500 + 80
    assert [r.value["source"]["snapshot"] for r in again][-1] == "last"


def test_a_table_without_rows_is_done_once(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, pad text)")
    sql.execute("INSERT INTO b SELECT i, repeat('x', 700) FROM generate_series(1, 300) i")
    with Runner({**props, **_SMALL, "snapshot.include.collection.list": "public.a,public.b"}) as run:
        run.count(120)
        stored = run.offsets.stored
    assert json.loads(stored[PROGRESS_KEY])["done"] == ["public.a"]


def test_rows_of_a_partly_read_table_arrive_whole(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    """An update that leaves out a long value, of a row the target may not have: the value is taken from the new snapshot; a row
    that is gone by then only leaves."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, n int, pad text, doc text)")
    sql.execute("ALTER TABLE t ALTER pad SET STORAGE PLAIN, ALTER doc SET STORAGE EXTERNAL")
    sql.execute("INSERT INTO t SELECT i, 0, repeat('x', 700), repeat(md5(i::text), 90) FROM generate_series(1, 300) i")
    more = {**props, **_SMALL, "snapshot.max.threads.multiplier": "10"}
    with Runner(more) as run:
        run.count(120)
        stored = run.offsets.stored
    sql.execute("UPDATE t SET n = 1 WHERE id IN (1, 290, 295, 299)")
    sql.execute(
        "UPDATE t SET n = 2 WHERE id = 295; UPDATE t SET id = 1000 WHERE id = 299; DELETE FROM t WHERE id = 290"
    )
    with Runner(more, stored) as run:
        run.settle()
    changes = [
        (r.value["op"], r.key["id"], r.value["after"] and r.value["after"]["n"])
        for r in run.records
        if r.value and r.value["op"] != "r"
    ]
    assert changes == [
        *(("u", 1, 1), ("u", 295, 1), ("u", 295, 2)),
        *(("d", 299, None), ("c", 1000, 1), ("d", 290, None)),
    ]
    docs = dict(sql.execute("SELECT id, doc FROM t").fetchall())
    for record in run.records:
        if record.value and record.value["after"] is not None:
            assert record.value["after"]["doc"] == docs[record.key["id"]]
    assert not any(r.key["id"] in (290, 299) for r in run.records if r.value and r.value["op"] == "r")


def test_deletions_in_between_reach_the_target(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    sql.execute("INSERT INTO t SELECT generate_series(1, 1000)")
    with Runner({**props, "max.batch.size": "100"}) as run:
        run.count(300)
        assert len(run.records) < 1000
        stored = run.offsets.stored
    sql.execute("DELETE FROM t WHERE id <= 500; INSERT INTO t VALUES (1001); UPDATE t SET id = 1002 WHERE id = 1000")
    with Runner(props, stored) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (2000)")
        run.until(lambda records: any(r.key["id"] == 2000 for r in records))
    assert ops(run.records) == ["d", "-"] * 501 + ["r"] * 501 + ["c"]
    assert {r.key["id"] for r in run.records if r.value and r.value["op"] == "r"} == {*range(501, 1000), 1001, 1002}


def test_a_lost_connection_does_not_begin_anew(
    props: dict[str, str], sql: psycopg.Connection[Any], read_chunks: list[str]
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, pad text)")
    sql.execute("INSERT INTO t SELECT i, repeat('x', 700) FROM generate_series(1, 500) i")
    more = {**props, **_SMALL, "snapshot.max.threads": "2", "snapshot.max.threads.multiplier": "5"}
    with Runner(more) as run:
        run.count(250)
        sql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND pid <> pg_backend_pid()"
        )
        run.settle()
    assert run.task.numbers.reconnects == 1
    assert {r.key["id"] for r in run.records} == set(range(1, 501))
    # Those that were being read, and those that had ended when no record had been handed out since.
    assert len(read_chunks) <= 10 + 4


def test_pause_gives_the_snapshot_up_and_goes_on_later(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, pad text)")
    sql.execute("INSERT INTO t SELECT i, repeat('x', 700) FROM generate_series(1, 500) i")
    with Runner({**props, **_SMALL, "snapshot.max.threads.multiplier": "10"}) as run:
        run.count(250)
        run.task.paused()
        busy = "SELECT count(*) FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()"
        wait_until(lambda: sql.execute(busy).fetchone() == (0,))
        sql.execute("DELETE FROM t WHERE id = 1")
        run.settle()
    assert {r.key["id"] for r in run.records} == set(range(1, 501))
    assert ops(run.records).count("d") == 1
    assert len(run.records) < 500 + 2 + 80


@pytest.mark.parametrize(
    "change", ["VACUUM FULL t", "ALTER TABLE t ALTER pad TYPE varchar(900) USING pad || ''", "TRUNCATE t"]
)
def test_a_table_whose_file_was_exchanged_is_read_anew(
    change: str, props: dict[str, str], sql: psycopg.Connection[Any], read_chunks: list[str]
) -> None:
    if sql.info.server_version < 140_000:
        pytest.skip("tables are cut by their key")
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, pad text)")
    sql.execute("INSERT INTO t SELECT i, repeat('x', 700) FROM generate_series(1, 500) i")
    more = {**props, **_SMALL, "snapshot.max.threads.multiplier": "10", "skipped.operations": "none"}
    with Runner(more) as run:
        run.count(250)
        stored = run.offsets.stored
    sql.execute(change)
    read_chunks.clear()
    with Runner(more, stored) as run:
        run.settle()
    rows = [r for r, op in zip(run.records, ops(run.records), strict=True) if op == "r"]
    left = sql.execute("SELECT count(*) FROM t").fetchone()
    assert [len(rows)] == list(left or ())
    assert "ctid >=" not in read_chunks[0]
    assert ops(run.records)[:1] == (["t"] if change.startswith("TRUNCATE") else ["r"])


def test_a_table_rewritten_between_snapshot_and_its_turn_is_not_read_as_empty(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    """A rewriting ALTER leaves the table empty for older snapshots: read under a new one, no row is lost."""
    sql.execute("CREATE TABLE a (id int PRIMARY KEY, pad text); CREATE TABLE b (id int PRIMARY KEY, n int)")
    sql.execute(
        "INSERT INTO a SELECT i, repeat('x', 700) FROM generate_series(1, 300) i; INSERT INTO b VALUES (1, 1), (2, 2)"
    )
    with Runner({**props, **_SMALL}) as run:
        run.count(100)
        sql.execute("ALTER TABLE b ALTER n TYPE bigint")
        run.settle()
    assert {r.key["id"] for r in run.records if r.topic.endswith(".b")} == {1, 2}
    assert run.task.numbers.reconnects == 1


def test_a_table_dropped_or_altered_before_its_turn(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(
        "CREATE TABLE a (id int PRIMARY KEY, pad text); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, x int)"
    )
    sql.execute(
        "INSERT INTO a SELECT i, repeat('x', 700) FROM generate_series(1, 300) i; INSERT INTO b VALUES (1); INSERT INTO c VALUES (1, 7)"
    )
    with Runner({**props, **_SMALL}) as run:
        run.count(100)
        sql.execute("DROP TABLE b; ALTER TABLE c DROP COLUMN x; ALTER TABLE c ADD COLUMN y int DEFAULT 5")
        run.settle()
    assert not [r for r in run.records if r.topic.endswith(".b")]
    [row] = [r for r in run.records if r.topic.endswith(".c")]
    assert row.value["after"]["y"] == 5
    assert run.records[-1].value["source"]["snapshot"] == "last"


def test_a_table_made_again_under_its_name_is_read_though_the_old_one_was(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    """A filtered publication loses it with the drop, so the stream has none of its rows."""
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, pad text)")
    sql.execute("INSERT INTO a VALUES (1); INSERT INTO b SELECT i, repeat('x', 700) FROM generate_series(1, 300) i")
    more = {**props, **_SMALL, "publication.autocreate.mode": "filtered", "table.include.list": "public.a,public.b"}
    with Runner(more) as run:
        run.count(100)
        stored = run.offsets.stored
    assert stored is not None
    assert json.loads(stored[PROGRESS_KEY])["done"] == ["public.a"]
    sql.execute("DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (7)")
    with Runner(more, stored) as run:
        run.settle()
        sql.execute("INSERT INTO a VALUES (8)")
        run.until(lambda records: any(r.key["id"] == 8 for r in records if r.topic.endswith(".a")))
    assert [
        (op, r.key["id"]) for op, r in zip(ops(run.records), run.records, strict=True) if r.topic.endswith(".a")
    ] == [
        ("r", 7),
        ("c", 8),
    ]


@pytest.mark.parametrize(
    ("change", "anew"), [({"column.exclude.list": "public.t.none"}, True), ({"snapshot.max.threads": "2"}, False)]
)
def test_other_settings_count_nothing_as_read(
    change: dict[str, str], anew: bool, props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, pad text)")
    sql.execute("INSERT INTO t SELECT i, repeat('x', 700) FROM generate_series(1, 300) i")
    more = {**props, **_SMALL, "snapshot.max.threads.multiplier": "10"}
    with Runner(more) as run:
        run.count(200)
        stored = run.offsets.stored
    with Runner({**more, **change}, stored) as run:
        run.settle()
    assert (len(run.records) == 300) == anew


def test_when_updates_do_not_reach_the_stream_a_partly_read_table_is_read_anew(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TABLE a (id int PRIMARY KEY, pad text); CREATE UNLOGGED TABLE u (id int PRIMARY KEY, pad text)")
    sql.execute("CREATE PUBLICATION pub FOR ALL TABLES")
    for table in "au":
        sql.execute(f"INSERT INTO {table} SELECT i, repeat('x', 700) FROM generate_series(1, 300) i")
    more = {**props, **_SMALL, "snapshot.max.threads.multiplier": "10"}
    for table, extra in (("a", {"skipped.operations": "u"}), ("u", {})):
        settings = {
            **more,
            **extra,
            "table.include.list": f"public.{table}",
            "slot.name": f"{props['slot.name']}{table}",
        }
        with Runner(settings) as run:
            run.count(200)
            stored = run.offsets.stored
        with Runner(settings, stored) as run:
            run.settle()
        assert [r.key["id"] for r in run.records] == list(range(1, 301)), table
        sql.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")


def test_a_lost_slot_takes_the_snapshot_anew(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, pad text)")
    sql.execute("INSERT INTO t SELECT i, repeat('x', 700) FROM generate_series(1, 300) i")
    more = {**props, **_SMALL, "snapshot.max.threads.multiplier": "10"}
    with Runner(more) as run:
        run.count(200)
        stored = run.offsets.stored
    drop = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s AND NOT active"
    wait_until(lambda: sql.execute(drop, (props["slot.name"],)).fetchone())
    with Runner(more, stored) as run:
        run.settle()
    assert [r.key["id"] for r in run.records] == list(range(1, 301))


def test_an_unfinished_snapshot_of_debezium_is_taken_over(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 10)")
    with Runner({**props, "max.batch.size": "5"}) as run:
        run.count(5)
        stored = {key: value for key, value in (run.offsets.stored or {}).items() if key != PROGRESS_KEY}
    sql.execute("DELETE FROM t WHERE id = 1")
    with Runner(props, stored) as run:
        run.settle()
    assert ops(run.records) == ["d", "-"] + ["r"] * 9


def test_progress_that_cannot_be_read_is_refused(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 10)")
    with Runner({**props, "max.batch.size": "5"}) as run:
        run.count(5)
        stored = dict(run.offsets.stored or {})
    for wrong in ("{", "[]", '{"v":2}', 7):
        with Runner(props, {**stored, PROGRESS_KEY: wrong}) as run:
            error = run.failure()
        assert isinstance(error, ConfigException)
        assert (error.code, error.field) == ("OFFSET_INVALID", f"offsets.{PROGRESS_KEY}")


def test_tables_of_one_topic_are_told_apart(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    """One table is read, another is not, and a strategy names one topic for both: what changes in the first must come."""
    sql.execute("CREATE TABLE t1 (id int PRIMARY KEY, pad text); CREATE TABLE t2 (id int PRIMARY KEY, pad text)")
    sql.execute("CREATE TABLE t3 (id int PRIMARY KEY)")
    sql.execute("INSERT INTO t1 SELECT i, repeat('x', 700) FROM generate_series(1, 50) i")
    sql.execute("INSERT INTO t2 SELECT i, repeat('x', 700) FROM generate_series(1, 500) i")
    more = {
        **props,
        **_SMALL,
        "snapshot.include.collection.list": "public.t1,public.t2,public.t3",
        "topic.naming.strategy": "io.debezium.schema.SchemaRegexTopicNamingStrategy",
        "topic.regex": "srv.public.t.",
        "topic.replacement": "srv.shards",
    }
    with Runner(more) as run:
        run.count(50)
        assert {record.value["source"]["table"] for record in run.records[:50]} == {"t1"}
        run.until(lambda _: "public.t1" in json.loads(run.offsets.stored[PROGRESS_KEY])["done"])  # type: ignore[index]
        stored = run.offsets.stored
    sql.execute(
        "INSERT INTO t3 VALUES (1); INSERT INTO t1 VALUES (51, 'new'); UPDATE t1 SET pad = 'changed' WHERE id = 1"
    )
    with Runner(more, stored) as run:
        run.settle()
    told = [(r.value["op"], r.value["after"]["id"]) for r in run.records if r.value["source"]["table"] == "t1"]
    assert told == [("c", 51), ("u", 1)]
    told = [(r.value["op"], r.value["after"]["id"]) for r in run.records if r.value["source"]["table"] == "t3"]
    assert told == [("r", 1)]
