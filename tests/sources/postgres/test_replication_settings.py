"""Settings of slot and publication: each does what it says."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, plain
from tests.support import wait_until

from headrace.errors import ConfigException
from headrace.sources.postgres.connector import PostgresConnector
from headrace.testing.servers import PostgresServer


@pytest.fixture(autouse=True)
def table(sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")


def ids(run: Runner) -> list[tuple[str, int]]:
    return [(r.topic, r.key["id"]) for r in run.records]


def published(sql: psycopg.Connection[Any]) -> list[str]:
    rows = sql.execute("SELECT tablename FROM pg_publication_tables WHERE pubname = 'pub' ORDER BY 1").fetchall()
    return [row[0] for row in rows]


def test_a_publication_without_tables_is_left_to_its_owner(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    with Runner({**props, "publication.autocreate.mode": "no_tables", "snapshot.mode": "no_data"}) as run:
        run.settle()
        assert published(sql) == []
        sql.execute("INSERT INTO t VALUES (1)")
        sql.execute("ALTER PUBLICATION pub ADD TABLE t")
        sql.execute("INSERT INTO t VALUES (2)")
        run.count(1)
        assert ids(run) == [("srv.public.t", 2)]


def test_a_filtered_publication_gets_later_tables_at_the_next_start(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    props = {**props, "publication.autocreate.mode": "filtered", "table.include.list": r"public\.t.*"}
    with Runner(props) as run:
        run.settle()
        assert published(sql) == ["t"]
        sql.execute("CREATE TABLE t2 (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)")
        sql.execute("INSERT INTO t2 VALUES (1)")
        sql.execute("INSERT INTO t VALUES (1)")
        run.count(1)
        assert ids(run) == [("srv.public.t", 1)]
    with Runner(props, run.offsets.stored) as run:
        run.settle()
        assert published(sql) == ["t", "t2"]
        sql.execute("INSERT INTO t2 VALUES (2); INSERT INTO other VALUES (1)")
        run.count(1)
        assert ids(run) == [("srv.public.t2", 2)]
    sql.execute("DROP TABLE t2")
    with Runner({**props, "table.include.list": r"public\.(t|other)"}, run.offsets.stored) as run:
        run.settle()
        assert published(sql) == ["other", "t"]


@pytest.mark.parametrize(
    ("mode", "made", "code"),
    [
        ("filtered", "CREATE PUBLICATION pub FOR ALL TABLES", "PG_PUBLICATION_FOR_ALL_TABLES"),
        ("disabled", "", "PG_PUBLICATION_MISSING"),
    ],
)
def test_publications_that_do_not_fit_are_refused(
    props: dict[str, str], sql: psycopg.Connection[Any], mode: str, made: str, code: str
) -> None:
    if made:
        sql.execute(made)
    props = {**props, "publication.autocreate.mode": mode}
    with Runner(props) as run, pytest.raises(ConfigException) as failure:
        run.poll()
    assert failure.value.code == code
    [errors] = [v.errors for v in PostgresConnector().validate(props) if v.name == "publication.name"]
    assert len(errors) == 1
    slots = sql.execute("SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s", (props["slot.name"],))
    assert slots.fetchone() == (0,)


def test_a_publication_that_leaves_wanted_changes_out_is_told_of(
    props: dict[str, str], sql: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    sql.execute("CREATE PUBLICATION pub FOR TABLE t WITH (publish = 'insert, update')")
    with caplog.at_level(logging.WARNING), Runner(props) as run:
        run.settle()
    assert "does not publish delete;" in caplog.text


def test_options_of_the_stream_are_passed_on(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    if sql.info.server_version < 160000:
        pytest.skip("origin=none needs a server of version 16")
    sql.execute("SELECT pg_replication_origin_create('test_origin')")
    try:
        with Runner({**props, "slot.stream.params": "origin=none"}) as run:
            run.settle()
            sql.execute("SELECT pg_replication_origin_session_setup('test_origin')")
            sql.execute("INSERT INTO t VALUES (1)")
            sql.execute("SELECT pg_replication_origin_session_reset()")
            sql.execute("INSERT INTO t VALUES (2)")
            run.count(1)
            assert ids(run) == [("srv.public.t", 2)]
        with Runner({**props, "slot.stream.params": "no_such_option=1"}) as run:
            assert "no_such_option" in str(run.failure())
    finally:
        sql.execute("SELECT pg_replication_origin_drop('test_origin')")


@pytest.mark.parametrize("failover", [False, True])
def test_failover_slots(props: dict[str, str], sql: psycopg.Connection[Any], failover: bool) -> None:
    with Runner({**props, "slot.failover": str(failover).lower()}) as run:
        # Older servers have no such slots: the wish is left.
        run.settle()
        if sql.info.server_version < 170000:
            return
        row = sql.execute(
            "SELECT failover FROM pg_replication_slots WHERE slot_name = %s", (props["slot.name"],)
        ).fetchone()
    assert row == (failover,)


def test_a_slot_that_standbys_do_not_keep_is_told_of(
    props: dict[str, str], sql: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with Runner(props) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (1)")
        run.count(1)
    with (
        caplog.at_level(logging.WARNING),
        Runner({**props, "slot.failover": "true"}, run.offsets.stored) as again,
    ):
        again.settle()
    assert "is no failover slot" in caplog.text


@pytest.mark.parametrize("strategy", ["no_validation", "trust_offset", "trust_slot", "trust_greater_lsn"])
def test_an_offset_ahead_of_the_slot_is_gone_on_from(
    props: dict[str, str], sql: psycopg.Connection[Any], strategy: str
) -> None:
    manual = {**props, "lsn.flush.mode": "manual"}
    with Runner(manual) as run:
        run.settle()
        for number in range(3):
            sql.execute("INSERT INTO t VALUES (%s)", (number,))
        run.count(3)
    with Runner({**props, "offset.mismatch.strategy": strategy}, run.offsets.stored) as again:
        sql.execute("INSERT INTO t VALUES (3)")
        again.count(1)
        assert ids(again) == [("srv.public.t", 3)]


@pytest.mark.parametrize("strategy", ["no_validation", "trust_offset", "trust_slot", "trust_greater_lsn"])
def test_a_slot_ahead_of_the_offset_is_an_error_unless_it_is_trusted(
    props: dict[str, str], sql: psycopg.Connection[Any], strategy: str
) -> None:
    with Runner(props) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (0)")
        run.count(1)
    slot = props["slot.name"]
    wait_until(
        lambda: (
            sql.execute("SELECT NOT active FROM pg_replication_slots WHERE slot_name = %s", (slot,)).fetchone()
            == (True,)
        )
    )
    sql.execute("INSERT INTO t VALUES (1)")
    sql.execute("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (slot,))
    with Runner({**props, "offset.mismatch.strategy": strategy}, run.offsets.stored) as again:
        if strategy in ("no_validation", "trust_offset"):
            assert again.failure().code == "PG_SLOT_BEHIND_POSITION"
            return
        sql.execute("INSERT INTO t VALUES (2)")
        again.count(1)
        assert ids(again) == [("srv.public.t", 2)]


@pytest.mark.parametrize(
    ("settings", "confirms"),
    [
        ({"lsn.flush.mode": "connector"}, True),
        ({"lsn.flush.mode": "connector_and_driver"}, True),
        ({"lsn.flush.mode": "manual"}, False),
        ({"flush.lsn.source": "false"}, False),
        ({"flush.lsn.source": "false", "lsn.flush.mode": "connector"}, True),
    ],
)
def test_who_confirms_positions(
    props: dict[str, str], sql: psycopg.Connection[Any], settings: dict[str, str], confirms: bool
) -> None:
    def confirmed() -> int:
        row = sql.execute(
            "SELECT (confirmed_flush_lsn - '0/0')::bigint FROM pg_replication_slots WHERE slot_name = %s",
            (props["slot.name"],),
        ).fetchone()
        assert row is not None
        return int(row[0])

    with Runner({**props, **settings, "status.update.interval.ms": "20"}) as run:
        run.settle()
        before = confirmed()
        sql.execute("INSERT INTO t VALUES (1)")
        [record] = run.count(1)
        end = record.source_offset["lsn_commit"]
        if confirms:
            wait_until(lambda: run.poll() == [] and confirmed() >= end)
        else:
            # The server hears of the position several times, but not that it may forget what lies before.
            wait_until(
                lambda: (
                    sql.execute(
                        "SELECT s.reply_time > now() - interval '1 s' AND (s.write_lsn - '0/0')::bigint >= %s FROM pg_stat_replication s"
                        " JOIN pg_replication_slots r ON r.active_pid = s.pid WHERE r.slot_name = %s",
                        (end, props["slot.name"]),
                    ).fetchone()
                    == (True,)
                )
            )
            assert confirmed() == before


def test_rows_of_databases_of_the_same_names_keep_apart(
    props: dict[str, str], sql: psycopg.Connection[Any], make_database: Any, postgres: Any
) -> None:
    other = make_database()
    with postgres.connect(other) as second:
        second.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (7)")
        there = {**props, "database.dbname": other, "slot.name": f"slot_{other}", "topic.prefix": "two"}
        with Runner(props) as one, Runner(there) as two:
            one.settle()
            two.settle()
            sql.execute("INSERT INTO t VALUES (1)")
            second.execute("INSERT INTO t VALUES (2)")
            one.count(1)
            two.count(2)
    assert [(r.topic, plain(r.value["source"])["db"], r.key["id"]) for r in (*one.records, *two.records)] == [
        ("srv.public.t", props["database.dbname"], 1),
        ("two.public.t", other, 7),
        ("two.public.t", other, 2),
    ]


def test_a_slot_that_waits_for_a_transaction_says_so_and_is_made_once_that_ends(
    props: dict[str, str], sql: psycopg.Connection[Any], postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    waits = {**props, "create.slot.command.timeout": "1"}
    with postgres.connect(props["database.dbname"], autocommit=False, application_name="sleeper") as writer:
        writer.execute("INSERT INTO t VALUES (1)")
        with caplog.at_level(logging.WARNING), Runner(waits) as run:
            run.until(lambda _: caplog.text.count("PG_SLOT_WAITS") > 1)
            assert "sleeper, idle in transaction since" in caplog.text
            writer.rollback()
            run.settle()
            sql.execute("INSERT INTO t VALUES (2)")
            run.count(1)
            assert ids(run) == [("srv.public.t", 2)]


@pytest.mark.parametrize(
    ("settings", "topic"),
    [
        ({}, "__debezium-heartbeat.srv"),
        ({"topic.heartbeat.prefix": "beat", "topic.delimiter": "-"}, "beat-srv"),
        ({"heartbeat.topics.prefix": "old"}, "old.srv"),
        ({"topic.heartbeat.name": "all-beats", "topic.heartbeat.prefix": "beat"}, "all-beats"),
    ],
)
def test_names_and_form_of_heartbeats(
    props: dict[str, str], sql: psycopg.Connection[Any], settings: dict[str, str], topic: str
) -> None:
    with Runner({**props, **settings, "heartbeat.interval.ms": "20"}) as run:
        first, second = run.count(2)[:2]
    assert {first.topic, second.topic} == {topic}
    assert (first.partition, plain(first.key), first.header_items) == (0, {"serverName": "srv"}, ())
    assert first.key_schema is not None
    assert first.key_schema.name == "io.debezium.connector.common.ServerNameKey"
    assert [field.name for field in first.value.schema.fields] == ["ts_ms"]
    assert second.value["ts_ms"] - first.value["ts_ms"] >= 15


def test_a_replica_identity_is_altered_only_where_it_differs(
    props: dict[str, str], sql: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    sql.execute('CREATE TABLE u (id int NOT NULL); CREATE UNIQUE INDEX "the Key" ON u (id)')
    rules = r"public\.u:INDEX the Key,public\.t:FULL,public\..*:DEFAULT"
    caplog.set_level(logging.INFO)
    for altered in (2, 0):
        caplog.clear()
        with Runner({**props, "replica.identity.autoset.values": rules}) as run:
            run.settle()
        assert caplog.text.count("Replica identity of") == altered
    rows = sql.execute("SELECT relreplident FROM pg_class WHERE relname IN ('t', 'u') ORDER BY relname").fetchall()
    assert rows == [("f",), ("i",)]


def test_nothing_is_changed_on_a_server_where_the_connector_cannot_go_on(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    before = {"lsn": 1 << 60, "lsn_commit": 1 << 60, "lsn_proc": 1 << 60, "messageType": "COMMIT", "txId": 1}
    changing = {"replica.identity.autoset.values": r"public\.t:FULL", "publication.autocreate.mode": "filtered"}
    with Runner({**props, **changing}, before) as run:
        assert run.failure().code == "PG_SLOT_MISSING"
    sql.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (props["slot.name"],))
    with Runner({**props, **changing}, before) as run:
        assert run.failure().code == "PG_POSITION_AHEAD"
    assert published(sql) == []
    assert sql.execute("SELECT relreplident FROM pg_class WHERE relname = 't'").fetchone() == ("d",)
