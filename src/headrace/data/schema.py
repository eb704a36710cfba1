"""Schemas of keys, values and headers: Kafka Connect's data model.

A `Schema` is immutable, compared by content and cheap to hash, so that converters and decoders may keep what they
compiled for it. Source: Kafka Connect API, org.apache.kafka.connect.data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

from headrace.errors import DataException, SchemaBuilderException


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


class SchemaBuilder:
    """Builds a `Schema` step by step; each attribute may be set once, the default must fit the built type.

    >>> SchemaBuilder.struct().name("shop.Key").field("id", INT32_SCHEMA).build()

    Raises SchemaBuilderException for an attribute set twice, a duplicate field, or a default that does not validate.
    """

    __slots__ = ("_attributes", "_fields", "_key_schema", "_parameters", "_type", "_value_schema")

    def __init__(self, type: Type, *, key_schema: Schema | None = None, value_schema: Schema | None = None) -> None:
        self._type = type
        self._attributes: dict[str, Any] = {}
        self._parameters: dict[str, str] = {}
        self._fields: dict[str, Schema] = {}
        self._key_schema = key_schema
        self._value_schema = value_schema

    @classmethod
    def int8(cls) -> SchemaBuilder:
        return cls(Type.INT8)

    @classmethod
    def int16(cls) -> SchemaBuilder:
        return cls(Type.INT16)

    @classmethod
    def int32(cls) -> SchemaBuilder:
        return cls(Type.INT32)

    @classmethod
    def int64(cls) -> SchemaBuilder:
        return cls(Type.INT64)

    @classmethod
    def float32(cls) -> SchemaBuilder:
        return cls(Type.FLOAT32)

    @classmethod
    def float64(cls) -> SchemaBuilder:
        return cls(Type.FLOAT64)

    @classmethod
    def bool(cls) -> SchemaBuilder:
        return cls(Type.BOOLEAN)

    @classmethod
    def string(cls) -> SchemaBuilder:
        return cls(Type.STRING)

    @classmethod
    def bytes(cls) -> SchemaBuilder:
        return cls(Type.BYTES)

    @classmethod
    def array(cls, value_schema: Schema) -> SchemaBuilder:
        """A list of values of `value_schema`."""
        return cls(Type.ARRAY, value_schema=value_schema)

    @classmethod
    def map(cls, key_schema: Schema, value_schema: Schema) -> SchemaBuilder:
        """A map from `key_schema` to `value_schema`."""
        return cls(Type.MAP, key_schema=key_schema, value_schema=value_schema)

    @classmethod
    def struct(cls) -> SchemaBuilder:
        """A struct; add its fields with `field`, in order."""
        return cls(Type.STRUCT)

    def _set(self, attribute: str, value: Any) -> SchemaBuilder:
        if attribute in self._attributes:
            raise SchemaBuilderException(f"Invalid SchemaBuilder call: {attribute} has already been set.")
        self._attributes[attribute] = value
        return self

    def optional(self) -> SchemaBuilder:
        """Allow null."""
        return self._set("optional", True)

    def required(self) -> SchemaBuilder:
        """Forbid null (as when nothing is said)."""
        return self._set("optional", False)

    def default(self, value: Any) -> SchemaBuilder:
        """The value read where none was given; checked against the schema by `build`."""
        return self._set("default", value)

    def name(self, name: str) -> SchemaBuilder:
        """Schema name; logical and Debezium semantic types are told by it."""
        return self._set("name", name)

    def version(self, version: int) -> SchemaBuilder:
        return self._set("version", version)

    def doc(self, doc: str) -> SchemaBuilder:
        return self._set("doc", doc)

    def parameter(self, name: str, value: str) -> SchemaBuilder:
        """Add one parameter; the order of calls is kept. SchemaBuilderException if it is already there."""
        if name in self._parameters:
            raise SchemaBuilderException(f"Invalid SchemaBuilder call: parameter {name} has already been set.")
        self._parameters[name] = value
        return self

    def parameters(self, parameters: Mapping[str, str]) -> SchemaBuilder:
        for name, value in parameters.items():
            self.parameter(name, value)
        return self

    def field(self, name: str, schema: Schema) -> SchemaBuilder:
        """Append a field. SchemaBuilderException unless this is a struct and the name is new."""
        if self._type is not Type.STRUCT:
            raise SchemaBuilderException(f"Cannot create fields on type {self._type.value}")
        if not name:
            raise SchemaBuilderException("fieldName cannot be null or empty.")
        if name in self._fields:
            raise SchemaBuilderException(f"Cannot create field because of field name duplication {name}")
        self._fields[name] = schema
        return self

    def build(self) -> Schema:
        """The finished schema."""
        schema = Schema(
            self._type,
            optional=self._attributes.get("optional", False),
            default=self._attributes.get("default"),
            name=self._attributes.get("name"),
            version=self._attributes.get("version"),
            doc=self._attributes.get("doc"),
            parameters=self._parameters,
            fields=[Field(name, index, field) for index, (name, field) in enumerate(self._fields.items())],
            key_schema=self._key_schema,
            value_schema=self._value_schema,
        )
        if schema.default is not None:
            from headrace.data.validation import validate_value

            try:
                validate_value(schema, schema.default)
            except DataException as error:
                raise SchemaBuilderException(f"Invalid default value: {error.message}") from error
        return schema


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
