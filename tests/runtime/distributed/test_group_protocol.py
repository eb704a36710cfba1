"""The group's bytes: what is written is read again, hostile bytes give the coded error. Against the JVM's own: parity corpus `group_protocol`."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ConfigException, DataException
from headrace.runtime.distributed.protocol import (
    Assignment,
    Metadata,
    SubProtocol,
    decode_assignment,
    decode_metadata,
    encode_assignment,
    encode_metadata,
    offered,
)
from headrace.runtime.distributed.work import TaskId, Work

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORK = st.builds(
    Work.of,
    st.lists(NAMES, max_size=5),
    st.lists(st.builds(TaskId, NAMES, st.integers(0, (1 << 31) - 1)), max_size=8),
).map(Work.ordered)
OFFSETS = st.integers(-1, (1 << 63) - 1)
DELAYS = st.integers(0, (1 << 31) - 1)


def _assignments(version: int) -> st.SearchStrategy[Assignment]:
    more = (WORK, DELAYS) if version else (st.just(Work()), st.just(0))
    return st.builds(
        Assignment, st.just(version), st.sampled_from([0, 1]), NAMES, NAMES, OFFSETS, WORK, more[0], more[1]
    )


def _metadata(version: int) -> st.SearchStrategy[Metadata]:
    held = st.none() | _assignments(version) if version else st.none()
    return st.builds(Metadata, st.just(version), NAMES, OFFSETS, held)


VERSIONS = st.sampled_from([0, 1, 2])


def _ordered(assignment: Assignment | None) -> Assignment | None:
    """The order of the items is not told: those of one connector stand together."""
    if assignment is None:
        return None
    return Assignment(
        assignment.version,
        assignment.error,
        assignment.leader,
        assignment.leader_url,
        assignment.config_offset,
        assignment.assigned.ordered(),
        assignment.revoked.ordered(),
        assignment.delay_ms,
    )


@given(VERSIONS.flatmap(_assignments))
def test_an_assignment_is_read_as_it_was_written(assignment: Assignment) -> None:
    assert _ordered(decode_assignment(encode_assignment(assignment))) == assignment


@given(VERSIONS.flatmap(_metadata))
def test_metadata_is_read_as_it_was_written(metadata: Metadata) -> None:
    read = decode_metadata(encode_metadata(metadata))
    assert Metadata(read.version, read.url, read.config_offset, _ordered(read.allocation)) == metadata
    assert read.active.ordered() == (metadata.allocation.assigned if metadata.allocation else Work())


@given(_assignments(2))
def test_a_member_tells_its_assignment_in_the_version_of_its_metadata(held: Assignment) -> None:
    told = decode_metadata(encode_metadata(Metadata(1, "http://a", 3, held)))
    assert told.allocation is not None
    assert told.allocation.version == 1
    assert told.active.ordered() == held.assigned
    assert decode_metadata(encode_metadata(Metadata(0, "http://a", 3, held))).active == Work()


@given(st.one_of(st.binary(max_size=120), _metadata(2).map(encode_metadata)), st.data())
def test_hostile_bytes_give_the_coded_error_or_a_value(raw: bytes, data: st.DataObject) -> None:
    changed = bytearray(raw)
    if changed:
        for place in data.draw(st.lists(st.integers(0, len(changed) - 1), max_size=4)):
            changed[place] = data.draw(st.integers(0, 255))
    for decode in (decode_assignment, decode_metadata):
        with suppress(DataException):  # any other error fails the test
            decode(bytes(changed))


def test_a_name_that_has_no_utf8_gives_the_coded_error() -> None:
    with pytest.raises(DataException) as raised:
        encode_assignment(Assignment(2, 0, "m", "u", 0, Work(("\udc00",))))
    assert raised.value.code == "KAFKA_UNENCODABLE"


def test_what_a_setting_offers() -> None:
    assert [item.wire_name for item in offered("sessioned")] == ["sessioned", "compatible", "default"]
    assert offered("COMPATIBLE") == (SubProtocol.COMPATIBLE, SubProtocol.EAGER)
    assert offered("eager") == (SubProtocol.EAGER,)
    with pytest.raises(ConfigException):
        offered("v2")
    for item in SubProtocol:
        assert SubProtocol.named(item.wire_name) is item
    for name in ("range", None):
        with pytest.raises(DataException):
            SubProtocol.named(name)
