"""Batches come back as they went in, and damage never passes for records."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.errors import DataException
from headrace.log.batch_slices import cut, join, pick, position_of
from headrace.log.embedded.batch_codec import decode_batch, encode_batch, encode_parts
from headrace.log.spi import EncodedBatch, HeaderBytes
from headrace.spi.columns import Column, PackedColumn, Repeated
from tests.spi.columns import choose

data = st.one_of(st.none(), st.binary(max_size=20))
header_tuples = st.lists(st.tuples(st.text(max_size=5), data), max_size=3).map(tuple)


@st.composite
def columns(draw: st.DrawFn, count: int) -> Column:
    values = draw(st.lists(data, min_size=count, max_size=count))
    if draw(st.booleans()):
        return Column(values)
    prefixes = [b"", *draw(st.lists(st.binary(max_size=8), max_size=5))]
    indexes = st.integers(0, len(prefixes) - 1)
    return Column(values, prefixes, draw(st.lists(indexes, min_size=count, max_size=count)))


@st.composite
def batches(draw: st.DrawFn, least: int = 0) -> EncodedBatch:
    count = draw(st.integers(least, 12))
    times = st.integers(-(2**63), 2**63 - 1)
    timestamps = draw(st.one_of(st.lists(times, min_size=count, max_size=count), times.map(lambda t: [t] * count)))
    table = draw(st.lists(header_tuples, min_size=1, max_size=3))
    headers = draw(st.lists(st.sampled_from(table), min_size=count, max_size=count))
    gaps = draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))
    offsets = [100 + sum(gaps[: i + 1]) for i in range(count)]
    return EncodedBatch("t", 3, timestamps, draw(columns(count)), draw(columns(count)), headers, offsets)


def same(one: EncodedBatch, other: EncodedBatch) -> bool:
    return (
        list(one.offsets or ()) == list(other.offsets or ())
        and one.timestamps == other.timestamps
        and one.keys == other.keys
        and one.values == other.values
        and one.headers == other.headers
    )


def packed(batch: EncodedBatch) -> EncodedBatch:
    """The same batch as native code would make it."""
    timestamps: Sequence[int] = batch.timestamps
    headers: Sequence[HeaderBytes] = batch.headers
    if timestamps and list(timestamps) == [timestamps[0]] * len(timestamps):
        timestamps = Repeated(timestamps[0], len(timestamps))
    if headers and list(headers) == [headers[0]] * len(headers):
        headers = Repeated(headers[0], len(headers))
    return EncodedBatch("t", 3, timestamps, batch.keys.packed(), batch.values.packed(), headers, batch.offsets)


def round_trip(batch: EncodedBatch) -> EncodedBatch:
    first = batch.offsets[0] if batch.offsets else 0
    return decode_batch(batch.topic, batch.partition, first, encode_batch(batch))


@pytest.mark.usefixtures("implementation")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches())
def test_round_trip(batch: EncodedBatch) -> None:
    found = round_trip(batch)
    assert same(found, batch)
    assert (found.topic, found.partition) == ("t", 3)
    assert len(found.values.prefixes) <= len(batch.values.prefixes)


@pytest.mark.usefixtures("implementation")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches())
def test_a_packed_batch_gives_the_same_bytes(batch: EncodedBatch) -> None:
    blob = encode_batch(batch)
    assert encode_batch(packed(batch)) == blob
    assert b"".join(encode_parts(packed(batch))) == blob
    found = decode_batch("t", 3, batch.offsets[0] if batch.offsets else 0, blob)
    assert isinstance(found.values, PackedColumn)
    assert encode_batch(found) == blob


@given(batches())
def test_both_implementations_give_the_same_bytes(batch: EncodedBatch) -> None:
    blobs = []
    for implementation in ("python", "rust"):
        with pytest.MonkeyPatch.context() as monkeypatch:
            choose(monkeypatch, implementation)
            blobs.append(encode_batch(packed(batch)))
    assert blobs[0] == blobs[1]


@pytest.mark.usefixtures("implementation")
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches(), st.data())
def test_damage_is_always_noticed(batch: EncodedBatch, draw: st.DataObject) -> None:
    blob = encode_batch(batch)
    at = draw.draw(st.integers(0, len(blob) - 1))
    flipped = bytearray(blob)
    flipped[at] ^= draw.draw(st.integers(1, 255))
    for damaged in (bytes(flipped), blob[:at], blob + b"\0"):
        with pytest.raises(DataException) as caught:
            decode_batch("t", 0, 0, damaged)
        assert caught.value.code == "LOG_CORRUPT"


@pytest.mark.usefixtures("implementation")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches(1), st.data())
def test_cut_pick_and_join(batch: EncodedBatch, draw: st.DataObject) -> None:
    middle = draw.draw(st.integers(0, len(batch)))
    pieces = [piece for piece in (cut(batch, 0, middle), cut(batch, middle, len(batch))) if len(piece)]
    assert same(join(pieces), batch)
    assert same(join([packed(piece) for piece in pieces]), batch)
    assert same(join([round_trip(piece) for piece in pieces]), batch)
    positions = [i for i in range(len(batch)) if draw.draw(st.booleans())]
    assert same(pick(packed(batch), positions), pick(batch, positions))
    chosen = pick(batch, positions)
    assert list(chosen.values) == [batch.values[i] for i in positions]
    assert batch.offsets is not None
    wanted = draw.draw(st.integers(0, 200))
    assert position_of(batch, wanted) == sum(offset < wanted for offset in batch.offsets)


def test_common_prefixes_and_headers_are_stored_once() -> None:
    prefix, headers = b"p" * 10_000, (("name", b"v" * 1000),)
    batch = EncodedBatch(
        "t", 0, [5] * 100, Column([None] * 100), Column([b"x"] * 100, [b"", prefix], [1] * 100), [headers] * 100
    )
    blob = encode_batch(batch)
    assert len(blob) < 13_000
    found = decode_batch("t", 0, 0, blob)
    assert found.values.prefixes == [b"", prefix]
    assert all(item is found.headers[0] for item in found.headers)


def test_prefixes_not_in_use_are_not_stored() -> None:
    prefixes = [b"", *(b"%d" % n * 1000 for n in range(9))]
    batch = EncodedBatch("t", 0, [1, 2], Column([None] * 2), Column([b"a", b"b"], prefixes, [7, 3]), [()] * 2)
    found = decode_batch("t", 0, 0, encode_batch(batch))
    assert list(found.values) == [prefixes[7] + b"a", prefixes[3] + b"b"]
    assert len(found.values.prefixes) == 3


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize(
    "batch",
    [
        EncodedBatch("t", 0, [1], Column([]), Column([b""]), [()]),
        EncodedBatch("t", 0, [1], Column([b""]), Column([b""]), []),
        EncodedBatch("t", 0, [1], Column([5]), Column([b""]), [()]),  # type: ignore[list-item]
        EncodedBatch("t", 0, [1], Column(["text"]), Column([b""]), [()]),  # type: ignore[list-item]
        EncodedBatch("t", 0, [2**63], Column([b""]), Column([b""]), [()]),
        EncodedBatch("t", 0, [1], Column([b""], [b""], [1]), Column([b""]), [()]),
        EncodedBatch("t", 0, [1], Column([b""], [b"", b"x"], [-1]), Column([b""]), [()]),
        EncodedBatch("t", 0, [1], PackedColumn(b"ab", b"\3\0\0\0"), Column([b""]), [()]),
        EncodedBatch("t", 0, [1], PackedColumn(b"ab", b"\1\0\0\0"), Column([b""]), [()]),
        EncodedBatch("t", 0, [1], PackedColumn(b"ab", b"\2\0\0\0\0"), Column([b""]), [()]),
        EncodedBatch("t", 0, [1], PackedColumn(b"ab", b"\2\0\0\0", [b"", b"p"], 2), Column([b""]), [()]),
        EncodedBatch("t", 0, [1], PackedColumn(b"ab", b"\2\0\0\0", [b"", b"p"], b"\2"), Column([b""]), [()]),
        EncodedBatch("t", 0, [1], PackedColumn(b"ab", b"\2\0\0\0", [b"", b"p"], b"\1\1\1"), Column([b""]), [()]),
    ],
)
def test_a_malformed_batch_is_refused(batch: EncodedBatch) -> None:
    with pytest.raises(DataException) as caught:
        encode_batch(batch)
    assert caught.value.code == "BATCH_INVALID"
