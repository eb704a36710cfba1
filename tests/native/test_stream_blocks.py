"""The core's splitter of streamed transactions against the Python one, which defines it: the same bytes, cut anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sources.postgres import offline, streamed

from headrace.native import core
from headrace.sources.postgres.stream.blocks import FOREIGN, MALFORMED, BlockSplitter, Piece, Splitter

pytestmark = pytest.mark.skipif(core is None, reason="needs the Rust core")

xids = st.integers(1, 3)
parts = st.sampled_from([1, 2, 3, 10, 11, 2**32 - 1])
lsns = st.sampled_from([0, 0, 1, 50, 2**64 - 1])
messages = st.sampled_from(
    [
        offline.insert(1, ["a", None]),
        offline.update(1, ["b"], ["a"]),
        offline.delete(1, ["b"]),
        offline.truncate(1, 2),
        offline.relation(1, "t", "d", [(True, "id", 23, -1)]),
        b"Y" + b"\0\0\0\1public\0mood\0",
        offline.logical(5, "p", b"content", True),
        b"?",
    ]
)
payloads = st.one_of(
    xids.map(streamed.start),
    xids.map(streamed.start),
    st.just(streamed.STOP),
    st.builds(streamed.inner, lsns, parts, messages),
    st.builds(streamed.inner, lsns, parts, messages),
    st.builds(streamed.inner, lsns, parts, messages),
    st.builds(offline.xlog, lsns, st.just(offline.origin(3, "there"))),
    st.builds(offline.xlog, lsns, messages),
    st.builds(streamed.commit, xids, st.integers(0, 2**63)),
    st.builds(streamed.abort, xids, parts, where=st.booleans()),
    st.builds(offline.keepalive, st.integers(0, 2**63), st.booleans()),
    st.sampled_from([b"", b"w", b"w" * 25, b"w" * 26]),
)
cut_short = st.builds(lambda payload, size: payload[:size], payloads, st.integers(0, 40))
framed = st.lists(payloads, max_size=20).map(offline.framed)
some_cut = st.lists(st.one_of(payloads, payloads, payloads, cut_short), max_size=20).map(offline.framed)


@st.composite
def hostile(draw: st.DrawFn) -> bytes:
    """Such bytes with a few of them changed, left out or put in."""
    data = bytearray(draw(framed))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 9))] = draw(st.binary(max_size=6))
    return bytes(data)


def pieces(splitter: Splitter, chunks: list[bytes]) -> list[list[Piece]]:
    """Of each chunk, until the stream is over."""
    found = []
    for chunk in chunks:
        found.append(splitter.split(chunk))
        if found[-1] and found[-1][-1][0] in (FOREIGN, MALFORMED):
            break
    return found


@given(st.one_of(framed, some_cut, hostile()), st.lists(st.integers(0, 5000), max_size=8))
def test_pieces_are_those_of_the_twin(data: bytes, cuts: list[int]) -> None:
    chunks = streamed.cut(data, cuts)
    made: Any = core.StreamBlocks()
    assert pieces(made, chunks) == pieces(BlockSplitter(), chunks)


def test_a_stream_goes_on_behind_what_is_not_of_it() -> None:
    chunks = [
        offline.framed([streamed.start(7), streamed.inner(1, 7, offline.insert(1, ["a"]))])[:-3],
        b"\0\0aN\0\0\0\x04",
        offline.framed([streamed.inner(1, 7, offline.insert(1, ["b"]))]),
    ]
    core_, twin = core.StreamBlocks(), BlockSplitter()
    for chunk in chunks:
        assert core_.split(chunk) == twin.split(chunk)
