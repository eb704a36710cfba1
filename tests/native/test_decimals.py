"""Unscaled decimals are held in one form, the shortest, wherever they come from: keys and marks are compared as bytes."""

from __future__ import annotations

import base64
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.data.columns import layout_of
from headrace.data.logical import decimal_builder
from headrace.native import core

pytestmark = pytest.mark.skipif(core is None, reason="there is no Rust core")
EDGES = st.builds(
    lambda sign, power, step: sign * 2**power + step, st.sampled_from([1, -1]), st.integers(0, 300), st.integers(-1, 1)
)


def shortest(number: int) -> bytes:
    """As BigInteger.toByteArray."""
    return number.to_bytes(((number if number >= 0 else ~number).bit_length()) // 8 + 1, "big", signed=True)


@given(st.one_of(EDGES, st.integers()))
@example(-128)
@example(-(2**63))
def test_values_of_records_are_held_in_the_shortest_form(number: int) -> None:
    layout = layout_of(decimal_builder(0).build())
    assert layout is not None
    assert core.Column.of(layout, [Decimal(number)]).equals(shortest(number)).all()


@given(st.one_of(EDGES, st.integers()), st.integers(0, 3))
def test_json_in_longer_forms_is_read_as_the_shortest(number: int, padding: int) -> None:
    layout = layout_of(decimal_builder(0).build())
    given_bytes = (b"\xff" if number < 0 else b"\0") * padding + shortest(number)
    text = b'"' + base64.b64encode(given_bytes) + b'"'
    try:
        column = core.JsonDecoder(layout).decode(text, len(text).to_bytes(4, "little"), prefix=b"", tail=b"")
    except core.DeclinedError:
        return
    assert column.equals(shortest(number)).all()
