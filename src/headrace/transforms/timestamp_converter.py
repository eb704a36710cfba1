"""TimestampConverter: one form of timestamp to another. Source: org.apache.kafka.connect.transforms.TimestampConverter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.native._core import Column
import datetime as dt
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import one_of
from headrace.data import (
    INT64_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
    Struct,
    Type,
)
from headrace.data.batch import Block
from headrace.data.date_format import JavaDateFormat
from headrace.data.java_calendar import DAY_MILLIS
from headrace.data.logical import (
    DATE_NAME,
    TIME_NAME,
    TIMESTAMP_NAME,
    date_builder,
    days_to_date,
    millis_to_datetime,
    millis_to_time,
    time_builder,
    timestamp_builder,
)
from headrace.data.values import epoch_millis
from headrace.errors import ConfigException, ConnectException, DataException
from headrace.spi.transform import R
from headrace.transforms.base import (
    NULL_DEFAULTS,
    Reader,
    SchemaCache,
    SidedTransform,
    compile_reader,
    require_map,
    require_struct,
    struct_like,
)
from headrace.transforms.blocks import structs_of
from headrace.transforms.timestamp_router import valid_format

_PURPOSE: Final = "converting timestamp formats"
_SCHEMAS: Final[dict[str, tuple[Schema, Schema]]] = {
    "string": (STRING_SCHEMA, OPTIONAL_STRING_SCHEMA),
    "unix": (INT64_SCHEMA, OPTIONAL_INT64_SCHEMA),
    "Date": (date_builder().build(), date_builder().optional().build()),
    "Time": (time_builder().build(), time_builder().optional().build()),
    "Timestamp": (timestamp_builder().build(), timestamp_builder().optional().build()),
}
_PER_MILLI: Final = {"milliseconds": (1, 1), "seconds": (1000, 1), "microseconds": (1, 1000), "nanoseconds": (1, 10**6)}
"""Multiplier to milliseconds and divisor to milliseconds."""
_LOGICAL: Final = {TIMESTAMP_NAME: "Timestamp", DATE_NAME: "Date", TIME_NAME: "Time"}


class TimestampConverter(SidedTransform[R]):
    """A null field or value stays null. A Date is UTC midnight, a Time the time of day."""

    definition = (
        ConfigDef()
        .define(
            "field",
            ConfigType.STRING,
            "",
            importance=Importance.HIGH,
            documentation="The field that holds the timestamp; empty when the whole value is one.",
        )
        .define(
            "target.type",
            ConfigType.STRING,
            validator=one_of(*_SCHEMAS),
            importance=Importance.HIGH,
            documentation="The form wanted: string, unix, Date, Time or Timestamp.",
        )
        .define(
            "format",
            ConfigType.STRING,
            "",
            valid_format,
            Importance.MEDIUM,
            "Pattern (java.text.SimpleDateFormat) of the text made or read.",
        )
        .define(
            "unix.precision",
            ConfigType.STRING,
            "milliseconds",
            one_of(*_PER_MILLI),
            Importance.LOW,
            "Unit of a unix timestamp made or read: seconds, milliseconds, microseconds or nanoseconds. What is finer than "
            "a millisecond is lost.",
        )
        .embed(NULL_DEFAULTS)
    )

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException when text is wanted and there is no format."""
        settings = self.settings(props)
        self._field: str = settings["field"]
        self._target: str = settings["target.type"]
        pattern = settings["format"] or ""
        if self._target == "string" and not pattern.strip():
            raise ConfigException(
                "TimestampConverter requires format option to be specified when using string timestamps", field="format"
            )
        self._format = JavaDateFormat(pattern, "format") if pattern.strip() else None
        self._multiplier, self._divisor = _PER_MILLI[settings["unix.precision"]]
        self._replace: bool = settings["replace.null.with.default"]
        self._plans: SchemaCache[_Plan] = SchemaCache()

    def _plan(self, schema: Schema) -> _Plan:
        fields = []
        for field in schema.fields:
            target = field.schema
            if field.name == self._field:
                target = _SCHEMAS[self._target][target.optional]
            fields.append((field.name, target))
        read = compile_reader(schema, None, replace_nulls=self._replace)
        updated = struct_like(schema, fields, optional=schema.optional)
        if schema.default is not None:
            default = Struct(updated, self._convert_fields(schema, read(schema.default.values)))
            updated = struct_like(schema, fields, optional=schema.optional, default=default)
        return _Plan(updated, read)

    def _convert_fields(self, schema: Schema, values: list[Any]) -> list[Any]:
        """The values with the configured field converted in place."""
        field = schema.field(self._field)
        if field is not None:
            values[field.index] = self._convert(values[field.index], _source_type(field.schema))
        return values

    def apply(self, record: R) -> R | None:
        value, schema = self.value_of(record), self.schema_of(record)
        if schema is None:
            if value is None or not self._field:
                return self.with_value(record, None, self._convert(value, None))
            updated = dict(require_map(value, _PURPOSE))
            updated[self._field] = self._convert(updated.get(self._field), None)
            return self.with_value(record, None, updated)
        if not self._field:
            target = _SCHEMAS[self._target][schema.optional]
            return self.with_value(record, target, self._convert(value, _source_type(schema)))
        struct = None if value is None else require_struct(value, _PURPOSE)
        if schema.type is not Type.STRUCT:
            raise DataException("Cannot list fields on non-struct type")
        plan = self._plans.get(schema, self._plan)
        if struct is None:
            return self.with_value(record, plan.schema, None)
        values = self._convert_fields(schema, plan.read(struct.values))
        return self.with_value(record, plan.schema, Struct(plan.schema, values))

    def apply_block(self, block: Block) -> list[Block] | None:
        side = self.side_of(block)
        schema = side.schema
        if schema is None:
            return [block]
        if not self._field:
            target = _SCHEMAS[self._target][schema.optional]
            source = _source_type(schema)
            column = None if side.column is None else self._convert_column(source, side.column)
            return self.with_side(block, target, column)
        plan = self._plans.get(schema, self._plan)
        structs = structs_of(side)
        if structs is None:
            nulls = side.column is None and schema.type is Type.STRUCT
            return self.with_side(block, plan.schema, None) if nulls else None
        fields = structs.read(defaults=self._replace)
        field = schema.field(self._field)
        if field is not None:
            fields[field.index] = self._convert_column(_source_type(field.schema), fields[field.index])
        return self.with_side(block, plan.schema, structs.column.rebuilt(fields))

    def _convert_column(self, source: str, column: Column) -> Column:
        """Raises for texts, which are converted one by one."""
        return column.moments(source, self._target, self._multiplier, self._divisor)

    def _convert(self, value: Any, source: str | None) -> Any:
        if value is None:
            return None
        millis = self._to_millis(value, source or _infer(value))
        try:
            return self._to_target(millis)
        except (OverflowError, ValueError) as error:
            raise DataException(
                f"Timestamp {value} cannot be a {self._target}: dates are of the years 1 to 9999 ({error})"
            ) from error

    def _to_millis(self, value: Any, source: str) -> int:
        if source == "string":
            if not isinstance(value, str):
                raise DataException(f"Expected string timestamp to be a String, but found {type(value).__name__}")
            if self._format is None:
                raise DataException(
                    "TimestampConverter requires format option to be specified when using string timestamps",
                    field="format",
                )
            return self._format.parse(value)
        if source == "unix":
            if isinstance(value, bool) or not isinstance(value, int):
                raise DataException(f"Expected Unix timestamp to be a Long, but found {type(value).__name__}")
            return _saturated(_toward_zero(value * self._multiplier, self._divisor))
        if isinstance(value, dt.date | dt.time):
            return epoch_millis(value)
        raise DataException(f"Expected {source} to be a date or time, but found {type(value).__name__}")

    def _to_target(self, millis: int) -> Any:
        match self._target:
            case "string":
                assert self._format is not None
                return self._format.format(millis)
            case "unix":
                return _saturated(_toward_zero(millis * self._divisor, self._multiplier))
            case "Date":
                return days_to_date(millis // DAY_MILLIS)
            case "Time":
                return millis_to_time(millis % DAY_MILLIS)
            case _:
                return millis_to_datetime(millis)


class _Plan(NamedTuple):
    schema: Schema
    read: Reader


def _saturated(number: int) -> int:
    """Within 64 bits, as java.util.concurrent.TimeUnit keeps it."""
    return max(-(2**63), min(2**63 - 1, number))


def _toward_zero(number: int, divisor: int) -> int:
    return number // divisor if number >= 0 else -(-number // divisor)


def _source_type(schema: Schema) -> str:
    if schema.name in _LOGICAL:
        return _LOGICAL[schema.name]
    if schema.type is Type.STRING:
        return "string"
    if schema.type is Type.INT64:
        return "unix"
    raise ConnectException(
        f"Schema {schema!r} does not correspond to a known timestamp type format",
        code="TIMESTAMP_TYPE_UNKNOWN",
        remedy="Cast the field to int64 or string first.",
    )


def _infer(value: Any) -> str:
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return "Timestamp"
    if isinstance(value, int) and not isinstance(value, bool):
        return "unix"
    if isinstance(value, str):
        return "string"
    raise DataException(
        f"TimestampConverter does not support {type(value).__name__} objects as timestamps",
        code="TIMESTAMP_TYPE_UNKNOWN",
    )


class Key(TimestampConverter[R]):
    """TimestampConverter on the key."""

    is_key = True


class Value(TimestampConverter[R]):
    """TimestampConverter on the value."""
