"""TimestampConverter: one form of timestamp to another. Source: org.apache.kafka.connect.transforms.TimestampConverter."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

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
from headrace.data.logical import (
    DATE_NAME,
    TIME_NAME,
    TIMESTAMP_NAME,
    date_builder,
    datetime_to_millis,
    millis_to_datetime,
    time_builder,
    timestamp_builder,
)
from headrace.errors import ConfigException, ConnectException, DataException
from headrace.spi.transform import R
from headrace.transforms.base import (
    NULL_DEFAULTS,
    SchemaCache,
    SidedTransform,
    require_map,
    require_struct,
    struct_like,
)
from headrace.transforms.date_format import JavaDateFormat
from headrace.transforms.timestamp_router import valid_format

_PURPOSE: Final = "converting timestamp formats"
_EPOCH_DAY: Final = dt.date(1970, 1, 1)
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
        self._plans: SchemaCache[tuple[Schema, list[Any] | None]] = SchemaCache()

    def _plan(self, schema: Schema) -> tuple[Schema, list[Any] | None]:
        fields = []
        for field in schema.fields:
            target = field.schema
            if field.name == self._field:
                target = _SCHEMAS[self._target][target.optional]
            fields.append((field.name, target))
        defaults = [field.schema.default for field in schema.fields] if self._replace else []
        some = defaults if any(default is not None for default in defaults) else None
        updated = struct_like(schema, fields, optional=schema.optional)
        if schema.default is not None:
            default = Struct(updated, self._convert_fields(schema, schema.default.values, some))
            updated = struct_like(schema, fields, optional=schema.optional, default=default)
        return updated, some

    def _convert_fields(self, schema: Schema, values: list[Any], defaults: list[Any] | None) -> list[Any]:
        result = list(values)
        if defaults is not None:
            result = [default if item is None else item for item, default in zip(result, defaults, strict=True)]
        field = schema.field(self._field)
        if field is not None:
            result[field.index] = self._convert(result[field.index], _source_type(field.schema))
        return result

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
        new_schema, defaults = self._plans.get(schema, self._plan)
        if struct is None:
            return self.with_value(record, new_schema, None)
        return self.with_value(
            record, new_schema, Struct(new_schema, self._convert_fields(schema, struct.values, defaults))
        )

    def _convert(self, value: Any, source: str | None) -> Any:
        if value is None:
            return None
        try:
            return self._to_target(self._to_moment(value, source or _infer(value)))
        except (OverflowError, ValueError) as error:
            raise DataException(f"Timestamp {value} is out of range: {error}") from error

    def _to_moment(self, value: Any, source: str) -> dt.datetime:
        if source == "string":
            if not isinstance(value, str):
                raise DataException(f"Expected string timestamp to be a String, but found {type(value).__name__}")
            if self._format is None:
                raise ConfigException(
                    "TimestampConverter requires format option to be specified when using string timestamps",
                    field="format",
                )
            return self._format.parse(value)
        if source == "unix":
            if isinstance(value, bool) or not isinstance(value, int):
                raise DataException(f"Expected Unix timestamp to be a Long, but found {type(value).__name__}")
            return millis_to_datetime(_toward_zero(value * self._multiplier, self._divisor))
        if isinstance(value, dt.datetime):
            return value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)
        if isinstance(value, dt.date):
            return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
        if isinstance(value, dt.time):
            return dt.datetime.combine(_EPOCH_DAY, value, dt.UTC)
        raise DataException(f"Expected {source} to be a date or time, but found {type(value).__name__}")

    def _to_target(self, moment: dt.datetime) -> Any:
        utc = moment.astimezone(dt.UTC)
        match self._target:
            case "string":
                assert self._format is not None
                return self._format.format(utc)
            case "unix":
                return _toward_zero(datetime_to_millis(utc) * self._divisor, self._multiplier)
            case "Date":
                return utc.date()
            case "Time":
                return utc.time()
            case _:
                return utc


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
