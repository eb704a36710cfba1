"""Building schemas step by step, as Kafka Connect's SchemaBuilder does: what is set twice or does not fit is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.data.schema import Field, Schema, Type
from headrace.errors import DataException, SchemaBuilderException


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
