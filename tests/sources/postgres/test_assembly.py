"""Streamed transactions are put together: only what is committed comes, whole and in the order of commits."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sources.postgres import offline, streamed
from tests.sources.postgres.streamed import abort, block, commit, inner

from headrace.errors import ConnectException, RetriableException
from headrace.sources.postgres.stream.assembly import protocol

RELATION = offline.relation(1, "t", "d", [])
ROW, OTHER = offline.insert(1, ["a"]), offline.insert(1, ["b"])
pytestmark = pytest.mark.usefixtures("implementation")
both = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def payloads(*given: bytes) -> list[bytes]:
    return streamed.payloads([offline.framed(given)])


@both
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2), st.sampled_from("mmmrcaxk")), max_size=30),
    st.lists(st.integers(0, 5000), max_size=8),
    st.booleans(),
)
def test_only_what_is_committed_comes_and_in_order(
    steps: list[tuple[int, int, str]], cuts: list[int], where: bool
) -> None:
    """Three transactions of three parts each; the others go by."""
    given_, wanted = list[bytes](), list[bytes]()
    waiting: dict[int, list[tuple[int, int, bytes]]] = {}
    dropped: set[int] = set()
    for number, (xid, part, what) in enumerate(steps):
        sub = xid * 10 + part if part else xid
        if what == "x":
            other = offline.xlog(number, offline.begin(number, 0, 99))
            given_.append(other)
            wanted.append(other)
        elif what in "mrk":
            if sub in dropped:
                continue
            message, lsn = (RELATION, 0) if what == "r" else (offline.insert(number, ["v"]), 100)
            made = [streamed.start(xid), inner(lsn, sub, message), streamed.STOP]
            if what == "k":
                wanted.append(offline.keepalive(number))
                made.insert(number % 4, wanted[-1])
            given_ += made
            waiting.setdefault(xid, []).append((sub, lsn, message))
        elif what == "a" and xid in waiting:
            given_.append(abort(xid, sub, where=where))
            if part:
                dropped.add(sub)
            else:
                del waiting[xid]
                dropped -= {xid * 10 + 1, xid * 10 + 2}
        elif what == "c" and xid in waiting:
            given_.append(commit(xid, 1000 + number))
            left = [(lsn, message) for one, lsn, message in waiting.pop(xid) if one not in dropped]
            whole = [offline.xlog(lsn, message) for lsn, message in left]
            if any(message != RELATION for _, message in left):
                whole.insert(0, offline.xlog(100, offline.begin(1000 + number, 5, xid)))
                whole.append(offline.xlog(1000 + number, offline.commit(1000 + number, 1008 + number, 5)))
            wanted += whole
            dropped -= {xid * 10 + 1, xid * 10 + 2}
    assert streamed.payloads(streamed.cut(offline.framed(given_), cuts)) == wanted


def test_begin_is_told_where_the_first_change_is_that_stays() -> None:
    """Relations are sent without a position."""
    told = [inner(0, 7, RELATION), inner(50, 8, ROW), inner(0, 7, RELATION), inner(60, 7, OTHER)]
    made = payloads(streamed.start(7), *told, streamed.STOP, abort(7, 8), commit(7, 90))
    assert made == [
        offline.xlog(60, offline.begin(90, 5, 7)),
        *[offline.xlog(0, RELATION)] * 2,
        offline.xlog(60, OTHER),
        offline.xlog(90, offline.commit(90, 98, 5)),
    ]


def test_a_transaction_of_which_nothing_is_left_is_left_out() -> None:
    """But what is said of tables holds for what comes behind."""
    whole = payloads(*block(7, (7, RELATION), (8, ROW)), abort(7, 8), commit(7, 90))
    assert whole == [offline.xlog(100, RELATION)]
    assert payloads(*block(7, (7, ROW)), abort(7, 7)) == []
    assert payloads(*block(7), commit(7, 90)) == []


def test_an_origin_says_no_transaction() -> None:
    origin = offline.xlog(0, offline.origin(3, "there"))
    made = payloads(streamed.start(7), origin, inner(50, 8, ROW), streamed.STOP, commit(7, 90))
    assert made[1:3] == [origin, offline.xlog(50, ROW)]


def test_a_commit_of_nothing_is_an_error() -> None:
    with pytest.raises(ConnectException) as raised:
        payloads(commit(7, 10))
    assert raised.value.code == "PG_PROTOCOL"


@pytest.mark.parametrize(
    "hostile",
    [
        [offline.xlog(0, b"S\0\0")],
        [streamed.start(7), offline.xlog(1, b"I\0\0")],
        [streamed.start(7), b"w" * 24],
        [*block(7, (7, ROW)), offline.xlog(1, b"c" + struct.pack(">I", 7))],
        [*block(7, (7, ROW)), offline.xlog(1, b"A\0")],
    ],
    ids=["start", "row", "short", "commit", "abort"],
)
def test_what_is_cut_short_is_an_error(hostile: list[bytes]) -> None:
    with pytest.raises(ConnectException) as raised:
        payloads(*hostile)
    assert raised.value.code == "PG_PROTOCOL"


def test_what_is_not_of_the_stream_is_given_back() -> None:
    connection = streamed.Given([offline.framed([offline.keepalive(1)]) + b"E\0\0\0\x04", b"more"])
    reader = streamed.AssembledConnection(connection)
    assert reader.read(timeout_s=60) == [offline.keepalive(1)]
    assert reader.read_chunk(timeout_s=0) == b""
    assert connection.back[0] == b"E\0\0\0\x04"


def test_the_protocol_follows_the_option() -> None:
    assert [protocol({"streaming": wanted}) for wanted in ("off", "on", "true", "parallel")] == ["1", "2", "2", "4"]
    assert protocol({"origin": "none"}) == "1"


@pytest.mark.parametrize("size", [1, 40_000])
def test_a_full_disk_is_told_as_such(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    # All that is written to it meets a full disk: what is small once it is read back.
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: open("/dev/full", "r+b"))  # noqa: SIM115
    message = (7, offline.insert(1, ["v" * size]))
    with pytest.raises(RetriableException) as raised:
        payloads(*block(7, message, message), commit(7, 10))
    assert raised.value.code == "PG_SPOOL"


def test_a_missing_temporary_folder_is_told_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(RetriableException) as raised:
        payloads(*block(7, (7, ROW)))
    assert raised.value.code == "PG_SPOOL"
