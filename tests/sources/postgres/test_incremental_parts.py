"""The pure parts of incremental snapshots: who sees what, and what the offset keeps; settings that are refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.sources.postgres.connector import PostgresConnector
from headrace.sources.postgres.incremental.java_keys import to_java, to_text
from headrace.sources.postgres.incremental.state import Collection, SnapshotState
from headrace.sources.postgres.incremental.visibility import PgSnapshot, RecentTransactions
from headrace.sources.postgres.incremental.window import hashable


def test_what_a_snapshot_sees() -> None:
    snapshot = PgSnapshot.parse("10:15:11,13")
    assert [xid for xid in range(8, 18) if snapshot.sees(xid)] == [8, 9, 10, 12, 14]
    # Ids of the stream have 32 bits: around the wrap they belong to the epoch that is near.
    wrapped = PgSnapshot.parse(f"{(1 << 32) - 2}:{(1 << 32) + 3}:{1 << 32}")
    seen = [xid for xid in ((1 << 32) - 3, (1 << 32) - 1, 0, 1, 2, 3, 4) if wrapped.sees(xid)]
    assert seen == [(1 << 32) - 3, (1 << 32) - 1, 1, 2]


@given(st.integers(3, 1 << 50), st.integers(0, 1000), st.sets(st.integers(0, 999)), st.integers(-1000, 2000))
def test_visibility_over_epochs(xmin: int, width: int, running: set[int], distance: int) -> None:
    snapshot = PgSnapshot(xmin, xmin + width, frozenset(xmin + at for at in running if at < width))
    full = max(3, xmin + distance)
    expected = full < xmin or (full < xmin + width and full not in snapshot.running)
    assert snapshot.sees(full & 0xFFFFFFFF) == expected


def test_recent_transactions() -> None:
    recent = RecentTransactions(3)
    for xid in (1, 20, 21, 22):
        recent.add(xid)
    assert recent.all_seen(PgSnapshot.parse("23:23:"))
    assert not recent.all_seen(PgSnapshot.parse("21:23:21"))
    assert not recent.all_seen(PgSnapshot.parse("22:22:"))


def test_the_state_in_the_offset() -> None:
    state = SnapshotState()
    assert state.keys() == {}
    state.add("s-1", [Collection("public.a", "x = 1 OR y = 2", ""), Collection("public.b", "", "k")])
    assert SnapshotState.of(state.keys()).keys() == state.keys()
    state.begin_table(("5", "x"), [to_java("int4", "5"), to_java("text", "x")])
    state.sent_to = [to_java("int4", "2"), to_java("text", None)]
    again = SnapshotState.of(json.loads(json.dumps(state.keys())))
    assert again.keys() == state.keys()
    assert (again.read_to, again.most, again.correlation) == (("2", None), ("5", "x"), "s-1")
    assert again.collections == state.collections
    state.next_table()
    assert SnapshotState.of(state.keys()).read_to is None


@pytest.mark.parametrize("broken", ["nonsense", "aced", "aced00057372"])
def test_a_key_that_cannot_be_read(broken: str) -> None:
    state = SnapshotState()
    state.add("s-1", [Collection("public.a")])
    again = SnapshotState.of({**state.keys(), "incremental_snapshot_primary_key": broken})
    assert (again.names, again.read_to, again.most) == (["public.a"], None, None)
    assert not SnapshotState.of({"incremental_snapshot_collections": broken}).running


@given(st.integers(-(2**31), 2**31 - 1), st.decimals(allow_nan=False, allow_infinity=False), st.uuids(), st.binary())
def test_keys_come_back_as_the_server_printed_them(number: int, decimal: object, uuid: object, data: bytes) -> None:
    for type, text in (
        ("int4", str(number)),
        ("int8", str(number)),
        ("numeric", format(decimal, "f")),
        ("uuid", str(uuid)),
        ("bytea", "\\x" + data.hex()),
        ("bool", "t"),
        ("inet", "10.0.0.1"),
        ("float8", "Infinity"),
        ("date", "2020-01-02"),
        ("timestamp", "2020-01-02 03:04:05"),
    ):
        assert to_text(to_java(type, text)) == text


@pytest.mark.parametrize(
    ("key", "value", "more"),
    [
        ("signal.enabled.channels", "source,pigeon", {}),
        ("notification.enabled.channels", "pigeon", {}),
        ("notification.sink.topic.name", "", {"notification.enabled.channels": "sink"}),
        ("signal.data.collection", "sig", {}),
        ("incremental.snapshot.watermarking.strategy", "delete", {}),
        ("incremental.snapshot.chunk.size", "0", {}),
    ],
)
def test_settings_that_are_refused(props: dict[str, str], key: str, value: str, more: dict[str, str]) -> None:
    values = PostgresConnector().validate({**props, **more, key: value})
    assert [one.name for one in values if one.errors] == [key]


def test_a_key_that_is_no_number_is_found_again() -> None:
    """As the server has it, for which NaN equals itself: a change drops the row that was read before it."""
    assert hashable([float("nan"), "NaN"]) == hashable([float("nan"), "NaN"])
    assert hashable([float("nan")]) != hashable([0.0])
