"""Text to bytes and back as Java does it: what a character set cannot hold is replaced, never refused.

Source: java.lang.String.getBytes(Charset) and its constructor from bytes; observed results of Java 25.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

_OTHER_NAMES: Final = {"windows-31j": "cp932", "unicodebig": "utf-16", "unicodebigunmarked": "utf-16-be"}
_NOT_JAVAS: Final = frozenset(
    {"idna", "mbcs", "oem", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "utf-7", "utf-8-sig"}
)
_BOMS: Final = {
    "utf-16": ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")),
    "utf-32": ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),
}
_SURROGATE: Final = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]?")


def find_charset(name: str) -> str | None:
    """What `encode_text` and `decode_text` call the character set; None when it is not known."""
    try:
        info = codecs.lookup(_OTHER_NAMES.get(name.lower(), name))
    except LookupError:
        return None
    return info.name if info._is_text_encoding and info.name.replace("_", "-") not in _NOT_JAVAS else None


def encode_text(text: str, charset: str = "utf-8") -> bytes:
    """The bytes of a text; `?` for a character that the set does not hold. UTF-16 is written big-endian with a mark, UTF-32
    big-endian without."""
    if charset == "utf-16":
        return codecs.BOM_UTF16_BE + text.encode("utf-16-be", "replace") if text else b""
    return text.encode("utf-32-be" if charset == "utf-32" else charset, "replace")


def decode_text(data: bytes, charset: str = "utf-8") -> str:
    """The text of bytes; U+FFFD where they are none of the set."""
    if charset == "utf-8":
        return _decode_utf8(data)
    for mark, marked in _BOMS.get(charset, ()):
        if data.startswith(mark):
            return data[len(mark) :].decode(marked, "replace")
    return data.decode(f"{charset}-be" if charset in _BOMS else charset, "replace")


def _decode_utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        # Java replaces a surrogate that was written as three bytes by one character, Python by three.
        return _SURROGATE.sub(b"\xef\xbf\xbd", data).decode(errors="replace")
