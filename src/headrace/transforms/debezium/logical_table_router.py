"""ByLogicalTableRouter: the events of many physical tables into one topic, with keys that stay distinct.

Source: io.debezium.transforms.ByLogicalTableRouter (Debezium 3.6).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from headrace.cdc.topics import ADJUSTERS
from headrace.data import STRING_SCHEMA, Schema, Struct, Type
from headrace.data.batch import Block
from headrace.data.columns import constant
from headrace.errors import DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import SchemaCache, copy_record, derived, require_struct
from headrace.transforms.blocks import side_of, structs_of, with_side
from headrace.transforms.debezium.envelope import event_of, is_envelope
from headrace.transforms.debezium.logical_table_router_config import CONFIG, check
from headrace.transforms.patterns import java_pattern, java_replacement

_LIMIT: Final = 10_000
_PURPOSE: Final = "Updating schema"
_log = logging.getLogger(__name__)


class ByLogicalTableRouter(Transform[R]):
    """A record whose whole topic matches `topic.regex` gets the replaced topic; its key struct a field with the old topic (or
    what `key.field.regex` makes of it); the schemas of key, row and envelope the new topic's name. All others pass unchanged."""

    @classmethod
    def config(cls) -> Any:
        """Debezium's settings."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for a missing or refused expression or replacement."""
        settings = CONFIG.parse(props)
        check(settings)
        self._topic = _Replacement(settings["topic.regex"], settings["topic.replacement"], "topic")
        self._unique: bool = settings["key.enforce.uniqueness"]
        self._field: str = settings["key.field.name"]
        regex = (settings["key.field.regex"] or "").strip()
        self._physical = _Replacement(regex, settings["key.field.replacement"], "key.field") if regex else None
        self._adjust = ADJUSTERS[(settings["schema.name.adjustment.mode"] or "none").lower()]
        # As in the original the first topic a schema is routed to names the derived schema for good.
        self._keys: SchemaCache[dict[str, Schema]] = SchemaCache()
        self._envelopes: SchemaCache[dict[str, tuple[Schema, Schema]]] = SchemaCache()

    def apply(self, record: R) -> R | None:
        topic = self._topic(record.topic)
        if topic is None:
            return record
        if not topic:
            _log.warning("The topic's replacement is empty: the record stays in %s", record.topic)
            return record
        copied = copy_record(record)
        copied.topic = topic
        copied.key_schema = copied.key = None
        if record.key is not None:
            key = require_struct(record.key, _PURPOSE)
            copied.key_schema = schema = self._key_schema(key.schema, topic)
            extra = [self._table(record.topic)] if self._unique else []
            copied.key = Struct(schema, [*key.values, *extra])
        event = event_of(record, _PURPOSE)
        if event is not None:
            copied.value = self._event(event, topic)
            copied.value_schema = copied.value.schema
        return copied

    def apply_block(self, block: Block) -> list[Block] | None:
        topic = self._topic(block.topic)
        if topic is None:
            return [block]
        if not topic:
            return None
        made: Block | None = block.replace(topic=topic, key_schema=None, key=None)
        if made is not None and block.key is not None:
            keys = structs_of(side_of(block, is_key=True))
            if keys is None:
                return None
            fields = keys.column.fields(len(keys.schema.fields))
            if self._unique:
                fields.append(constant(self._table(block.topic), len(block)))
            made = with_side(made, True, self._key_schema(keys.schema, topic), keys.column.rebuilt(fields))
        if made is not None and block.value is not None and is_envelope(block.value_schema):
            events = structs_of(side_of(block, is_key=False))
            if events is None or not _has_rows(events.schema):
                return None
            envelope, _ = self._envelopes_of(events.schema, topic)
            fields = events.column.read(events.layout, defaults=True, check=False)
            made = with_side(made, False, envelope, events.column.rebuilt(fields))
        return None if made is None else [made]

    def _table(self, topic: str) -> str:
        replaced = self._physical(topic) if self._physical is not None else None
        return topic if replaced is None else replaced

    def _key_schema(self, schema: Schema, topic: str) -> Schema:
        known = self._keys.get(schema, lambda _: {})
        if "" not in known:
            fields = [(field.name, field.schema) for field in schema.fields]
            if self._unique:
                fields.append((self._field, STRING_SCHEMA))
            known[""] = _renamed(schema, self._adjust(topic + ".Key"), fields)
        return known[""]

    def _event(self, event: Struct, topic: str) -> Struct:
        envelope, row = self._envelopes_of(event.schema, topic)
        values = []
        for field, value in zip(event.schema.fields, event.values, strict=True):
            if value is None:
                value = field.schema.default
            elif field.name in ("before", "after"):
                value = Struct(row, require_struct(value, _PURPOSE).values)
            values.append(value)
        return Struct(envelope, values)

    def _envelopes_of(self, schema: Schema, topic: str) -> tuple[Schema, Schema]:
        known = self._envelopes.get(schema, lambda _: {})
        if "" not in known:
            known[""] = self._envelope(schema, topic)
        return known[""]

    def _envelope(self, schema: Schema, topic: str) -> tuple[Schema, Schema]:
        before = schema.field("before")
        if before is None:
            raise DataException(f"The event of schema {schema.name} has no field 'before'.")
        old = before.schema
        row = _renamed(old, self._adjust(topic + ".Value"), [(field.name, field.schema) for field in old.fields])
        fields = [(f.name, row if f.name in ("before", "after") else f.schema) for f in schema.fields]
        return _renamed(schema, self._adjust(topic + ".Envelope"), fields), row


def _has_rows(schema: Schema) -> bool:
    """Whether both rows of an envelope are structs of one schema."""
    before, after = schema.field("before"), schema.field("after")
    rows = [field.schema for field in (before, after) if field is not None]
    return all(row.type is Type.STRUCT and row == rows[0] for row in rows)


class _Replacement:
    """A topic's first match replaced, if the whole topic matches; None if not."""

    def __init__(self, regex: str, replacement: str, setting: str) -> None:
        self._pattern: re.Pattern[str] = java_pattern(regex, f"{setting}.regex")
        self._template = java_replacement(replacement, self._pattern, f"{setting}.replacement")
        self._known: dict[str, str | None] = {}

    def __call__(self, topic: str) -> str | None:
        if topic not in self._known:
            if len(self._known) >= _LIMIT:
                self._known.clear()
            self._known[topic] = (
                None
                if self._pattern.fullmatch(topic) is None
                else self._pattern.sub(lambda match: match.expand(self._template), topic, count=1)
            )
        return self._known[topic]


def _renamed(schema: Schema, name: str, fields: list[tuple[str, Schema]]) -> Schema:
    from headrace.transforms.base import struct_like

    return derived(struct_like(schema, fields, optional=schema.optional), name=name)
