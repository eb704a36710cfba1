"""The config topic's state holds to its rules whatever is written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.runtime.distributed import config_records as records
from headrace.runtime.distributed.config_state import ClusterConfig, ConfigReducer, TargetStateChanged, TasksCommitted
from headrace.runtime.herder import TargetState

NAMES = st.sampled_from(["a", "b-1", "ä 😀"])
PROPERTIES = st.dictionaries(st.text(max_size=4), st.none() | st.text(max_size=4), max_size=3)
TASKS = st.integers(0, 3)
RECORDS: st.SearchStrategy[records.ConfigRecord] = st.one_of(
    st.builds(records.ConnectorRecord, NAMES, st.none() | PROPERTIES),
    st.builds(records.TargetStateRecord, NAMES, st.none() | st.sampled_from(TargetState)),
    st.builds(records.TaskRecord, NAMES, TASKS, PROPERTIES),
    st.builds(records.CommitRecord, NAMES, TASKS),
    st.builds(records.FencingRecord, NAMES, TASKS),
    st.builds(records.RestartRecord, NAMES, st.booleans(), st.booleans()),
    st.builds(records.LoggerRecord, NAMES, st.sampled_from(["INFO", "DEBUG"])),
    st.builds(records.SessionKey, st.binary(min_size=1, max_size=32), st.just("HmacSHA256"), st.integers(0, 1 << 50)),
)


def state_of(written: list[records.ConfigRecord]) -> ClusterConfig:
    reducer = ConfigReducer()
    for offset, record in enumerate(written):
        reducer.apply(offset, record)
    return reducer.snapshot()


def key_of(record: records.ConfigRecord) -> bytes:
    return records.encode(record)[0]


@given(RECORDS)
def test_records_come_back_as_they_were_written(record: records.ConfigRecord) -> None:
    assert records.decode(*records.encode(record)) == record


@given(st.none() | st.binary(max_size=40), st.none() | st.binary(max_size=40))
def test_any_bytes_are_a_record_or_say_why_not(key: bytes | None, value: bytes | None) -> None:
    for prefix in (b"", b"connector-", b"task-a-", b"commit-", b"target-state-", b"tasks-fencing-", b"session-key"):
        records.decode(None if key is None else prefix + key, value)


@pytest.mark.parametrize("key", ["task-a", "task-a-x", "task-a-2147483648", "task-a--1", "task-a-" + "9" * 5000])
def test_a_key_that_names_no_task(key: str) -> None:
    found = records.decode(key.encode(), b'{"properties":{}}')
    if key == "task-a--1":
        # A connector's name may end with a dash.
        assert found == records.TaskRecord("a-", 1, {})
    else:
        assert isinstance(found, records.Unusable)


@settings(max_examples=200)
@given(st.lists(RECORDS, max_size=30))
def test_rules_of_the_state(written: list[records.ConfigRecord]) -> None:
    state = state_of(written)
    for name in {getattr(record, "connector", None) for record in written} - {None}:
        own = [record for record in written if getattr(record, "connector", None) == name]
        entry = state.of(name)
        configs = [record.properties for record in own if isinstance(record, records.ConnectorRecord)]
        assert entry.properties == (configs[-1] if configs else None)
        assert (name in state) == (entry.properties is not None)
        if entry.tasks:
            assert name in state
            assert not entry.inconsistent
            assert len(entry.tasks) == entry.task_count
            tasks = [record.properties for record in own if isinstance(record, records.TaskRecord)]
            assert all(task in tasks for task in entry.tasks)
        if entry.inconsistent:
            assert not entry.tasks
        fenced = [record.task_count for record in own if isinstance(record, records.FencingRecord)]
        assert entry.fenced_tasks in (None, *fenced[-1:])


@settings(max_examples=200)
@given(st.lists(RECORDS, max_size=30))
def test_tasks_wait_for_their_commit(written: list[records.ConfigRecord]) -> None:
    before: ClusterConfig = ClusterConfig()
    reducer = ConfigReducer()
    for offset, record in enumerate(written):
        event = reducer.apply(offset, record)
        after = reducer.snapshot()
        if isinstance(record, records.TaskRecord):
            assert event is None
            assert after.of(record.connector) == before.of(record.connector)
        if isinstance(event, TasksCommitted):
            assert isinstance(record, records.CommitRecord)
        if isinstance(event, TargetStateChanged):
            assert after.of(event.connector).target is not before.of(event.connector).target
        before = after


@settings(max_examples=200)
@given(st.lists(RECORDS, max_size=30))
def test_compaction_keeps_what_counts(written: list[records.ConfigRecord]) -> None:
    """Of each key the last record only. Tasks may be gone with it: then they have to be written again, and nothing runs meanwhile."""
    last = {key_of(record): offset for offset, record in enumerate(written)}
    whole, kept = state_of(written), ConfigReducer()
    for offset, record in enumerate(written):
        if last[key_of(record)] == offset:
            kept.apply(offset, record)
    compacted = kept.snapshot()
    assert sorted(compacted.connectors()) == sorted(whole.connectors())
    assert compacted.session_key == whole.session_key
    for name in whole.connectors():
        entry, found = whole.of(name), compacted.of(name)
        assert found.properties == entry.properties
        assert found.fenced_tasks == entry.fenced_tasks
        if found.tasks and not found.inconsistent:
            written_tasks: list[Any] = [
                record.properties
                for record in written
                if isinstance(record, records.TaskRecord) and record.connector == name
            ]
            assert all(task in written_tasks for task in found.tasks)


def test_a_commit_without_all_its_tasks_runs_none_until_they_are_written() -> None:
    connector = records.ConnectorRecord("c", {"name": "c"})
    one, two = records.TaskRecord("c", 0, {"n": "0"}), records.TaskRecord("c", 1, {"n": "1"})
    commit = records.CommitRecord("c", 2)
    broken = state_of([connector, two, commit]).of("c")
    assert broken.inconsistent
    assert broken.tasks == ()
    mended = state_of([connector, two, commit, one, two, commit]).of("c")
    assert not mended.inconsistent
    assert mended.tasks == ({"n": "0"}, {"n": "1"})
    assert mended.pending_fencing
    assert not state_of([connector, one, two, commit, records.FencingRecord("c", 2)]).of("c").pending_fencing
    gone = state_of([connector, one, two, commit, records.ConnectorRecord("c", None)])
    assert gone.connectors() == []
    assert gone.of("c").tasks == ()


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (b'{"state":"PAUSED","state.v2":"STOPPED"}', TargetState.STOPPED),
        (b'{"state":"PAUSED"}', TargetState.PAUSED),
        (b'{"state":"STARTED","state.v2":null,"later":1}', TargetState.STARTED),
    ],
)
def test_target_states_of_every_version(value: bytes, state: TargetState) -> None:
    assert records.decode(b"target-state-c", value) == records.TargetStateRecord("c", state)
