"""Signals from files and topics, and what is made of their data."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.cdc.signals.channels import FileChannel, QueueChannel, TopicChannel
from headrace.cdc.signals.payload import Signal, SignalRefused, SnapshotRequest


def test_a_file_is_read_and_emptied(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "signals"
    channel = FileChannel(path)
    assert channel.read() == []
    path.write_text(
        '{"id": "1", "type": "log", "data": {"message": "é"}}\n\nnonsense\n{"id": "2", "type": "log"}\n'
        '{"id": 3, "type": "pause-snapshot", "data": "{}", "more": 1}\n[]\n'
    )
    assert channel.read() == [
        Signal("1", "log", '{"message": "\\u00e9"}', "file"),
        Signal("3", "pause-snapshot", "{}", "file"),
    ]
    assert path.read_text() == ""
    assert channel.read() == []
    assert len([r for r in caplog.records if r.levelname == "WARNING"]) == 3


def test_a_topic_is_for_all_servers() -> None:
    class Reader:
        def __init__(self) -> None:
            self.records: list[tuple[bytes | None, bytes | None]] = [
                (b"srv", b'{"id": "1", "type": "log", "data": {"message": "a"}}'),
                (b"other", b'{"id": "2", "type": "log"}'),
                (None, b'{"id": "3", "type": "log"}'),
                (b"srv", None),
                (b"srv", b"{bad"),
                (b"srv", b'{"type": "stop-snapshot", "data": {"type": "INCREMENTAL"}}'),
            ]
            self.commits = 0

        def read(self) -> list[tuple[bytes | None, bytes | None]]:
            found, self.records = self.records, []
            return found

        def commit(self) -> None:
            self.commits += 1

        def close(self) -> None: ...

    reader = Reader()
    channel = TopicChannel(reader, "srv")
    assert [(one.id, one.type, one.channel) for one in channel.read()] == [
        ("1", "log", "kafka"),
        (None, "stop-snapshot", "kafka"),
    ]
    channel.acknowledge()
    assert (channel.read(), reader.commits) == ([], 1)


def test_a_queue_says_when_something_came() -> None:
    channel = QueueChannel()
    channel.put(Signal("1", "log", None))
    assert channel.arrived.is_set()
    assert [one.id for one in channel.read()] == ["1"]
    assert not channel.arrived.is_set()


def test_a_request_reads_itself_again() -> None:
    data = {
        "data-collections": [" public.a ", "public.b"],
        "type": "Blocking",
        "additional-conditions": [{"data-collection": "PUBLIC.A", "filter": "SELECT 1"}],
        "surrogate-key": "x",
    }
    request = SnapshotRequest.of(data)
    assert (request.collections, request.blocking, request.surrogate_key) == (("public.a", "public.b"), True, "x")
    assert (request.filter_of("public.a"), request.filter_of("public.aa")) == ("SELECT 1", "")
    assert SnapshotRequest.of(request.plain()).plain() == request.plain()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"data-collections": "public.a"},
        {"data-collections": ["a"], "type": "other"},
        {"data-collections": ["a"], "additional-conditions": {"x": 1}},
        {"data-collections": ["a"], "additional-conditions": [{"data-collection": "("}]},
        {"data-collections": ["a"], "additional-conditions": [{"data-collection": "a"}]},
    ],
)
def test_requests_that_are_refused(data: dict[str, object]) -> None:
    with pytest.raises(SignalRefused):
        SnapshotRequest.of(data)
