"""SimpleHeaderConverter: headers as text, read with the smallest type that fits. The default for headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef
from headrace.converters.values import parse_text, to_text
from headrace.data import Schema, SchemaAndValue
from headrace.errors import DataException
from headrace.spi.converter import HeaderConverter

_NOTHING: Final = ConfigDef()


class SimpleHeaderConverter(HeaderConverter):
    """See `headrace.converters.values` for the text form."""

    @classmethod
    def config(cls) -> ConfigDef:
        """No settings."""
        return _NOTHING

    def configure(self, props: Mapping[str, str]) -> None:
        pass

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: Any) -> bytes | None:
        return None if value is None else to_text(schema, value).encode()

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        if data is None:
            return SchemaAndValue(None, None)
        try:
            return parse_text(data.decode())
        except UnicodeDecodeError as error:
            raise DataException(f"Header {key} is no UTF-8 text: {error}") from error
