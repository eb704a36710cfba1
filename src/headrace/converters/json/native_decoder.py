"""The native side of decoding: data of a few schemas, in runs, as columns of the Rust core.

The Python decoder is the definition; where the core declines one datum, all of them go to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from headrace.converters.json.decoder import is_described
from headrace.data import Schema
from headrace.data.columns import layout_of
from headrace.native import core
from headrace.spi.columns import PackedColumn, integers, unpack_indexes
from headrace.spi.converter import DecodedRun

if TYPE_CHECKING:
    from headrace.native._core import JsonDecoder

_NONE: Final = object()
_MANY: Final = 16
"""More runs than that are given up when they are shorter, on average: a batch of short columns is slower than one of records."""


class Prefixed(NamedTuple):
    """How data of one schema are told: their text before and behind the payload."""

    schema: Schema | None
    prefix: bytes
    tail: bytes


class NativeDecoder:
    """Reads the columns of one converter. `key`: what tells its settings from those of other converters, in a schema's cache.

    `by_prefix`: the entry of a column's prefix; `by_datum`: the entry that a whole datum begins with; None for data that are not of
    the form that Connect writes."""

    def __init__(
        self,
        key: str,
        *,
        replace_nulls: bool,
        by_prefix: Callable[[bytes], Prefixed | None],
        by_datum: Callable[[bytes], Prefixed | None],
    ) -> None:
        self._key = f"{key}:read"
        self._replace = replace_nulls
        self._by_prefix = by_prefix
        self._by_datum = by_datum

    def _decoder(self, schema: Schema) -> JsonDecoder | None:
        found: Any = schema.cache.get(self._key)
        if found is None:
            found = schema.cache[self._key] = self._make(schema) or _NONE
        return None if found is _NONE else found

    def _make(self, schema: Schema) -> JsonDecoder | None:
        layout = layout_of(schema)
        if core is None or layout is None or not is_described(schema, replace_nulls=self._replace):
            return None
        if self._replace and not _defaults_kept(schema):
            return None
        try:
            made: JsonDecoder = core.JsonDecoder(layout, replace=self._replace)
        except core.DeclinedError:
            return None
        return made

    def decode(self, column: PackedColumn) -> list[DecodedRun] | None:
        """The data in runs of one schema; None if they are not all done natively."""
        runs: list[DecodedRun] = []
        done, count = 0, len(column)
        while done < count:
            run = self._run(column.slice(done, count))
            if run is None or (len(runs) >= _MANY and count < _MANY * len(runs)):
                return None
            runs.append(run)
            done += run.length
        return runs

    def _run(self, column: PackedColumn) -> DecodedRun | None:
        """The first data that are of one schema."""
        first = _first(column.lengths)
        if first is None:
            return DecodedRun(len(column), None, None)
        index = column.prefix_index
        wanted = unpack_indexes(index, len(column))[first] if isinstance(index, bytes) else index or 0
        if wanted:
            found = self._by_prefix(column.prefixes[wanted])
        else:
            datum = column[first]
            assert datum is not None
            found = self._by_datum(datum)
        decoder = None if found is None or found.schema is None else self._decoder(found.schema)
        if decoder is None or found is None:
            return None
        try:
            values = decoder.decode(
                column.buffer,
                column.lengths,
                prefix=b"" if wanted else found.prefix,
                tail=found.tail,
                index=index if isinstance(index, bytes) else None,
                wanted=wanted,
            )
        except core.DeclinedError:
            return None
        return DecodedRun(len(values), found.schema, values)


def _first(lengths: bytes) -> int | None:
    """The first datum that is not None."""
    return next((row for row, length in enumerate(integers(lengths, "i")) if length >= 0), None)


def _defaults_kept(schema: Schema) -> bool:
    """Whether each default is what the column of it gives back: there is a float that is an int, a moment of microseconds."""
    if schema.default is not None:
        layout = layout_of(schema)
        try:
            column = core.Column.of(layout, [schema.default])
        except core.DeclinedError:
            return False
        (back,) = column.values(layout)
        if back.__class__ is not schema.default.__class__ or repr(back) != repr(schema.default):
            return False
    parts = [field.schema for field in schema.fields]
    parts += [part for part in (schema.key_schema, schema.value_schema) if part is not None]
    return all(map(_defaults_kept, parts))
