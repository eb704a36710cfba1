"""Plans: how the rows of a block become commands in the Rust core; `encode.py` is the definition, and does what has no plan.

There are plans for HASH and STRING, keys that the record's key is enough for, and values of types that have a text of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headrace.data import Schema, Type
from headrace.data.batch import Block
from headrace.data.columns import layout_of
from headrace.data.logical import DECIMAL_NAME
from headrace.native import core
from headrace.sinks.redis.config import RedisSinkConfig
from headrace.sinks.redis.encode import TTL_HEADER, Encoder
from headrace.sinks.redis.render import text_renderer
from headrace.sinks.redis.rows import envelope_shape

if TYPE_CHECKING:
    from headrace.native._core import RespPlan

_WRITES: Final = {"HASH": "hash", "STRING": "text"}
_LONGEST_DECIMAL: Final = 39
"""Digits of the decimals that the core writes; a placeholder of more is none of them."""
_KNOWN: Final = 1_000


class Plans:
    """The plans of one configuration, by topic and schemas."""

    def __init__(self, config: RedisSinkConfig, encoder: Encoder) -> None:
        self._config = config
        self._encoder = encoder
        self._write = _WRITES.get(config.type)
        self._known: dict[tuple[str, int, int], tuple[RespPlan | None, Schema, Schema | None]] = {}

    def of(self, block: Block) -> RespPlan | None:
        """The plan of a block's rows; None when its records have to be encoded one by one."""
        if self._write is None or core is None or block.key is None or block.key_schema is None:
            return None
        if any(header.key == TTL_HEADER for header in block.headers):
            return None
        key_schema, schema = block.key_schema, None if block.value is None else block.value_schema
        place = (block.topic, id(key_schema), id(schema))
        known = self._known.get(place)
        if known is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            # The schemas are kept, so that their ids stay theirs.
            known = self._known[place] = (self._make(block.topic, key_schema, schema), key_schema, schema)
        return known[0]

    def _make(self, topic: str, key_schema: Schema, schema: Schema | None) -> RespPlan | None:
        key_layout, layout = layout_of(key_schema), None if schema is None else layout_of(schema)
        pieces = self._encoder.keys.pieces(topic, key_schema)
        if key_layout is None or pieces is None or (schema is not None and layout is None):
            return None
        shape, defaults = None, []
        try:
            if schema is not None:
                shape = envelope_shape(schema)
                row = schema if shape is None else schema.fields[shape.after].schema
                if self._write == "hash":
                    if row.type is not Type.STRUCT or self._may_be_placeholder(row):
                        return None
                    defaults = [_default(field.schema) for field in row.fields]
            plan: RespPlan = core.RespPlan(
                key_layout=key_layout,
                key=pieces,
                layout=layout,
                envelope=None if shape is None else (shape.op, shape.after),
                write=self._write,
                defaults=defaults,
                placeholder=self._encoder.placeholder.data,
                ttl=max(self._config.key_ttl_s, 0),
            )
        except (core.DeclinedError, TypeError, ValueError, AttributeError, OverflowError):
            return None
        return plan

    def _may_be_placeholder(self, row: Schema) -> bool:
        """Whether a decimal that the core would write may stand for an unchanged value."""
        if len(self._encoder.placeholder.digits) > _LONGEST_DECIMAL:
            return False
        return any(field.schema.name == DECIMAL_NAME for field in row.fields)


def _default(schema: Schema) -> Any:
    """What a null is written as; None = as a null."""
    if schema.optional or schema.default is None:
        return None
    return text_renderer(schema)(schema.default)
