"""Several servers behind one target: how they are written, which one is chosen, and that both doors choose alike."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ConfigException, HeadraceError, RetriableException, RetryClass
from headrace.systems.postgres import PgTarget, ReplicationConnection, connect
from headrace.systems.postgres.connect import connect_and_tell
from headrace.systems.postgres.opening import open_wire, wire_role
from headrace.systems.postgres.servers import SESSION_ATTRS, Role, Server, choose, servers
from headrace.testing.servers import PostgresServer, free_port

PRIMARY, CLOSED_PRIMARY, STANDBY = Role(False, False), Role(False, True), Role(True, False)
GONE, REFUSES = "gone", "refuses"
ROLES = {
    "any": {PRIMARY, CLOSED_PRIMARY, STANDBY},
    "read-write": {PRIMARY},
    "read-only": {CLOSED_PRIMARY, STANDBY},
    "primary": {PRIMARY, CLOSED_PRIMARY},
    "standby": {STANDBY},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("db.example", [("db.example", 5432)]),
        ("a,b:1,c", [("a", 5432), ("b", 1), ("c", 5432)]),
        ("a:1, b:2", [("a", 1), ("b", 2)]),
        ("::1", [("::1", 5432)]),
        ("[::1]:7,[fe80::1%eth0]", [("::1", 7), ("fe80::1%eth0", 5432)]),
        ("/run/postgresql,b", [("/run/postgresql", 5432), ("b", 5432)]),
        ("under_score", [("under_score", 5432)]),
    ],
)
def test_how_servers_are_written(text: str, expected: list[tuple[str, int]]) -> None:
    assert servers(text, 5432) == [Server(*one) for one in expected]


@pytest.mark.parametrize("text", ["", "a,", ",a", "a:", "a:x", "a:99999", "[::1", "[a]b", "a b:c"])
def test_what_is_no_list_of_servers(text: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        servers(text, 5432)
    with pytest.raises(ConfigException) as caught:
        choose(PgTarget(text), lambda one: Fake(one, PRIMARY), lambda fake, _: fake.role)
    assert caught.value.field == "database.hostname"


class Fake:
    def __init__(self, target: PgTarget, role: Role) -> None:
        self.target, self.role = target, role
        self.closed = False

    def close(self) -> None:
        self.closed = True


@given(
    st.lists(st.sampled_from([PRIMARY, CLOSED_PRIMARY, STANDBY, GONE, GONE, REFUSES]), min_size=1, max_size=6),
    st.sampled_from(SESSION_ATTRS),
    st.booleans(),
)
def test_the_first_that_suits_is_chosen_and_no_other_is_left_open(
    kinds: list[Role | str], wanted: str, shuffled: bool
) -> None:
    opened: list[Fake] = []
    tried: list[int] = []

    def open_one(one: PgTarget) -> Fake:
        tried.append(one.port - 1)
        assert (one.address, one.host) == ("127.0.0.1", "127.0.0.1")
        kind = kinds[one.port - 1]
        if kind == GONE:
            raise RetriableException("gone", code="PG_CONNECT_REFUSED")
        if kind == REFUSES:
            raise ConfigException("no", code="PG_AUTH_FAILED")
        assert isinstance(kind, Role)
        opened.append(Fake(one, kind))
        return opened[-1]

    hosts = ",".join(f"127.0.0.1:{number + 1}" for number in range(len(kinds)))
    target = PgTarget(hosts, session_attrs=wanted, load_balance=shuffled)
    if not shuffled:
        suited = ROLES.get(wanted) or ROLES[wanted.removeprefix("prefer-")]
        expected = next((n for n, kind in enumerate(kinds) if kind == REFUSES or kind in suited), None)
        if expected is None and wanted.startswith("prefer-"):
            expected = next((n for n, kind in enumerate(kinds) if isinstance(kind, Role)), None)
    failure: HeadraceError | None = None
    try:
        chosen, place = choose(target, open_one, lambda fake, _: fake.role)
    except HeadraceError as error:
        failure = error
    if failure is not None:
        assert all(fake.closed for fake in opened)
        if failure.code == "PG_AUTH_FAILED":
            assert kinds[tried[-1]] == REFUSES
        else:
            assert sorted(tried) == list(range(len(kinds)))
            assert failure.retry_class is RetryClass.RETRY
        if not shuffled:
            assert expected is None or kinds[expected] == REFUSES
        return
    assert [fake for fake in opened if not fake.closed] == [chosen]
    assert place.port == chosen.target.port
    assert place.address == "127.0.0.1"
    if not shuffled:
        assert place.port - 1 == expected
    # A further connection goes to the same one, whatever the list says.
    assert choose(place, open_one, lambda fake, _: fake.role)[1] == place


def own(target: PgTarget) -> int:
    with ReplicationConnection(target, command_timeout_s=10) as session:
        return session.target.port


def psycopg(target: PgTarget) -> int:
    connection, chosen = connect_and_tell(target)
    connection.close()
    return chosen.port


DOORS = [own, psycopg]


@pytest.fixture
def target(postgres: PostgresServer) -> PgTarget:
    return PgTarget(postgres.host, postgres.port, "postgres", postgres.user, postgres.password)


@pytest.mark.parametrize("door", DOORS)
def test_servers_that_cannot_be_reached_are_passed_over(door: Callable[[PgTarget], int], target: PgTarget) -> None:
    hosts = f"127.0.0.1:{free_port()},no-such-host.invalid,127.0.0.1:{target.port}"
    assert door(replace(target, host=hosts, port=1)) == target.port
    # localhost may have an address that nobody listens on.
    assert door(replace(target, host="localhost")) == target.port


@pytest.mark.parametrize("door", DOORS)
def test_each_server_has_the_whole_timeout(door: Callable[[PgTarget], int], target: PgTarget) -> None:
    # Connections are taken by the kernel, and nobody answers.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hosts = f"127.0.0.1:{silent.getsockname()[1]},127.0.0.1:{target.port}"
        # libpq waits two seconds at least.
        assert door(replace(target, host=hosts, connect_timeout_s=0.5 if door is own else 2.0)) == target.port


@pytest.mark.parametrize("door", DOORS)
def test_a_refusal_is_not_passed_over(door: Callable[[PgTarget], int], target: PgTarget) -> None:
    hosts = f"127.0.0.1:{target.port},127.0.0.1:{free_port()}"
    with pytest.raises(HeadraceError) as caught:
        door(replace(target, host=hosts, password="wrong"))
    assert caught.value.code == "PG_AUTH_FAILED"


@pytest.mark.parametrize("door", DOORS)
def test_all_failures_are_told(door: Callable[[PgTarget], int], target: PgTarget) -> None:
    closed = free_port()
    hosts = f"127.0.0.1:{closed},no-such-host.invalid,127.0.0.1:{target.port}"
    with pytest.raises(HeadraceError) as caught:
        door(replace(target, host=hosts, session_attrs="standby"))
    error = caught.value
    assert (error.code, error.field) == ("PG_NO_SUITED_SERVER", "database.target.session.attrs")
    assert error.retry_class is RetryClass.RETRY
    for part in (f"127.0.0.1:{closed}/", "no-such-host.invalid", f"127.0.0.1:{target.port}/", "is no standby"):
        assert part in error.message
    with pytest.raises(HeadraceError) as caught:
        door(replace(target, host="no-such-host.invalid,nor-this-one.invalid"))
    assert caught.value.code == "PG_HOST_UNKNOWN"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("closed", [False, True])
def test_what_a_server_says_of_itself(
    door: Callable[[PgTarget], int], closed: bool, target: PgTarget, make_database: Callable[..., str]
) -> None:
    name = make_database()
    with connect(target) as sql:
        sql.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {closed}")
    here = replace(target, dbname=name)
    for wanted in SESSION_ATTRS:
        suited = wanted.startswith("prefer-") or Role(False, closed) in ROLES[wanted]
        if suited:
            assert door(replace(here, session_attrs=wanted)) == target.port
        else:
            with pytest.raises(HeadraceError) as caught:
                door(replace(here, session_attrs=wanted))
            assert caught.value.code == "PG_NO_SUITED_SERVER"


def test_an_older_server_is_asked_for_what_it_does_not_tell(target: PgTarget) -> None:
    wire, here = open_wire(target, {"replication": "database"})
    wire.parameters.clear()
    assert wire_role(wire, here) == PRIMARY
    wire.close()
