"""Connect's text form of values, in which headers travel: writing, and reading with the smallest type that fits.

Source: org.apache.kafka.connect.data.Values (Kafka 4.3) and its observed results.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from headrace.data import (
    BOOLEAN_SCHEMA,
    FLOAT32_SCHEMA,
    FLOAT64_SCHEMA,
    INT8_SCHEMA,
    INT16_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
    SchemaAndValue,
    SchemaBuilder,
    Struct,
    Type,
)
from headrace.data.logical import date_builder, decimal_builder, time_builder, timestamp_builder
from headrace.data.text import scalar_text, temporal_text, to_single
from headrace.errors import DataException

_INTEGERS: Final = ((INT8_SCHEMA, 7), (INT16_SCHEMA, 15), (INT32_SCHEMA, 31), (INT64_SCHEMA, 63))
_WIDTH: Final = {Type.INT8: 0, Type.INT16: 1, Type.INT32: 2, Type.INT64: 3, Type.FLOAT32: 4, Type.FLOAT64: 5}
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_TOKEN: Final = re.compile(r'[:,{}\[\]"]|(?:\\.|[^:,{}\[\]"\\]|\\$)+', re.DOTALL)
_TEMPORAL: Final[dict[int, tuple[str, Schema, Callable[[dt.datetime], Any]]]] = {
    10: ("%Y-%m-%d", date_builder().build(), dt.datetime.date),
    13: ("%H:%M:%S.%fZ", time_builder().build(), dt.datetime.time),
    24: ("%Y-%m-%dT%H:%M:%S.%fZ", timestamp_builder().build(), lambda moment: moment.replace(tzinfo=dt.UTC)),
}


def to_text(schema: Schema | None, value: Any, *, embedded: bool = False) -> str:
    """The text of a value; strings and bytes are quoted inside of lists, maps and structs. DataException for other classes."""
    scalar = scalar_text(schema, value)
    if scalar is not None:
        return scalar
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if embedded else str.__str__(value)
    if isinstance(value, bytes | bytearray | memoryview):
        text = base64.b64encode(value).decode()
        return f'"{text}"' if embedded else text
    if isinstance(value, list | tuple):
        inner = schema.value_schema if schema is not None else None
        return "[" + ",".join(to_text(inner, item, embedded=True) for item in value) + "]"
    if isinstance(value, dict):
        of_key, of_value = (schema.key_schema, schema.value_schema) if schema is not None else (None, None)
        pairs = (f"{to_text(of_key, k, embedded=True)}:{to_text(of_value, v, embedded=True)}" for k, v in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, Struct):
        fields = (
            f"{to_text(None, f.name, embedded=True)}:{to_text(f.schema, value.get(f.name), embedded=True)}"
            for f in value.schema.fields
        )
        return "{" + ",".join(fields) + "}"
    if isinstance(value, dt.date | dt.time):
        return temporal_text(value)
    raise DataException(f"Failed to serialize unexpected value type {type(value).__name__}: {value}")


def parse_text(text: str) -> SchemaAndValue:
    """The value a text stands for; whatever is no literal, list or map is the string itself."""
    if not text:
        return SchemaAndValue(STRING_SCHEMA, text)
    return _Parser(text).parse(embedded=False)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = _TOKEN.findall(text)
        self._at = 0

    def _more(self) -> bool:
        return self._at < len(self._tokens)

    def _take(self, token: str) -> bool:
        """Step over `token` if it is next, white space before it included."""
        last = len(self._tokens) - 1
        while self._at < last and not self._tokens[self._at].strip():
            self._at += 1
        if self._more() and self._tokens[self._at].strip() == token:
            self._at += 1
            return True
        return False

    def _literal(self, token: str, embedded: bool) -> bool:
        start = self._at
        if self._take(token) and (embedded or not self._more()):
            return True
        self._at = start
        return False

    def parse(self, embedded: bool) -> SchemaAndValue:
        if not self._more():
            return SchemaAndValue(None, None)
        if embedded and self._take('"'):
            return self._quoted()
        if self._literal("null", embedded):
            return SchemaAndValue(None, None)
        for word, boolean in (("true", True), ("false", False)):
            if self._literal(word, embedded):
                return SchemaAndValue(BOOLEAN_SCHEMA, boolean)
        start = self._at
        try:
            if self._take("["):
                return self._list()
            if self._take("{"):
                return self._map()
        except DataException:
            self._at = start
        return self._scalar(embedded)

    def _quoted(self) -> SchemaAndValue:
        parts: list[str] = []
        while self._more():
            token = self._tokens[self._at]
            self._at += 1
            if token == '"':
                break
            parts.append(token)
        content = "".join(parts)
        return _temporal(content) or SchemaAndValue(STRING_SCHEMA, re.sub(r"\\(.)", r"\1", content, flags=re.DOTALL))

    def _list(self) -> SchemaAndValue:
        items: list[SchemaAndValue] = []
        common: _Common = _Common()
        while self._more():
            if self._take("]"):
                return SchemaAndValue(SchemaBuilder.array(common.schema()).build(), [common.fit(i) for i in items])
            if self._take(","):
                raise DataException("Unable to parse an empty array element")
            items.append(common.see(self.parse(embedded=True)))
            if self._take("]"):
                self._at -= 1
            elif not self._take(","):
                raise DataException("Array elements missing ',' delimiter")
        raise DataException("Array is missing terminating ']'")

    def _map(self) -> SchemaAndValue:
        entries: list[tuple[SchemaAndValue, SchemaAndValue]] = []
        keys, values = _Common(), _Common()
        while self._more():
            if self._take("}"):
                schema = SchemaBuilder.map(keys.schema(), values.schema()).build()
                return SchemaAndValue(schema, {keys.fit(k): values.fit(v) for k, v in entries})
            if self._take(","):
                raise DataException("Unable to parse a map entry with no key or value")
            key = keys.see(self.parse(embedded=True))
            if key.value is None or isinstance(key.value, list | dict):
                raise DataException("Map entry may not have a null key")
            if not self._take(":"):
                raise DataException("Map entry is missing ':'")
            entries.append((key, values.see(self.parse(embedded=True))))
            self._take(",")
        raise DataException("Map is missing terminating '}'")

    def _scalar(self, embedded: bool) -> SchemaAndValue:
        token = self._tokens[self._at]
        self._at += 1
        stripped = token.strip()
        if not stripped:
            return SchemaAndValue(STRING_SCHEMA, token if embedded else self._text)
        if stripped[0].isdigit():
            # A time holds two colons, which are tokens of their own.
            temporal = _temporal(stripped + "".join(self._tokens[self._at : self._at + 4]))
            if temporal is not None and self._at + 4 <= len(self._tokens):
                self._at += 4
                if embedded or not self._more():
                    return temporal
            temporal = _temporal(stripped)
            if temporal is not None and (embedded or not self._more()):
                return temporal
        if embedded or not self._more():
            number = _number(stripped)
            if number is not None:
                return number
        if embedded:
            raise DataException("Failed to parse embedded value")
        return SchemaAndValue(STRING_SCHEMA, self._text)


def _temporal(text: str) -> SchemaAndValue | None:
    text = text.replace("\\:", ":")
    known = _TEMPORAL.get(len(text))
    if known is None:
        return None
    pattern, schema, convert = known
    try:
        return SchemaAndValue(schema, convert(dt.datetime.strptime(text, pattern)))
    except ValueError:
        return None


def _number(text: str) -> SchemaAndValue | None:
    if text[0] not in "+-0123456789" or not _NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if number.adjusted() < 20 and number == number.to_integral_value():
        for schema, bits in _INTEGERS:
            if -(2**bits) <= number < 2**bits:
                return SchemaAndValue(schema, int(number))
    if exponent != 0:
        single = to_single(float(number))
        if math.isfinite(single):
            return SchemaAndValue(FLOAT32_SCHEMA, single)
        if math.isfinite(float(number)):
            return SchemaAndValue(FLOAT64_SCHEMA, float(number))
    return SchemaAndValue(decimal_builder(-exponent).build(), number)


class _Common:
    """The narrowest schema that all values seen fit."""

    def __init__(self) -> None:
        self._schema: Schema | None = None

    def see(self, item: SchemaAndValue) -> SchemaAndValue:
        """Take one value into account. DataException if it has nothing in common with those before."""
        if item.schema is None:
            return item
        if self._schema is None:
            self._schema = item.schema
        elif self._schema.type is not item.schema.type:
            if self._schema.type not in _WIDTH or item.schema.type not in _WIDTH:
                raise DataException("Elements of different types")
            if _WIDTH[item.schema.type] > _WIDTH[self._schema.type]:
                self._schema = item.schema
        elif self._schema != item.schema:
            raise DataException("Elements of different schemas")
        return item

    def schema(self) -> Schema:
        """The common schema; an optional string when every value was null."""
        return self._schema or OPTIONAL_STRING_SCHEMA

    def fit(self, item: SchemaAndValue) -> Any:
        """The value under the common schema."""
        if item.value is not None and self.schema().type in (Type.FLOAT32, Type.FLOAT64):
            return float(item.value)
        return item.value
