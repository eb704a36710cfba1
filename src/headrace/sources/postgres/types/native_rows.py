"""The Rust core's plan of a table's rows, made from what the Python decoders are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.cdc.masks import Mask
from headrace.data import Schema, Type
from headrace.data.columns import layout_of
from headrace.native import core
from headrace.sources.postgres.types.type_plan import Native

if TYPE_CHECKING:
    from headrace.native._core import Column, RowPlan


class NativeOutput(NamedTuple):
    """One column that is made, as `native.pgoutput.Column` says it. `zero`: what stands for NULL in an old row of the identity's columns
    only. `fills`: an unsent value is taken from a complete old row."""

    source: int
    native: Native | None
    mask: Mask | None
    schema: Schema
    null: Any
    refused: bool
    unchanged: Any
    zero: Any
    fills: bool


def row_plan(
    width: int,
    outputs: Sequence[NativeOutput],
    values: int,
    key: tuple[Sequence[int], str | None, bool] | None,
) -> RowPlan | None:
    """The plan of rows of `width` values; the first `values` outputs are the record's. `key`: the outputs of the key, a text added to
    it, whether old rows surely have it; None for no key. None without the core, or where it lacks a part: then the Python decoders
    do the whole table."""
    if core is None:
        return None
    given = []
    for output in outputs:
        spec = _masked(output)
        if spec is None or layout_of(output.schema) is None:
            return None
        null = None if output.null is None else _cell(output.schema, output.null)
        if null is None and output.null is not None:
            return None
        marks = _cell(output.schema, output.unchanged), _cell(output.schema, output.zero)
        given.append((output.source, spec, null, output.refused, *marks, output.fills))
    made: RowPlan = core.RowPlan(width, given, values, None if key is None else (list(key[0]), *key[1:]))
    return made


def _masked(output: NativeOutput) -> Native | None:
    mask, spec = output.mask, output.native
    if mask is None or spec is None:
        return spec
    if mask.native is None:
        return None
    kind, much = mask.native
    if kind == "cut":
        kind = "text" if output.schema.type is Type.STRING else "bytes"
    return ("masked", spec, kind, much)


def _cell(schema: Schema, value: Any) -> Column | None:
    """A column of this value alone; None where it has no native form."""
    layout = layout_of(schema)
    try:
        made: Column = core.Column.of(layout, [value])
    except core.DeclinedError:
        return None
    return made
