"""Reads header text: a literal, a list or a map, else a string. Source: as for `headrace.data.values`."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from headrace.data.date_parse import DateParser
from headrace.data.logical import (
    date_builder,
    decimal_builder,
    millis_to_datetime,
    time_builder,
    timestamp_builder,
)
from headrace.data.record import SchemaAndValue
from headrace.data.schema import (
    BOOLEAN_SCHEMA,
    FLOAT32_SCHEMA,
    FLOAT64_SCHEMA,
    INT8_SCHEMA,
    INT16_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    STRING_SCHEMA,
    Schema,
    Type,
)
from headrace.data.text import exact_single
from headrace.data.value_merge import Common
from headrace.data.value_tokens import SPACES, Tokens
from headrace.errors import DataException

_INTEGERS: Final = ((INT8_SCHEMA, 7), (INT16_SCHEMA, 15), (INT32_SCHEMA, 31), (INT64_SCHEMA, 63))
_NUMBER: Final = re.compile(r"[+-]?(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+))?")
_LARGEST_EXPONENT: Final = 100_000
_DATE: Final = [("y", 4, ""), ("", 0, "-"), ("M", 2, ""), ("", 0, "-"), ("d", 2, "")]
_TIME: Final = [
    ("H", 2, ""), ("", 0, ":"), ("m", 2, ""), ("", 0, ":"), ("s", 2, ""), ("", 0, "."), ("S", 3, ""), ("", 0, "Z")
]  # fmt: skip
_TEMPORAL: Final[dict[int, tuple[DateParser, Schema, Callable[[int], Any]]]] = {
    10: (DateParser(_DATE), date_builder().build(), lambda millis: millis_to_datetime(millis).date()),
    13: (DateParser(_TIME), time_builder().build(), lambda millis: millis_to_datetime(millis).time()),
    24: (DateParser([*_DATE, ("", 0, "T"), *_TIME]), timestamp_builder().build(), millis_to_datetime),
}


class ValueParser:
    """Reads one text."""

    def __init__(self, text: str) -> None:
        self._tokens = Tokens(text)

    def _literal(self, word: str, embedded: bool) -> bool:
        start = self._tokens.mark()
        if self._tokens.take(word) and (embedded or not self._tokens.more()):
            return True
        self._tokens.rewind(start)
        return False

    def parse(self, *, embedded: bool) -> SchemaAndValue | None:
        """The next value; None for null or the end. `embedded`: inside of a list or map. DataException for what is no value there."""
        tokens = self._tokens
        if not tokens.more():
            return None
        if embedded and tokens.take('"'):
            return self._quoted()
        if self._literal("null", embedded):
            return None
        for word, boolean in (("true", True), ("false", False)):
            if self._literal(word, embedded):
                return SchemaAndValue(BOOLEAN_SCHEMA, boolean)
        start = tokens.mark()
        try:
            if tokens.take("["):
                return self._list()
            if tokens.take("{"):
                return self._map()
        except DataException:
            tokens.rewind(start)
        token = tokens.next()
        if not token or token.isspace():
            return SchemaAndValue(STRING_SCHEMA, token)
        return self._scalar(embedded, token.strip(SPACES))

    def _scalar(self, embedded: bool, token: str) -> SchemaAndValue:
        digit = token[:1].isdecimal()
        if digit:
            temporal = self._temporal(token)
            if temporal is not None:
                return temporal
        if digit or token[:1] in ("+", "-"):
            number = parse_number(token)
            if number is not None:
                return number
        if embedded:
            raise DataException("Failed to parse embedded value")
        return SchemaAndValue(STRING_SCHEMA, self._tokens.text)

    def _temporal(self, token: str) -> SchemaAndValue | None:
        """A time holds two colons, which are tokens of their own, so it may be five tokens."""
        start = self._tokens.mark()
        rest = self._tokens.skip(4)
        if rest is not None:
            temporal = parse_temporal(token + rest)
            if temporal is not None:
                return temporal
        self._tokens.rewind(start)
        return parse_temporal(token)

    def _quoted(self) -> SchemaAndValue:
        parts: list[str] = []
        while self._tokens.more() and not self._tokens.take('"'):
            parts.append(self._tokens.next())
        content = "".join(parts)
        return parse_temporal(content) or SchemaAndValue(STRING_SCHEMA, content)

    def _list(self) -> SchemaAndValue:
        tokens, items, common = self._tokens, list[SchemaAndValue | None](), Common()
        while tokens.more():
            if tokens.take("]"):
                schema = Schema(Type.ARRAY, value_schema=common.schema)
                return SchemaAndValue(schema, [common.fit(item) for item in items])
            if tokens.take(","):
                raise DataException(f"Unable to parse an empty array element: {tokens.text}")
            item = self.parse(embedded=True)
            common.see(item)
            items.append(item)
            position = tokens.mark()
            if tokens.take("]"):
                tokens.rewind(position)
            elif not tokens.take(","):
                raise DataException("Array elements missing ',' delimiter")
        raise DataException(f"Array is missing an element or its end: {tokens.text}")

    def _map(self) -> SchemaAndValue:
        tokens, entries = self._tokens, dict[Any, tuple[SchemaAndValue, SchemaAndValue | None]]()
        keys, values = Common(), Common()
        while tokens.more():
            if tokens.take("}"):
                # Without one schema for the keys there is none for the values either.
                values = values if keys.schema is not None else Common()
                schema = Schema(Type.MAP, key_schema=keys.schema, value_schema=values.schema)
                return SchemaAndValue(schema, {keys.fit(key): values.fit(value) for key, value in entries.values()})
            if tokens.take(","):
                raise DataException(f"Unable to parse a map entry with no key or value: {tokens.text}")
            key = self.parse(embedded=True)
            if key is None or key.value is None or isinstance(key.value, list | dict):
                raise DataException(f"Map entry may not have a null key, nor one that is a container: {tokens.text}")
            if not tokens.take(":"):
                raise DataException(f"Map entry is missing ':' in {tokens.text}")
            value = self.parse(embedded=True)
            entries[key.value] = key, value
            tokens.take(",")
            keys.see(key)
            values.see(value)
        raise DataException(f"Map is missing an entry or its end: {tokens.text}")


def parse_temporal(text: str) -> SchemaAndValue | None:
    """A date, time or timestamp in ISO form with milliseconds and Z; None for any other text. One outside the years 1 to
    9999 or the hours of a day, which Java's dates hold and Python's do not, is kept as a string."""
    text = text.replace("\\:", ":")
    known = _TEMPORAL.get(len(text))
    if known is None:
        return None
    parser, schema, convert = known
    parsed = parser.parse(text)
    if parsed is None:
        return None
    if len(text) == 13 and not 0 <= parsed[0] < 86_400_000:
        return SchemaAndValue(STRING_SCHEMA, text)
    try:
        return SchemaAndValue(schema, convert(parsed[0]))
    except (ValueError, OverflowError):
        return SchemaAndValue(STRING_SCHEMA, text)


def parse_number(text: str) -> SchemaAndValue | None:
    """The smallest integer or floating point type that holds the number, or a Decimal; None for a text that is no number."""
    match = _NUMBER.fullmatch(text)
    if match is None or len((match[4] or "").lstrip("+-0")) > len(str(_LARGEST_EXPONENT)):
        return None
    if abs(int(match[4] or 0)) > _LARGEST_EXPONENT:
        return None
    number = Decimal(text)
    scale = len(match[2] or match[3] or "") - int(match[4] or 0)
    if number.adjusted() < 20 and number == number.to_integral_value():
        for schema, bits in _INTEGERS:
            if -(2**bits) <= number < 2**bits:
                return SchemaAndValue(schema, int(number))
    if scale:
        single = exact_single(number)
        if abs(single) != float("inf"):
            return SchemaAndValue(FLOAT32_SCHEMA, single)
        if abs(float(number)) != float("inf"):
            return SchemaAndValue(FLOAT64_SCHEMA, float(number))
    return SchemaAndValue(decimal_builder(scale).build(), number)
