"""Lines, positions and what a restart reads again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import ConnectException
from headrace.sources.file import task as module
from headrace.sources.file.connector import FileStreamSourceConnector


class _Context:
    def __init__(self, stored: dict[str, Any] | None) -> None:
        self.offset_reader = self
        self.stored = stored

    def offset(self, partition: Any) -> dict[str, Any] | None:
        return self.stored


def _task(path: Path, stored: dict[str, Any] | None = None, limit: int = 3) -> module.FileStreamSourceTask:
    made = module.FileStreamSourceTask()
    made.initialize(_Context(stored))  # type: ignore[arg-type]
    made.start({"file": str(path), "topic": "lines", "batch.size": str(limit)})
    return made


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(st.sampled_from([b"a", b"bcd", b"\n", b"\r", b"\r\n", "ä€".encode()]), max_size=40),
    piece=st.integers(1, 7),
    stop_after=st.integers(0, 12),
)
def test_any_pieces_give_the_same_lines(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], piece: int, stop_after: int
) -> None:
    content = b"".join(pieces)
    path = tmp_path_factory.mktemp("lines") / "in.txt"
    path.write_bytes(content)
    # A line counts once its end is known; a carriage return at the very end may be half of one.
    complete = content.decode()[:-1] + ("\n" if content.endswith(b"\n") else "") if content else ""
    ends = complete.replace("\r\n", "\n").replace("\r", "\n")
    expected = ends.split("\n")[:-1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PIECE", piece)
        patch.setattr(module, "_WAIT_S", 0.0)
        first = _task(path)
        got: list[tuple[str, int]] = []
        while len(got) < stop_after and (records := first.poll()):
            got += [(record.value, record.source_offset["position"]) for record in records]
        del got[stop_after:]
        first.close()
        second = _task(path, {"position": got[-1][1]} if got else None)
        while records := second.poll():
            got += [(record.value, record.source_offset["position"]) for record in records]
        second.close()
    assert [line for line, _ in got] == expected


def test_waits_for_the_file_and_for_more(tmp_path: Path) -> None:
    path = tmp_path / "later.txt"
    task = _task(path)
    assert not task.poll()
    path.write_text("one\nhal")
    assert [record.value for record in task.poll() or []] == ["one"]
    with path.open("a") as file:
        file.write("f\n")
    assert [record.value for record in task.poll() or []] == ["half"]
    task.close()


def test_a_file_that_was_cut_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.txt"
    path.write_text("one\ntwo\n")
    task = _task(path)
    assert len(task.poll() or []) == 2
    path.write_text("new\n")
    with pytest.raises(ConnectException) as caught:
        task.poll()
    assert caught.value.code == "FILE_CUT"
    task.close()
    with pytest.raises(ConnectException) as caught:
        _task(path, {"position": 8}).poll()
    assert caught.value.code == "FILE_CUT"


def test_validation_wants_a_file_and_a_topic() -> None:
    values = {value.name: value for value in FileStreamSourceConnector().validate({"topic": ""})}
    assert values["file"].errors
    assert values["topic"].errors


@pytest.mark.parametrize(
    ("partition", "offset"),
    [
        ({"filename": "a"}, {}),
        ({"filename": "a"}, {"position": -1}),
        ({"filename": "a"}, {"position": "1"}),
        ({}, {"position": 1}),
    ],
)
def test_offsets_that_are_none_are_refused(partition: dict[str, Any], offset: dict[str, Any]) -> None:
    connector = FileStreamSourceConnector()
    assert connector.alter_offsets({"file": "a"}, [({"filename": "a"}, {"position": 5}), ({"other": 1}, None)])
    with pytest.raises(ConnectException):
        connector.alter_offsets({"file": "a"}, [(partition, offset)])


@pytest.mark.parametrize("limit", [0, -1])
def test_a_batch_has_at_least_a_line(tmp_path: Path, limit: int) -> None:
    """Such settings are accepted, as by Kafka; they must not mean that nothing is ever read."""
    path = tmp_path / "in.txt"
    path.write_bytes(b"a\nb\n")
    task = _task(path, limit=limit)
    assert [record.value for _ in range(2) for record in task.poll() or ()] == ["a", "b"]
    task.close()
