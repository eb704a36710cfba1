"""Keys of both dialects: what is taken, what is refused, and under which key."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.sinks.postgres.kit import CONFLUENT, UPSERT, Sink, Topic

from headrace.config import ConfigValue
from headrace.errors import ConfigException
from headrace.sinks.postgres.config import confluent_config, debezium_config, read_settings
from headrace.sinks.postgres.connector import ConfluentJdbcSinkConnector, DebeziumJdbcSinkConnector
from headrace.sinks.postgres.url import parse_url
from headrace.spi.context import TopicPartition
from headrace.testing.servers import PostgresServer, free_port

BASE = {"connection.url": "jdbc:postgresql://db.example:5433/shop", "connection.password": "secret-word"}
DEBEZIUM = {**BASE, "connection.username": "app"}
CONFLUENT_BASE = {**BASE, "connection.user": "app"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("jdbc:postgresql://h/db", ("h", 5432, "db", "u", "prefer")),
        ("postgresql://x:y@h:1/db?sslmode=require", ("h", 1, "db", "u", "require")),
        ("postgres://[::1]:5/my%20db", ("::1", 5, "my db", "u", "prefer")),
        ("jdbc:postgresql://h/db?ssl=true", ("h", 5432, "db", "u", "verify-full")),
        ("jdbc:postgresql:db", ("localhost", 5432, "db", "u", "prefer")),
        ("jdbc:postgresql://h:7/", ("h", 7, "u", "u", "prefer")),
        ("jdbc:postgresql://a:1,[::2]:3,c/db", ("a:1,[::2]:3,c", 5432, "db", "u", "prefer")),
    ],
)
def test_urls(url: str, expected: tuple[str, int, str, str, str]) -> None:
    target, _ = parse_url(url, "u", "p", "connection.user")
    assert (target.host, target.port, target.dbname, target.user, target.sslmode) == expected
    assert target.password == "p"


@pytest.mark.parametrize(
    ("query", "attrs", "balanced", "binding"),
    [
        ("", "any", False, "prefer"),
        ("?targetServerType=primary&loadBalanceHosts=true&channelBinding=require", "primary", True, "require"),
        ("?targetServerType=preferSecondary", "prefer-standby", False, "prefer"),
        ("?target_session_attrs=read-write&load_balance_hosts=random", "read-write", True, "prefer"),
    ],
)
def test_which_of_several_servers(query: str, attrs: str, balanced: bool, binding: str) -> None:
    target, _ = parse_url(f"jdbc:postgresql://a,b/db{query}", "u", "p", "connection.user")
    assert (target.session_attrs, target.load_balance, target.channel_binding) == (attrs, balanced, binding)


def test_url_parameters() -> None:
    target, schema = parse_url(
        "jdbc:postgresql://h/db?user=a&password=b&currentSchema=mart", None, None, "connection.user"
    )
    assert (target.user, target.password, schema) == ("a", "b", "mart")


@pytest.mark.parametrize(
    "url",
    ["jdbc:mysql://h/db", "mongodb://h", "nonsense", "jdbc:postgresql://a,,b/db", "jdbc:postgresql://h:x/db", "jdbc:postgresql://h/db?targetServerType=x", "jdbc:postgresql://h/db?channelBinding=x", "jdbc:postgresql://h/db?sslmode=maybe"],
)  # fmt: skip
def test_bad_urls(url: str) -> None:
    with pytest.raises(ConfigException) as caught:
        parse_url(url, "u", None, "connection.user")
    assert caught.value.field == "connection.url"
    assert caught.value.remedy


def test_missing_user() -> None:
    with pytest.raises(ConfigException) as caught:
        read_settings(confluent_config(), BASE)
    assert caught.value.field == "connection.user"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("use.time.zone", "Europe/Berlin"),
        ("collection.naming.strategy", "com.example.Mine"),
        ("column.naming.strategy", "com.example.Mine"),
        ("dialect.sqlserver.identity.insert", "true"),
        ("insert.mode", "upsert"),
        ("insert.mode", "merge"),
        ("delete.enabled", "true"),
        ("primary.key.mode", "magic"),
        ("schema.evolution", "advanced"),
        ("collection.name.format", "${nothing}"),
        ("batch.size", "0"),
        ("truncate.enabled", "perhaps"),
    ],
)
def test_debezium_refusals(key: str, value: str) -> None:
    props = {**DEBEZIUM, key: value}
    with pytest.raises(ConfigException) as caught:
        read_settings(debezium_config(), props)
    assert caught.value.field == key
    errors = errors_of(DebeziumJdbcSinkConnector().validate(props))
    assert list(errors) == [key]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dialect.name", "MySqlDatabaseDialect"),
        ("db.timezone", "Europe/Berlin"),
        ("table.types", "VIEW"),
        ("timestamp.precision.mode", "nanoseconds"),
        ("insert.mode", "upsert"),
        ("delete.enabled", "true"),
        ("pk.mode", "record_header"),
        ("table.name.format", "${source.table}"),
        ("max.retries", "-1"),
    ],
)
def test_confluent_refusals(key: str, value: str) -> None:
    props = {**CONFLUENT_BASE, key: value}
    with pytest.raises(ConfigException) as caught:
        read_settings(confluent_config(), props)
    assert caught.value.field == key
    assert list(errors_of(ConfluentJdbcSinkConnector().validate(props))) == [key]


def test_each_dialect_declares_its_own_keys() -> None:
    ours, theirs = debezium_config(), confluent_config()
    assert {"connection.username", "primary.key.mode", "schema.evolution", "collection.name.format"} <= set(
        ours.names()
    )
    assert {"connection.user", "pk.mode", "auto.create", "auto.evolve", "fields.whitelist"} <= set(theirs.names())
    assert "pk.mode" not in ours
    assert "primary.key.mode" not in theirs


def test_old_name_of_the_table_format() -> None:
    old = read_settings(debezium_config(), {**DEBEZIUM, "table.name.format": "x_${topic}"})
    assert old.table_format == "x_${topic}"
    both = {**DEBEZIUM, "table.name.format": "x", "collection.name.format": "y"}
    assert read_settings(debezium_config(), both).table_format == "y"


def test_the_password_is_not_shown() -> None:
    assert "secret-word" not in repr(read_settings(debezium_config(), DEBEZIUM))


def errors_of(values: list[ConfigValue]) -> dict[str, list[str]]:
    return {value.name: value.errors for value in values if value.errors}


def test_validation_logs_in(postgres: PostgresServer) -> None:
    good = {
        **CONFLUENT_BASE,
        "connection.url": postgres.jdbc_url(),
        "connection.user": postgres.user,
        "connection.password": postgres.password,
    }
    connector = ConfluentJdbcSinkConnector()
    assert errors_of(connector.validate(good)) == {}
    for key, value in (
        ("connection.password", "wrong"),
        ("connection.url", postgres.jdbc_url("no_such_database")),
        ("connection.url", f"jdbc:postgresql://127.0.0.1:{free_port()}/postgres"),
        ("connection.url", "jdbc:postgresql://no-such-host.invalid/postgres"),
        ("connection.url", "jdbc:oracle:thin:@h"),
    ):
        assert list(errors_of(connector.validate({**good, key: value}))) == [key], value
    assert list(errors_of(connector.validate({}))) == ["connection.url"]


def test_tasks_get_the_configuration() -> None:
    connector = DebeziumJdbcSinkConnector()
    connector.start(DEBEZIUM)
    assert connector.task_configs(2) == [DEBEZIUM, DEBEZIUM]
    connector.stop()


def test_altered_offsets_reach_the_target(postgres: PostgresServer, make_database: Callable[..., str]) -> None:
    name, place = make_database(), TopicPartition("t", 0)
    sink, topic = Sink(postgres, name, UPSERT), Topic()
    records = [topic.flat(1, "a"), topic.flat(2, "b")]
    sink.put(*records)
    sink.stop()
    props = {**sink.props, "name": "shop-sink"}
    with postgres.connect(name) as sql:
        sql.execute("DELETE FROM t")
        assert DebeziumJdbcSinkConnector().alter_offsets(props, {place: 1})
        again = Sink(postgres, name, UPSERT)
        assert again.context.offsets == {place: 1}
        again.put(*records)
        again.stop()
        assert sql.execute("SELECT id FROM t").fetchall() == [(2,)]
        assert DebeziumJdbcSinkConnector().alter_offsets(props, {place: None})
        fresh = Sink(postgres, name, UPSERT)
        assert fresh.context.offsets == {}
        fresh.put(*records)
        fresh.stop()
        assert sql.execute("SELECT id FROM t ORDER BY 1").fetchall() == [(1,), (2,)]


def test_confluent_settings() -> None:
    settings = read_settings(
        confluent_config(), {**CONFLUENT_BASE, **CONFLUENT, "pk.fields": "a, b", "batch.size": "7"}
    )
    assert settings.pk_fields == ("a", "b")
    assert settings.batch_size == 7
    assert settings.null_to_default
    assert settings.auto_create
