"""StringConverter: the text of a value, as Java's toString gives it for Connect's data classes."""

from __future__ import annotations

import codecs
import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.data import OPTIONAL_STRING_SCHEMA, Schema, SchemaAndValue, Struct
from headrace.data.text import scalar_text
from headrace.errors import ConfigException, DataException
from headrace.spi.converter import Converter, HeaderConverter

CONFIG: Final = (
    ConfigDef()
    .define(
        "converter.encoding",
        ConfigType.STRING,
        "UTF-8",
        importance=Importance.HIGH,
        documentation="The name of the character set to use for encoding and decoding text.",
    )
    .define("converter.type", ConfigType.STRING, None, importance=Importance.LOW, documentation="Set by the framework.")
)


def java_text(schema: Schema | None, value: Any) -> str:
    """The text of any Connect value. DataException for bytes, which have none."""
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
    raise DataException(
        f"StringConverter cannot write a value of type {type(value).__name__}",
        remedy="Use ByteArrayConverter for bytes, JsonConverter for data that contains them.",
    )


def _java_date(value: dt.date | dt.time) -> str:
    """java.util.Date.toString in UTC, for example `Thu Jan 01 00:00:00 UTC 1970`."""
    if isinstance(value, dt.time):
        value = dt.datetime.combine(dt.date(1970, 1, 1), value)
    elif not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)
    elif value.tzinfo is not None:
        value = value.astimezone(dt.UTC)
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[value.weekday()]
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return f"{day} {months[value.month - 1]} {value:%d %H:%M:%S} UTC {value.year:04d}"


class StringConverter(Converter, HeaderConverter):
    """Text in the configured character set; reading gives an optional STRING. Bytes that are no text are refused."""

    def __init__(self) -> None:
        self._encoding = "utf-8"

    @classmethod
    def config(cls) -> ConfigDef:
        """`converter.encoding`."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for an unknown character set."""
        encoding = CONFIG.parse({name: value for name, value in props.items() if name in CONFIG})["converter.encoding"]
        try:
            self._encoding = codecs.lookup(encoding).name
        except LookupError:
            raise ConfigException(
                f"Invalid value {encoding} for configuration converter.encoding: unknown character set",
                field="converter.encoding",
            ) from None

    def from_connect_data(self, topic: str, schema: Schema | None, value: Any) -> bytes | None:
        if value is None:
            return None
        try:
            return java_text(schema, value).encode(self._encoding)
        except UnicodeEncodeError as error:
            raise DataException(f"Text cannot be written in {self._encoding}: {error}") from error

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        if data is None:
            return SchemaAndValue(OPTIONAL_STRING_SCHEMA, None)
        try:
            return SchemaAndValue(OPTIONAL_STRING_SCHEMA, data.decode(self._encoding))
        except UnicodeDecodeError as error:
            raise DataException(f"Data is no text in {self._encoding}: {error}") from error

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: Any) -> bytes | None:
        return self.from_connect_data(topic, schema, value)

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        return self.to_connect_data(topic, data)
