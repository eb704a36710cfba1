"""Schemas of keys, values and headers: Kafka Connect's data model.

A `Schema` is immutable, compared by content and cheap to hash, so that converters and decoders may keep what they
compiled for it. Source: Kafka Connect API, org.apache.kafka.connect.data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

from headrace.errors import DataException


class Type(Enum):
    """The kinds of value a schema can describe; the enum's value is the name used in JSON schemas."""

    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT32 = "float"
    FLOAT64 = "double"
    BOOLEAN = "boolean"
    STRING = "string"
    BYTES = "bytes"
    ARRAY = "array"
    MAP = "map"
    STRUCT = "struct"

    @property
    def is_primitive(self) -> bool:
        """True for all but ARRAY, MAP and STRUCT."""
        return self not in _CONTAINERS


_CONTAINERS: Final = frozenset({Type.ARRAY, Type.MAP, Type.STRUCT})


class Field:
    """One field of a struct schema: its name, its position from 0, its schema."""

    __slots__ = ("index", "name", "schema")

    def __init__(self, name: str, index: int, schema: Schema) -> None:
        self.name = name
        self.index = index
        self.schema = schema

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and (self.name, self.index, self.schema) == (
            other.name,
            other.index,
            other.schema,
        )

    def __hash__(self) -> int:
        return hash((self.name, self.index, self.schema))

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.index}, {self.schema!r})"


class Schema:
    """An immutable schema. Build one with `SchemaBuilder`, or use the ready primitives of `headrace.data`.

    `fields` is empty unless the type is STRUCT; `key_schema` is set for MAP, `value_schema` for MAP and ARRAY.
    Equality covers every attribute and all children.
    """

    __slots__ = (
        "_by_name",
        "_hash",
        "cache",
        "default",
        "doc",
        "fields",
        "key_schema",
        "name",
        "optional",
        "parameters",
        "type",
        "value_schema",
        "version",
    )

    def __init__(
        self,
        type: Type,
        *,
        optional: bool = False,
        default: Any = None,
        name: str | None = None,
        version: int | None = None,
        doc: str | None = None,
        parameters: Mapping[str, str] | None = None,
        fields: Sequence[Field] = (),
        key_schema: Schema | None = None,
        value_schema: Schema | None = None,
    ) -> None:
        self.type = type
        self.optional = optional
        self.default = default
        self.name = name
        self.version = version
        self.doc = doc
        self.parameters: dict[str, str] | None = dict(parameters) if parameters else None
        self.fields: tuple[Field, ...] = tuple(fields)
        self.key_schema = key_schema
        self.value_schema = value_schema
        self._by_name: dict[str, Field] = {f.name: f for f in self.fields}
        self._hash: int | None = None
        self.cache: dict[str, Any] = {}
        """Room for what others derive from this very object (compiled encoders, copied schemas), by their own keys."""

    def field(self, name: str) -> Field | None:
        """The field of that name, or None. DataException unless this is a STRUCT."""
        if self.type is not Type.STRUCT:
            raise DataException(f"Cannot look up fields on schema of type {self.type.value}")
        return self._by_name.get(name)

    def _key(self) -> tuple[Any, ...]:
        parameters = tuple(sorted(self.parameters.items())) if self.parameters else ()
        return (
            self.type,
            self.optional,
            self.name,
            self.version,
            self.doc,
            parameters,
            self.fields,
            self.key_schema,
            self.value_schema,
        )

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Schema) or hash(self) != hash(other):
            return False
        return self._key() == other._key() and self.default == other.default

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self._key())
        return self._hash

    def __repr__(self) -> str:
        return f"Schema({self.name or self.type.value}{'?' if self.optional else ''})"


INT8_SCHEMA: Final = Schema(Type.INT8)
INT16_SCHEMA: Final = Schema(Type.INT16)
INT32_SCHEMA: Final = Schema(Type.INT32)
INT64_SCHEMA: Final = Schema(Type.INT64)
FLOAT32_SCHEMA: Final = Schema(Type.FLOAT32)
FLOAT64_SCHEMA: Final = Schema(Type.FLOAT64)
BOOLEAN_SCHEMA: Final = Schema(Type.BOOLEAN)
STRING_SCHEMA: Final = Schema(Type.STRING)
BYTES_SCHEMA: Final = Schema(Type.BYTES)
OPTIONAL_INT8_SCHEMA: Final = Schema(Type.INT8, optional=True)
OPTIONAL_INT16_SCHEMA: Final = Schema(Type.INT16, optional=True)
OPTIONAL_INT32_SCHEMA: Final = Schema(Type.INT32, optional=True)
OPTIONAL_INT64_SCHEMA: Final = Schema(Type.INT64, optional=True)
OPTIONAL_FLOAT32_SCHEMA: Final = Schema(Type.FLOAT32, optional=True)
OPTIONAL_FLOAT64_SCHEMA: Final = Schema(Type.FLOAT64, optional=True)
OPTIONAL_BOOLEAN_SCHEMA: Final = Schema(Type.BOOLEAN, optional=True)
OPTIONAL_STRING_SCHEMA: Final = Schema(Type.STRING, optional=True)
OPTIONAL_BYTES_SCHEMA: Final = Schema(Type.BYTES, optional=True)
