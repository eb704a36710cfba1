"""EnforceRecordSize: the long texts and bytes of a row that is too large are cut.

Source: io.debezium.transforms.EnforceRecordSize, io.debezium.util.ApproximateStructSizeCalculator (Debezium 3.6).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import at_least, predicate
from headrace.data import Schema, SourceRecord, Struct, Type
from headrace.data.logical import int_to_bytes
from headrace.errors import DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record

_STRUCT, _TEXT, _BYTES, _ARRAY, _MAP, _PRIMITIVE, _REFERENCE = 56, 56, 24, 64, 88, 24, 8
CONFIG: Final = (
    ConfigDef()
    .define(
        "max.bytes",
        ConfigType.INT,
        validator=at_least(1),
        importance=Importance.HIGH,
        documentation="The estimated size in bytes above which a record is cut.",
    )
    .define(
        "compression.ratio",
        ConfigType.DOUBLE,
        1.0,
        predicate(lambda ratio: ratio > 0, "Must be a positive number"),
        Importance.MEDIUM,
        "What the estimate is multiplied with before it is compared.",
    )
    .define(
        "min.field.size",
        ConfigType.INT,
        25000,
        at_least(0),
        Importance.MEDIUM,
        "Fields of this size in bytes, or less, are never cut.",
    )
)


class EnforceRecordSize(Transform[R]):
    """Cuts STRING and BYTES columns of `before` and `after` in proportion to their size, by what the estimate of the whole record is too
    large. Records of sinks, and values that are no structs, pass unchanged. The cut text is lost: it is for topics with a hard limit."""

    @classmethod
    def config(cls) -> ConfigDef:
        """Debezium's settings."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        settings = CONFIG.parse(props)
        self._limit: int = settings["max.bytes"]
        self._ratio: float = settings["compression.ratio"]
        self._least: int = settings["min.field.size"]

    def apply(self, record: R) -> R | None:
        value = record.value
        if not isinstance(value, Struct) or not isinstance(record, SourceRecord):
            return record
        excess = math.ceil(_record_size(record) * self._ratio) - self._limit
        if excess <= 0:
            return record
        rows = {name: self._long_fields(value, name) for name in ("before", "after")}
        sums = {name: sum(fields.values()) for name, fields in rows.items()}
        total = sum(sums.values())
        if total <= 0:
            return record
        changed = Struct(value.schema, list(value.values))
        for name, fields in rows.items():
            share = math.ceil(sums[name] / total * excess)
            if fields and share > 0:
                position = value.schema.field(name)
                assert position is not None
                changed.values[position.index] = _cut(value.get(name), fields, sums[name], share)
        copied = copy_record(record)
        copied.value = changed
        return copied

    def _long_fields(self, event: Struct, name: str) -> dict[int, int]:
        """The positions of the row's fields that may be cut, and their sizes."""
        row = event.get(name) if event.schema.field(name) is not None else None
        if not isinstance(row, Struct):
            return {}
        found: dict[int, int] = {}
        for field in row.schema.fields:
            value = row.get(field.name)
            if (
                field.schema.type is Type.BYTES
                and value is not None
                and not isinstance(value, bytes | bytearray | memoryview)
            ):
                raise DataException(
                    f"The size of column '{field.name}' cannot be limited: it is of type {field.schema.name}.",
                    remedy="Use decimal.handling.mode=string or double with EnforceRecordSize.",
                )
            if value is not None and field.schema.type in (Type.STRING, Type.BYTES) and len(value) > self._least:
                found[field.index] = len(value)
        return found


def _cut(row: Struct, fields: dict[int, int], total: int, excess: int) -> Struct:
    values = list(row.values)
    for index, size in fields.items():
        value = row.get(row.schema.fields[index].name)
        values[index] = value[: max(0, size - math.ceil(size / total * excess))]
    return Struct(row.schema, values)


def _record_size(record: SourceRecord) -> int:
    entries = len(record.source_partition or ()) + len(record.source_offset or ()) + len(record.header_items)
    return entries * 100 + 8 + _top(record.key) + _top(record.value) + len(record.topic.encode())


def _top(value: Any) -> int:
    if value is not None and not isinstance(value, Struct):
        raise DataException(f"The size of a key of type {type(value).__name__} cannot be estimated.")
    return _struct_size(value)


def _struct_size(struct: Struct | None) -> int:
    if struct is None:
        return 0
    fields = zip(struct.schema.fields, struct.values, strict=True)
    return _STRUCT + sum(_REFERENCE + _size(field.schema, value) for field, value in fields)


def _size(schema: Schema | None, value: Any) -> int:
    if schema is None:
        return 0
    match schema.type:
        case Type.STRING:
            return 0 if value is None else _TEXT + len(value.encode("utf-8", "replace"))
        case Type.BYTES:
            if isinstance(value, Decimal):
                value = int_to_bytes(_unscaled(value))
            return 0 if value is None else _BYTES + len(value)
        case Type.STRUCT:
            return _struct_size(value)
        case Type.ARRAY:
            return 0 if value is None else _ARRAY + sum(_REFERENCE + _size(schema.value_schema, item) for item in value)
        case Type.MAP:
            pairs = () if value is None else value.items()
            inner = sum(2 * _REFERENCE + _size(schema.key_schema, k) + _size(schema.value_schema, v) for k, v in pairs)
            return 0 if value is None else _MAP + inner
    return _PRIMITIVE


def _unscaled(value: Decimal) -> int:
    sign, digits, _ = value.as_tuple()
    number = int("".join(map(str, digits)))
    return -number if sign else number
