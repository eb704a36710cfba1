"""JSON as Connect's JsonConverter with schemas.enable=false writes and reads it: the bytes of Connect's three topics.

No white space, fields in the order given, doubles as Java writes them; text in UTF-8, but control characters and, as pairs of
surrogates, what is beyond U+FFFF in escapes with upper-case digits. Equal bytes matter in keys: compaction keeps one record for each.
"""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import Any, NoReturn

from headrace.data.text import java_double

_CONTROL = re.compile(r"\\\\|\\u00([0-9a-f]{2})")
_BEYOND = re.compile("[\U00010000-\U0010ffff]")


def dump(document: Any) -> bytes:
    """The document's bytes. ValueError or TypeError for what is no JSON: NaN, infinities, lone surrogates, foreign objects."""
    return _text(document).encode()


def _text(value: Any) -> str:
    if type(value) is int:
        return repr(value)
    if isinstance(value, str):
        text = encode_basestring(value)
        if "\\u00" in text:
            text = _CONTROL.sub(_upper_hex, text)
        return text if text.isascii() else _BEYOND.sub(_pair, text)
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_text(name)}:{_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_text, value)) + "]"
    return json.dumps(value)


def _finite(value: float) -> str:
    text = java_double(value)
    if text in ("NaN", "Infinity", "-Infinity"):
        raise ValueError(f"{text} has no form in JSON")
    return text


def _upper_hex(match: re.Match[str]) -> str:
    return match.group(0) if match.group(1) is None else "\\u00" + match.group(1).upper()


def _pair(match: re.Match[str]) -> str:
    code = ord(match.group()) - 0x10000
    return f"\\u{0xD800 + (code >> 10):04X}\\u{0xDC00 + (code & 0x3FF):04X}"


def load(data: bytes) -> Any:
    """What the bytes say. ValueError when they are no JSON."""
    try:
        return json.loads(data, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")
