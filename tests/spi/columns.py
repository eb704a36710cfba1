"""Columns of any form, and their code with and without the Rust core."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from hypothesis import strategies as st

from headrace.log import partitioner
from headrace.log.embedded import batch_codec, compression
from headrace.native import core
from headrace.spi import columns as columns_module
from headrace.spi import packed_numbers
from headrace.spi.columns import Column

data = st.one_of(st.none(), st.binary(max_size=20), st.sampled_from([b"\xff" * 5, b"x" * 255, b"y" * 65_535]))


@st.composite
def columns(draw: st.DrawFn) -> Column:
    values = draw(st.lists(data, max_size=12))
    form = draw(st.sampled_from(["none", "same", "each", "many"]))
    if form == "none":
        return Column(values)
    prefixes = [b"", *draw(st.lists(st.binary(max_size=8), min_size=1, max_size=5))]
    if form == "same":
        return Column(values, prefixes, [draw(st.integers(0, len(prefixes) - 1))] * len(values))
    if form == "many":
        prefixes += [b"%d" % n for n in range(300)]
    indexes = st.integers(0, len(prefixes) - 1)
    return Column(values, prefixes, draw(st.lists(indexes, min_size=len(values), max_size=len(values))))


def choose(monkeypatch: pytest.MonkeyPatch, implementation: str) -> None:
    """Let packed columns be worked on by the twins (python) or the core (rust); skips where there is no core."""
    chosen: Any = core if implementation == "rust" else None
    if chosen is None and implementation == "rust":
        pytest.skip("the Rust core is not built")
    modules: tuple[ModuleType, ...] = (columns_module, packed_numbers, batch_codec, compression, partitioner)
    for module in modules:
        monkeypatch.setattr(module, "core", chosen)
