"""Positions as data: what an offset says, ours or Debezium's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ConfigException
from headrace.sources.postgres.offsets import (
    Position,
    StreamOffset,
    TransactionMark,
    flush_position,
    snapshot_offset,
)

lsns = st.integers(1, 2**63 - 1)


@given(lsns, lsns, st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_an_offset_inside_a_transaction(previous: int, lsn: int, events: int, xid: int) -> None:
    offset = StreamOffset(TransactionMark(xid, 5, previous), lsn, events, "UPDATE")
    assert Position.of(offset) == Position(previous, xid, lsn, events)
    assert flush_position(offset) == previous
    assert dict(offset)["lsn_proc"] == dict(offset)["lsn"] == lsn
    offset.complete(lsn + 8)
    assert Position.of(offset) == Position(lsn + 8)
    assert flush_position(offset) == lsn + 8


@given(lsns)
def test_snapshot_offsets(lsn: int) -> None:
    running, complete = (snapshot_offset(lsn, 7, 1, last=last) for last in (False, True))
    assert Position.of(running) == Position(lsn, snapshot_running=True)
    assert Position.of(complete) == Position(lsn)
    assert flush_position(running) is None
    assert flush_position(complete) == lsn


def test_debeziums_own_offsets() -> None:
    committed = {
        "lsn_proc": 24212416,
        "messageType": "COMMIT",
        "lsn_commit": 24212416,
        "lsn": 24212416,
        "txId": 766,
        "ts_usec": 1795420827196171,
    }
    assert Position.of(committed) == Position(24212416)
    inside = {
        "lsn_proc": 55954280,
        "messageType": "DELETE",
        "lsn_commit": 55954200,
        "lsn": 55954280,
        "txId": 998,
        "ts_usec": 1,
    }
    assert Position.of(inside) == Position(55954200, 998, 55954280, None)
    first = {"lsn_proc": 50, "messageType": "INSERT", "lsn": 50, "txId": 9, "ts_usec": 1}
    assert Position.of(first) == Position(0, 9, 50, None)
    assert Position.of({"snapshot": True, "lsn": 7, "last_snapshot_record": False}).snapshot_running
    with pytest.raises(ConfigException):
        Position.of({})


def test_rows_of_a_snapshot_beside_the_stream_are_positions_of_the_stream() -> None:
    # As Debezium writes them with the rows of incremental and blocking snapshots, finished or not.
    stream = {"lsn_proc": 90, "messageType": "INSERT", "lsn_commit": 80, "lsn": 90, "txId": 7, "ts_usec": 1}
    for kind in ("INCREMENTAL", "BLOCKING"):
        for done in (False, True):
            flags = {"snapshot": kind, "last_snapshot_record": done, "snapshot_completed": done}
            offset = {**stream, **flags, "incremental_snapshot_primary_key": "aced000570"}
            assert Position.of(offset) == Position.of(stream) == Position(80, 7, 90, None)
            assert flush_position(offset) == 80


def test_debeziums_offsets_within_a_transaction_that_say_less() -> None:
    # The first BEGIN after a start has no lsn_commit.
    begin = {"transaction_id": "7", "lsn_proc": 90, "messageType": "BEGIN", "lsn": 100, "txId": 7, "ts_usec": 1}
    assert Position.of(begin) == Position(90)
    assert Position.of({**begin, "lsn_commit": 80}) == Position(80)
    # Of several tables of one TRUNCATE, one record has been made: lsn_proc stays behind, and how many is not told.
    truncate = {"lsn_proc": 90, "messageType": "TRUNCATE", "lsn_commit": 90, "lsn": 100, "txId": 7, "ts_usec": 1}
    assert Position.of(truncate) == Position(90, 7, 100, 0)
    assert Position.of({**truncate, "messageType": "MESSAGE"}) == Position(90, 7, 100, None)
    assert Position.of({**truncate, "lsn_proc": 100}) == Position(90, 7, 100, None)
    assert Position.of({**truncate, "lsn_events_processed": 2}) == Position(90, 7, 100, 2)
