"""validate: every mistake is reported under its key, with the server asked."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner

from headrace.errors import ConfigException
from headrace.sources.postgres.connector import PostgresConnector
from headrace.sources.postgres.keys import GROUPS, REFUSED_UNLESS_DEFAULT
from headrace.spi import ExactlyOnceSupport
from headrace.testing.servers import PostgresServer


def errors(props: dict[str, str]) -> dict[str, list[str]]:
    return {value.name: value.errors for value in PostgresConnector().validate(props) if value.errors}


def test_good_settings_pass(props: dict[str, str]) -> None:
    assert errors(props) == {}
    assert errors({key: value for key, value in props.items() if key != "plugin.name"}) == {}


def test_missing_settings() -> None:
    assert set(errors({})) == {"database.hostname", "database.user", "database.dbname", "topic.prefix"}


@pytest.mark.parametrize(
    ("key", "value", "under", "words"),
    [
        ("database.password", "wrong", "database.password", "password"),
        ("database.hostname", "no-such-host.invalid", "database.hostname", "host"),
        ("database.port", "1", "database.hostname", "refused"),
        ("database.dbname", "nowhere", "database.dbname", "nowhere"),
        ("database.port", "many", "database.port", "INT"),
        ("plugin.name", "decoderbufs", "plugin.name", "pgoutput"),
        ("plugin.name", "wal2json", "plugin.name", "one of"),
        ("slot.name", "Big-Slot", "slot.name", "small letters"),
        ("topic.prefix", "a b", "topic.prefix", "letters"),
        ("table.include.list", "public.(a", "table.include.list", "regular expression"),
        ("message.key.columns", "public.a", "message.key.columns", "column"),
        ("publication.autocreate.mode", "disabled", "publication.name", "does not exist"),
        ("snapshot.mode", "custom", "snapshot.mode", "not supported"),
        ("snapshot.mode", "sometimes", "snapshot.mode", "one of"),
        ("skipped.operations", "x", "skipped.operations", "c, u, d, t"),
        ("max.queue.size", "10", "max.queue.size", "greater than"),
        ("time.precision.mode", "structured", "time.precision.mode", "not supported"),
        ("unavailable.value.placeholder", "hex:zz", "unavailable.value.placeholder", "hex"),
        ("column.mask.hash.ROT13.with.salt.x", "public.a.b", "database.hostname", "ROT13"),
        ("slot.stream.params", "nonsense", "slot.stream.params", "option"),
        ("slot.stream.params", "origin=none;binary=true", "slot.stream.params", "binary"),
        ("slot.stream.params", "two_phase=on", "slot.stream.params", "two_phase"),
        ("replica.identity.autoset.values", "public.a:SOME", "replica.identity.autoset.values", "MODE"),
        ("snapshot.select.statement.overrides", "public.a", "snapshot.select.statement.overrides", "public.a"),
    ],
)
def test_each_mistake_under_its_key(key: str, value: str, under: str, words: str, props: dict[str, str]) -> None:
    found = errors({**props, key: value})
    assert list(found) == [under]
    assert words in found[under][0]


def test_include_and_exclude_exclude_each_other(props: dict[str, str]) -> None:
    found = errors({**props, "table.include.list": "a", "table.exclude.list": "b"})
    assert "both set" in found["table.exclude.list"][0]


@pytest.mark.parametrize("key", sorted(REFUSED_UNLESS_DEFAULT))
def test_what_is_not_supported_is_refused(key: str, props: dict[str, str]) -> None:
    row = next(row for rows in GROUPS.values() for row in rows if row.name == key)
    other = {"BOOLEAN": "true", "INT": "7", "LONG": "7"}.get(row.type.value, "custom")
    found = errors({**props, key: other})
    assert list(found) == [key]
    default = row.default
    if default is not None:
        shown = str(default).lower() if isinstance(default, bool) else str(default)
        assert errors({**props, key: shown}) == {}


def test_role_without_replication(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN PASSWORD 'secret'")
    found = errors({**props, "database.user": "plain", "database.password": "secret"})
    assert list(found) == ["database.user"]
    assert "REPLICATION" in found["database.user"][0]
    assert "secret" not in str(found)


def test_slot_in_use_by_another_but_not_by_ourselves(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    with Runner(props) as run:
        run.settle()
        assert errors(props) == {}
        found = errors({**props, "name": "another"})
    assert list(found) == ["slot.name"]
    assert "read by another" in found["slot.name"][0]


def test_a_foreign_slot(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", (props["slot.name"],))
    assert list(errors(props)) == ["slot.name"]


def test_validate_changes_nothing(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    assert errors(props) == {}
    assert sql.execute("SELECT count(*) FROM pg_publication").fetchone() == (0,)
    assert sql.execute("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()").fetchone() == (
        0,
    )


def test_offsets_are_checked() -> None:
    connector = PostgresConnector()
    good = {"lsn": 5, "lsn_proc": 5, "lsn_commit": 5, "messageType": "COMMIT", "txId": 1, "ts_usec": 1}
    assert connector.alter_offsets({}, [({"server": "srv"}, good), ({"server": "srv"}, None)])
    for partition, offset in (
        ({"server": "srv"}, {"lsn": "5"}),
        ({"server": "srv"}, {"txId": 5}),
        ({"server": "srv"}, {"lsn": -1}),
        ({"server": "srv"}, {"lsn": 1, "snapshot_completed": "yes"}),
        ({"database": "srv"}, good),
        ({"server": 1}, good),
    ):
        with pytest.raises(ConfigException):
            connector.alter_offsets({}, [(partition, offset)])


def test_exactly_once_is_supported() -> None:
    assert PostgresConnector().exactly_once_support({}) is ExactlyOnceSupport.SUPPORTED


def test_wal_level_must_be_logical() -> None:
    with PostgresServer(durable=False, options={"wal_level": "replica"}) as server:
        found = errors(
            {
                "topic.prefix": "srv",
                "database.hostname": "127.0.0.1",
                "database.port": str(server.port),
                "database.user": "postgres",
                "database.password": "postgres",
                "database.dbname": "postgres",
            }
        )
    assert list(found) == ["database.hostname"]
    assert "wal_level" in found["database.hostname"][0]
