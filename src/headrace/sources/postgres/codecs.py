"""The codecs of the captured tables, compiled once per shape."""

from __future__ import annotations

from typing import Final

from headrace.cdc.topics import ADJUSTERS, FIELD_ADJUSTERS
from headrace.data import Header
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.events import SOURCE_SCHEMA
from headrace.sources.postgres.shapes import TableShape
from headrace.sources.postgres.tables import TableCodec, TableOptions
from headrace.sources.postgres.types.registry import TypeRegistry

_SHAPES: Final = 8
"""How many shapes of one table are kept: what is decoded and what the catalog has by now differ by few."""


class Codecs:
    """`types`: what is known of the database's types."""

    def __init__(self, types: TypeRegistry, options: TableOptions) -> None:
        self.types = types
        self._options = options
        self._made: dict[tuple[str, str], dict[TableShape, TableCodec]] = {}

    def of(self, shape: TableShape) -> TableCodec:
        """The codec of a shape; an equal shape has the same codec, so that schemas stay the same objects, as long as it is among the
        last few of its table."""
        kept = self._made.setdefault((shape.schema, shape.table), {})
        found = kept.get(shape)
        if found is None:
            found = TableCodec(shape, self.types, self._options)
            if len(kept) >= _SHAPES:
                del kept[next(iter(kept))]
            kept[shape] = found
        return found

    def refresh_enum(self, oid: int, open_ended: bool) -> None:
        """Read an enum's labels anew, or stop checking values against them."""
        self.types.forget(oid, open_ended=open_ended)
        self._made.clear()


def table_options(config: PostgresConfig, headers: tuple[Header, ...], dbname: str) -> TableOptions:
    """What the settings say about every table. `headers`: of all data records."""
    return TableOptions(
        config.modes(),
        config.topics(),
        SOURCE_SCHEMA,
        headers,
        config.filter("column"),
        config.masks(),
        config.message_keys(),
        config.propagated(),
        ADJUSTERS[config.word("schema.name.adjustment.mode")],
        FIELD_ADJUSTERS[config.word("field.name.adjustment.mode")],
        config.word("event.converting.failure.handling.mode"),
        dbname,
    )
