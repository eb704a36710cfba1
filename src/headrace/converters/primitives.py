"""Converters of single numbers and booleans: Kafka's big-endian serializers."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from headrace.config import ConfigDef
from headrace.converters.settings import converter_def
from headrace.converters.single_native import Form, decode_single, encode_single
from headrace.data import (
    OPTIONAL_BOOLEAN_SCHEMA,
    OPTIONAL_FLOAT32_SCHEMA,
    OPTIONAL_FLOAT64_SCHEMA,
    OPTIONAL_INT16_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    Schema,
    SchemaAndValue,
    Type,
)
from headrace.errors import DataException
from headrace.spi.converter import Column, Converter, DecodedRun, HeaderConverter

if TYPE_CHECKING:
    from headrace.native import _core as native

_CONFIG: Final = converter_def()


class _PrimitiveConverter(Converter, HeaderConverter):
    """One fixed-size value; what the schema says does not count."""

    _schema: ClassVar[Schema]
    _format: ClassVar[struct.Struct]
    _form: ClassVar[Form]
    _kinds: ClassVar[tuple[type, ...]] = (int,)

    @classmethod
    def config(cls) -> ConfigDef:
        """Nothing of its own."""
        return _CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        pass

    def from_connect_data(self, topic: str, schema: Schema | None, value: Any) -> bytes | None:
        if value is None:
            return None
        if not isinstance(value, self._kinds) or (isinstance(value, bool) and bool not in self._kinds):
            raise DataException(f"Failed to serialize to {self._schema.type.name} (was {type(value).__name__})")
        try:
            return self._format.pack(value)
        except (struct.error, OverflowError) as error:
            raise DataException(f"Value {value} does not fit {self._schema.type.name}: {error}") from error

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        if data is None:
            return SchemaAndValue(self._schema, None)
        if len(data) != self._format.size:
            raise DataException(
                f"Size of data received by {type(self).__name__} is not {self._format.size}: {len(data)}"
            )
        return SchemaAndValue(self._schema, self._format.unpack(data)[0])

    def encode_column(self, topic: str, schema: Schema, values: native.Column) -> Column | None:
        return encode_single(self._form, schema, values)

    def decode_column(self, topic: str, column: Column) -> list[DecodedRun] | None:
        return decode_single(self._form, self._schema, column)

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: Any) -> bytes | None:
        return self.from_connect_data(topic, schema, value)

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        return self.to_connect_data(topic, data)


class ShortConverter(_PrimitiveConverter):
    """INT16, two bytes."""

    _schema = OPTIONAL_INT16_SCHEMA
    _format = struct.Struct(">h")
    _form = "int2"


class IntegerConverter(_PrimitiveConverter):
    """INT32, four bytes."""

    _schema = OPTIONAL_INT32_SCHEMA
    _format = struct.Struct(">i")
    _form = "int4"


class LongConverter(_PrimitiveConverter):
    """INT64, eight bytes."""

    _schema = OPTIONAL_INT64_SCHEMA
    _format = struct.Struct(">q")
    _form = "int8"


class FloatConverter(_PrimitiveConverter):
    """FLOAT32, four bytes, IEEE 754."""

    _schema = OPTIONAL_FLOAT32_SCHEMA
    _format = struct.Struct(">f")
    _form = "single"
    _kinds = (float, int)


class DoubleConverter(_PrimitiveConverter):
    """FLOAT64, eight bytes, IEEE 754."""

    _schema = OPTIONAL_FLOAT64_SCHEMA
    _format = struct.Struct(">d")
    _form = "double"
    _kinds = (float, int)


class BooleanConverter(_PrimitiveConverter):
    """One byte, 1 or 0; any other byte is refused. A schema, when given, must be BOOLEAN."""

    _schema = OPTIONAL_BOOLEAN_SCHEMA
    _format = struct.Struct(">?")
    _form = "bool"
    _kinds = (bool,)

    def from_connect_data(self, topic: str, schema: Schema | None, value: Any) -> bytes | None:
        if schema is not None and schema.type is not Type.BOOLEAN:
            raise DataException(f"Invalid schema type for BooleanConverter: {schema.type.name}")
        return super().from_connect_data(topic, schema, value)

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        if data is not None and data not in (b"\x00", b"\x01"):
            raise DataException(f"Unexpected byte received by BooleanConverter: {data!r}")
        return super().to_connect_data(topic, data)

    # For truth values and the two bytes they are, the other forms agree.
    encode_column = _PrimitiveConverter.encode_column
    decode_column = _PrimitiveConverter.decode_column
