"""The raw form of a stream: any cut of it, with anything between the data, gives what the plain form gives."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.systems.postgres.scripted import COPY_BOTH, ScriptedServer
from tests.systems.postgres.splitter import Splitter

from headrace.errors import HeadraceError
from headrace.systems.postgres import ReplicationConnection
from headrace.systems.postgres.messages import message

NOTICE = message(b"N", b"SNOTICE\x00Mby the way\x00\x00")
PARAMETER = message(b"S", b"TimeZone\x00UTC\x00")
ERROR = message(b"E", b"VFATAL\x00C57P01\x00Mgoing down\x00\x00")
DONE = message(b"c", b"")
DATA = st.binary(max_size=40).map(lambda body: message(b"d", body))
STREAM = st.lists(st.one_of(DATA, DATA, DATA, st.sampled_from([NOTICE, PARAMETER])), max_size=15)
END = st.sampled_from([b"", ERROR, DONE, DONE + ERROR, message(b"x", b""), b"d\x00\x00\x00\x01", NOTICE[:3]])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def plain(session: ReplicationConnection) -> tuple[list[bytes], str | None]:
    payloads: list[bytes] = []
    try:
        while True:
            payloads += session.read(1 << 20, 5.0)
    except HeadraceError as error:
        return payloads, error.code


def raw(session: ReplicationConnection) -> tuple[list[bytes], str | None]:
    payloads: list[bytes] = []
    splitter = Splitter()
    try:
        while True:
            rest = splitter.split(session.read_chunk(1 << 20, 5.0), payloads)
            if rest:
                session.give_back(rest)
    except HeadraceError as error:
        return payloads, error.code


@settings(deadline=None, max_examples=60)
@given(STREAM, END, st.lists(st.integers(0, 10_000), max_size=6))
@example([NOTICE, message(b"d", b"one")], ERROR, [])
@example([message(b"d", b"one"), NOTICE, NOTICE, message(b"d", b"two")], DONE + ERROR, [19, 27])
def test_raw_and_plain_form_agree(stream: list[bytes], end: bytes, places: list[int]) -> None:
    # What comes with the answer to START_REPLICATION is part of the stream: the first cut may lie anywhere.
    pieces = cut(COPY_BOTH + b"".join(stream) + end, places)
    expected = [item[5:] for item in stream if item[:1] == b"d"]
    for form in (plain, raw):
        with ScriptedServer(pieces) as server, ReplicationConnection(server.target) as session:
            session.start_replication("s", 0, {})
            payloads, code = form(session)
        assert payloads == expected
        assert code in ({"PG_SHUTDOWN", "PG_CONNECTION_LOST"} if ERROR in end else {"PG_CONNECTION_LOST"})


def test_an_error_behind_the_end_of_the_copy_is_told() -> None:
    pieces = [COPY_BOTH + message(b"d", b"last") + DONE + ERROR]
    with ScriptedServer(pieces) as server, ReplicationConnection(server.target) as session:
        session.start_replication("s", 0, {})
        assert session.read() == [b"last"]
        with pytest.raises(HeadraceError) as caught:
            session.read()
        assert caught.value.code == "PG_SHUTDOWN"


def test_a_cut_notice_is_waited_for_no_longer_than_asked() -> None:
    pieces = [COPY_BOTH + NOTICE[:7]]
    with ScriptedServer(pieces, hold=True) as server, ReplicationConnection(server.target) as session:
        session.start_replication("s", 0, {})
        assert session.read_chunk(1 << 20, 0.01) == b""
        assert session.read_chunk(1 << 20, 0.0) == b""
