"""TimezoneConverter: moments of events in another time zone. Source: io.debezium.transforms.TimezoneConverter (Debezium 3.6).

A ZonedTimestamp keeps its moment and gets the zone's offset. A timestamp without zone is read as a local time of the zone and becomes the
UTC moment of it. Numbers of the source block (`source.ts_ms` …) are moved by the zone's offset.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from headrace.config import ConfigDef, ConfigType, Importance, Width
from headrace.config.validators import non_empty, non_null
from headrace.data import Schema, Struct, Type
from headrace.data.batch import Block
from headrace.data.columns import column_of
from headrace.data.logical import TIMESTAMP_NAME, datetime_to_millis, millis_to_datetime
from headrace.errors import DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import SchemaCache, copy_record
from headrace.transforms.blocks import StructSide, one_value, pieces, presence, side_of, structs_of
from headrace.transforms.debezium.envelope import event_of, is_envelope
from headrace.transforms.debezium.field_columns import values_of
from headrace.transforms.debezium.timezone_rules import Chooses, Rules
from headrace.transforms.debezium.zoned_text import moment_text, parse_moment, parse_time, time_text
from headrace.transforms.debezium.zones import Zone

if TYPE_CHECKING:
    from headrace.native._core import Column

_log = logging.getLogger(__name__)
_DEBEZIUM: Final = "io.debezium.time."
_UNITS: Final = {_DEBEZIUM + "Timestamp": 1000, _DEBEZIUM + "MicroTimestamp": 10**6, _DEBEZIUM + "NanoTimestamp": 10**9}
_EPOCHS: Final = {"ts_ms": 1000, "ts_us": 10**6, "ts_ns": 10**9}
_UNSUPPORTED: Final = frozenset(
    {_DEBEZIUM + name for name in ("Date", "Time", "MicroTime", "NanoTime")}
    | {"org.apache.kafka.connect.data.Date", "org.apache.kafka.connect.data.Time"}
)
_Convert = Callable[[Any], Any]
_Steps = list[tuple[int, list[tuple[int, Any, _Convert]]]]


def _rules(setting: str, what: str) -> dict[str, Any]:
    return {
        "name": setting,
        "type": ConfigType.LIST,
        "default": None,
        "importance": Importance.HIGH,
        "documentation": f"What is {what}, as source:<table>, source:<table>:<field>, topic:<topic>, topic:<topic>:<field> or <name>:<field>, "
        "where a field may begin with before., after. or source. (whose fields are left alone unless named).",
        "width": Width.MEDIUM,
    }


CONFIG: Final = (
    ConfigDef()
    .define(
        "converted.timezone",
        ConfigType.STRING,
        None,
        importance=Importance.HIGH,
        documentation="The zone: a name such as America/Los_Angeles, or an offset such as +08:00. Required.",
        width=Width.MEDIUM,
        display_name="Converted Timezone",
    )
    .define(**_rules("include.list", "converted; without rules everything is"), display_name="Include List")
    .define(**_rules("exclude.list", "not converted"), display_name="Exclude List")
)


class TimezoneConverter(Transform[R]):
    """Converts fields of Timestamp, MicroTimestamp, NanoTimestamp, ZonedTimestamp, ZonedTime and Connect's Timestamp. Dates, and times
    without zone, stay as they are (the log says so once per table); so does whatever is no change event."""

    @classmethod
    def config(cls) -> ConfigDef:
        """Debezium's settings."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for a zone or rule there is not, or for two lists."""
        settings = CONFIG.parse(props)
        name = settings["converted.timezone"]
        non_null("converted.timezone", name)
        non_empty("converted.timezone", name)
        self._rules = Rules(settings["include.list"] or [], settings["exclude.list"] or [])
        self._zone = Zone(name, "converted.timezone")
        self._plans: SchemaCache[dict[tuple[str | None, str], _Steps]] = SchemaCache()

    def apply(self, record: R) -> R | None:
        event = event_of(record, "converting time zones")
        if event is None:
            return record
        steps = self._planned(event, record.topic)
        values = list(event.values)
        for index, changes in steps:
            struct = values[index]
            if struct is None:
                continue
            inner = list(struct.values)
            for at, default, convert in changes:
                value = default if inner[at] is None else inner[at]
                if value is not None:
                    inner[at] = convert(value)
            values[index] = Struct(struct.schema, inner)
        copied = copy_record(record)
        copied.value = Struct(event.schema, values)
        return copied

    def apply_block(self, block: Block) -> list[Block] | None:
        """Only the columns of moments are looked at value by value."""
        if block.value is None or not is_envelope(block.value_schema):
            return [block]
        events = structs_of(side_of(block, is_key=False))
        parts = None if events is None else pieces(block, _deciding(events))
        if events is None or parts is None:
            return None
        made: list[Block] = []
        for row, part in parts:
            event = one_value(events.schema, events.column, row)
            if event is not None and part.value is not None:
                steps = self._planned(event, part.topic)
                part = part.replace(value=_stepped(events._replace(column=part.value), steps))
            made.append(part)
        return made

    def _planned(self, event: Struct, topic: str) -> _Steps:
        table = _table(event)
        plans = self._plans.get(event.schema, lambda _: {})
        steps = plans.get((table, topic))
        if steps is None:
            steps = plans[table, topic] = self._steps(event.schema, table, topic)
        return steps

    def _steps(self, schema: Schema, table: str | None, topic: str) -> _Steps:
        choice = self._rules.choice(table, topic)
        steps: _Steps = []
        for name in ("before", "after", "source"):
            field, chooses = schema.field(name), getattr(choice, name, None)
            if field is not None and field.schema.type is Type.STRUCT and chooses is not None:
                steps.append((field.index, self._changes(field.schema, chooses, name)))
        return steps

    def _changes(self, schema: Schema, chooses: Chooses, side: str) -> list[tuple[int, Any, _Convert]]:
        changes: list[tuple[int, Any, _Convert]] = []
        for field in schema.fields:
            if not chooses(field.name):
                continue
            name = field.schema.name
            if name in _UNSUPPORTED:
                _log.warning("Field %s stays as it is: values of type %s have no time zone", field.name, name)
            elif name is None:
                if side == "source" and field.name in _EPOCHS:
                    changes.append((field.index, field.schema.default, self._epoch(field.name)))
            elif (convert := self._converter(name)) is not None:
                changes.append((field.index, field.schema.default, convert))
        return changes

    def _epoch(self, name: str) -> _Convert:
        unit = _EPOCHS[name]

        def convert(value: Any) -> int:
            if isinstance(value, bool) or not isinstance(value, int):
                raise DataException(f"The source's {name} is no number.")
            return value + self._zone.offset_of_instant(value // unit) * unit

        return convert

    def _converter(self, name: str) -> _Convert | None:
        zone = self._zone
        unit = _UNITS.get(name)
        if unit is not None:
            return lambda value: value - zone.offset_of_local(value // unit) * unit
        if name == TIMESTAMP_NAME:
            return lambda value: _moved(value, zone)
        if name == _DEBEZIUM + "ZonedTimestamp":
            return lambda value: _zoned(value, zone)
        return (lambda value: _zoned_time(value, zone)) if name == _DEBEZIUM + "ZonedTime" else None


def _deciding(events: StructSide) -> list[Column]:
    """The columns that say of which table a row is, and whether it is an event at all."""
    made = [presence(events.column)]
    source = events.schema.field("source")
    if source is not None and source.schema.type is Type.STRUCT:
        column = events.column.field(source.index)
        made.append(presence(column))
        table = source.schema.field("table")
        if table is not None and table.schema.type is Type.STRING:
            made.append(column.field(table.index))
    return made


def _stepped(events: StructSide, steps: _Steps) -> Column:
    fields = events.column.fields(len(events.schema.fields))
    for index, changes in steps:
        struct, schema = fields[index], events.schema.fields[index].schema
        present = struct.valid().selectors()
        inner = struct.fields(len(schema.fields))
        for at, default, convert in changes:
            field = schema.fields[at].schema
            if inner[at].first() is not None or default is not None:
                inner[at] = _converted(inner[at], field, default, convert, present)
        fields[index] = struct.rebuilt(inner)
    return events.column.rebuilt(fields)


def _converted(column: Column, schema: Schema, default: Any, convert: _Convert, present: bytes) -> Column:
    """The column with its values converted; where the struct around it is null it has any."""
    made: list[Any] = []
    any_value = None
    for value, there in zip(values_of(schema, column), present, strict=True):
        found = default if value is None else value
        if there and found is not None:
            found = any_value = convert(found)
        made.append(found)
    return column_of(schema, [one if there else any_value for one, there in zip(made, present, strict=True)])


def _moved(value: dt.datetime, zone: Zone) -> dt.datetime:
    millis = datetime_to_millis(value)
    return millis_to_datetime(millis - zone.offset_of_local(millis // 1000) * 1000)


def _zoned(text: str, zone: Zone) -> str:
    local, nanos, offset = parse_moment(text)
    # The original asks for the zone's offset at the clock time the text shows.
    new = zone.offset_of_local(local)
    return moment_text(local - offset + new, nanos, new)


def _zoned_time(text: str, zone: Zone) -> str:
    seconds, nanos, offset = parse_time(text)
    # A time has no day; the zone's offset of today is taken, as in the original.
    new = zone.offset_of_instant(int(time.time()))
    return time_text((seconds - offset + new) % 86_400, nanos, new)


def _table(event: Struct) -> str | None:
    field = event.schema.field("source")
    source = event.values[field.index] if field is not None else None
    if not isinstance(source, Struct) or source.schema.field("table") is None:
        return None
    table = source.get_without_default("table")
    return table if isinstance(table, str) else None
