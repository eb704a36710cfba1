"""Who may say what of a connector or task, and what is believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.runtime.distributed.status_records import (
    StatusRecord,
    StatusRemoved,
    TopicForgotten,
    TopicUse,
    decode,
    encode,
)
from headrace.runtime.distributed.status_state import StatusState
from headrace.runtime.herder import State

STATES = [state for state in State if state is not State.DESTROYED]
STATUSES = st.builds(
    StatusRecord,
    st.sampled_from(["c", "c-1", "ü😀"]),
    st.none() | st.integers(0, 5),
    st.sampled_from(STATES),
    st.sampled_from(["w1:8083", "w2:8083"]),
    st.integers(0, 20),
    st.none() | st.text(max_size=5),
    st.none() | st.just("1.0"),
)


@given(STATUSES)
def test_statuses_come_back_as_they_were_written(record: StatusRecord) -> None:
    assert decode(*encode(record)) == record


@given(st.binary(max_size=40), st.none() | st.binary(max_size=40))
def test_any_bytes_are_a_record_or_say_why_not(key: bytes, value: bytes | None) -> None:
    for prefix in (b"", b"status-connector-", b"status-task-a-", b"status-topic-t:connector-"):
        decode(prefix + key, value)


def test_a_late_word_of_the_former_owner_is_not_believed() -> None:
    state = StatusState()
    running = StatusRecord("c", 0, State.RUNNING, "w2:8083", 5)
    late = StatusRecord("c", 0, State.UNASSIGNED, "w1:8083", 4)
    state.apply(running)
    assert not state.may_write_safely(late)
    state.apply(late)
    assert state.task("c", 0) == running
    # Its own worker, or a later generation, may say so.
    assert state.may_write_safely(StatusRecord("c", 0, State.UNASSIGNED, "w2:8083", 4))
    gone = StatusRecord("c", 0, State.UNASSIGNED, "w1:8083", 6)
    assert state.may_write_safely(gone)
    state.apply(gone)
    assert state.task("c", 0) == gone


def test_what_is_removed_is_gone() -> None:
    state = StatusState()
    for task in (None, 0, 1):
        state.apply(StatusRecord("c", task, State.RUNNING, "w:1", 1))
    use = TopicUse("t", "c:with-colon", 0, 1)
    assert decode(*encode(use)) == use
    state.apply(use)
    assert state.uses("c:with-colon", "t")
    state.apply(StatusRemoved("c", 1))
    assert [status.task for status in state.tasks("c")] == [0]
    state.apply(StatusRemoved("c", None))
    assert state.connectors() == []
    assert state.tasks("c") == []
    forgotten = decode(encode(TopicForgotten("t", "c:with-colon"))[0], None)
    assert forgotten == TopicForgotten("t", "c:with-colon")
    state.apply(forgotten)
    assert not state.uses("c:with-colon", "t")
