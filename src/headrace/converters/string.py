"""StringConverter: the text of a value, as Java's toString gives it for Connect's data classes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from headrace.config import ConfigDef, ConfigType, Importance, Width
from headrace.converters.settings import converter_def, parse_settings
from headrace.converters.single_native import decode_single, encode_single
from headrace.data import OPTIONAL_STRING_SCHEMA, Schema, SchemaAndValue, Struct
from headrace.data.charsets import decode_text, encode_text, find_charset
from headrace.data.date_format import MONTHS, WEEKDAYS
from headrace.data.java_calendar import moment_of
from headrace.data.text import scalar_text
from headrace.data.values import epoch_millis
from headrace.errors import ConfigException, DataException
from headrace.spi.converter import Column, Converter, DecodedRun, HeaderConverter

if TYPE_CHECKING:
    from headrace.native import _core as native

CONFIG: Final = converter_def().define(
    "converter.encoding",
    ConfigType.STRING,
    "UTF-8",
    importance=Importance.HIGH,
    documentation="The name of the character set to use for encoding and decoding text.",
    width=Width.MEDIUM,
    display_name="Encoding",
)


def java_text(schema: Schema | None, value: Any) -> str:
    """The text of any Connect value. Bytes are told by their number alone. DataException for other classes."""
    if isinstance(value, str):
        return str.__str__(value)
    scalar = scalar_text(schema, value)
    if scalar is not None:
        return scalar
    if isinstance(value, Struct):
        pairs = zip(value.schema.fields, value.values, strict=True)
        return "Struct{" + ",".join(f"{f.name}={java_text(f.schema, v)}" for f, v in pairs if v is not None) + "}"
    if isinstance(value, list | tuple):
        inner = schema.value_schema if schema is not None else None
        return "[" + ", ".join(java_text(inner, item) for item in value) + "]"
    if isinstance(value, dict):
        of_key, of_value = (schema.key_schema, schema.value_schema) if schema is not None else (None, None)
        return "{" + ", ".join(f"{java_text(of_key, k)}={java_text(of_value, v)}" for k, v in value.items()) + "}"
    if isinstance(value, dt.date | dt.time):
        return _java_date(value)
    if isinstance(value, bytes | bytearray | memoryview):
        # What Java says of a ByteBuffer, in which sources hand over bytes: the content is not in it.
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    raise DataException(f"StringConverter cannot write a value of type {type(value).__name__}")


def _java_date(value: dt.date | dt.time) -> str:
    """java.util.Date.toString in UTC, for example `Thu Jan 01 00:00:00 UTC 1970`."""
    moment = moment_of(epoch_millis(value))
    day, month = WEEKDAYS[moment.weekday()][:3], MONTHS[moment.month - 1][:3]
    time = f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d}"
    return f"{day} {month} {moment.day:02d} {time} UTC {moment.year}"


class StringConverter(Converter, HeaderConverter):
    """Text in the configured character set; reading gives an optional STRING. What the set cannot hold is replaced."""

    def __init__(self) -> None:
        self._charset = "utf-8"

    @classmethod
    def config(cls) -> ConfigDef:
        """`converter.encoding`."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for an unknown character set."""
        encoding = parse_settings(CONFIG, props)["converter.encoding"]
        charset = find_charset(encoding)
        if charset is None:
            raise ConfigException(
                f"Invalid value {encoding} for configuration converter.encoding: unknown character set",
                field="converter.encoding",
            )
        self._charset = charset

    def from_connect_data(self, topic: str, schema: Schema | None, value: Any) -> bytes | None:
        return None if value is None else encode_text(java_text(schema, value), self._charset)

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        return SchemaAndValue(OPTIONAL_STRING_SCHEMA, None if data is None else decode_text(data, self._charset))

    def encode_column(self, topic: str, schema: Schema, values: native.Column) -> Column | None:
        return encode_single("text", schema, values) if self._charset == "utf-8" else None

    def decode_column(self, topic: str, column: Column) -> list[DecodedRun] | None:
        return decode_single("text", OPTIONAL_STRING_SCHEMA, column) if self._charset == "utf-8" else None

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: Any) -> bytes | None:
        return self.from_connect_data(topic, schema, value)

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        return self.to_connect_data(topic, data)
