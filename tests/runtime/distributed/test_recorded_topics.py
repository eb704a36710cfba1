"""Connect's three topics as a real worker (Kafka Connect 4.3.1) wrote them: read and written here to the same bytes and the same state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.log.offset_codec import offset_key, offset_value, parse_key, parse_value
from headrace.runtime.distributed import config_records, status_records
from headrace.runtime.distributed.config_state import ConfigReducer
from headrace.runtime.distributed.status_state import StatusState

SESSIONS = ("plain", "eos")
"""One with exactly.once.source.support disabled, one with it enabled."""


def _recorded(session: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / f"{session}.json").read_text())
    return found


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


@pytest.mark.parametrize("session", SESSIONS)
def test_config_topic(session: str) -> None:
    recorded = _recorded(session)
    reducer = ConfigReducer()
    kinds = set()
    for _, offset, _, key, value in recorded["configs"]:
        record = config_records.decode(_bytes(key), _bytes(value))
        assert not isinstance(record, config_records.Unusable), (key, record)
        assert config_records.encode(record) == (_bytes(key), _bytes(value))
        kinds.add(type(record))
        reducer.apply(offset, record)
    wanted = {
        config_records.ConnectorRecord,
        config_records.TargetStateRecord,
        config_records.TaskRecord,
        config_records.CommitRecord,
        config_records.RestartRecord,
        config_records.SessionKey,
    }
    assert kinds >= wanted
    assert (config_records.FencingRecord if session == "eos" else config_records.LoggerRecord) in kinds
    state, told = reducer.snapshot(), recorded["rest"]
    assert sorted(state.connectors()) == sorted(told)
    assert state.offset == recorded["configs"][-1][1] + 1
    for name, rest in told.items():
        entry = state.of(name)
        assert entry.properties == rest["info"]["config"]
        assert [dict(task) for task in entry.tasks] == [task["config"] for task in rest["tasks"]]
        assert not entry.inconsistent


@pytest.mark.parametrize("session", SESSIONS)
def test_status_topic(session: str) -> None:
    recorded = _recorded(session)
    state = StatusState()
    for _, _, _, key, value in recorded["status"]:
        record = status_records.decode(_bytes(key), _bytes(value))
        assert not isinstance(record, status_records.Unusable), (key, record)
        assert status_records.encode(record) == (_bytes(key), _bytes(value))
        state.apply(record)
    for name, rest in recorded["rest"].items():
        assert sorted(use.topic for use in state.topics(name)) == sorted(rest["topics"][name]["topics"])


@pytest.mark.parametrize("session", SESSIONS)
def test_offsets_topic(session: str) -> None:
    for _, _, _, key, value in _recorded(session)["offsets"]:
        name, partition = parse_key(key.encode())
        assert offset_key(name, partition) == key.encode()
        if value is not None:
            assert offset_value(parse_value(value.encode())) == value.encode()
