"""Replication sessions over our own protocol code, against a real server."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from tests.support import wait_until
from tests.systems.postgres.splitter import Splitter

from headrace.errors import HeadraceError, RetryClass
from headrace.systems.postgres import (
    PgTarget,
    ReplicationConnection,
    connect,
    int_to_lsn,
    lsn_to_int,
    map_error,
    pacing,
    replication,
)
from headrace.systems.postgres.pacing import LAZY_S, WINDOW_S
from headrace.systems.postgres.publications import create_publication
from headrace.systems.postgres.slots import SlotInfo, slots
from headrace.systems.postgres.slots import slot as find_slot
from headrace.testing.servers import PostgresServer

OPTIONS = {"proto_version": "1", "publication_names": '"p"'}


@pytest.fixture
def target(postgres: PostgresServer, make_database: Callable[..., str]) -> PgTarget:
    return PgTarget(postgres.host, postgres.port, make_database(), postgres.user, postgres.password)


@pytest.fixture
def session(target: PgTarget) -> Iterator[ReplicationConnection]:
    with connect(target) as sql:
        sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        create_publication(sql, "p", None)
    with ReplicationConnection(target) as connection:
        yield connection


def slot_name(target: PgTarget) -> str:
    return f"s_{target.dbname}"


def read_until(session: ReplicationConnection, kinds: bytes, timeout_s: float = 10) -> list[bytes]:
    """pgoutput messages until one of those kinds has come."""
    found: list[bytes] = []
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for payload in session.read(1 << 20, 0.2):
            if payload[:1] == b"w":
                found.append(payload[25:])
                if payload[25:26] in kinds:
                    return found
    raise AssertionError(f"no message of {kinds!r}; got {[m[:1] for m in found]}")


def test_a_change_arrives_and_feedback_moves_the_slot(session: ReplicationConnection, target: PgTarget) -> None:
    created = session.create_slot(slot_name(target))
    assert created.consistent_lsn > 0
    assert created.snapshot_name is None
    session.start_replication(slot_name(target), created.consistent_lsn, OPTIONS)
    with connect(target) as sql:
        sql.execute("INSERT INTO t VALUES (1, 'one')")
        messages = read_until(session, b"C")
        assert [chr(m[0]) for m in messages] == ["B", "R", "I", "C"]
        end = struct.unpack_from("!Q", messages[-1], 10)[0]
        session.send_status(end, end, end)
        wait_until(lambda: any(s.confirmed_flush_lsn == end for s in slots(sql, slot_name(target))))
        info = find_slot(sql, slot_name(target))
        assert info is not None
        assert info.active
        assert info.plugin == "pgoutput"
        assert info.wal_status == "reserved"
        assert not info.lost


def test_exported_snapshot_shows_the_database_at_the_slot(session: ReplicationConnection, target: PgTarget) -> None:
    with connect(target) as sql:
        sql.execute("INSERT INTO t VALUES (1, 'before')")
    created = session.create_slot(slot_name(target), snapshot="export", failover=True)
    assert created.snapshot_name
    with connect(target) as sql:
        sql.execute("INSERT INTO t VALUES (2, 'after')")
        sql.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        sql.execute(f"SET TRANSACTION SNAPSHOT '{created.snapshot_name}'")
        assert sql.execute("SELECT id FROM t").fetchall() == [(1,)]
        sql.execute("COMMIT")
        info = find_slot(sql, slot_name(target))
        assert info is not None
        assert info.failover == (session.server_version >= 170000)


def test_many_changes_come_whole_and_in_order(session: ReplicationConnection, target: PgTarget) -> None:
    created = session.create_slot(slot_name(target))
    session.start_replication(slot_name(target), created.consistent_lsn, OPTIONS)
    with connect(target) as sql:
        sql.execute("INSERT INTO t SELECT g, repeat('x', g % 300) FROM generate_series(1, 20000) g")
    inserts = [m for m in read_until(session, b"C") if m[:1] == b"I"]
    assert len(inserts) == 20000


def test_the_raw_form_has_the_same_messages(session: ReplicationConnection, target: PgTarget) -> None:
    created = session.create_slot(slot_name(target))
    with connect(target) as sql:
        sql.execute("INSERT INTO t SELECT g, repeat('x', g * 7 % 3000) FROM generate_series(1, 5000) g")
    session.start_replication(slot_name(target), created.consistent_lsn, OPTIONS)
    plain = read_until(session, b"C")
    session.close()
    with ReplicationConnection(target) as again:
        # Nothing was confirmed: all of it comes once more.
        wait_until(lambda: not any(s.active for s in slots_of(target)))
        again.start_replication(slot_name(target), created.consistent_lsn, OPTIONS)
        splitter, raw = Splitter(), list[bytes]()
        while not raw or raw[-1][25:26] != b"C":
            payloads: list[bytes] = []
            assert splitter.split(again.read_chunk(50_000, 10.0), payloads) == b""
            raw += [payload for payload in payloads if payload[:1] == b"w"]
    assert [payload[25:] for payload in raw] == plain


def slots_of(target: PgTarget) -> list[SlotInfo]:
    with connect(target) as sql:
        return slots(sql, slot_name(target))


def test_status_may_be_sent_from_another_thread(session: ReplicationConnection, target: PgTarget) -> None:
    created = session.create_slot(slot_name(target))
    session.start_replication(slot_name(target), created.consistent_lsn, OPTIONS)
    sender = threading.Thread(
        target=lambda: [session.send_status(created.consistent_lsn, 0, 0, reply=True) for _ in range(200)]
    )
    sender.start()
    keepalives = 0
    deadline = time.monotonic() + 10
    while keepalives < 200 and time.monotonic() < deadline:
        keepalives += sum(payload[:1] == b"k" for payload in session.read(1 << 20, 0.2))
    sender.join()
    assert keepalives >= 200


def test_a_quiet_stream_is_read_at_once_and_a_busy_one_lazily(
    session: ReplicationConnection, target: PgTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    recorded = {"sleep": lambda seconds: (slept.append(seconds), time.sleep(seconds))}
    monkeypatch.setattr(replication, "time", SimpleNamespace(**{**vars(time), **recorded}))
    created = session.create_slot(slot_name(target))
    session.start_replication(slot_name(target), created.consistent_lsn, OPTIONS)
    with connect(target) as sql:
        for number in range(60):
            sql.execute("INSERT INTO t VALUES (%s, 'x')", (number,))
            read_until(session, b"C")
        assert slept == []
        assert not session.busy
        # However slow the server is: a burst is so much above the threshold, and a single row below.
        monkeypatch.setattr(pacing, "BUSY_BYTES_PER_S", 100_000.0)
        sql.execute("INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(100, 20000) g")
        read_until(session, b"C")
        assert slept
        assert max(slept) <= LAZY_S
        slept.clear()
        # Behind the burst there is no window in which its rate could show.
        wait_until(lambda: session.read(1 << 20, WINDOW_S) == [] and not session.busy)
        slept.clear()
        sql.execute("INSERT INTO t VALUES (60, 'x')")
        read_until(session, b"C")
        assert slept == []


def expect(code: str, action: Callable[[], object]) -> HeadraceError:
    with pytest.raises(HeadraceError) as caught:
        action()
    assert caught.value.code == code, caught.value
    assert caught.value.remedy
    return caught.value


def test_slot_in_use_missing_and_taken(session: ReplicationConnection, target: PgTarget) -> None:
    name = slot_name(target)
    created = session.create_slot(name)
    session.start_replication(name, created.consistent_lsn, OPTIONS)
    with ReplicationConnection(target) as other:
        error = expect("PG_SLOT_IN_USE", lambda: other.start_replication(name, 0, OPTIONS))
        assert error.retry_class is RetryClass.RETRY
        expect("PG_EXISTS", lambda: other.create_slot(name))
        expect("PG_SLOT_MISSING", lambda: other.start_replication("nowhere", 0, OPTIONS))
        # The session is still usable after errors of single commands.
        assert other.query("SHOW wal_level") == [("logical",)]


def test_killed_walsender_is_a_retriable_error_after_the_data(session: ReplicationConnection, target: PgTarget) -> None:
    created = session.create_slot(slot_name(target))
    session.start_replication(slot_name(target), created.consistent_lsn, OPTIONS)
    with connect(target) as sql:
        sql.execute("INSERT INTO t VALUES (1, 'x')")
        read_until(session, b"C")
        sql.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s", (slot_name(target),))  # fmt: skip

    def drain() -> None:
        for _ in range(50):
            session.read(1 << 20, 0.2)

    with pytest.raises(HeadraceError) as caught:
        drain()
    assert caught.value.code in ("PG_SHUTDOWN", "PG_CONNECTION_LOST")
    assert caught.value.retry_class is RetryClass.RETRY


def test_missing_publication_is_named(session: ReplicationConnection, target: PgTarget) -> None:
    created = session.create_slot(slot_name(target))
    options = {**OPTIONS, "publication_names": '"nothing_here"'}
    session.start_replication(slot_name(target), created.consistent_lsn, options)
    with connect(target) as sql:
        sql.execute("INSERT INTO t VALUES (1, 'x')")

    def drain() -> None:
        for _ in range(50):
            session.read(1 << 20, 0.2)

    # Servers from 18 only warn and send nothing.
    if session.server_version < 180000:
        expect("PG_PUBLICATION_MISSING", drain)


@pytest.mark.parametrize(("text", "number"), [("0/0", 0), ("0/16B3748", 0x16B3748), ("FFFFFFFF/FFFFFFFF", 2**64 - 1)])
def test_lsn(text: str, number: int) -> None:
    assert lsn_to_int(text) == number
    assert int_to_lsn(number) == text


@pytest.mark.parametrize("text", ["", "0", "0/", "/1", "g/1", "123456789/0", "0/1 "])
def test_bad_lsn(text: str) -> None:
    expect_code = "PG_LSN_INVALID"
    with pytest.raises(HeadraceError) as caught:
        lsn_to_int(text)
    assert caught.value.code == expect_code


def test_errors_of_ours_pass_through(target: PgTarget) -> None:
    error = HeadraceError("x")
    assert map_error(error, target) is error
