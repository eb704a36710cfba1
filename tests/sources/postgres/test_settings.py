"""Settings whose effect no other test shows: each is set, and what it does is seen."""

from __future__ import annotations

import time
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Context, Runner
from tests.support import wait_until

from headrace.errors import ConfigException, ConnectException, RetriableException
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.connections import Connections
from headrace.sources.postgres.retries import Retries
from headrace.systems.postgres.connect import conninfo

Sql = psycopg.Connection[Any]
_STRATEGY = "io.debezium.schema.{}TopicNamingStrategy"


def _tables(run: Runner) -> list[str]:
    return [record.topic.removeprefix("srv.") for record in run.records]


def test_tls_and_liveness_reach_the_client_library(props: dict[str, str]) -> None:
    given = {
        "database.sslmode": "verify-full",
        "database.sslcert": "c.pem",
        "database.sslkey": "k.pem",
        "database.sslrootcert": "r.pem",
        "database.sslpassword": "secret",
        "database.tcpKeepAlive": "false",
        "connection.validation.timeout.ms": "7000",
    }
    info = conninfo(PostgresConfig.parse({**props, **given}).target("test"))
    assert {name: info[name] for name in ("sslmode", "sslcert", "sslkey", "sslrootcert", "sslpassword")} == {
        "sslmode": "verify-full",
        "sslcert": "c.pem",
        "sslkey": "k.pem",
        "sslrootcert": "r.pem",
        "sslpassword": "secret",
    }
    assert (info["keepalives"], info["connect_timeout"]) == (0, 7)


@pytest.mark.parametrize(
    ("given", "attrs", "balanced", "binding"),
    [
        ({}, "any", False, "prefer"),
        ({"database.target.session.attrs": "Read-Write", "database.channel.binding": "require"}, "read-write", False, "require"),
        ({"driver.targetServerType": "preferSecondary", "driver.loadBalanceHosts": "true"}, "prefer-standby", True, "prefer"),
        (
            {"driver.targetServerType": "master", "database.target.session.attrs": "standby", "database.load.balance.hosts": "true"},
            "standby", True, "prefer",
        ),
    ],
)  # fmt: skip
def test_which_of_several_servers_is_wanted(
    given: dict[str, str], attrs: str, balanced: bool, binding: str, props: dict[str, str]
) -> None:
    target = PostgresConfig.parse({**props, **given}).target("test")
    assert (target.session_attrs, target.load_balance, target.channel_binding) == (attrs, balanced, binding)


def test_a_malformed_list_of_servers_is_refused_under_its_key(props: dict[str, str]) -> None:
    with pytest.raises(ConfigException) as caught:
        PostgresConfig.parse({**props, "database.hostname": "a:1,b:"})
    assert caught.value.field == "database.hostname"


def test_statements_and_timeout_of_each_session(props: dict[str, str], sql: Sql) -> None:
    given = {
        "database.query.timeout.ms": "4321",
        "database.initial.statements": "SET work_mem = '5MB'; SET search_path = 'a;;b'",
    }
    config = PostgresConfig.parse({**props, **given})
    connections = Connections(config, config.target("test"))
    try:
        shown = [
            connections.sql.execute(f"SHOW {name}").fetchone()
            for name in ("statement_timeout", "work_mem", "search_path")
        ]
    finally:
        connections.close()
    assert shown == [("4321ms",), ("5MB",), ('"a;b"',)]


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("schema.include.list", "o.*", ["other.t", "other.u"]),
        ("schema.exclude.list", "OTHER", ["public.t", "public.u"]),
        ("table.include.list", "public.t,other.u", ["other.u", "public.t"]),
        ("table.exclude.list", r".*\.u", ["other.t", "public.t"]),
        ("snapshot.tables.order.by.row.count", "descending", ["public.u", "public.t", "other.t", "other.u"]),
    ],
)
def test_tables_chosen_and_their_order(key: str, value: str, read: list[str], props: dict[str, str], sql: Sql) -> None:
    sql.execute("CREATE SCHEMA other")
    for table, rows in (("public.u", 4), ("public.t", 3), ("other.t", 2), ("other.u", 1)):
        sql.execute(f"CREATE TABLE {table} (id int PRIMARY KEY)")  # type: ignore[arg-type]
        sql.execute(f"INSERT INTO {table} SELECT generate_series(1, {rows})")  # type: ignore[arg-type]
        sql.execute(f"ANALYZE {table}")  # type: ignore[arg-type]
    with Runner({**props, key: value}) as run:
        run.settle()
        assert list(dict.fromkeys(_tables(run))) == read


def test_system_tables_are_captured_when_they_are_not_ignored(props: dict[str, str], sql: Sql) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    config = {**props, "table.include.list": r"public\.t,pg_catalog\.pg_cast", "snapshot.mode": "initial_only"}
    for ignored in ("true", "false"):
        with Runner({**config, "slot.name": f"{props['slot.name']}_{ignored}", "table.ignore.builtin": ignored}) as run:
            run.until(lambda records: run.task.numbers.snapshot.completed)
            assert ("pg_catalog.pg_cast" in _tables(run)) == (ignored == "false")


def test_a_limit_of_tables(props: dict[str, str], sql: Sql, caplog: pytest.LogCaptureFixture) -> None:
    for name in "ab":
        sql.execute(f"CREATE TABLE {name} (id int PRIMARY KEY)")  # type: ignore[arg-type]
    config = {**props, "guardrail.collections.max": "1"}
    with Runner(config) as run:
        run.settle()
    assert "guardrail.collections.max" in caplog.text
    with Runner({**config, "guardrail.collections.limit.action": "fail"}) as run:
        assert run.failure().field == "guardrail.collections.max"


def test_messages_left_out_by_their_prefix(props: dict[str, str], sql: Sql) -> None:
    if sql.info.server_version < 140000:
        pytest.skip("pgoutput sends messages from PostgreSQL 14 on")
    with Runner({**props, "snapshot.mode": "no_data", "message.prefix.exclude.list": "skip.*"}) as run:
        run.settle()
        for prefix in ("skipped", "kept"):
            sql.execute("SELECT pg_logical_emit_message(true, %s, 'x')", (prefix,))
        run.count(1)
        assert [record.key["prefix"] for record in run.records] == ["kept"]


@pytest.mark.parametrize(("mode", "locked"), [("shared", True), ("none", False)])
def test_tables_are_locked_before_they_are_read(mode: str, locked: bool, props: dict[str, str], sql: Sql) -> None:
    for name in "ab":
        sql.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, v text)")  # type: ignore[arg-type]
        sql.execute(f"INSERT INTO {name} SELECT i, repeat('x', 500) FROM generate_series(1, 20000) i")  # type: ignore[arg-type]
    config = {**props, "snapshot.locking.mode": mode, "snapshot.lock.timeout.ms": "5000", "max.batch.size": "10"}
    with Runner(config) as run:
        run.count(1)
        [(held,)] = sql.execute("SELECT count(*) > 0 FROM pg_locks WHERE relation = 'b'::regclass").fetchall()
        assert held == locked


def test_comments_of_columns(props: dict[str, str], sql: Sql) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v int)")
    sql.execute("COMMENT ON COLUMN t.v IS 'a value'")
    sql.execute("INSERT INTO t VALUES (1, 2)")
    with Runner({**props, "include.schema.comments": "true"}) as run:
        [record] = run.count(1)
        run.settle()
        sql.execute("INSERT INTO t VALUES (2, 2)")
        streamed = run.count(2)[1]
    for one in (record, streamed):
        assert one.value["after"].schema.field("v").schema.doc == "a value"


def test_labels_of_metrics(props: dict[str, str]) -> None:
    with Runner({**props, "custom.metric.tags": "team=a,stage=b"}) as run:
        run.settle()
        labels = [dict(found) for _, found in run.context.metrics.all]
    assert labels
    assert all(found.items() >= {"team": "a", "stage": "b"}.items() for found in labels)


def _topics(props: dict[str, str], sql: Sql, strategy: str, **more: str) -> list[tuple[str, list[Any]]]:
    sql.execute('CREATE SCHEMA "öther"')
    sql.execute('CREATE TABLE "öther"."my_tab le" (id int PRIMARY KEY)')
    sql.execute("CREATE TABLE t_1 (id int PRIMARY KEY)")
    sql.execute('INSERT INTO "öther"."my_tab le" VALUES (1)')
    sql.execute("INSERT INTO t_1 VALUES (1)")
    with Runner({**props, "topic.naming.strategy": _STRATEGY.format(strategy), **more}) as run:
        records = run.count(2)
    for record in records:
        assert record.key_schema is not None
        assert record.key_schema.name == f"{record.topic}.Key"
    return sorted((record.topic, record.key.values) for record in records)


_REGEX = {"topic.regex": r"(.*)\.t_(.*)", "topic.replacement": "$1.all"}
_NAMES = {"topic.key.field.name": "tab", "topic.key.field.regex": "(.*)_(.*)", "topic.key.field.replacement": "$2"}


@pytest.mark.parametrize(
    ("strategy", "more", "expected"),
    [
        ("Default", {}, [("srv.my_tab_le", [1]), ("srv.t_1", [1])]),
        ("SchemaUnicode", {}, [("srv._u00f6ther.my_u005ftab_u0020le", [1]), ("srv.public.t_u005f1", [1])]),
        ("DefaultUnicode", {}, [("srv.my_u005ftab_u0020le", [1]), ("srv.t_u005f1", [1])]),
        ("SchemaRegex", _REGEX, [("srv._ther.my_tab_le", [1, "srv.öther.my_tab le"]), ("srv.public.all", [1, "srv.public.t_1"])]),
        ("SchemaRegex", {**_REGEX, "topic.key.enforce.uniqueness": "false"}, [("srv._ther.my_tab_le", [1]), ("srv.public.all", [1])]),
        ("SchemaRegex", {**_REGEX, **_NAMES}, [("srv._ther.my_tab_le", [1, "tab le"]), ("srv.public.all", [1, "1"])]),
        ("DefaultRegex", _REGEX, [("srv.all", [1, "srv.t_1"]), ("srv.my_tab_le", [1, "srv.my_tab le"])]),
    ],
)  # fmt: skip
def test_topics_are_named_as_debezium_names_them(
    strategy: str, more: dict[str, str], expected: list[Any], props: dict[str, str], sql: Sql
) -> None:
    """Seen with Debezium 3.6.3 on these tables."""
    assert _topics(props, sql, strategy, **more) == expected


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"topic.naming.strategy": "com.example.Names"}, "topic.naming.strategy"),
        ({"topic.naming.strategy": _STRATEGY.format("SchemaRegex")}, "topic.regex"),
        ({"topic.naming.strategy": _STRATEGY.format("SchemaRegex"), "topic.regex": "a"}, "topic.replacement"),
        ({"topic.naming.strategy": _STRATEGY.format("SchemaRegex"), "topic.regex": "a(", "topic.replacement": "b"}, "topic.regex"),
        ({"topic.naming.strategy": _STRATEGY.format("SchemaRegex"), "topic.regex": "a", "topic.replacement": "$1"}, "topic.regex"),
    ],
)  # fmt: skip
def test_strategies_that_cannot_name_topics(given: dict[str, str], field: str, props: dict[str, str]) -> None:
    with pytest.raises(ConfigException) as raised:
        PostgresConfig.parse({**props, **given}).topics()
    assert raised.value.field == field


def test_retries_are_counted_and_paced(props: dict[str, str]) -> None:
    given = {"errors.max.retries": "2", "retriable.restart.connector.wait.ms": "1500"}
    retries = Retries(PostgresConfig.parse({**props, **given}), lambda: 0.0)
    lost = RetriableException("The connection was lost.", code="PG_CONNECTION_LOST")
    assert [retries.wait_s(lost), retries.wait_s(lost)] == [1.5, 1.5]
    with pytest.raises(ConnectException, match="after 2 retries"):
        retries.wait_s(lost)
    retries.succeeded()
    assert retries.wait_s(lost) == 1.5


_BASED = "snapshot.mode.configuration.based."


@pytest.mark.parametrize("data", ["true", "false"])
def test_a_mode_of_single_switches(data: str, props: dict[str, str], sql: Sql) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    sql.execute("INSERT INTO t VALUES (1)")
    config = {
        **props,
        "snapshot.mode": "configuration_based",
        f"{_BASED}snapshot.data": data,
        f"{_BASED}start.stream": "true",
        f"{_BASED}snapshot.on.data.error": "true",
    }
    with Runner(config) as run:
        run.settle()
        sql.execute("INSERT INTO t VALUES (2)")
        run.until(lambda records: bool(records) and records[-1].value["after"]["id"] == 2)
        assert [record.value["op"] for record in run.records] == (["r", "c"] if data == "true" else ["c"])
        stored = run.offsets.stored
    drop = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s AND NOT active"
    wait_until(lambda: sql.execute(drop, (props["slot.name"],)).fetchall(), 10, "the slot is free")
    with Runner(config, stored) as run:
        # The position is lost: a new snapshot makes it good.
        assert [record.value["op"] for record in run.count(2)] == ["r", "r"]


def test_a_mode_without_a_stream(props: dict[str, str], sql: Sql) -> None:
    config = {**props, "snapshot.mode": "configuration_based", f"{_BASED}snapshot.data": "true"}
    with Runner(config) as run:
        run.until(lambda records: run.task.numbers.snapshot.completed)
        sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
        sql.execute("INSERT INTO t VALUES (1)")
        assert run.poll() == []
        assert not run.task.numbers.connected


def test_a_table_is_one_chunk_when_that_is_asked_for(props: dict[str, str], sql: Sql) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    sql.execute("INSERT INTO t SELECT generate_series(1, 3000)")
    sql.execute("ANALYZE t")
    config = {
        **props,
        "snapshot.max.threads": "2",
        "snapshot.max.threads.multiplier": "4",
        "max.queue.size.in.bytes": "8192",
    }
    for whole in ("true", "false"):
        with Runner(
            {**config, "slot.name": f"{props['slot.name']}_{whole}", "legacy.snapshot.max.threads": whole}
        ) as run:
            run.count(3000)
            ids = [record.value["after"]["id"] for record in run.records]
            assert sorted(ids) == list(range(1, 3001))
            if whole == "true":
                assert ids == sorted(ids)


def test_no_poll_waits_longer_than_it_may(props: dict[str, str], sql: Sql) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    config = {
        **props,
        "poll.interval.ms": "30",
        "max.batch.size": "5",
        "max.queue.size": "6",
        "snapshot.mode": "no_data",
    }
    with Runner(config) as run:
        run.settle()
        started = time.monotonic()
        for _ in range(5):
            assert run.poll() == []
        assert time.monotonic() - started < 2
        assert run.task.numbers.queue_capacity == 6


def test_signals_are_read_from_the_topic_that_is_set(props: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    reader = Context.topic_reader
    monkeypatch.setattr(Context, "topic_reader", lambda self, *names: asked.append(names) or reader(self, *names))
    given = {"signal.enabled.channels": "kafka", "signal.poll.interval.ms": "10", "snapshot.mode": "no_data"}
    with Runner({**props, **given, "signal.kafka.topic": "sig", "signal.kafka.groupId": "g"}) as run:
        run.settle()
    assert asked == [("sig", "g")]
