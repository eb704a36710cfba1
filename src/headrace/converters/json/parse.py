"""JSON text as Python objects, accepting what Jackson accepts as Kafka sets it up.

Beyond the standard: numbers with leading zeros, text behind the first value, a byte order mark, UTF-16 and UTF-32. Fractions are
Decimal, so that no digit is lost. Source: JsonDeserializer (Kafka 4.3); Jackson's StreamReadConstraints; observed results.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Final

from headrace.errors import DataException


class Missing:
    """Stands for the value of a text that holds none."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
_LONGEST_NUMBER: Final = 1000
_EXPONENT_DIGITS: Final = 9
_SPACES: Final = ("", " ", "\t", "\r", "\n")
_ZEROS: Final = re.compile(r'("(?:[^"\\]|\\.)*")|(?<![0-9A-Za-z.+-])(-?)0+(?=[0-9])', re.DOTALL)


def _no_constant(text: str) -> Any:
    raise ValueError(f"unexpected {text}")


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"a number of more than {_LONGEST_NUMBER} digits")
    return int(text)


def _fraction(text: str) -> Decimal:
    exponent = text.lower().partition("e")[2].lstrip("+-").lstrip("0")
    if len(text) > _LONGEST_NUMBER or len(exponent) > _EXPONENT_DIGITS:
        raise ValueError(f"a number that is too long: {text[:40]}…")
    number = Decimal(text)
    # Java's BigDecimal has no negative zero.
    return number if number else number.copy_abs()


_DECODER: Final = json.JSONDecoder(parse_float=_fraction, parse_int=_integer, parse_constant=_no_constant)


def parse(data: bytes, *, exact: bool = False) -> Any:
    """The first value of a JSON text, MISSING when there is none. DataException if it is no JSON and, with `exact`, if anything
    but white space is behind the value: where the text is part of a larger one."""
    try:
        text = _text(data).lstrip(" \t\r\n")
        if not text:
            return MISSING
        read = _DECODER.decode if exact else _first
        try:
            return read(text)
        except ValueError:
            without = _ZEROS.sub(lambda match: match[1] or match[2], text)
            if without == text:
                raise
            return read(without)
    except (ValueError, RecursionError) as error:
        raise DataException(
            f"Converting byte[] to Kafka Connect data failed due to serialization error: {error}", code="DATA_NOT_JSON"
        ) from error


def _first(text: str) -> Any:
    """The first value. Behind a number there must be white space, behind a word no letter; behind the rest may be anything."""
    value, end = _DECODER.raw_decode(text)
    following = text[end : end + 1]
    if text[0] in "-0123456789" and following not in _SPACES:
        raise ValueError(f"Expected space separating root-level values, found {following}")
    if text[0] in "tfn" and (following.isalnum() or following == "_"):
        raise ValueError(f"Unrecognized token at {text[end:][:20]}")
    return value


def _text(data: bytes) -> str:
    encoding = json.detect_encoding(data)
    return data.decode(encoding)
