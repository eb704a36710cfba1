"""The native side of encoding: which values of a column are written by the Rust core, and as what the log takes them.

The Python encoder is the definition; where the core declines, the values go to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headrace.data import Schema
from headrace.data.columns import layout_of
from headrace.native import core
from headrace.spi.columns import PackedColumn

if TYPE_CHECKING:
    from headrace.native._core import Column, JsonEncoder

_NONE: Final = object()


class NativeEncoder:
    """Writes the columns of one converter. `key`: what tells its settings from those of other converters, in a schema's cache."""

    def __init__(self, key: str, *, decimal_numeric: bool, replace_nulls: bool, tail: bytes) -> None:
        self._key = f"{key}:native"
        self._numeric = decimal_numeric
        self._replace = replace_nulls
        self._tail = tail

    def _encoder(self, schema: Schema) -> JsonEncoder | None:
        found: Any = schema.cache.get(self._key)
        if found is None:
            found = schema.cache[self._key] = self._make(schema) or _NONE
        return None if found is _NONE else found

    def _make(self, schema: Schema) -> JsonEncoder | None:
        layout = layout_of(schema)
        if core is None or layout is None:
            return None
        try:
            made: JsonEncoder = core.JsonEncoder(layout, numeric=self._numeric, replace=self._replace, tail=self._tail)
        except core.DeclinedError:
            return None
        return made

    def encode(self, schema: Schema, prefix: bytes, values: Column) -> PackedColumn | None:
        """The data of all rows, each behind `prefix`, None for a null row; None if that is not done natively."""
        encoder = self._encoder(schema)
        if encoder is None:
            return None
        try:
            buffer, lengths, seams = encoder.encode(values)
        except core.DeclinedError:
            return None
        if not prefix:
            return PackedColumn(memoryview(buffer), lengths, seams=seams)
        return PackedColumn(memoryview(buffer), lengths, [b"", prefix], 1, seams)
