"""Struct: a value of a STRUCT schema, its fields by name or position.

`values` is a plain list in field order, so that compiled encoders and decoders can reach a field by its index.
Authors use `put` and `get`, which check; hot paths build `Struct(schema, values)` from values they know to be right.
"""

from __future__ import annotations

from typing import Any

from headrace.data.schema import Field, Schema, Type
from headrace.errors import DataException


class Struct:
    """A record of named fields.

    `Struct(schema)` starts with all fields unset. `Struct(schema, values)` takes the list as it is, unchecked:
    one element per field, None for unset.
    """

    __slots__ = ("schema", "values")

    def __init__(self, schema: Schema, values: list[Any] | None = None) -> None:
        if values is None:
            if schema.type is not Type.STRUCT:
                raise DataException(f"Not a struct schema: {schema!r}")
            values = [None] * len(schema.fields)
        self.schema = schema
        self.values = values

    def _field(self, name: str) -> Field:
        field = self.schema.field(name)
        if field is None:
            raise DataException(f"{name} is not a valid field name")
        return field

    def put(self, name: str, value: Any) -> Struct:
        """Set a field after checking the value against its schema; returns self. DataException if it does not fit."""
        from headrace.data.validation import validate_value

        field = self._field(name)
        validate_value(field.schema, value, field.name)
        self.values[field.index] = value
        return self

    def get(self, name: str) -> Any:
        """The field's value, or its schema's default when unset. DataException for an unknown name."""
        field = self._field(name)
        value = self.values[field.index]
        return field.schema.default if value is None else value

    def get_without_default(self, name: str) -> Any:
        """The field's value as it was set, None when unset. DataException for an unknown name."""
        return self.values[self._field(name).index]

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self.put(name, value)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.schema.field(name) is not None

    def validate(self) -> None:
        """DataException unless every required field is set or has a default, and every set field fits."""
        from headrace.data.validation import validate_value

        for field in self.schema.fields:
            value = self.values[field.index]
            if value is None and field.schema.default is not None:
                continue
            validate_value(field.schema, value, field.name)

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict, nested structs as dicts too; unset fields with their defaults."""
        result: dict[str, Any] = {}
        for field, value in zip(self.schema.fields, self.values, strict=True):
            result[field.name] = _plain(field.schema.default if value is None else value)
        return result

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Struct) and self.schema == other.schema and self.values == other.values

    def __hash__(self) -> int:
        return hash((self.schema, repr(self.values)))

    def __repr__(self) -> str:
        inner = ",".join(f"{f.name}={v}" for f, v in zip(self.schema.fields, self.values, strict=True) if v is not None)
        return f"Struct{{{inner}}}"


def _plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return value.to_dict()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
