"""The native side of the converters of single values; where the Rust core declines, or is missing, the converters do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from headrace.data import Schema
from headrace.data.columns import layout_of
from headrace.native import core
from headrace.spi.columns import Column, PackedColumn
from headrace.spi.converter import DecodedRun

if TYPE_CHECKING:
    from headrace.native import _core as native

Form = Literal["text", "bytes", "int2", "int4", "int8", "single", "double", "bool"]


def encode_single(form: Form, schema: Schema, values: native.Column) -> PackedColumn | None:
    """See `Converter.encode_column`."""
    layout = layout_of(schema)
    if core is None or layout is None:
        return None
    try:
        buffer, lengths = core.encode_single(form, layout, values)
    except core.DeclinedError:
        return None
    return PackedColumn(memoryview(buffer), lengths)


def decode_single(form: Form, schema: Schema, column: Column) -> list[DecodedRun] | None:
    """See `Converter.decode_column`; `schema` is that of every value."""
    if core is None:
        return None
    packed = column.packed()
    if packed.prefix_index is not None:
        return None
    try:
        values = core.decode_single(form, packed.buffer, packed.lengths)
    except core.DeclinedError:
        return None
    return [DecodedRun(len(packed), schema, values)] if len(packed) else []
