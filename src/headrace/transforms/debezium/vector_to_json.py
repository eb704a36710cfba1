"""VectorToJsonConverter: vectors become JSON texts. Source: io.debezium.transforms.VectorToJsonConverter (Debezium 3.6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from headrace.config import ConfigDef
from headrace.data import Field, Schema, Struct, Type
from headrace.data.text import java_double, java_float
from headrace.errors import DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import SchemaCache, copy_record, derived, require_struct

_NOTHING: Final = ConfigDef()
_DENSE: Final = {"io.debezium.data.DoubleVector": java_double, "io.debezium.data.FloatVector": java_float}
_SPARSE: Final = "io.debezium.data.SparseDoubleVector"
_Convert = Callable[[Any], Any]
_Plan = tuple[Schema, _Convert]


class VectorToJsonConverter(Transform[R]):
    """Fields of the types DoubleVector, FloatVector and SparseDoubleVector, also in nested structs, become `io.debezium.data.Json`. A null
    value passes unchanged; any other must be a struct."""

    @classmethod
    def config(cls) -> ConfigDef:
        """No settings."""
        return _NOTHING

    def configure(self, props: Mapping[str, str]) -> None:
        self._plans: SchemaCache[_Plan] = SchemaCache()

    def apply(self, record: R) -> R | None:
        if record.value is None:
            return record
        value = require_struct(record.value, "Value should be a struct")
        if record.value_schema is None:
            raise DataException("A struct must have a schema.")
        schema, convert = self._plans.get(record.value_schema, _plan)
        copied = copy_record(record)
        copied.value_schema, copied.value = schema, convert(value)
        return copied


def _plan(schema: Schema) -> _Plan:
    if schema.type is not Type.STRUCT:
        raise DataException(f"A struct came with a schema of type {schema.type.value}.")
    converters: list[_Convert | None] = []
    fields: list[Field] = []
    for field in schema.fields:
        found = _field(field.schema)
        converters.append(found[1] if found else None)
        fields.append(Field(field.name, field.index, found[0] if found else field.schema))
    made = derived(schema, fields=fields)
    defaults = [field.schema.default for field in schema.fields]

    def convert(value: Struct | None) -> Struct | None:
        if value is None:
            return None
        values = [default if item is None else item for item, default in zip(value.values, defaults, strict=True)]
        return Struct(made, [item if way is None else way(item) for item, way in zip(values, converters, strict=True)])

    return made, convert


def _field(schema: Schema) -> _Plan | None:
    if schema.name in _DENSE:
        number = _DENSE[schema.name or ""]
        return _json(schema), lambda items: None if items is None else _dense(items, number)
    if schema.name == _SPARSE:
        return _json(schema), _sparse
    return _plan(schema) if schema.type is Type.STRUCT else None


def _json(schema: Schema) -> Schema:
    return Schema(Type.STRING, name="io.debezium.data.Json", version=1, optional=schema.optional)


def _dense(items: list[float], number: Callable[[float], str]) -> str:
    return '{ "values": [' + ", ".join(map(number, items)) + "] }"


def _sparse(value: Struct | None) -> str | None:
    if value is None:
        return None
    items = sorted(value.get("vector").items())
    inner = ", ".join(f'"{index}": {java_double(number)}' for index, number in items)
    return f'{{ "dimensions": {value.get("dimensions")}, "vector": {{ {inner} }} }}'
