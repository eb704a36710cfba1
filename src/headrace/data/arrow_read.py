"""Arrow data of any producer as values, by way of pyarrow: what the Rust core does with columns, for where there is none.

Needs the extra `arrow`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from headrace.data import logical
from headrace.data.arrow import ArrowField, SchemaMemo
from headrace.data.arrow_write import pyarrow, type_of
from headrace.data.columns import date_of_days, moment_of_millis, time_of_millis
from headrace.data.schema import Schema
from headrace.data.struct import Struct
from headrace.data.unchanged import Unchanged
from headrace.errors import DataException

_DAY_MS: Final = 86_400_000
_KINDS: Final = {
    "null": ("null",),
    "bool": ("boolean",),
    "int8": ("int8",),
    "int16": ("int16", "uint8"),
    "int32": ("int32", "uint16"),
    "int64": ("int64", "uint32", "uint64"),
    "float32": ("float16", "float32"),
    "float64": ("float64",),
    "string": ("string", "large_string", "string_view"),
    "binary": ("binary", "large_binary", "binary_view", "fixed_size_binary"),
    "decimal": ("decimal",),
    "date": ("date",),
    "time": ("time",),
    "timestamp": ("timestamp",),
}
"""Kind → the names of pyarrow's types that are read as it."""


def from_arrow(given: Any) -> tuple[ArrowField, Any]:
    """Any Arrow data as a field and a pyarrow array. DataException for a type that has no counterpart."""
    pa = pyarrow()
    try:
        array = _combined(pa, given)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise DataException(f"Arrow data that cannot be taken: {error}") from error
    return _described(pa, "", True, None, array.type), array


def _combined(pa: Any, given: Any) -> Any:
    if isinstance(given, pa.Array):
        return given
    if isinstance(given, pa.ChunkedArray):
        return given.combine_chunks() if given.num_chunks != 1 else given.chunk(0)
    if isinstance(given, pa.Table):
        return _combined(pa, given.to_struct_array())
    if isinstance(given, pa.RecordBatch):
        return given.to_struct_array()
    if hasattr(given, "__arrow_c_array__"):
        return pa.array(given)
    if hasattr(given, "__arrow_c_stream__"):
        return _combined(pa, pa.chunked_array(given))
    raise DataException("An object with __arrow_c_array__ or __arrow_c_stream__ is needed.")


def _described(pa: Any, name: str, nullable: bool, metadata: Any, found: Any) -> ArrowField:
    """The field that stands for a type."""
    types = pa.types
    pairs = tuple(
        (key.decode(errors="replace"), value.decode(errors="replace")) for key, value in (metadata or {}).items()
    )
    if types.is_dictionary(found):
        return _described(pa, name, nullable, metadata, found.value_type)
    kind = next(
        (kind for kind, tests in _KINDS.items() if any(getattr(types, f"is_{test}")(found) for test in tests)), None
    )
    if kind == "decimal":
        return ArrowField(name, nullable, pairs, kind, found.precision, found.scale)
    if kind is not None:
        return ArrowField(name, nullable, pairs, kind)
    if types.is_struct(found):
        kind, inner = "struct", [found.field(index) for index in range(found.num_fields)]
    elif types.is_map(found):
        kind, inner = "map", [found.key_field, found.item_field]
    elif types.is_list(found) or types.is_large_list(found) or types.is_fixed_size_list(found):
        kind, inner = "list", [found.value_field]
    else:
        raise DataException(f"The Arrow type {found} has no counterpart.", remedy="Cast the column to another type.")
    children = tuple(_described(pa, one.name, one.nullable, one.metadata, one.type) for one in inner)
    return ArrowField(name, nullable, pairs, kind, 0, 0, children)


def values_of(schema: Schema, field: ArrowField, array: Any) -> list[Any]:
    """The values of an array that is of the field, as records of the schema hold them. DataException for one that no Connect type holds (a
    time finer than a millisecond, a number beyond 64 bits)."""
    pa = pyarrow()
    try:
        return _values(pa, schema, field, array)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise DataException(f"Arrow data that cannot be taken: {error}") from error


def _values(pa: Any, schema: Schema, field: ArrowField, array: Any) -> list[Any]:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    match field.kind:
        case "null":
            return [None] * len(array)
        case "struct":
            # flatten makes the fields of a null struct null.
            columns = [
                _values(pa, of.schema, child, column)
                for of, child, column in zip(schema.fields, field.children, array.flatten(), strict=True)
            ]
            return [
                Struct(schema, [column[row] for column in columns]) if valid else None
                for row, valid in enumerate(array.is_valid().to_pylist())
            ]
        case "list":
            assert schema.value_schema is not None
            items = iter(_values(pa, schema.value_schema, field.children[0], array.flatten()))
            return [[next(items) for _ in range(len(one))] if one.is_valid else None for one in array]
        case "map":
            return _maps(pa, schema, field, array)
    return _leaves(pa, schema, field, array)


def _maps(pa: Any, schema: Schema, field: ArrowField, array: Any) -> list[Any]:
    assert schema.key_schema is not None
    assert schema.value_schema is not None
    entries = pa.struct([array.type.key_field.with_nullable(True), array.type.item_field])
    pairs = array.cast(pa.list_(entries)).flatten()
    keys = iter(_values(pa, schema.key_schema, field.children[0], pairs.field(0)))
    items = iter(_values(pa, schema.value_schema, field.children[1], pairs.field(1)))
    return [{next(keys): next(items) for _ in range(len(one))} if one.is_valid else None for one in array]


def _leaves(pa: Any, schema: Schema, field: ArrowField, array: Any) -> list[Any]:
    if pa.types.is_date64(array.type):
        numbers = array.cast(pa.int64()).to_pylist()
        if any(number is not None and number % _DAY_MS for number in numbers):
            raise ValueError("a date that is not a whole day")
    made = type_of(field)
    if array.type != made:
        array = array.cast(made)
    match field.kind:
        case "date":
            return _each(date_of_days, array.cast(pa.int32()).to_pylist())
        case "time":
            return _each(time_of_millis, array.cast(pa.int32()).to_pylist())
        case "timestamp":
            return _each(moment_of_millis, array.cast(pa.int64()).to_pylist())
        case "binary" if schema.name == logical.DECIMAL_NAME:
            scale = logical.schema_scale(schema)
            return _each(lambda value: _decimal(value, scale), array.to_pylist())
    return list(array.to_pylist())


def _decimal(value: bytes, scale: int) -> Any:
    if not value:
        raise DataException("A decimal of no bytes.")
    return logical.bytes_to_decimal(value, scale)


def _each(make: Any, values: list[Any]) -> list[Any]:
    return [None if value is None else make(value) for value in values]


def truths(given: Any) -> list[bool]:
    """Arrow truth values, null being false."""
    field, array = from_arrow(given)
    if field.kind not in ("bool", "null"):
        raise DataException("Truth values are needed.")
    return [value is True for value in array.to_pylist()]


def imported(given: Any, schemas: SchemaMemo, before: Schema | None, values: Sequence[Any]) -> tuple[Schema, list[Any]]:
    """Any Arrow data as values and their schema; `before` and `values` are what went out in their place, whose marks of values that were
    not sent stay where the value is the same."""
    field, array = from_arrow(given)
    schema = schemas.get(field, before)
    made = values_of(schema, field, array)
    for value in made:
        _check(schema, value)
    if before is not None and len(values) == len(made):
        made = [_marked(new, old, schema is before) for new, old in zip(made, values, strict=True)]
    return schema, made


def _missing(name: str) -> DataException:
    return DataException(f"A null came back for the required {name}.", remedy="Make the field optional.")


def _is_required(schema: Schema) -> bool:
    return not schema.optional and schema.default is None


def _check(schema: Schema, value: Any) -> None:
    """DataException for a null in a required field."""
    if isinstance(value, Struct):
        for field, item in zip(schema.fields, value.values, strict=True):
            if item is None and _is_required(field.schema):
                raise _missing(field.name)
            _check(field.schema, item)
    elif isinstance(value, list | dict) and schema.value_schema is not None:
        for item in value.values() if isinstance(value, dict) else value:
            if item is None and _is_required(schema.value_schema):
                raise _missing("element")
            _check(schema.value_schema, item)


def _marked(new: Any, old: Any, same_schema: bool) -> Any:
    if isinstance(old, Unchanged):
        return old if same_schema and new == old else new
    if isinstance(new, Struct) and isinstance(old, Struct):
        for field, item in zip(old.schema.fields, old.values, strict=True):
            found = new.schema.field(field.name)
            if found is not None:
                new.values[found.index] = _marked(new.values[found.index], item, found.schema is field.schema)
    return new
