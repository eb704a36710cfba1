"""What a leader answers: the work of all, that it has to read on first, and how it gets along with members it cannot understand."""

from __future__ import annotations

import pytest

from headrace.errors import ConfigException
from headrace.runtime.distributed.group_client import Joined
from headrace.runtime.distributed.group_settings import group_settings
from headrace.runtime.distributed.leader import Leader
from headrace.runtime.distributed.protocol import (
    CONFIG_MISMATCH,
    Assignment,
    Metadata,
    SubProtocol,
    decode_assignment,
    encode_metadata,
)
from headrace.runtime.distributed.work import Configured, TaskId, Work

AHEAD = Configured(9, {"a": (0, 1), "b": (0,)})
BEHIND = Configured(7, {"a": (0, 1)})


def _joined(offsets: dict[str, int], protocol: SubProtocol = SubProtocol.SESSIONED, **raw: bytes) -> Joined:
    members = {
        name: encode_metadata(Metadata(protocol.version, f"http://{name}/", offset)) for name, offset in offsets.items()
    }
    return Joined(3, "m1", "m1", protocol, {**members, **raw})


def _decided(joined: Joined, configured: Configured, latest: Configured) -> dict[str, Assignment]:
    answers = Leader(1000).decide(joined, -1, configured, lambda: latest, 5)
    return {member: decode_assignment(data) for member, data in answers.items()}


def test_all_get_their_share_by_what_the_leader_has_read() -> None:
    decided = _decided(_joined({"m1": 9, "m2": 7}), AHEAD, AHEAD)
    for assignment in decided.values():
        assert (assignment.version, assignment.error, assignment.config_offset) == (2, 0, 9)
        assert (assignment.leader, assignment.leader_url) == ("m1", "http://m1/")
    assert {len(item.assigned.tasks) for item in decided.values()} == {1, 2}
    assert {len(item.assigned.connectors) for item in decided.values()} == {1}


def test_a_leader_that_is_behind_takes_what_it_has_read_meanwhile() -> None:
    decided = _decided(_joined({"m1": 7, "m2": 8}), BEHIND, AHEAD)
    assert {item.config_offset for item in decided.values()} == {9}
    assert sum(len(item.assigned.tasks) for item in decided.values()) == 3


@pytest.mark.parametrize("protocol", list(SubProtocol))
def test_a_leader_that_is_still_behind_assigns_nothing(protocol: SubProtocol) -> None:
    for assignment in _decided(_joined({"m1": 7, "m2": 9}, protocol), BEHIND, BEHIND).values():
        assert (assignment.version, assignment.error, assignment.config_offset) == (
            protocol.version,
            CONFIG_MISMATCH,
            9,
        )
        assert not assignment.assigned
        assert not assignment.revoked


def test_an_eager_round_gives_everything_out_by_turns() -> None:
    decided = _decided(_joined({"m1": 9, "m2": 9}, SubProtocol.EAGER), AHEAD, AHEAD)
    assert decided["m1"].assigned == Work(("a",), (TaskId("a", 0), TaskId("b", 0)))
    assert decided["m2"].assigned == Work(("b",), (TaskId("a", 1),))


def test_a_member_that_cannot_be_understood_gets_nothing_and_takes_nothing_from_the_others() -> None:
    decided = _decided(_joined({"m1": 9}, m2=b"\x00", m3=b""), AHEAD, AHEAD)
    assert decided["m1"].assigned.ordered() == AHEAD.work
    assert not decided["m2"].assigned
    assert not decided["m3"].assigned


def test_settings_by_connects_keys() -> None:
    settings = group_settings({"group.id": "g"})
    assert settings.offers[0] is SubProtocol.SESSIONED
    assert settings.patience_s == 7
    assert (settings.max_delay_ms, settings.rebalance_timeout_ms) == (300_000, 60_000)
    for wrong in ({}, {"group.id": ""}, {"group.id": "g", "heartbeat.interval.ms": "10000"}):
        with pytest.raises(ConfigException):
            group_settings(wrong)
