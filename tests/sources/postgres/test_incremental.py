"""Incremental snapshots by signals in a table: rows in their place, state in the offset, what is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, ops, plain

from headrace.data import SourceRecord

SIGNALS = "CREATE TABLE sig (id varchar(64) PRIMARY KEY, type varchar(32), data varchar(2048))"


def settings(props: dict[str, str], **more: str) -> dict[str, str]:
    return {
        **props,
        "snapshot.mode": "no_data",
        "signal.data.collection": "public.sig",
        "incremental.snapshot.chunk.size": "2",
        "notification.enabled.channels": "sink",
        "notification.sink.topic.name": "notes",
        **{key.replace("__", "."): value for key, value in more.items()},
    }


def signal(sql: psycopg.Connection[Any], id: str, kind: str, /, **data: Any) -> None:
    told = {key.replace("_", "-"): value for key, value in data.items()}
    sql.execute("INSERT INTO sig VALUES (%s, %s, %s)", (id, kind, json.dumps(told)))


def notes(records: Sequence[SourceRecord]) -> list[tuple[str, dict[str, str]]]:
    told = [plain(record.value) for record in records if record.topic == "notes"]
    return [(n["type"], {k: v for k, v in n["additional_data"].items() if k != "connector_name"}) for n in told]


def rows(records: Sequence[SourceRecord], table: str) -> list[Any]:
    return [(r.value["op"], *r.value["after"].values) for r in records if r.topic == f"srv.public.{table}"]


def done(records: Sequence[SourceRecord]) -> bool:
    return any(type == "COMPLETED" for type, _ in notes(records))


def test_tables_are_read_in_chunks_and_told_of(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(SIGNALS)
    sql.execute(
        "CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (k1 int, k2 text, v text, PRIMARY KEY (k1, k2));"
        "CREATE TABLE nokey (x int); CREATE TABLE empty (id int PRIMARY KEY);"
        "INSERT INTO a SELECT g, 'v' || g FROM generate_series(1, 5) g;"
        "INSERT INTO b SELECT g, 't' || g, 'v' FROM generate_series(1, 3) g; INSERT INTO nokey VALUES (1)"
    )
    tables = ["public.a", "public.b", "public.nokey", "public.empty", "public.missing"]
    with Runner(settings(props, table__include__list="public.(a|b|nokey|empty)")) as run:
        run.settle()
        signal(sql, "s-1", "execute-snapshot", data_collections=tables, type="INCREMENTAL")
        run.until(done)
        run.until(lambda found: rows(found, "sig")[-1][1].endswith("-close"))
        numbers = run.task.numbers.snapshot
        assert (numbers.running, numbers.completed, numbers.remaining) == (False, True, 0)
        assert run.offsets.stored is not None
        assert not [key for key in run.offsets.stored if key.startswith("incremental")]
    assert rows(run.records, "a") == [("r", n, f"v{n}") for n in range(1, 6)]
    assert rows(run.records, "b") == [("r", n, f"t{n}", "v") for n in range(1, 4)]
    assert rows(run.records, "nokey") == []
    left = [",".join(tables[n:]) for n in range(5)]

    def progress(n: int, most: str, last: str) -> tuple[str, dict[str, str]]:
        told = {"current_collection_in_progress": tables[n], "maximum_key": most, "last_processed_key": last}
        return ("IN_PROGRESS", {**told, "data_collections": left[n]})

    def scanned(n: int, count: str, status: str) -> tuple[str, dict[str, str]]:
        told = {"scanned_collection": tables[n], "total_rows_scanned": count, "status": status}
        return ("TABLE_SCAN_COMPLETED", {**told, "data_collections": left[n]})

    assert notes(run.records)[1:] == [
        ("STARTED", {"data_collections": left[0]}),
        progress(0, "5", "2"),
        progress(0, "5", "4"),
        progress(0, "5", "5"),
        scanned(0, "5", "SUCCEEDED"),
        progress(1, "3,t3", "2,t2"),
        progress(1, "3,t3", "3,t3"),
        scanned(1, "3", "SUCCEEDED"),
        scanned(2, "0", "NO_PRIMARY_KEY"),
        scanned(3, "0", "EMPTY"),
        scanned(4, "0", "UNKNOWN_SCHEMA"),
        ("COMPLETED", {}),
    ]
    incremental = [r for r in run.records if r.topic == "notes"][1:]
    assert {record.key["id"] for record in incremental} == {"s-1"}
    assert {record.value["aggregate_type"] for record in incremental} == {"Incremental Snapshot"}


def test_a_row_says_what_it_is_and_its_offset_how_far_it_is(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a VALUES (1, 'x'), (2, 'y'), (3, 'z')")
    with Runner(settings(props)) as run:
        run.settle()
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.a"])
        run.until(done)
    read = [r for r in run.records if r.topic == "srv.public.a"]
    source = plain(read[1].value["source"])
    assert (source["snapshot"], source["txId"], source["lsn"]) == ("incremental", None, None)
    assert read[1].value["before"] is None
    assert next(header.key for header in read[0].header_items).startswith("__debezium.context")
    offset = dict(read[1].source_offset)
    assert offset["incremental_snapshot_correlation_id"] == "s-1"
    assert json.loads(offset["incremental_snapshot_collections"]) == [
        {
            "incremental_snapshot_collections_id": "public.a",
            "incremental_snapshot_collections_additional_condition": None,
            "incremental_snapshot_collections_surrogate_key": None,
        }
    ]
    # As Debezium wrote the same key: Object[] {Integer 2}, Object[] {Integer 3}.
    head = (
        "aced0005757200135b4c6a6176612e6c616e672e4f626a6563743b90ce589f1073296c020000787000000001737200116a6176612e6c616e672e"
        "496e746567657212e2a0a4f781873802000149000576616c7565787200106a6176612e6c616e672e4e756d62657286ac951d0b94e08b02000078"
        "70"
    )
    assert offset["incremental_snapshot_primary_key"] == head + "00000002"
    assert offset["incremental_snapshot_maximum_key"] == head + "00000003"
    # Nothing of the close row's transaction is done with the rows before it.
    closing = next(r for r in run.records if r.topic == "srv.public.sig" and r.key["id"].endswith("-close"))
    assert offset["lsn"] < closing.source_offset["lsn"]


@pytest.mark.parametrize("strategy", ["insert_insert", "INSERT_DELETE"])
def test_changes_in_the_window_win(props: dict[str, str], sql: psycopg.Connection[Any], strategy: str) -> None:
    sql.execute(SIGNALS)
    sql.execute(
        "CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT g, 'old' FROM generate_series(1, 6) g"
    )
    more = {"incremental__snapshot__watermarking__strategy": strategy, "incremental__snapshot__chunk__size": "10"}
    with Runner(settings(props, **more)) as run:
        run.settle()
        # The chunk is read when the signal comes by: what commits then is behind it in the log, and in the window.
        beside = run.task._beside
        assert beside is not None
        beside.signalling._snapshots._reader = reader = Interfering(beside.signalling._snapshots._reader)  # type: ignore[union-attr,assignment]
        reader.before_close = lambda: sql.execute(
            "UPDATE a SET v = 'new' WHERE id = 2; DELETE FROM a WHERE id = 3; UPDATE a SET id = 40 WHERE id = 4"
        )
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.a"])
        # Beside the signal two windows, the second of them empty.
        marks = ["c"] * 5 if strategy == "insert_insert" else ["c", "c", "d", "-", "c", "d", "-"]
        run.until(lambda found: len([r for r in found if r.topic == "srv.public.sig"]) == len(marks))
    found = [(r.value["op"] if r.value else "-", r.key["id"]) for r in run.records if r.topic == "srv.public.a"]
    changes = [("u", 2), ("d", 3), ("-", 3), ("d", 4), ("-", 4), ("c", 40)]
    assert found == [*changes, ("r", 1), ("r", 5), ("r", 6)]
    assert ops([r for r in run.records if r.topic == "srv.public.sig"]) == marks


class Interfering:
    """A chunk reader that lets something happen between the read and the end of its window, once."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.before_close: Any = None

    def read(self, *arguments: Any) -> Any:
        chunk = self.reader.read(*arguments)
        action, self.before_close = self.before_close, None
        if action is not None:
            action()
        return chunk


def test_regexes_conditions_and_a_second_signal(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(SIGNALS)
    sql.execute(
        "CREATE TABLE t1 (id int PRIMARY KEY); CREATE TABLE t2 (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY);"
        "INSERT INTO t1 SELECT generate_series(1, 5); INSERT INTO t2 SELECT generate_series(1, 5);"
        "INSERT INTO other SELECT generate_series(1, 3)"
    )
    conditions = [
        {"data-collection": "public.T1", "filter": "id < 3 OR id = 5"},
        {"data-collection": ".*", "filter": "false"},
    ]
    with Runner(settings(props)) as run:
        run.settle()
        with sql.transaction():
            signal(sql, "s-1", "execute-snapshot", data_collections=["public.t[12]"], additional_conditions=conditions)
            signal(sql, "s-2", "execute-snapshot", data_collections=["public.other"])
        run.until(done)
    assert rows(run.records, "t1") == [("r", 1), ("r", 2), ("r", 5)]
    assert rows(run.records, "t2") == []
    assert rows(run.records, "other") == [("r", 1), ("r", 2), ("r", 3)]
    told = notes(run.records)
    # Asked for while one runs: that one grows, and goes on under the new signal's name.
    assert [type for type, _ in told].count("STARTED") == 1
    assert [record.key["id"] for record in run.records if record.topic == "notes"][-1] == "s-2"


def test_a_condition_the_server_refuses_costs_its_table_only(
    props: dict[str, str], sql: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)")
    wrong = [{"data-collection": "public.a", "filter": "no_such_column = 1"}]
    with Runner(settings(props)) as run:
        run.settle()
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.a", "public.b"], additional_conditions=wrong)
        run.until(done)
    assert rows(run.records, "b") == [("r", 1)]
    failed = next(data for type, data in notes(run.records) if type == "TABLE_SCAN_COMPLETED")
    assert (failed["scanned_collection"], failed["status"]) == ("public.a", "SQL_EXCEPTION")
    assert "no_such_column" in caplog.text


def test_a_surrogate_key_with_ties_and_nulls_loses_no_row(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(SIGNALS)
    sql.execute(
        "CREATE TABLE a (id int PRIMARY KEY, g text); CREATE TABLE k (g int);"
        "INSERT INTO a SELECT n, CASE WHEN n % 4 = 0 THEN NULL ELSE 'g' || n % 3 END FROM generate_series(1, 20) n;"
        "INSERT INTO k SELECT n % 3 FROM generate_series(1, 9) n"
    )
    with Runner(settings(props)) as run:
        run.settle()
        signal(sql, "s-1", "execute-snapshot", data_collections=["public.a", "public.k"], surrogate_key="g")
        run.until(done)
    read = [(row[2], row[1]) for row in rows(run.records, "a")]
    assert sorted(number for _, number in read) == list(range(1, 21))
    assert [group for group, _ in read] == sorted((g for g, _ in read if g), key=str) + [None] * 5
    # Without any key the rows can still be read, in the order of a column.
    assert [row[1] for row in rows(run.records, "k")] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


KEYS = {
    "smallint": ["-3", "0", "7"],
    "bigint": ["-9000000000", "1", "9000000000"],
    "numeric": ["-1.50", "0", "2.25", "10000000000000000000.5"],
    "text": ["", " a", "B", "a", "a'b\\c", "é", "z\tz\nz"],
    'varchar(20) COLLATE "C"': ["A", "B", "a", "b"],
    "char(4)": ["a", "b", "c"],
    "uuid": ["00000000-0000-0000-0000-000000000001", "ffffffff-0000-0000-0000-000000000001"],
    "bytea": ["\\x", "\\x00ff", "\\xff"],
    "date": ["0044-03-15 BC", "1999-12-31", "2024-02-29", "infinity"],
    "timestamp": ["0044-03-15 01:02:03 BC", "2024-01-01 00:00:00.000001", "infinity"],
    "timestamptz": ["2024-01-01 00:00:00+02", "2024-01-01 00:00:00+00"],
    "time": ["00:00:00", "12:30:00.5", "24:00:00"],
    "float8": ["-Infinity", "-0.1", "1e300", "NaN"],
    "boolean": ["false", "true"],
    "inet": ["10.0.0.1", "10.0.0.2/8", "::1"],
    "mood": ["sad", "happy"],
    "positive": ["1", "20", "3"],
    "int[]": ["{}", "{1}", "{1,2}", "{NULL}"],
    "interval": ["-1 day", "1 mon", "2 years"],
}


def test_keys_of_all_types(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN positive AS int CHECK (value > 0)")
    for number, (type, values) in enumerate(KEYS.items()):
        sql.execute(f"CREATE TABLE k{number} (k {type} PRIMARY KEY, n int)".encode())
        for at, value in enumerate(values):
            sql.execute(f"INSERT INTO k{number} VALUES (%s, %s)".encode(), (value, at))
    texts = KEYS["text"]
    sql.execute("CREATE TABLE pair (a int, k text, PRIMARY KEY (a, k))")
    sql.execute("INSERT INTO pair SELECT g, k FROM generate_series(1, 3) g, unnest(%s::text[]) k", (texts,))
    # Each time as after a restart in the midst of a table: keys go through the offset.
    with Runner(settings(props, decimal__handling__mode="string")) as run:
        run.settle()
        beside = run.task._beside
        assert beside is not None
        snapshots = beside.signalling._snapshots
        assert snapshots is not None
        read, state = snapshots._reader.read, snapshots.state

        def through_the_offset(sql: Any, collection: Any, after: Any, most: Any) -> Any:
            kept = type_of_state.of(json.loads(json.dumps(state.keys())))
            if state.sent_to is not None:
                assert kept.read_to is not None
                after, most = kept.read_to, kept.most
            return read(sql, collection, after, most)

        type_of_state = state.__class__
        snapshots._reader.read = through_the_offset  # type: ignore[method-assign]
        names = ["public.pair", *(f"public.k{number}" for number in range(len(KEYS)))]
        signal(sql, "s-1", "execute-snapshot", data_collections=names)
        run.until(done, 40)
    for number, (type, values) in enumerate(KEYS.items()):
        found = sorted(row[2] for row in rows(run.records, f"k{number}"))
        assert found == list(range(len(values))), type
    assert sorted(row[1:] for row in rows(run.records, "pair")) == sorted((n, k) for n in (1, 2, 3) for k in texts)


def test_stop_pause_and_resume(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(SIGNALS)
    for table in "abcd":
        sql.execute(f"CREATE TABLE {table} (id int PRIMARY KEY)".encode())
        sql.execute(f"INSERT INTO {table} SELECT generate_series(1, 5)".encode())
    with Runner(settings(props)) as run:
        run.settle()
        with sql.transaction():
            signal(sql, "s-1", "execute-snapshot", data_collections=["public.[abcd]"])
            signal(sql, "s-2", "pause-snapshot", type="incremental")
            signal(sql, "s-3", "stop-snapshot", data_collections=["public.b"], type="incremental")
        run.until(lambda found: len(rows(found, "a")) == 2)
        assert run.context.metrics.value("debezium_metrics_SnapshotPaused") == 1.0
        assert run.context.metrics.value("debezium_metrics_ChunkTo") == 2.0
        signal(sql, "s-4", "stop-snapshot", data_collections=["public.a"])
        run.until(lambda found: [type for type, _ in notes(found)].count("ABORTED") == 2)
        assert (rows(run.records, "c"), run.task.numbers.snapshot.running) == ([], False)
        signal(sql, "s-5", "resume-snapshot")
        run.until(lambda found: len(rows(found, "c")) == 2)
        signal(sql, "s-6", "stop-snapshot")
        run.until(done)
        signal(sql, "s-7", "log", message="a mark")
        run.until(lambda found: rows(found, "sig")[-1][1] == "s-7")
        assert run.context.metrics.value("debezium_metrics_SnapshotAborted") == 1.0
    assert (rows(run.records, "b"), rows(run.records, "d")) == ([], [])
    kept = [(type, data.get("data_collections")) for type, data in notes(run.records) if type != "IN_PROGRESS"]
    assert kept[1:] == [
        ("STARTED", "public.a,public.b,public.c,public.d"),
        ("PAUSED", "public.a,public.b,public.c,public.d"),
        ("ABORTED", "public.b"),
        ("ABORTED", "public.a"),
        ("RESUMED", "public.c,public.d"),
        ("COMPLETED", None),
        ("ABORTED", "public.d,public.c"),
    ]


def test_signals_that_are_passed_over(
    props: dict[str, str], sql: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    sql.execute(SIGNALS)
    caplog.set_level("INFO")
    with Runner(settings(props)) as run:
        run.settle()
        for id, kind, data in (
            ("1", "no-such-type", "{}"),
            ("2", "execute-snapshot", "{bad"),
            ("3", "execute-snapshot", "[1]"),
            ("4", "execute-snapshot", "{}"),
            ("5", "execute-snapshot", '{"data-collections": ["public.("]}'),
            ("6", "execute-snapshot", '{"data-collections": ["public.a"], "type": "sideways"}'),
            ("7", "execute-snapshot", '{"data-collections": ["a"], "additional-conditions": [{"filter": "x"}]}'),
            ("8", "stop-snapshot", "{}"),
            ("9", "log", "{}"),
            ("10", "schema-changes", "{}"),
            ("11", None, None),
            ("12", "pause-snapshot", None),
            ("13", "snapshot-window-close", "{}"),
            ("14", "log", '{"message": "here {}"}'),
        ):
            sql.execute("INSERT INTO sig VALUES (%s, %s, %s)", (id, kind, data))
        run.until(lambda found: len(rows(found, "sig")) == 14)
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [text.split("'")[1] for text in warned if text.startswith("Signal ")] == [str(n) for n in range(1, 12)]
    assert any(text.startswith("here {lsn_proc=") for text in (r.getMessage() for r in caplog.records))
    assert [type for type, _ in notes(run.records)] == ["SKIPPED"]


@pytest.mark.parametrize("via_root", ["false", "true"])
@pytest.mark.parametrize("kind", ["incremental", "blocking"])
def test_partitions_are_read_under_the_names_of_their_changes(
    props: dict[str, str], sql: psycopg.Connection[Any], via_root: str, kind: str
) -> None:
    sql.execute(SIGNALS)
    sql.execute(
        "CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF root FOR VALUES"
        " FROM (0) TO (10); CREATE TABLE high PARTITION OF root FOR VALUES FROM (10) TO (20); INSERT INTO root VALUES (1), (11)"
    )
    sql.execute(f"CREATE PUBLICATION pub FOR ALL TABLES WITH (publish_via_partition_root = {via_root})".encode())
    with Runner(settings(props, publish__via__partition__root=via_root)) as run:
        run.settle()
        asked = ["public.root"] if via_root == "false" else ["public.root", "public.low"]
        signal(sql, "s-1", "execute-snapshot", data_collections=asked, type=kind)
        run.until(done)
        sql.execute("INSERT INTO root VALUES (2)")
        run.until(lambda found: ("c", 2) in rows(found, "root") + rows(found, "low"))
    found = {table: rows(run.records, table) for table in ("root", "low", "high")}
    if via_root == "true":
        assert found == {"root": [("r", 1), ("r", 11), ("c", 2)], "low": [], "high": []}
    else:
        assert found == {"root": [], "low": [("r", 1), ("c", 2)], "high": [("r", 11)]}
