"""ExtractNewRecordState: a change event becomes the row as it is after the change.

Source: io.debezium.transforms.ExtractNewRecordState (Debezium 3.6). One difference: a delete without `before` image is
still a delete here, where the original takes it for a truncate and drops it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.config import ConfigDef
from headrace.data import STRING_SCHEMA, ConnectRecord, Header, Schema, Struct, Type
from headrace.data.batch import Block
from headrace.errors import DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import SchemaCache, copy_record, derived, struct_like
from headrace.transforms.blocks import side_of, structs_of
from headrace.transforms.debezium.dropped_fields import drop_fields
from headrace.transforms.debezium.envelope import is_envelope, text_of
from headrace.transforms.debezium.event_plan import AddedHeader, EventPlan, plan_row
from headrace.transforms.debezium.extract_new_record_state_config import CONFIG
from headrace.transforms.debezium.field_reference import FieldReference, parse_references
from headrace.transforms.debezium.unwrapping import Unwrapping


class ExtractNewRecordState(Transform[R]):
    """See the module. Whatever is no change event (heartbeats, schema changes) passes unchanged."""

    @classmethod
    def config(cls) -> ConfigDef:
        """Debezium's settings; options removed in Debezium 3 are ignored."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        settings = CONFIG.parse(props)
        self._mode: str = settings["delete.tombstone.handling.mode"].lower()
        self._rewrite = self._mode.startswith("rewrite")
        self._route: str = settings["route.by.field"]
        self._fields: list[FieldReference] = parse_references(
            settings["add.fields"], settings["add.fields.prefix"], "add.fields"
        )
        self._headers = parse_references(settings["add.headers"], settings["add.headers.prefix"], "add.headers")
        self._drop_header: str = (settings["drop.fields.header.name"] or "").strip()
        self._drop_from_key: bool = settings["drop.fields.from.key"]
        self._keep_compatible: bool = settings["drop.fields.keep.schema.compatible"]
        self._replace: bool = settings["replace.null.with.default"]
        self._added_names = {item.name for item in self._fields}
        self._plans: SchemaCache[EventPlan | None] = SchemaCache()
        by_row = self._rewrite and self._route not in self._added_names
        self._unwrapping = Unwrapping(self._mode, self._route, by_row, self._replace, self._headers)
        self._simple = not (self._headers or self._route or self._drop_header)

    def _plan(self, schema: Schema) -> EventPlan | None:
        """The plan for an envelope; None for any other schema. DataException for an envelope without what a row needs."""
        if not is_envelope(schema):
            return None
        before, after, op = (schema.field(name) for name in ("before", "after", "op"))
        if after is None or after.schema.type is not Type.STRUCT or op is None:
            raise DataException(
                f"The event of schema {schema.name} has no row in 'after', or no 'op'.",
                remedy="Apply ExtractNewRecordState before other transforms that change the shape of events.",
            )
        headers = []
        for reference in self._headers:
            found = reference.resolve(schema)
            if found is not None:
                headers.append(AddedHeader(reference.name, derived(found.schema, optional=True, default=None), found))
        old = after.schema if before is None else before.schema
        marks = ("false", "true") if self._rewrite else (None, None)
        return EventPlan(
            -1 if before is None else before.index,
            after.index,
            op.index,
            after.schema,
            plan_row(schema, after.schema, self._fields, marks[0], self._replace),
            # Names listed in the drop header go before fields are added to a deleted row, and after it for a live one.
            plan_row(schema, old, [] if self._drop_header else self._fields, marks[1], self._replace),
            [(item.name, found) for item in self._fields if (found := item.resolve(schema)) is not None],
            headers,
        )

    def apply(self, record: R) -> R | None:
        value = record.value
        if value is None:
            return self._tombstone(record)
        schema = record.value_schema
        plan = self._plans.get(schema, self._plan) if schema is not None else None
        if plan is None:
            return record
        if not isinstance(value, Struct):
            raise DataException(
                f"Only Struct objects supported for [unwrapping an event], found: {type(value).__name__}"
            )
        event = value.values
        after = event[plan.after]
        copied = copy_record(record)
        if plan.headers:
            added = tuple(Header(name, schema, found.read(event)) for name, schema, found in plan.headers)
            copied._headers = (*record.header_items, *added)
        if after is None:
            return self._delete(copied, plan, event)
        row = plan.live.build(event, after.values)
        if not self._simple:
            self._route_by(copied, row if self._rewrite and self._route not in self._added_names else after)
        copied.value_schema, copied.value = row.schema, row
        return self._drop(copied) if self._drop_header else copied

    def apply_batch(self, records: Sequence[R]) -> list[R | None]:
        return [self.apply(record) for record in records]

    def apply_block(self, block: Block) -> list[Block] | None:
        if self._drop_header:
            return None
        value, schema = block.value, block.value_schema
        if value is None:
            return self._unwrapping.tombstones(block)
        there = value.valid()
        nulls = block.replace(value_schema=None, value=None).filter(~there)
        done = self._unwrapping.tombstones(nulls) if len(nulls) else []
        plan = self._plans.get(schema, self._plan) if schema is not None else None
        if plan is None:
            return [*done, block.filter(there)]
        structs = structs_of(side_of(block, is_key=False))
        rows = None if structs is None else self._unwrapping.events(block, structs, plan)
        return None if rows is None else done + rows

    def _tombstone(self, record: R) -> R | None:
        if self._mode != "rewrite-with-tombstone":
            return None
        marks = [Header(item.name, STRING_SCHEMA, "d") for item in self._headers if item.field == "op"]
        if not marks:
            return record
        copied = copy_record(record)
        copied._headers = (*record.header_items, *marks)
        return copied

    def _delete(self, copied: R, plan: EventPlan, event: list[Any]) -> R | None:
        before = event[plan.before] if plan.before >= 0 else None
        if before is None and event[plan.op] != "d":
            return None  # a truncate
        if self._mode == "drop":
            return None
        if before is not None:
            self._route_by(copied, before)
        if not self._rewrite:
            copied.value = None
            copied.value_schema = None if self._mode == "delete-to-tombstone" else plan.after_schema
            return self._drop(copied) if self._drop_header else copied
        if before is None:
            raise DataException(
                "A delete without the old row cannot be rewritten.",
                code="DELETE_WITHOUT_BEFORE",
                remedy="Give the table a primary key or REPLICA IDENTITY FULL, or use another delete.tombstone.handling.mode.",
            )
        row = plan.deleted.build(event, before.values)
        copied.value_schema, copied.value = row.schema, row
        return self._append(self._drop(copied), plan, event) if self._drop_header else copied

    def _append(self, copied: R, plan: EventPlan, event: list[Any]) -> R:
        row = copied.value
        fields = [(field.name, field.schema) for field in row.schema.fields]
        fields += [(name, derived(found.schema, optional=True, default=None)) for name, found in plan.added]
        copied.value_schema = struct_like(row.schema, fields)
        copied.value = Struct(copied.value_schema, [*row.values, *(found.read(event) for _, found in plan.added)])
        return copied

    def _route_by(self, copied: ConnectRecord, row: Struct) -> None:
        if not self._route:
            return
        topic = text_of(row, self._route)
        if topic and topic.strip():
            copied.topic = topic

    def _drop(self, copied: R) -> R:
        header = next((item for item in copied.header_items if item.key == self._drop_header), None)
        names = header.value if header is not None else None
        if not names:
            return copied
        if not isinstance(names, list | tuple):
            raise DataException(
                f"Header {self._drop_header} must hold a list of field names, found {type(names).__name__}"
            )
        if self._drop_from_key and isinstance(copied.key, Struct):
            copied.key = drop_fields(copied.key, names, self._keep_compatible)
            copied.key_schema = copied.key.schema
        if isinstance(copied.value, Struct):
            copied.value = drop_fields(copied.value, names, self._keep_compatible)
            copied.value_schema = copied.value.schema
        return copied
