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
    assert [header.key for header in read[0].header_items][0].startswith("__debezium.context")
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
    closing = [r for r in run.records if r.topic == "srv.public.sig" and r.key["id"].endswith("-close")][0]
    assert offset["lsn"] < closing.source_offset["lsn"]


@pytest.mark.parametrize("strategy", ["insert_insert", "INSERT_DELETE"])
def test_changes_in_the_window_win(props: dict[str, str], sql: psycopg.Connection[Any], strategy: str) -> None:
    sql.execute(SIGNALS)
    sql.execute("CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT g, 'old' FROM generate_series(1, 6) g")
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
