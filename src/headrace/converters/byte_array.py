"""ByteArrayConverter: bytes as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from headrace.config import ConfigDef
from headrace.converters.settings import converter_def
from headrace.converters.single_native import decode_single, encode_single
from headrace.data import OPTIONAL_BYTES_SCHEMA, Schema, SchemaAndValue, Type
from headrace.errors import DataException
from headrace.spi.converter import Column, Converter, DecodedRun, HeaderConverter

if TYPE_CHECKING:
    from headrace.native import _core as native

_CONFIG: Final = converter_def()


class ByteArrayConverter(Converter, HeaderConverter):
    """Passes bytes through. The schema must be BYTES or absent."""

    @classmethod
    def config(cls) -> ConfigDef:
        """Nothing of its own."""
        return _CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        pass

    def from_connect_data(self, topic: str, schema: Schema | None, value: Any) -> bytes | None:
        if schema is not None and schema.type is not Type.BYTES:
            raise DataException(f"Invalid schema type for ByteArrayConverter: {schema.type.name}")
        if value is None:
            return None
        if not isinstance(value, bytes | bytearray | memoryview):
            raise DataException(f"ByteArrayConverter is not compatible with values of type {type(value).__name__}")
        return bytes(value)

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        return SchemaAndValue(OPTIONAL_BYTES_SCHEMA, data)

    def encode_column(self, topic: str, schema: Schema, values: native.Column) -> Column | None:
        return encode_single("bytes", schema, values)

    def decode_column(self, topic: str, column: Column) -> list[DecodedRun] | None:
        return decode_single("bytes", OPTIONAL_BYTES_SCHEMA, column)

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: Any) -> bytes | None:
        return self.from_connect_data(topic, schema, value)

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        return self.to_connect_data(topic, data)
