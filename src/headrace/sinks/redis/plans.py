"""Plans: how the rows of a block become commands in the Rust core; `encode.py` is the definition, and does what has no plan.

There are plans for keys that the record's key is enough for, and for rows whose schemas have a native form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headrace.data import Schema, Type
from headrace.data.batch import Block
from headrace.data.columns import layout_of
from headrace.data.logical import DECIMAL_NAME
from headrace.native import core
from headrace.sinks.redis.config import COLLECTION_TYPES, RedisSinkConfig
from headrace.sinks.redis.encode import TTL_HEADER, Encoder
from headrace.sinks.redis.render import json_bytes, json_renderer, text_renderer
from headrace.sinks.redis.rows import envelope_shape

if TYPE_CHECKING:
    from headrace.native._core import Layout, RespPlan

_OF_KEYS: Final = frozenset({"LIST", "SET", "ZSET"})
_DOCUMENTS: Final = frozenset({"JSON", "JSON_STRING"})
_LONGEST_DECIMAL: Final = 39
"""Digits of the decimals that the core writes; a placeholder of more is none of them."""
_KNOWN: Final = 1_000


class Plans:
    """The plans of one configuration, by topic and schemas."""

    def __init__(self, config: RedisSinkConfig, encoder: Encoder) -> None:
        self._config = config
        self._encoder = encoder
        self._type = config.type
        self._collection = config.type in COLLECTION_TYPES
        self._known: dict[tuple[str, int, int], tuple[RespPlan | None, Schema | None, Schema | None]] = {}

    def of(self, block: Block) -> RespPlan | None:
        """The plan of a block's rows; None when its records have to be encoded one by one."""
        if core is None or any(header.key == TTL_HEADER for header in block.headers):
            return None
        key_schema = None if block.key is None else block.key_schema
        schema = None if block.value is None else block.value_schema
        place = (block.topic, id(key_schema), id(schema))
        known = self._known.get(place)
        if known is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            # The schemas are kept, so that their ids stay theirs.
            known = self._known[place] = (self._make(block.topic, key_schema, schema), key_schema, schema)
        return known[0]

    def _make(self, topic: str, key_schema: Schema | None, schema: Schema | None) -> RespPlan | None:
        try:
            pieces = self._encoder.keys.pieces(topic, key_schema, collection=self._collection)
            if pieces is None or (self._type in _OF_KEYS and key_schema is None):
                return None
            shape = None if schema is None else envelope_shape(schema)
            defaults: list[bytes | None] = []
            old_defaults: list[bytes | None] = []
            if schema is not None and self._type not in _OF_KEYS:
                defaults = self._defaults(schema if shape is None else schema.fields[shape.after].schema)
                if shape is not None and shape.before is not None and self._type == "STREAM":
                    old_defaults = self._defaults(schema.fields[shape.before].schema)
            placeholder = self._encoder.placeholder
            plan: RespPlan = core.RespPlan(
                key_layout=None if key_schema is None else _layout(key_schema),
                key=pieces,
                member=self._encoder.keys.member(key_schema) if key_schema and self._type in _OF_KEYS else [],
                collection=self._collection,
                layout=None if schema is None else _layout(schema),
                envelope=shape and (shape.op, shape.before, shape.after),
                write=self._type.lower(),
                defaults=defaults,
                old_defaults=old_defaults,
                placeholder=(placeholder.data, placeholder.uuid.encode()),
                ttl=max(self._config.key_ttl_s, 0),
            )
        except (core.DeclinedError, TypeError, ValueError, AttributeError, OverflowError):
            return None
        return plan

    def _defaults(self, row: Schema) -> list[bytes | None]:
        """Of each field what a null is written as, None = as a null. ValueError for rows that are encoded one by one."""
        if row.type is not Type.STRUCT:
            return []
        placeholder = self._encoder.placeholder
        if len(placeholder.digits) <= _LONGEST_DECIMAL and any(f.schema.name == DECIMAL_NAME for f in row.fields):
            raise ValueError("a decimal may stand for an unchanged value")
        made: list[bytes | None] = []
        for field in row.fields:
            schema, value = field.schema, field.schema.default
            if schema.optional or value is None:
                made.append(None)
            elif self._type not in _DOCUMENTS:
                made.append(text_renderer(schema)(value))
            elif placeholder.matches(value):
                raise ValueError("a default that stands for an unchanged value")
            else:
                made.append(json_bytes(json_renderer(schema)(value)))
        return made


def _layout(schema: Schema) -> Layout:
    layout = layout_of(schema)
    if layout is None:
        raise ValueError("a schema without native form")
    return layout
