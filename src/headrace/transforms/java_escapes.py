r"""Backslash escapes of Java's regular expressions that stand for one character: `\t`, `\x41`, `\u0041`, `\N{…}` and their like.

Source: the documentation of java.util.regex.Pattern.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_CONTROL: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\a", "e": "\x1b"}
_OCTAL: Final = re.compile(r"\\0([0-3][0-7]{2}|[0-7]{1,2})")
_HEX: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|x\{([0-9a-fA-F]+)\})")
_PAIR: Final = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_NAMED: Final = re.compile(r"\\N\{([^}]*)\}")


def character(pattern: str, at: int) -> tuple[str, int] | None:
    """The character that the escape at `at` stands for, and where the escape ends; None for any other escape."""
    following = pattern[at + 1 : at + 2]
    if following in _CONTROL:
        return _CONTROL[following], at + 2
    if pair := _PAIR.match(pattern, at):
        return chr(0x10000 + ((int(pair[1], 16) - 0xD800) << 10) + int(pair[2], 16) - 0xDC00), pair.end()
    if code := _HEX.match(pattern, at):
        number = int(code[1] or code[2] or code[3], 16)
        return (chr(number), code.end()) if number <= 0x10FFFF else None
    if octal := _OCTAL.match(pattern, at):
        return chr(int(octal[1], 8)), octal.end()
    if following == "c" and at + 2 < len(pattern):
        return chr(ord(pattern[at + 2]) ^ 64), at + 3
    if named := _NAMED.match(pattern, at):
        try:
            return unicodedata.lookup(named[1]), named.end()
        except KeyError:
            return None
    if following and not (following.isascii() and following.isalnum()):
        return following, at + 2
    return None
