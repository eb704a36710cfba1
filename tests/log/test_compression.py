"""Blobs compressed by LZ4: both implementations read what the core wrote, and nothing else than that passes."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.errors import DataException
from headrace.log.embedded import compression
from headrace.log.embedded.batch_codec import decode_batch, encode_batch, encode_packed, packed
from headrace.log.embedded.log import EmbeddedLog
from headrace.log.factory import open_log
from headrace.log.spi import EncodedBatch
from headrace.native import core
from headrace.spi.converter import Column
from tests.log.helpers import batch, only_segments, tp, values_of
from tests.log.suite import LogContract
from tests.spi.columns import choose

needs_core = pytest.mark.skipif(core is None, reason="the Rust core is not built")
quick = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """Runs, repetitions and noise, in sizes on both sides of a block."""
    pieces = st.one_of(
        st.binary(max_size=40),
        st.builds(lambda byte, count: byte * count, st.binary(min_size=1, max_size=5), st.integers(0, 40_000)),
        st.builds(lambda seed, count: random.Random(seed).randbytes(count), st.integers(0, 9), st.integers(0, 70_000)),
        st.just(b'{"before":null,"after":{"id":17,"note":"some text"},"op":"r"}' * 50),
    )
    return b"".join(draw(st.lists(pieces, max_size=8)))


def expand(monkeypatch: pytest.MonkeyPatch, blocks: bytes, size: int) -> dict[str, bytes | None]:
    """What each implementation makes of blocks, None where it is an error."""
    found: dict[str, bytes | None] = {}
    for name in ("python", "rust"):
        choose(monkeypatch, name)
        try:
            found[name] = bytes(memoryview(compression.expanded(memoryview(blocks), size)))
        except ValueError:
            found[name] = None
    return found


@needs_core
@quick
@given(texts(), st.data())
def test_there_and_back(text: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    made = core.lz4_compress([text[:at], text[at:]], 1 << 40)
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert expand(monkeypatch, bytes(made), len(text)) == {"python": text, "rust": text}
        for size in (len(text) - 1, len(text) + 1):
            if size >= 0:
                assert expand(monkeypatch, bytes(made), size) == {"python": None, "rust": None}


@needs_core
@quick
@given(texts(), st.data())
def test_damaged_blocks_are_an_error_or_the_same_for_both(text: bytes, data: st.DataObject) -> None:
    made = bytearray(core.lz4_compress([text], 1 << 40))
    for _ in range(data.draw(st.integers(1, 3))):
        if made:
            made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(made)))
    with pytest.MonkeyPatch.context() as monkeypatch:
        for blocks in (bytes(made), bytes(made[:cut])):
            found = expand(monkeypatch, blocks, len(text))
            assert found["python"] == found["rust"]


@quick
@given(st.binary(max_size=300), st.integers(0, 400))
def test_any_bytes(blocks: bytes, size: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        if core is None:
            choose(monkeypatch, "python")
            try:
                compression.expanded(memoryview(blocks), size)
            except ValueError:
                pass
            return
        found = expand(monkeypatch, blocks, size)
        assert found["python"] == found["rust"]


def large(count: int = 300) -> EncodedBatch:
    values = [b'{"id":%d,"note":"of no great interest","flag":true}' % n if n % 7 else None for n in range(count)]
    keys: list[bytes | None] = [b'{"id":%d}' % n for n in range(count)]
    offsets = [5 + 2 * n for n in range(count)]
    return EncodedBatch("t", 3, [1000] * count, Column(keys), Column(values), [()] * count, offsets)


def blob_of(whole: EncodedBatch) -> bytes:
    return b"".join(encode_packed(packed(whole), compress=True))


@needs_core
@pytest.mark.usefixtures("implementation")
def test_a_compressed_batch_is_read_by_both() -> None:
    whole = large()
    with pytest.MonkeyPatch.context() as monkeypatch:
        choose(monkeypatch, "rust")
        blob = blob_of(whole)
    assert blob[2] == 2
    assert 3 * len(blob) < len(encode_batch(whole))
    found = decode_batch("t", 3, 5, blob)
    assert list(found.offsets or ()) == list(whole.offsets or ())
    assert (found.keys, found.values) == (whole.keys, whole.values)


def test_what_would_not_get_smaller_is_kept_as_it_is() -> None:
    noise = batch("t", [random.Random(1).randbytes(5000)])
    assert blob_of(noise) == encode_batch(noise)
    small = batch("t", [b"a" * 500])
    assert blob_of(small) == encode_batch(small)


@needs_core
@pytest.mark.usefixtures("implementation")
def test_every_cut_and_every_changed_bit_is_noticed() -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        choose(monkeypatch, "rust")
        blob = blob_of(large(100))
    damaged = [blob[:size] for size in range(len(blob))] + [blob + b"\0"]
    damaged += [blob[:at] + bytes([blob[at] ^ 1 << at % 8]) + blob[at + 1 :] for at in range(len(blob))]
    for one in damaged:
        with pytest.raises(DataException) as caught:
            decode_batch("t", 3, 5, one)
        assert caught.value.code == "LOG_CORRUPT"


@needs_core
@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("size", [0, 7, 1 << 31, (1 << 32) - 1])
def test_a_wrong_size_under_a_right_checksum_is_noticed(size: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        choose(monkeypatch, "rust")
        blob = blob_of(large())
    body = struct.pack("<I", size) + blob[12:]
    forged = blob[:4] + struct.pack("<I", zlib.crc32(body, blob[3])) + body
    with pytest.raises(DataException):
        decode_batch("t", 3, 5, forged)


def test_a_log_holds_both_and_each_connection_reads_them(folder: Path) -> None:
    config = {"log.embedded.path": str(folder)}
    plain = open_log({**config, "log.embedded.compression.type": "none"})
    dense = open_log(config)
    assert isinstance(plain, EmbeddedLog)
    sizes = []
    values = [b"the same again and again" * 50 + b"%d" % n for n in range(20)]
    for log in (plain, dense, plain):
        log.producer("p").append([batch("t", list(values))])
        with plain.database.read() as connection:
            sizes.append(connection.execute("SELECT bytes FROM batches ORDER BY id DESC LIMIT 1").fetchone()[0])
    assert sizes[0] == sizes[2]
    if core is not None:
        assert 5 * sizes[1] < sizes[0]
    for log in (plain, dense):
        found = log.read(tp("t"), 0, 100)
        assert found is not None
        assert values_of([found]) == values * 3
        log.close()


@needs_core
class TestCompressedLog(LogContract):
    @pytest.fixture(autouse=True)
    def _compressed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        compress_all(monkeypatch)


@needs_core
class TestCompressedLogInSegments(LogContract):
    @pytest.fixture(autouse=True)
    def _compressed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        compress_all(monkeypatch)
        only_segments(monkeypatch)


def compress_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every blob that the log writes is compressed."""

    def compressed(parts: list[bytes], seamed: compression.Seamed | None) -> object:
        return core.lz4_compress([bytes(part) for part in parts], 1 << 40, seamed)

    monkeypatch.setattr("headrace.log.embedded.batch_codec.compressed", compressed)
    begin = EmbeddedLog.__init__

    def init(self: EmbeddedLog, folder: Path, **settings: object) -> None:
        begin(self, folder, **{"compress": True, **settings})  # type: ignore[arg-type]

    monkeypatch.setattr(EmbeddedLog, "__init__", init)
