"""JSON documents as Connect data: the schema inferred, the values put under it. Source: io.debezium.transforms.outbox.JsonSchemaData.

A number is an INT32 or an INT64 if it fits, else a FLOAT64; schemas are optional, but for a struct merged from different objects of an array; a
struct is named by its path.
"""

from __future__ import annotations

import json
from typing import Any, Final

from headrace.cdc.topics import Adjust
from headrace.data import Field, Schema, Struct, Type
from headrace.data.schema import (
    OPTIONAL_BOOLEAN_SCHEMA,
    OPTIONAL_BYTES_SCHEMA,
    OPTIONAL_FLOAT64_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
)
from headrace.data.validation import validate_value
from headrace.errors import DataException

_LIMIT: Final = 1024
_KINDS: Final[dict[type, str]] = {
    str: "STRING",
    bool: "BOOLEAN",
    int: "NUMBER",
    float: "NUMBER",
    list: "ARRAY",
    dict: "OBJECT",
    type(None): "NULL",
}


def parse_document(text: str) -> Any:
    """The object or array in the text. DataException for any other text."""
    if not text.startswith(("{", "[")):
        raise DataException(f"Unable to parse payload starting with '{text[:1]}'")
    try:
        # What follows the document is not looked at, as in the original.
        return _DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError) as error:
        raise DataException(f"The payload is no JSON: {error}") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)


class JsonData:
    """Turns documents into schema and value. `nulls_as_bytes`: a null becomes an optional BYTES field, else it has none.
    `adjust`: what is done to names of fields."""

    def __init__(self, nulls_as_bytes: bool, adjust: Adjust) -> None:
        self._nulls_as_bytes = nulls_as_bytes
        self._adjust = adjust
        self._known: dict[Schema, Schema] = {}

    def convert(self, name: str | None, document: Any) -> tuple[Schema, Any]:
        """Schema and value of a document, the schema of an object named `name`. DataException where a value has no schema, such as an
        array of different kinds or only of nulls."""
        try:
            schema = self.schema(name, document)
            if schema is None:
                raise DataException("The document has no schema: it is an empty array.")
            schema = self._shared(schema)
            value = self._value(document, schema)
            validate_value(schema, value)
        except RecursionError:
            raise DataException("The document is nested too deeply.") from None
        return schema, value

    def _shared(self, schema: Schema) -> Schema:
        """The object that stands for all equal schemas: converters keep what they compile by the object."""
        if len(self._known) >= _LIMIT:
            self._known.clear()
        return self._known.setdefault(schema, schema)

    def schema(self, name: str | None, node: Any) -> Schema | None:
        """The schema of a document; None where there is none to be inferred. DataException as `convert`."""
        if isinstance(node, str):
            return OPTIONAL_STRING_SCHEMA
        if isinstance(node, bool):
            return OPTIONAL_BOOLEAN_SCHEMA
        if isinstance(node, int):
            if -(2**31) <= node < 2**31:
                return OPTIONAL_INT32_SCHEMA
            if -(2**63) <= node < 2**63:
                return OPTIONAL_INT64_SCHEMA
            return OPTIONAL_FLOAT64_SCHEMA
        if isinstance(node, float):
            return OPTIONAL_FLOAT64_SCHEMA
        if isinstance(node, list):
            return Schema(Type.ARRAY, optional=True, value_schema=self._element(name, node)) if node else None
        if isinstance(node, dict):
            return self._struct(name, node)
        return OPTIONAL_BYTES_SCHEMA if self._nulls_as_bytes else None

    def _struct(self, name: str | None, node: dict[str, Any]) -> Schema:
        fields: dict[str, Schema] = {}
        for key, value in node.items():
            field = self._adjust(key)
            if not field:
                raise DataException("A field of the payload has no name.")
            schema = self.schema(f"{name}.{field}" if name and name.strip() else field, value)
            if schema is not None:
                fields.setdefault(field, schema)
        return _struct_schema(name, fields)

    def _element(self, name: str | None, items: list[Any]) -> Schema:
        sample = self._sample(items)
        if isinstance(sample, dict):
            merged: Schema | None = None
            for item in items:
                if isinstance(item, dict):
                    merged = _merged(merged, self._struct(name, item))
            assert merged is not None
            return merged
        schema = self.schema(None, sample)
        if schema is None:
            raise DataException("An array of the payload has unrecognized member schema.")
        return schema

    def _sample(self, items: list[Any]) -> Any:
        """The first element that is not null. DataException unless all others are of its kind."""
        sample: Any = None
        for item in items:
            if item is None:
                continue
            if sample is None:
                sample = item
            same = _KINDS[type(item)] == _KINDS[type(sample)]
            if not same or (
                _KINDS[type(item)] == "NUMBER" and self.schema(None, item) is not self.schema(None, sample)
            ):
                raise DataException("Field is not a homogenous array.")
        return sample

    def _value(self, node: Any, schema: Schema) -> Any:
        if isinstance(node, list):
            assert schema.value_schema is not None
            inner = schema.value_schema
            return [None if item is None else self._value(item, inner) for item in node]
        if isinstance(node, dict):
            if schema.type is not Type.STRUCT:
                raise DataException("An object stands where elements before it were of another kind.")
            struct = Struct(schema)
            taken: set[str] = set()
            for key, value in node.items():
                name = self._adjust(key)
                field = schema.field(name)
                if field is not None and name not in taken:
                    taken.add(name)
                    struct.values[field.index] = None if value is None else self._value(value, field.schema)
            return struct
        if isinstance(node, int) and schema.type is Type.FLOAT64 and not isinstance(node, bool):
            raise DataException(f"The number {node} is too large for an INT64.")
        return node


def _struct_schema(name: str | None, fields: dict[str, Schema], *, optional: bool = True) -> Schema:
    listed = [Field(field, index, schema) for index, (field, schema) in enumerate(fields.items())]
    return Schema(Type.STRUCT, optional=optional, name=name, fields=listed)


def _merged(left: Schema | None, right: Schema) -> Schema:
    if left is None or left == right:
        return right
    fields = {field.name: field.schema for field in left.fields}
    for field in right.fields:
        known = fields.get(field.name)
        if known is None or (known.type is Type.BYTES and field.schema.type is not Type.BYTES):
            fields[field.name] = field.schema
    return _struct_schema(left.name, fields, optional=False)
