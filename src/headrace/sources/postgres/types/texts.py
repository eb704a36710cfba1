"""PostgreSQL's texts for composite values: arrays, hstore, money, bits, points. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from headrace.data.text import java_double
from headrace.errors import DataException

_ARRAY_TOKEN: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|([{},])|([^{},"]+)', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_HSTORE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"=>(?:"((?:[^"\\]|\\.)*)"|NULL)', re.DOTALL)
_NUMBER: Final = re.compile(r"[-+]?(?:\d[\d.]*(?:[eE][-+]?\d+)?|Infinity|NaN)")
_NOT_DIGIT: Final = re.compile(r"\D")


def array_items(text: str, delimiter: str = ",") -> list[str | None]:
    """The elements of an array literal, NULL as None. Nested arrays are given flat, in storage order: Connect's arrays
    have one dimension. `delimiter`: the element type's (a semicolon for box)."""
    if text[:1] == "[":
        text = text[text.index("=") + 1 :]
    if '"' not in text and text.count("{") == 1:
        inner = text[1:-1]
        return [None if item == "NULL" else _plain(item) for item in inner.split(delimiter)] if inner else []
    items: list[str | None] = []
    for quoted, mark, plain in _ARRAY_TOKEN.findall(text):
        if mark:
            continue
        if plain:
            items.append(None if plain == "NULL" else _plain(plain))
        else:
            items.append(_ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted)
    return items


def _plain(item: str) -> str:
    return _ESCAPED.sub(r"\1", item) if "\\" in item else item


def hstore_map(text: str) -> dict[str, str | None]:
    """An hstore's pairs, in the order in which a Java HashMap of them has them: that is the order in Debezium's events."""
    pairs = [(_plain(match[1]), None if match[2] is None else _plain(match[2])) for match in _HSTORE.finditer(text)]
    buckets = 16
    while buckets * 3 < len(pairs) * 4:
        buckets *= 2
    if len(pairs) > 1:
        pairs.sort(key=lambda pair: _java_spread(pair[0]) & (buckets - 1))
    return dict(pairs)


@lru_cache(4096)
def _java_spread(key: str) -> int:
    """HashMap's spread of String.hashCode."""
    number = 0
    units = key.encode("utf-16-be", "surrogatepass")
    for at in range(0, len(units), 2):
        number = (number * 31 + (units[at] << 8 | units[at + 1])) & 0xFFFFFFFF
    return number ^ (number >> 16)


def money_value(text: str, fraction_digits: int | None) -> Decimal:
    """The amount of a money text in any locale: the last separator is the decimal one when `fraction_digits` digits or
    one or two of any other count that is no group of three follow it. None: as many places as the text has."""
    negative = "-" in text or "(" in text
    position = max(text.rfind("."), text.rfind(","))
    behind = _NOT_DIGIT.sub("", text[position + 1 :]) if position >= 0 else ""
    digits = _NOT_DIGIT.sub("", text)
    if not digits:
        raise DataException(f"Not an amount of money: {text!r}.", code="PG_VALUE_INVALID")
    places = len(behind) if behind and (len(behind) == fraction_digits or len(behind) != 3) else 0
    amount = Decimal(int(digits)).scaleb(-places)
    if fraction_digits is not None:
        amount = amount.quantize(Decimal(1).scaleb(-fraction_digits), rounding="ROUND_HALF_UP")
    return -amount if negative else amount


def bits_bytes(text: str) -> bytes:
    """A bit string as little-endian bytes, without leading zero bytes (none at all for zero)."""
    value = int(text, 2) if text else 0
    return value.to_bytes((value.bit_length() + 7) // 8, "little")


def java_numbers(text: str) -> str:
    """A geometric text with its numbers as Java writes them: what Debezium's driver makes of line, lseg, box, path, polygon, circle."""
    return _NUMBER.sub(lambda match: java_double(float(match[0])), text)


def point_xy(text: str) -> tuple[float, float]:
    """`(x,y)`."""
    x, _, y = text[1:-1].partition(",")
    return float(x), float(y)
