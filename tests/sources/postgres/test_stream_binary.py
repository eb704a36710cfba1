"""The stream in binary format from a real server: its records are those of the stream in texts."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, comparable_offsets, plain
from tests.sources.postgres.test_snapshot_native import TYPES

from headrace.data.batch import Block, SourceBatch
from headrace.native import core

pytestmark = pytest.mark.skipif(core is None, reason="needs the Rust core")

BINARY = {"snapshot.mode": "no_data", "slot.stream.binary": "true"}
_STREAMS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender' AND datname = current_database() AND query ~ 'START_REPLICATION.*binary'"


def _seen(run: Runner) -> list[Any]:
    clocks = {"ts_ms": 0, "ts_us": 0, "ts_ns": 0}
    return [
        (r.topic, plain(r.key), {**plain(r.value), **clocks} if r.value is not None else None, offset)
        for r, offset in zip(run.records, comparable_offsets(run.records), strict=True)
    ]


def _binary_streams(sql: psycopg.Connection[Any]) -> int:
    row = sql.execute(_STREAMS).fetchone()  # type: ignore[call-overload]
    return int(row[0]) if row else 0


@pytest.mark.parametrize("streaming", ["", "streaming=on"])
def test_every_type_is_as_in_texts(
    streaming: str, props: dict[str, str], sql: psycopg.Connection[Any], database: str
) -> None:
    sql.execute("ALTER DATABASE " + database + " SET logical_decoding_work_mem = '64kB'")
    sql.execute("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN d_num AS numeric(10,2)")
    columns = ", ".join(f"{column} {type}" for column, (type, _) in TYPES.items())
    values = ", ".join(
        f"CASE WHEN i % {len(TYPES)} <> {at} AND i <> 5 THEN {value} END"
        for at, (_, value) in enumerate(TYPES.values())
    )
    for name in ("t", "f"):
        sql.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, {columns}, long text STORAGE EXTERNAL)")  # type: ignore[call-overload]
    sql.execute("ALTER TABLE f REPLICA IDENTITY FULL")
    texts = {**props, "snapshot.mode": "no_data"}
    binary = {**props, **BINARY, "slot.name": props["slot.name"] + "_b", "slot.stream.params": streaming}
    with Runner(texts) as by_text, Runner(binary) as by_binary:
        by_text.settle()
        by_binary.settle()
        assert _binary_streams(sql) == 1
        # Where a stream was before its first transaction is its own affair.
        sql.execute("CREATE TABLE begun (id int PRIMARY KEY); INSERT INTO begun VALUES (1)")
        by_text.count(1)
        by_binary.count(1)
        del by_text.records[:], by_binary.records[:]
        blocks = 0
        with sql.transaction():
            for name in ("t", "f"):
                sql.execute(f"INSERT INTO {name} SELECT i, {values}, repeat('x', 9000) FROM generate_series(1, 90) i")  # type: ignore[call-overload]
                # The long value is not sent again.
                sql.execute(
                    f"UPDATE {name} SET i2 = 3, n = 'NaN', d = 'infinity', ts = '-infinity', f8 = '-0' WHERE id % 3 = 0"
                )  # type: ignore[call-overload]
                sql.execute(f"UPDATE {name} SET id = -id WHERE id % 7 = 0")  # type: ignore[call-overload]
                sql.execute(f"UPDATE {name} SET d = '0044-03-15 BC', ai = '{{{{1,2}},{{3,4}}}}' WHERE id % 10 = 0")  # type: ignore[call-overload]
                sql.execute(f"DELETE FROM {name} WHERE id % 4 = 0")  # type: ignore[call-overload]
        sql.execute("CREATE TABLE ended (id int PRIMARY KEY); INSERT INTO ended VALUES (1)")

        def ended(run: Runner) -> bool:
            return bool(run.records) and run.records[-1].topic == "srv.public.ended"

        while not ended(by_binary):
            batch = by_binary.task.poll() or []
            blocks += isinstance(batch, SourceBatch) and any(isinstance(part, Block) for part in batch.parts)
            by_binary.records += list(batch)
        by_text.until(lambda records: ended(by_text))
        assert blocks
        for made, wanted in zip(_seen(by_binary), _seen(by_text), strict=True):
            assert made == wanted
        assert len(by_text.records) > 400


def test_a_type_without_a_known_form_makes_it_a_stream_of_texts(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Runner({**props, **BINARY}) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (1, 'a')")
        run.count(1)
        assert _binary_streams(sql) == 1
        sql.execute(
            "ALTER TABLE t ADD m money; INSERT INTO t VALUES (2, 'b', 1.5); INSERT INTO t VALUES (3, 'c', NULL)"
        )
        run.count(3)
        assert [record.value["after"]["id"] for record in run.records] == [1, 2, 3]
        assert _binary_streams(sql) == 0


def test_it_is_not_asked_for_where_python_decodes(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Runner({**props, **BINARY, "xmin.fetch.interval.ms": "1000"}) as run:
        run.settle()
        assert _binary_streams(sql) == 0
        sql.execute("INSERT INTO t VALUES (1, 'a')")
        [record] = run.count(1)
        assert record.value["after"]["v"] == "a"
