"""SimpleHeaderConverter: headers as text, read with the smallest type that fits. The default for headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef
from headrace.data import Schema, SchemaAndValue
from headrace.data.charsets import decode_text, encode_text
from headrace.data.values import parse_text, to_text
from headrace.spi.converter import HeaderConverter

_NOTHING: Final = ConfigDef()


class SimpleHeaderConverter(HeaderConverter):
    """See `headrace.data.values` for the text form."""

    @classmethod
    def config(cls) -> ConfigDef:
        """No settings."""
        return _NOTHING

    def configure(self, props: Mapping[str, str]) -> None:
        pass

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: Any) -> bytes | None:
        return None if value is None else encode_text(to_text(schema, value))

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        if data is None:
            return SchemaAndValue(None, None)
        return parse_text(decode_text(data))
