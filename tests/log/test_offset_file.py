"""The offsets file of a JVM's standalone worker. The files in golden/ were written by java.io.ObjectOutputStream, as Kafka does."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ConfigException
from headrace.log.offset_codec import parse_key, parse_value
from headrace.log.offset_file import read_offset_file
from tests.runtime.worker_support import Worker

GOLDEN = Path(__file__).parent / "golden"
DATA = (GOLDEN / "standalone.offsets").read_bytes()


def test_the_offsets_are_read() -> None:
    found = {
        str(parse_key(key)): None if value is None else parse_value(value)
        for key, value in read_offset_file(DATA).items()
    }
    assert found == {
        "('orders', {'server': 'shop'})": {
            "lsn_proc": 24212416, "messageType": "COMMIT", "lsn_commit": 24212416, "lsn": 24212416, "txId": 766, "ts_usec": 1795420827196171,
        },
        "('lines', {'filename': 'größe.txt'})": {"position": 14},
        "('lines', {'filename': 'old.txt'})": None,
    }  # fmt: skip
    assert read_offset_file((GOLDEN / "empty.offsets").read_bytes()) == {}


@given(st.integers(0, len(DATA) - 1))
def test_a_cut_file_is_refused(length: int) -> None:
    with pytest.raises(ConfigException) as caught:
        read_offset_file(DATA[:length])
    assert caught.value.code == "OFFSET_FILE_INVALID"


@given(st.binary(max_size=200), st.integers(0, len(DATA)))
def test_any_bytes_are_read_or_refused(noise: bytes, at: int) -> None:
    with contextlib.suppress(ConfigException):
        read_offset_file(DATA[:at] + noise + DATA[at + len(noise) :])


def test_a_worker_goes_on_where_the_jvms_stopped(tmp_path: Path) -> None:
    """Once: what was reset here since does not come back at the next start."""
    file = tmp_path / "offsets"
    file.write_bytes(DATA)
    config = {"file": "größe.txt", "topic": "lines"}
    worker = Worker(tmp_path, offset__storage__file__filename=str(file)).start()
    try:
        worker.create("lines", "FileStreamSource", state="STOPPED", **config)
        offsets = worker.request("GET", "/connectors/lines/offsets", status=200)["offsets"]
        assert offsets == [{"partition": {"filename": "größe.txt"}, "offset": {"position": 14}}]
        worker.request("DELETE", "/connectors/lines/offsets", status=200)
    finally:
        worker.close()
    again = Worker(tmp_path, offset__storage__file__filename=str(file)).start()
    try:
        assert again.request("GET", "/connectors/lines/offsets", status=200)["offsets"] == []
    finally:
        again.close()
