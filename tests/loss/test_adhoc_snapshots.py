"""Rows and changes that other connectors lost or repeated in snapshots asked for by signal. Which tickets: docs/loss-tickets.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.sources.postgres.kit import Runner
from tests.sources.postgres.test_incremental import SIGNALS, done, notes, rows, settings, signal

Sql = psycopg.Connection[Any]


def test_a_restart_among_many_tables_reads_none_twice(props: dict[str, str], sql: Sql) -> None:
    sql.execute(SIGNALS)
    names = [f"t{number:02}" for number in range(40)]
    for name in names:
        sql.execute(f"CREATE TABLE {name} (id int PRIMARY KEY); INSERT INTO {name} SELECT generate_series(1, 3)")
    seen: dict[str, list[int]] = {name: [] for name in names}
    asked, stored, finished = False, None, False
    while not finished:
        with Runner({**settings(props), "max.batch.size": "16"}, stored) as run:
            run.settle()
            if not asked:
                signal(sql, "s-1", "execute-snapshot", data_collections=["public.t.*"])
                asked = True
            run.until(lambda found: done(found) or len([r for r in found if ".t" in r.topic]) >= 30)
            for name in names:
                seen[name] += [row[1] for row in rows(run.records, name)]
            finished, stored = done(run.records), run.offsets.stored
    for name, found in seen.items():
        # What a chunk's window held when the connector stopped may come again, no more than that.
        assert set(found) == {1, 2, 3}, name
    assert sum(len(found) for found in seen.values()) <= 120 + 2 * 5


def test_changes_of_a_table_that_is_being_read(props: dict[str, str], sql: Sql) -> None:
    """A write beside the snapshot is neither lost nor undone by an older row that is read meanwhile."""
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT g, 0 FROM generate_series(1, 60) g")
    with Runner(settings(props)) as run:
        run.settle()
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.t"])
        step = 0
        while not done(run.records):
            step += 1
            sql.execute("UPDATE t SET v = %s WHERE id %% 7 = %s", (step, step % 7))
            sql.execute("DELETE FROM t WHERE id = %s", (step % 60 + 1,))
            sql.execute("INSERT INTO t VALUES (%s, %s)", (100 + step, step))
            run.poll()
        sql.execute("INSERT INTO t VALUES (99999, 0)")
        run.until(lambda found: any(r.key["id"] == 99999 for r in found if r.topic == "srv.public.t"))
        table: dict[int, int] = {}
        for record in run.records:
            if record.topic == "srv.public.t":
                if record.value is None or record.value["op"] == "d":
                    table.pop(record.key["id"], None)
                else:
                    table[record.key["id"]] = record.value["after"]["v"]
        assert table == dict(sql.execute("SELECT id, v FROM t").fetchall())


def test_keys_of_several_columns_are_walked_whole(props: dict[str, str], sql: Sql) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE t (a int, b text, c int, PRIMARY KEY (a, b, c))")
    sql.execute(
        "INSERT INTO t SELECT a, b, c FROM generate_series(1, 3) a, unnest(ARRAY['x', 'Y', '']) b, generate_series(1, 3) c"
    )
    with Runner(settings(props)) as run:
        run.settle()
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.t"])
        run.until(done)
    found = [row[1:] for row in rows(run.records, "t")]
    assert sorted(map(tuple, found)) == sorted(map(tuple, sql.execute("SELECT a, b, c FROM t").fetchall()))


def test_a_table_that_came_later(props: dict[str, str], sql: Sql) -> None:
    sql.execute(SIGNALS)
    with Runner({**settings(props), "publication.autocreate.mode": "all_tables"}) as run:
        run.settle()
        sql.execute("CREATE TABLE late (id int PRIMARY KEY, v text); INSERT INTO late VALUES (1, 'x'), (2, 'y')")
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.late"])
        run.until(done)
    assert [row for row in rows(run.records, "late") if row[0] == "r"] == [("r", 1, "x"), ("r", 2, "y")]


def test_a_partitioned_table_by_its_root(props: dict[str, str], sql: Sql) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)")
    sql.execute("CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (4)")
    sql.execute("CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (4) TO (10)")
    sql.execute("INSERT INTO p SELECT g, 'v' FROM generate_series(1, 6) g")
    with Runner({**settings(props), "publish.via.partition.root": "true"}) as run:
        run.settle()
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.p"])
        run.until(done)
    assert sorted(row[1] for row in rows(run.records, "p") if row[0] == "r") == [1, 2, 3, 4, 5, 6]


def test_a_signal_that_cannot_be_served_blocks_no_other(props: dict[str, str], sql: Sql) -> None:
    """A table that is not there, a condition the server refuses, a broken text: the next signal is served, also after a restart."""
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 3)")
    bad = [{"data-collection": "public.t", "filter": "no_such_column = 1"}]
    with Runner(settings(props)) as run:
        run.settle()
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.no_such_table"])
        signal(sql, "s-2", "execute-snapshot", data_collections=["public.t"], additional_conditions=bad)
        sql.execute("INSERT INTO sig VALUES ('s-3', 'execute-snapshot', '{broken')")
        run.until(lambda found: [type for type, _ in notes(found)].count("COMPLETED") == 2)
        stored = run.offsets.stored
    with Runner(settings(props), stored) as run:
        run.settle()
        signal(sql, "s-4", "execute-snapshot", data_collections=["public.t"])
        run.until(done)
    assert [row[1] for row in rows(run.records, "t")] == [1, 2, 3]


@pytest.mark.parametrize("mode", ["no_data", "initial"])
def test_a_blocking_snapshot_that_breaks_off(props: dict[str, str], sql: Sql, mode: str) -> None:
    """Changes made before, while and after it runs come in their order; a restart in its midst loses none."""
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT g, 0 FROM generate_series(1, 200) g")
    config = {**settings(props), "snapshot.mode": mode, "max.batch.size": "20"}
    with Runner(config) as run:
        run.settle()
        sql.execute("UPDATE t SET v = 1 WHERE id = 5")
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.t"], type="blocking")
        sql.execute("UPDATE t SET v = 2 WHERE id = 6")
        run.until(lambda found: len([r for r in rows(found, "t") if r[0] == "r"]) >= (240 if mode == "initial" else 40))
        stored = run.offsets.stored
        kept = [(r.key["id"], r.value["after"]["v"]) for r in run.records if r.topic == "srv.public.t"]
    sql.execute("UPDATE t SET v = 3 WHERE id IN (5, 7)")
    sql.execute("INSERT INTO t VALUES (999, 0)")
    with Runner(config, stored) as run:
        run.until(lambda found: any(row[1] == 999 for row in rows(found, "t")))
        run.until(lambda found: len({row[1] for row in rows(found, "t") if row[0] == "r"}) >= 200)
        kept += [(r.key["id"], r.value["after"]["v"]) for r in run.records if r.topic == "srv.public.t"]
        sql.execute("INSERT INTO t VALUES (1000, 0)")
        run.until(lambda found: any(row[1] == 1000 for row in rows(found, "t")))
    state = dict(kept)
    expected = dict(sql.execute("SELECT id, v FROM t WHERE id < 1000").fetchall())
    assert state == expected


def test_a_blocking_snapshot_asked_for_by_a_file(props: dict[str, str], sql: Sql, tmp_path: Path) -> None:
    """No row has to be written into the database for it to begin, and the stream's numbers go on behind it."""
    sql.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 3)")
    file = tmp_path / "signals.txt"
    file.write_text("")
    config = {
        **props,
        "snapshot.mode": "no_data",
        "signal.enabled.channels": "file",
        "signal.file": str(file),
        "signal.poll.interval.ms": "50",
    }
    with Runner(config) as run:
        run.settle()
        data = {"type": "blocking", "data-collections": ["public.t"]}
        file.write_text(json.dumps({"id": "f-1", "type": "execute-snapshot", "data": data}) + "\n")
        run.until(lambda found: len(rows(found, "t")) == 3)
        sql.execute("INSERT INTO t VALUES (4)")
        run.until(lambda found: rows(found, "t")[-1] == ("c", 4))
        assert run.task.numbers.stream.created == 1
