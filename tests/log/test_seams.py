"""Rows compressed by their seams: whatever is said of these, the same bytes come back."""

from __future__ import annotations

import random
import struct
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.converters.json import JsonConverter
from headrace.data import SchemaBuilder, Struct
from headrace.data.columns import layout_of
from headrace.log.batch_slices import cut
from headrace.log.embedded.batch_codec import decode_batch, encode_packed, packed
from headrace.log.spi import EncodedBatch
from headrace.native import core
from headrace.spi.columns import PackedColumn
from headrace.spi.converter import Column
from tests.log.test_compression import expand, needs_core, quick, texts
from tests.spi.columns import choose


@st.composite
def rows(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """Rows that are alike, their lengths and their seams, which are right for some of them."""
    chance = random.Random(draw(st.integers(0, 1 << 30)))
    names = [b"," + b"n" * draw(st.integers(0, 60)) + b"%d:" % n for n in range(draw(st.integers(1, 6)))]
    longest = draw(st.sampled_from([0, 3, 40, 3000]))
    wrong = draw(st.sampled_from([0.0, 0.01, 1.0]))
    text, lengths, gaps = b"", [], []
    for _ in range(draw(st.sampled_from([1, 30, 1500]))):
        pieces = [name + chance.choice([b"same", chance.randbytes(chance.randint(0, longest))]) for name in names]
        seams = [0, *(len(piece) for piece in pieces[:-1])]
        if chance.random() < wrong:
            seams[chance.randrange(len(seams))] = chance.choice([1, 65_535])
        text += b"".join(pieces)
        lengths.append(sum(map(len, pieces)))
        gaps += seams
    return text, struct.pack(f"<{len(lengths)}i", *lengths), struct.pack(f"<{len(gaps)}H", *gaps)


@needs_core
@quick
@given(rows(), st.integers(0, 70_000), st.booleans())
def test_rows_there_and_back(made: tuple[bytes, bytes, bytes], ahead: int, cut: bool) -> None:
    text, lengths, gaps = made
    head = bytes(ahead)
    blocks = core.lz4_compress([head, text, b"behind"], 1 << 40, (1, lengths[:-4] if cut else lengths, gaps))
    whole = head + text + b"behind"
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert expand(monkeypatch, bytes(blocks), len(whole)) == {"python": whole, "rust": whole}


@needs_core
@quick
@given(texts(), st.binary(max_size=400), st.binary(max_size=400))
def test_seams_may_be_anything(text: bytes, lengths: bytes, gaps: bytes) -> None:
    made = core.lz4_compress([text], 1 << 40, (0, lengths, gaps))
    assert bytes(core.lz4_decompress(made, len(text))) == text


ORDER = (
    SchemaBuilder.struct()
    .field("id", SchemaBuilder.int64().build())
    .field("note", SchemaBuilder.string().optional().build())
    .field("inner", SchemaBuilder.struct().field("flag", SchemaBuilder.bool().build()).optional().build())
    .field("end", SchemaBuilder.string().build())
    .build()
)
INNER = ORDER.fields[2].schema


def orders(count: int) -> PackedColumn:
    """Encoded by the Rust core, which says where the seams are."""
    converter = JsonConverter()
    converter.configure({"schemas.enable": "false"})
    values = [
        Struct(ORDER)
        .put("id", n)
        .put("note", None if n % 3 else f'note "{n}"')
        .put("inner", Struct(INNER).put("flag", n % 2 == 0) if n % 5 else None)
        .put("end", "x" * (n % 7))
        for n in range(count)
    ]
    values[5::13] = [None] * len(values[5::13])
    column = converter.encode_column("t", ORDER, core.Column.of(layout_of(ORDER), values))
    assert isinstance(column, PackedColumn)
    return column


@needs_core
def test_seams_are_where_texts_begin() -> None:
    column = orders(100)
    assert column.seams is not None
    gaps = struct.unpack(f"<{len(column.seams) // 2}H", column.seams)
    per = len(gaps) // len(column)
    for n, datum in enumerate(column):
        if datum is None:
            continue
        places = list(accumulate(gaps[n * per : (n + 1) * per]))
        for text in (b',"note":', b',"inner":'):
            assert datum.index(text) in places


@needs_core
def test_a_slice_has_the_seams_of_its_rows() -> None:
    whole = orders(100)
    part = whole.slice(17, 60).slice(3, 40)
    assert part.seams is not None
    assert whole.seams is not None
    width = len(whole.seams) // 100
    assert part.seams == whole.seams[20 * width : 57 * width]


@needs_core
@pytest.mark.usefixtures("implementation")
def test_a_batch_with_seams_is_read_by_both() -> None:
    values = orders(4000)
    keys: list[bytes | None] = [b"%d" % n for n in range(4000)]
    whole = EncodedBatch("t", 3, [1000] * 4000, Column(keys), values, [()] * 4000)
    for one in (whole, cut(whole, 700, 3900)):
        with pytest.MonkeyPatch.context() as monkeypatch:
            choose(monkeypatch, "rust")
            blob = b"".join(encode_packed(packed(one), compress=True))
        assert 3 * len(blob) < one.values.size
        found = decode_batch("t", 3, 9, blob)
        assert list(found.values) == list(one.values)
        assert list(found.keys) == list(one.keys)
