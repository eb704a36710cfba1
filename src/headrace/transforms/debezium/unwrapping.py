"""ExtractNewRecordState on blocks of change events: the rows as columns, without a look at single events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headrace.data import OPTIONAL_STRING_SCHEMA, STRING_SCHEMA, Header, Schema, Type
from headrace.data.batch import Block
from headrace.data.columns import constant, layout_of
from headrace.transforms.blocks import StructSide, one_value, pieces
from headrace.transforms.debezium.event_plan import EventPlan, RowPlan
from headrace.transforms.debezium.field_reference import FieldReference

if TYPE_CHECKING:
    from headrace.native._core import Column, Mask

_DELETE: Final = b"d"


class Unwrapping:
    """The settings that matter to blocks. `mode`: delete.tombstone.handling.mode. `route`: route.by.field, "" for none; with
    `route_by_row` it is looked for in a live row as it is made, else as it was. `replace`: replace.null.with.default."""

    def __init__(self, mode: str, route: str, route_by_row: bool, replace: bool, headers: list[FieldReference]) -> None:
        self._mode = mode
        self._rewrite = mode.startswith("rewrite")
        self._route = route
        self._route_by_row = route_by_row
        self._replace = replace
        self._marks = tuple(Header(item.name, STRING_SCHEMA, "d") for item in headers if item.field == "op")

    def tombstones(self, block: Block) -> list[Block]:
        """What becomes of a block whose values are all null."""
        if self._mode != "rewrite-with-tombstone":
            return []
        return [block.replace(headers=(*block.headers, *self._marks))]

    def events(self, block: Block, structs: StructSide, plan: EventPlan) -> list[Block] | None:
        """What becomes of the change events of a block; its rows without value are left out. None or an exception where an event
        needs a closer look."""
        schema, column, _ = structs
        events = column.fields(len(schema.fields))
        live = events[plan.after].valid()
        gone = column.valid() & ~live
        if not gone.any():
            return self._rows(block, events, plan, plan.live, events[plan.after], live)
        before = events[plan.before] if plan.before >= 0 else constant(None, len(block))
        old = schema.fields[plan.before].schema if plan.before >= 0 else None
        if schema.fields[plan.op].schema.type is not Type.STRING or (old is not None and old.type is not Type.STRUCT):
            return None
        known = before.valid()
        # Without an old row it is a delete by its operation, or else a truncate, which is dropped.
        gone = gone & (known | events[plan.op].equals(_DELETE))
        if self._mode == "drop" or not gone.any():
            return self._rows(block, events, plan, plan.live, events[plan.after], live)
        if self._rewrite:
            if (gone & ~known).any():
                return None
            deleted = self._rows(block, events, plan, plan.deleted, before, gone)
        elif self._mode == "delete-to-tombstone" and not self._route and not plan.headers and plan.live.schema:
            # A null without schema: it may stay where it is.
            return self._rows(block, events, plan, plan.live, events[plan.after], live | gone)
        else:
            typed = None if self._mode == "delete-to-tombstone" else plan.after_schema
            nulls = block.replace(value_schema=typed, value=None)
            routed = old is not None and (gone & known).any()
            route = _route_column(old, before, self._route) if old is not None and routed else None
            deleted = self._placed(nulls, events, plan, route, gone)
        rows = self._rows(block, events, plan, plan.live, events[plan.after], live)
        return None if rows is None or deleted is None else rows + deleted

    def _rows(
        self, block: Block, events: list[Column], plan: EventPlan, of_row: RowPlan, row: Column, chosen: Mask
    ) -> list[Block] | None:
        """The chosen rows, built as `of_row` says from the column `row`."""
        if not chosen.any():
            return []
        schema = of_row.schema
        old = plan.after_schema if of_row is plan.live else self._old(block, plan)
        layout = layout_of(old)
        if schema is None or layout is None or layout_of(schema) is None:
            return None
        if of_row.deleted is None:
            fields = row.fields(len(old.fields))
        else:
            fields = row.read(layout, defaults=self._replace, check=False)
            fields.append(constant(of_row.deleted, len(block)))
        fields += [read(events) for read in of_row.added]
        made = row.rebuilt(fields)
        by_row = self._route_by_row and of_row is plan.live
        route = _route_column(schema, made, self._route) if by_row else _route_column(old, row, self._route)
        return self._placed(block.replace(value_schema=schema, value=made), events, plan, route, chosen)

    @staticmethod
    def _old(block: Block, plan: EventPlan) -> Schema:
        assert block.value_schema is not None
        return block.value_schema.fields[plan.before].schema

    def _placed(
        self, block: Block, events: list[Column], plan: EventPlan, route: Column | None, chosen: Mask
    ) -> list[Block] | None:
        """The chosen rows with their headers, in the topic that the column `route` names."""
        block = block.filter(chosen)
        if route is None and not plan.headers:
            return [block]
        schemas = [header.schema for header in plan.headers]
        columns = [header.field.column(events) for header in plan.headers]
        if route is not None:
            schemas.append(OPTIONAL_STRING_SCHEMA)
            columns.append(route)
        columns = [column.filter(chosen) for column in columns]
        split = pieces(block, columns)
        if split is None:
            return None
        made = []
        for first, piece in split:
            values = [one_value(schema, column, first) for schema, column in zip(schemas, columns, strict=True)]
            if route is not None:
                topic = values.pop()
                if topic and topic.strip():
                    piece = piece.replace(topic=topic)
            added = tuple(
                Header(header.name, header.schema, value) for header, value in zip(plan.headers, values, strict=True)
            )
            made.append(piece.replace(headers=(*piece.headers, *added)))
        return made


def _route_column(schema: Schema, row: Column, name: str) -> Column | None:
    """The field that holds the topic; None without such a setting. Raises where the twin would."""
    if not name:
        return None
    field = schema.field(name)
    if field is None or field.schema.type is not Type.STRING:
        raise ValueError(name)
    return row.field(field.index)
