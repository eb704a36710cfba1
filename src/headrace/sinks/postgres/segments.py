"""Sorts a batch of records into what must happen to each table, the last word per key.

A `Segment` is a stretch of one table's records with one shape; segments of a table are applied in order. Within a segment
deletes come first, then rows, then partial rows: as each key's last state is kept, the effect is that of the records in order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from headrace.data import SinkRecord
from headrace.errors import DataException
from headrace.sinks.postgres.routes import Route, Routes
from headrace.sinks.postgres.settings import SinkSettings
from headrace.sinks.postgres.sorted_rows import BlockSegment
from headrace.sinks.postgres.unchanged import unchanged_columns

Key = tuple[Any, ...]
Row = tuple[Key, Any]


class Segment:
    """`rows`: last row per key (or every row with its key, by number, when `keep_all`). `partial_rows`: rows with columns to be left
    alone."""

    __slots__ = ("deletes", "keep_all", "partial_rows", "route", "rows", "shape", "table", "truncate")

    def __init__(self, table: tuple[str | None, str], route: Route, keep_all: bool) -> None:
        self.table = table
        self.route = route
        self.shape: Route | None = None if route.form == "tombstone" else route
        self.truncate = False
        self.deletes: dict[Key, None] = {}
        self.rows: dict[Any, Any] = {}
        self.partial_rows: dict[Any, tuple[Key, list[Any], frozenset[int]]] = {}
        self.keep_all = keep_all

    def deleted(self) -> list[Row] | None:
        """The rows to delete, as (key, nothing); None when there are none."""
        return [(key, ()) for key in self.deletes] or None

    def whole(self) -> Collection[Row] | None:
        """The rows to write; None when there are none."""
        if not self.rows:
            return None
        return self.rows.values() if self.keep_all else self.rows.items()

    def partial(self) -> list[tuple[frozenset[int], list[Row]]]:
        """Sets of columns to be left alone, by their places in the shape's fields, with their rows."""
        by_columns: dict[frozenset[int], list[Row]] = {}
        for key, row, left_out in self.partial_rows.values():
            by_columns.setdefault(left_out, []).append((key, row))
        return list(by_columns.items())


AnySegment = Segment | BlockSegment


def collect(records: Sequence[SinkRecord], routes: Routes, settings: SinkSettings) -> list[Segment]:
    """The segments of all tables, each table's in order. DataException for a record that cannot be placed."""
    return _Collector(routes, settings).collect(records)


class _Collector:
    def __init__(self, routes: Routes, settings: SinkSettings) -> None:
        self._routes = routes
        self._settings = settings
        self._keep_all = settings.insert_mode == "insert"
        self._open: dict[tuple[str | None, str], Segment] = {}
        self._done: list[Segment] = []

    def collect(self, records: Sequence[SinkRecord]) -> list[Segment]:
        settings, keep_all, by_source = self._settings, self._keep_all, self._routes.by_source
        topic: Any = None
        key_schema: Any = self
        value_schema: Any = self
        null = False
        for record in records:
            value = record.value
            if (
                record.value_schema is not value_schema
                or record.key_schema is not key_schema
                or record.topic != topic
                or (value is None) is not null
                or by_source
            ):
                topic, key_schema, value_schema = record.topic, record.key_schema, record.value_schema
                null = value is None
                if null and not settings.delete_enabled and not settings.null_value_error:
                    # The delete event before it, if any, said the same; without delete.enabled neither is acted on.
                    value_schema = self
                    continue
                route = self._routes.route(record)
                form, key_of, unchanged = route.form, route.key_of, route.unchanged
                segment = self._segment(route) if form in ("envelope", "row") else None
                if segment is not None:
                    rows = segment.rows
            if form == "envelope":
                fields = value.values
                op = fields[route.op]
                if op in ("c", "r", "u"):
                    after = fields[route.after]
                    if after is None:
                        raise DataException(f"Event of operation {op!r} has no 'after'.", code="SINK_EVENT_INVALID")
                    row = after.values
                else:
                    self._special(record, route, op)
                    value_schema = self
                    continue
            elif form == "row":
                row = value.values
            else:
                if form == "tombstone":
                    self._null(record, route)
                value_schema = self
                continue
            key = key_of(record, row)
            if unchanged is not None and unchanged(row):
                self._partial(segment, key, row)  # type: ignore[arg-type]
            elif keep_all:
                rows[len(rows)] = (key, row)
            else:
                rows[key] = row
                if segment.partial_rows:  # type: ignore[union-attr]
                    segment.partial_rows.pop(key, None)  # type: ignore[union-attr]
        return [*self._done, *self._open.values()]

    def _segment(self, route: Route) -> Segment:
        """The table's open segment if rows of this route may join it, else a new one."""
        table = route.table
        assert table is not None
        segment = self._open.get(table)
        if segment is not None:
            same_keys = segment.route.keys == route.keys
            if segment.shape is None and same_keys and route.form != "tombstone":
                segment.shape = route
                return segment
            if same_keys and (segment.shape is route or (segment.shape and segment.shape.fields == route.fields)):
                return segment
            self._done.append(segment)
        segment = self._open[table] = Segment(table, route, self._keep_all)
        return segment

    def _for_delete(self, route: Route) -> Segment:
        table = route.table
        assert table is not None
        segment = self._open.get(table)
        if segment is not None and segment.route.keys == route.keys and not (self._keep_all and segment.rows):
            return segment
        if segment is not None:
            self._done.append(segment)
        segment = self._open[table] = Segment(table, route, self._keep_all)
        return segment

    def _delete(self, segment: Segment, key: Key) -> None:
        if not key:
            raise DataException("A delete needs a primary key, and the record gives none.", code="SINK_KEY_MISSING")
        segment.rows.pop(key, None)
        segment.partial_rows.pop(key, None)
        segment.deletes[key] = None

    def _null(self, record: SinkRecord, route: Route) -> None:
        if not self._settings.delete_enabled:
            raise DataException(
                "The record's value is null.",
                code="SINK_NULL_VALUE",
                field="delete.enabled",
                remedy="Set delete.enabled=true with pk.mode=record_key, or drop tombstones with a transform.",
            )
        if self._settings.pk_mode == "record_value":
            return  # a null value names no key; the delete event before it did
        self._delete(self._for_delete(route), route.key_of(record, None))

    def _special(self, record: SinkRecord, route: Route, op: Any) -> None:
        """Deletes and truncates; without their switch they change nothing, as the settings say."""
        settings = self._settings
        if op == "d":
            if settings.delete_enabled:
                before = record.value.values[route.before]
                if before is None and settings.pk_mode == "record_value":
                    raise DataException("Delete event without 'before'.", code="SINK_EVENT_INVALID")
                self._delete(self._for_delete(route), route.key_of(record, before and before.values))
        elif op == "t":
            if settings.truncate_enabled and route.table is not None:
                self._open.pop(route.table, None)
                self._done = [segment for segment in self._done if segment.table != route.table]
                self._open[route.table] = segment = Segment(route.table, route, self._keep_all)
                segment.truncate = True
        else:
            raise DataException(f"Unknown operation {op!r} in an event.", code="SINK_EVENT_INVALID")

    def _partial(self, segment: Segment, key: Key, row: list[Any]) -> None:
        assert segment.shape is not None
        fields = segment.shape.fields
        left_out = unchanged_columns(fields, row, self._settings.placeholder)
        if self._keep_all:
            segment.partial_rows[len(segment.partial_rows)] = (key, row, left_out)
            return
        known = segment.rows.get(key)
        if known is not None:
            merged = list(row)
            for position in left_out:
                merged[fields[position].at] = known[fields[position].at]
            segment.rows[key] = merged
            return
        earlier = segment.partial_rows.get(key)
        if earlier is not None:
            merged = list(row)
            for position in left_out - earlier[2]:
                merged[fields[position].at] = earlier[1][fields[position].at]
            row, left_out = merged, left_out & earlier[2]
        segment.partial_rows[key] = (key, row, left_out)
