"""PostgreSQL's texts for composite values: arrays, hstore, money, bits, points. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from headrace.errors import DataException

_ARRAY_TOKEN: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|([{},])|([^{},"]+)', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_HSTORE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"=>(?:"((?:[^"\\]|\\.)*)"|NULL)', re.DOTALL)
_NOT_DIGIT: Final = re.compile(r"\D")


def array_items(text: str) -> list[str | None]:
    """The elements of an array literal, NULL as None. Nested arrays are given flat, in storage order: Connect's arrays
    have one dimension."""
    if text[:1] == "[":
        text = text[text.index("=") + 1 :]
    if '"' not in text and text.count("{") == 1:
        inner = text[1:-1]
        return [None if item == "NULL" else _plain(item) for item in inner.split(",")] if inner else []
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
    """An hstore's pairs, in the server's order."""
    return {_plain(match[1]): None if match[2] is None else _plain(match[2]) for match in _HSTORE.finditer(text)}


def money_value(text: str, fraction_digits: int) -> Decimal:
    """The amount of a money text in any locale: the last separator is the decimal one when `fraction_digits` digits or
    one or two of any other count that is no group of three follow it."""
    negative = "-" in text or "(" in text
    position = max(text.rfind("."), text.rfind(","))
    behind = _NOT_DIGIT.sub("", text[position + 1 :]) if position >= 0 else ""
    digits = _NOT_DIGIT.sub("", text)
    if not digits:
        raise DataException(f"Not an amount of money: {text!r}.", code="PG_VALUE_INVALID")
    places = len(behind) if behind and (len(behind) == fraction_digits or len(behind) != 3) else 0
    amount = Decimal(int(digits)).scaleb(-places)
    amount = amount.quantize(Decimal(1).scaleb(-fraction_digits), rounding="ROUND_HALF_UP")
    return -amount if negative else amount


def bits_bytes(text: str) -> bytes:
    """A bit string as little-endian bytes, without leading zero bytes (none at all for zero)."""
    value = int(text, 2) if text else 0
    return value.to_bytes((value.bit_length() + 7) // 8, "little")


def point_xy(text: str) -> tuple[float, float]:
    """`(x,y)`."""
    x, _, y = text[1:-1].partition(",")
    return float(x), float(y)
