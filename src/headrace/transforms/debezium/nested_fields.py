"""Fields added to a struct, also deep inside of it. Source: io.debezium.transforms.ConnectRecordUtil.

Two differences: a path whose middle is missing gets every struct on the way, where the original loses the last steps of it; and names are
compared step by step, where the original also takes a name for the end of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from headrace.data import Field, Schema, Struct, Type
from headrace.data.validation import validate_value
from headrace.errors import DataException
from headrace.transforms.base import struct_like


class Entry(NamedTuple):
    """What to add: the path with dots, the schema, the value."""

    path: str
    schema: Schema | None
    value: Any


def extended_schema(schema: Schema, entries: Sequence[Entry]) -> Schema:
    """The struct schema with the entries' fields behind its own; a field that is there already keeps its schema.

    DataException for a path through something that is no struct, or an entry without schema."""
    return _extended(schema, [(tuple(entry.path.split(".")), entry) for entry in entries])


_Placed = list[tuple[tuple[str, ...], Entry]]


def _extended(schema: Schema, placed: _Placed) -> Schema:
    here, below = _split(placed)
    fields: dict[str, Schema] = {}
    for field in schema.fields:
        inner = below.pop(field.name, None)
        if inner is not None and field.schema.type is not Type.STRUCT:
            raise DataException(
                f"Field '{field.name}' is a {field.schema.type.value}, no struct: '{inner[0][1].path}' cannot be added to it."
            )
        fields[field.name] = field.schema if inner is None else _extended(field.schema, inner)
    for name, entry in here:
        fields.setdefault(name, _schema_of(entry))
    for name, inner in below.items():
        if name not in fields:
            fields[name] = _parent(inner)
    return struct_like(schema, list(fields.items()))


def _parent(placed: _Placed) -> Schema:
    here, below = _split(placed)
    fields = {name: _schema_of(entry) for name, entry in here}
    for name, inner in below.items():
        fields.setdefault(name, _parent(inner))
    listed = [Field(name, index, field) for index, (name, field) in enumerate(fields.items())]
    return Schema(Type.STRUCT, optional=True, fields=listed)


def _schema_of(entry: Entry) -> Schema:
    if entry.schema is None:
        raise DataException(f"Field '{entry.path}' cannot be added: its header has no schema.")
    return entry.schema


def _split(placed: _Placed) -> tuple[list[tuple[str, Entry]], dict[str, _Placed]]:
    """The entries that end here, and those that go on, by their next step."""
    here = [(path[0], entry) for path, entry in placed if len(path) == 1]
    below: dict[str, _Placed] = {}
    for path, entry in placed:
        if len(path) > 1:
            below.setdefault(path[0], []).append((path[1:], entry))
    return here, below


def extended_value(value: Struct, entries: Sequence[Entry], schema: Schema) -> Struct:
    """The struct under the extended schema, null fields filled with their defaults. What would go into a struct that is null is left
    out. DataException for a value that does not fit its field."""
    return _filled(value, [(tuple(entry.path.split(".")), entry) for entry in entries], schema)


def _filled(value: Struct | None, placed: _Placed, schema: Schema) -> Struct:
    here, below = _split(placed)
    result = Struct(schema)
    for field in value.schema.fields if value is not None else ():
        assert value is not None
        target = schema.field(field.name)
        assert target is not None
        item = value.get(field.name)
        inner = below.pop(field.name, None)
        if inner and item is not None:
            item = _filled(item, inner, target.schema)
            validate_value(target.schema, item, field.name)
        result.values[target.index] = item
    for name, entry in here:
        _put(result, name, entry.value)
    for name, inner in below.items():
        target = schema.field(name)
        assert target is not None
        result.values[target.index] = _filled(None, inner, target.schema)
    return result


def _put(struct: Struct, name: str, value: Any) -> None:
    field = struct.schema.field(name)
    assert field is not None
    validate_value(field.schema, value, name)
    struct.values[field.index] = value
