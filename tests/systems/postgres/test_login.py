"""Log-in and its refusals, through both doors: psycopg and our own protocol code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from headrace.errors import HeadraceError, RetryClass
from headrace.systems.postgres import PgTarget, ReplicationConnection, connect, introspect
from headrace.testing.servers import PostgresServer, free_port

DOORS = [
    pytest.param(lambda target: ReplicationConnection(target, command_timeout_s=10).close(), id="own"),
    pytest.param(lambda target: connect(target).close(), id="psycopg"),
]
Door = Callable[[PgTarget], None]


@pytest.fixture
def target(postgres: PostgresServer) -> PgTarget:
    return PgTarget(postgres.host, postgres.port, "postgres", postgres.user, postgres.password)


@pytest.fixture
def role(postgres: PostgresServer) -> Iterator[Callable[..., PgTarget]]:
    names: list[str] = []

    def make(
        name: str, password: str, attributes: str = "LOGIN REPLICATION", encryption: str = "scram-sha-256"
    ) -> PgTarget:
        with postgres.connect() as connection:
            connection.execute(f"SET password_encryption = '{encryption}'")
            literal = password.replace("'", "''")
            connection.execute(f"CREATE ROLE {name} {attributes} PASSWORD '{literal}'")
        names.append(name)
        return PgTarget(postgres.host, postgres.port, "postgres", name, password)

    yield make
    for name in names:
        postgres.drop_role(name)


def refused(door: Door, target: PgTarget, code: str, field: str | None, retry: RetryClass) -> HeadraceError:
    with pytest.raises(HeadraceError) as caught:
        door(target)
    error = caught.value
    assert (error.code, error.field, error.retry_class) == (code, field, retry), error
    assert error.remedy
    assert "-word" not in str(error)
    return error


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("password", ["simple", "pässwörd\u00a0\u2168", "it's \\ 100%"])
def test_scram(door: Door, role: Callable[..., PgTarget], password: str) -> None:
    door(role("hr_scram", password))


@pytest.fixture
def open_hba(postgres: PostgresServer) -> Iterator[Callable[[str], None]]:
    """Put lines before pg_hba.conf and take them away again."""
    path = postgres.base_dir / "data" / "pg_hba.conf"
    original = path.read_text()

    def reload() -> None:
        with postgres.connect() as connection:
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("SELECT pg_sleep(0.05)")

    def add(lines: str) -> None:
        path.write_text(lines + "\n" + original)
        reload()

    yield add
    path.write_text(original)
    reload()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("method", ["md5", "password", "trust"])
def test_older_methods(door: Door, role: Callable[..., PgTarget], open_hba: Callable[[str], None], method: str) -> None:
    encryption = "md5" if method == "md5" else "scram-sha-256"
    target = role("hr_old", "secret-word", encryption=encryption)
    open_hba(f"host all hr_old 127.0.0.1/32 {method}")
    door(target)
    if method != "trust":
        refused(door, replace(target, password="wrong-word"), "PG_AUTH_FAILED", "database.password", RetryClass.NEVER)


@pytest.mark.parametrize("door", DOORS)
def test_rejected_by_pg_hba(door: Door, role: Callable[..., PgTarget], open_hba: Callable[[str], None]) -> None:
    target = role("hr_rejected", "secret-word")
    open_hba("host all hr_rejected 127.0.0.1/32 reject")
    refused(door, target, "PG_AUTH_FAILED", "database.user", RetryClass.NEVER)


@pytest.mark.parametrize("door", DOORS)
def test_wrong_password(door: Door, target: PgTarget) -> None:
    named = replace(target, password="wrong-word", fields=(("password", "connection.password"),))
    refused(door, named, "PG_AUTH_FAILED", "connection.password", RetryClass.NEVER)


@pytest.mark.parametrize("door", DOORS)
def test_no_password(door: Door, target: PgTarget) -> None:
    refused(door, replace(target, password=None), "PG_AUTH_FAILED", "database.password", RetryClass.NEVER)


@pytest.mark.parametrize("door", DOORS)
def test_unknown_user_fails_as_a_wrong_password(door: Door, target: PgTarget) -> None:
    refused(door, replace(target, user="nobody_here"), "PG_AUTH_FAILED", "database.password", RetryClass.NEVER)


@pytest.mark.parametrize("door", DOORS)
def test_unknown_database(door: Door, target: PgTarget) -> None:
    refused(door, replace(target, dbname="nowhere"), "PG_DATABASE_UNKNOWN", "database.dbname", RetryClass.NEVER)


@pytest.mark.parametrize("door", DOORS)
def test_unknown_host(door: Door, target: PgTarget) -> None:
    refused(
        door, replace(target, host="no-such-host.invalid"), "PG_HOST_UNKNOWN", "database.hostname", RetryClass.NEVER
    )


@pytest.mark.parametrize("door", DOORS)
def test_refused_port(door: Door, target: PgTarget) -> None:
    refused(door, replace(target, port=free_port()), "PG_CONNECT_REFUSED", "database.hostname", RetryClass.RETRY)


@pytest.mark.parametrize("door", DOORS)
def test_tls_demanded_of_a_server_without(door: Door, target: PgTarget) -> None:
    refused(door, replace(target, sslmode="require"), "PG_TLS", "database.sslmode", RetryClass.NEVER)


def test_role_without_replication(role: Callable[..., PgTarget]) -> None:
    target = role("hr_plain", "secret-word", "LOGIN")
    refused(ReplicationConnection, target, "PG_NO_REPLICATION_ROLE", "database.user", RetryClass.NEVER)  # type: ignore[arg-type]
    with connect(target) as connection:
        found = introspect.current_role(connection)
        assert not found.replication
        assert not found.superuser


def test_wal_level_replica() -> None:
    with PostgresServer(durable=False, options={"wal_level": "replica"}) as server:
        target = PgTarget(server.host, server.port, "postgres", server.user, server.password)
        with ReplicationConnection(target) as session, pytest.raises(HeadraceError) as caught:
            session.create_slot("s")
        assert caught.value.code == "PG_WAL_LEVEL"
        assert caught.value.field == "database.hostname"
        with connect(target) as connection:
            assert introspect.settings(connection, ["wal_level", "no_such"]) == {"wal_level": "replica"}


def test_secrets_are_not_shown(target: PgTarget) -> None:
    assert "hidden-word" not in repr(replace(target, password="hidden-word", sslpassword="hidden-word"))
