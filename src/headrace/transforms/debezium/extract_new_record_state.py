"""ExtractNewRecordState: a change event becomes the row as it is after the change.

Source: io.debezium.transforms.ExtractNewRecordState (Debezium 3.6). One difference: a delete without `before` image is
still a delete here, where the original takes it for a truncate and drops it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from headrace.config import ConfigDef
from headrace.data import OPTIONAL_STRING_SCHEMA, STRING_SCHEMA, ConnectRecord, Header, Schema, Struct, Type
from headrace.errors import DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import SchemaCache, copy_record, derived, struct_like
from headrace.transforms.debezium.dropped_fields import drop_fields
from headrace.transforms.debezium.envelope import is_envelope, text_of
from headrace.transforms.debezium.extract_new_record_state_config import CONFIG
from headrace.transforms.debezium.field_reference import FieldReference, Reader, parse_references

_DELETED: Final = "__deleted"
_Build = Callable[[list[Any], list[Any]], Struct]


class _Plan(NamedTuple):
    """What is known of an envelope schema: field positions, and the functions that build the row and the headers."""

    before: int
    after: int
    op: int
    after_schema: Schema
    live: _Build
    deleted: _Build
    added: list[tuple[str, Schema, Reader]]
    headers: list[tuple[str, Schema, Reader]]


def _attempted(make: Callable[[], _Build]) -> _Build:
    """What `make` gives; if it fails, a function that fails so: a schema matters to the events that need it only."""
    try:
        return make()
    except DataException as error:
        message = error.message

        def fail(event: list[Any], row: list[Any]) -> Struct:
            raise DataException(message)

        return fail


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
        self._plans: SchemaCache[_Plan | None] = SchemaCache()
        self._simple = not (self._headers or self._route or self._drop_header)

    def _plan(self, schema: Schema) -> _Plan | None:
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
                headers.append((reference.name, derived(found[0], optional=True, default=None), found[1]))
        old = after.schema if before is None else before.schema
        return _Plan(
            -1 if before is None else before.index,
            after.index,
            op.index,
            after.schema,
            _attempted(lambda: self._builder(schema, after.schema, "false", self._fields)),
            # Names listed in the drop header go before fields are added to a deleted row, and after it for a live one.
            _attempted(lambda: self._builder(schema, old, "true", [] if self._drop_header else self._fields)),
            [(item.name, *found) for item in self._fields if (found := item.resolve(schema)) is not None],
            headers,
        )

    def _builder(self, envelope: Schema, row: Schema, deleted: str, added: list[FieldReference]) -> _Build:
        """A function from the envelope's values and the row's values to the new row, generated for the schema."""
        fields = [(field.name, field.schema) for field in row.fields]
        scope: dict[str, Any] = {"Struct": Struct}
        base = "*row"
        parts: list[str] = []
        if self._rewrite:
            fields.append((_DELETED, OPTIONAL_STRING_SCHEMA))
            parts.append(repr(deleted))
            defaults = [field.schema.default for field in row.fields]
            if self._replace and any(default is not None for default in defaults):
                scope["defaults"] = defaults
                base = "*[d if v is None else v for v, d in zip(row, defaults)]"
        for number, reference in enumerate(added):
            found = reference.resolve(envelope)
            if found is None:
                continue
            fields.append((reference.name, derived(found[0], optional=True, default=None)))
            scope[f"read{number}"] = found[1]
            parts.append(f"read{number}(event)")
        scope["S"] = struct_like(row, fields)
        exec(f"def build(event, row):\n    return Struct(S, [{', '.join([base, *parts])}])", scope)
        build: _Build = scope["build"]
        return build

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
            added = tuple(Header(name, header, read(event)) for name, header, read in plan.headers)
            copied._headers = (*record.header_items, *added)
        if after is None:
            return self._delete(copied, plan, event)
        row = plan.live(event, after.values)
        if not self._simple:
            self._route_by(copied, row if self._rewrite and self._route not in self._added_names else after)
        copied.value_schema, copied.value = row.schema, row
        return self._drop(copied) if self._drop_header else copied

    def apply_batch(self, records: Sequence[R]) -> list[R | None]:
        return [self.apply(record) for record in records]

    def _tombstone(self, record: R) -> R | None:
        if self._mode != "rewrite-with-tombstone":
            return None
        marks = [Header(item.name, STRING_SCHEMA, "d") for item in self._headers if item.field == "op"]
        if not marks:
            return record
        copied = copy_record(record)
        copied._headers = (*record.header_items, *marks)
        return copied

    def _delete(self, copied: R, plan: _Plan, event: list[Any]) -> R | None:
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
        row = plan.deleted(event, before.values)
        copied.value_schema, copied.value = row.schema, row
        return self._append(self._drop(copied), plan, event) if self._drop_header else copied

    def _append(self, copied: R, plan: _Plan, event: list[Any]) -> R:
        row = copied.value
        fields = [(field.name, field.schema) for field in row.schema.fields]
        fields += [(name, derived(schema, optional=True, default=None)) for name, schema, _ in plan.added]
        copied.value_schema = struct_like(row.schema, fields)
        copied.value = Struct(copied.value_schema, [*row.values, *(read(event) for _, _, read in plan.added)])
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
