"""A packed column is a column: whatever can be asked of the one, the other answers alike."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.native import core
from headrace.spi.columns import Column, PackedColumn, Repeated, RowNumbers
from tests.spi.columns import columns


def views(column: Column) -> list[PackedColumn]:
    """The column packed, over bytes and over a part of something larger."""
    packed = column.packed()
    around = memoryview(b"before" + bytes(packed.buffer) + b"after")[6 : 6 + len(packed.buffer)]
    again = PackedColumn(around, packed.lengths, packed.prefixes, packed.prefix_index)
    return [packed, again]


def indexes_of(column: Column) -> list[int]:
    return column.prefix_of or [0] * len(column)


@pytest.mark.usefixtures("implementation")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns())
def test_all_that_can_be_asked(column: Column) -> None:
    for packed in views(column):
        assert len(packed) == len(column)
        assert [packed[i] for i in range(len(column))] == list(column)
        assert [packed[-i - 1] for i in range(len(column))] == list(column)[::-1]
        assert list(packed) == list(column)
        assert packed == column
        assert column == packed
        assert packed.data == column.data
        assert packed.data is packed.data
        assert indexes_of(packed) == indexes_of(column)
        assert packed.prefix_of is packed.prefix_of
        assert packed.has_null == column.has_null == (None in column.data)
        assert packed.size == column.size
        assert packed.packed() is packed
        with pytest.raises(IndexError):
            packed[len(column)]


@pytest.mark.usefixtures("implementation")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns(), st.data())
def test_slices_and_takes(column: Column, draw: st.DataObject) -> None:
    for packed in views(column):
        for _ in range(3):
            start = draw.draw(st.integers(0, len(column)))
            stop = draw.draw(st.integers(start, len(column)))
            for cut in (packed.slice(start, stop), column.slice(start, stop), packed.take(range(start, stop))):
                assert list(cut) == list(column)[start:stop]
                assert indexes_of(cut) == indexes_of(column)[start:stop]
                assert list(cut.slice(0, len(cut) // 2)) == list(column)[start:stop][: len(cut) // 2]
        if len(column):
            places = draw.draw(st.lists(st.integers(-len(column), len(column) - 1), max_size=8))
            assert list(packed.take(RowNumbers.of(place for place in places if place >= 0))) == [
                list(column)[i] for i in places if i >= 0
            ]
            assert list(packed.take(places)) == list(column.take(places)) == [list(column)[i] for i in places]


@pytest.mark.usefixtures("implementation")
def test_places_out_of_the_column_are_refused() -> None:
    packed = Column([b"a", b"b"]).packed()
    for places in ([2], [-3], [0, 2**32 - 1], [2**40]):
        with pytest.raises(IndexError):
            packed.take(places)


@pytest.mark.skipif(core is None, reason="the Rust core is not built")
@given(
    *(st.binary(max_size=24) for _ in range(3)),
    st.one_of(st.none(), st.integers(0, 4), st.binary(max_size=12)),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_the_core_declines_what_does_not_fit(
    buffer: bytes, lengths: bytes, rows: bytes, prefix: int | bytes | None, partitions: int, unkeyed: int
) -> None:
    for call in (
        lambda: core.packed_size(lengths),
        lambda: core.packed_data(buffer, lengths),
        lambda: core.packed_take(buffer, lengths, prefix, rows),
        lambda: core.packed_partitions(buffer, lengths, [b"", b"x"], prefix, partitions, unkeyed),
    ):
        with contextlib.suppress(core.DeclinedError):
            call()


@pytest.mark.skipif(core is None, reason="the Rust core is not built")
def test_the_core_takes_no_bytes_that_may_change() -> None:
    for buffer in (bytearray(b"ac"), memoryview(bytearray(b"ac")), memoryview(b"abcd")[::2]):
        with pytest.raises((TypeError, BufferError)):
            core.packed_data(buffer, b"\2\0\0\0")
        assert PackedColumn(memoryview(buffer), b"\2\0\0\0").data == [b"ac"]


def test_slices_share_the_buffer() -> None:
    packed = PackedColumn(b"abcdef", Column([b"ab", b"cde", None, b"f"]).packed().lengths)
    first, second = packed.slice(0, 2), packed.slice(2, 4)
    assert isinstance(first.buffer, memoryview)
    assert first.buffer.obj is packed.buffer
    assert list(second) == [None, b"f"]


def test_what_is_no_column_cannot_be_packed() -> None:
    for wrong in (
        Column([5]),  # type: ignore[list-item]
        Column(["text"]),  # type: ignore[list-item]
        Column([b""], [b""], [1]),
        Column([b""], [b"", b"x"], [-1]),
        Column([b"", b""], [b"", b"x"], [1]),
    ):
        with pytest.raises((TypeError, IndexError)):
            wrong.packed()


def test_an_unknown_attribute_is_no_data() -> None:
    with pytest.raises(AttributeError):
        PackedColumn(b"", b"").anything  # noqa: B018


@given(st.integers(0, 5), st.integers(-6, 6), st.one_of(st.none(), st.integers(-6, 6)))
def test_repeated_is_a_list_of_one_value(times: int, start: int, stop: int | None) -> None:
    repeated, plain = Repeated("x", times), ["x"] * times
    assert repeated == plain
    assert plain == repeated
    assert repeated != [*plain, "x"]
    assert times == 0 or repeated != ["y"] * times
    assert list(repeated[start:stop]) == plain[start:stop]
    assert repeated == Repeated("x", times)
    assert (repeated == Repeated("y", times)) == (times == 0)
    assert repeated.count("x") == times
    assert repeated.count("y") == 0
    assert ("x" in repeated) == bool(times) == bool(repeated)
    assert [repeated[i] for i in range(-times, times)] == plain * 2
    with pytest.raises(IndexError):
        repeated[times]
