"""Java .properties files, read and written. Source: java.util.Properties."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headrace.errors import ConfigException

_ESCAPES: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_BLANK: Final = " \t\f"


def parse_properties(text: str) -> dict[str, str]:
    """The pairs of a properties text, in order of first appearance; a later pair wins.

    `=`, `:` or white space ends a key; `#` and `!` start a comment line; a backslash at a line's end continues it.
    ConfigException (code PROPERTIES_INVALID) for a broken `\\uXXXX` escape.
    """
    result: dict[str, str] = {}
    for number, line in _logical_lines(text):
        key, rest = _split(line)
        result[_unescape(key, number)] = _unescape(rest, number)
    return result


def read_properties(path: str) -> dict[str, str]:
    """The pairs of a UTF-8 file. ConfigException (PROPERTIES_UNREADABLE) if it cannot be read."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return parse_properties(file.read())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigException(
            f"Could not read properties from file {path}: {error}",
            code="PROPERTIES_UNREADABLE",
            remedy="Check that the file exists, is readable by this user and is UTF-8 text.",
        ) from error


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments and blank lines, continuations joined; with the number of their first line."""
    pending: list[str] = []
    start = 0
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, raw in enumerate(lines, 1):
        line = raw.lstrip(_BLANK)
        if not pending:
            if not line or line[0] in "#!":
                continue
            start = number
        slashes = len(line) - len(line.rstrip("\\"))
        if slashes % 2:
            pending.append(line[:-1])
            continue
        pending.append(line)
        yield start, "".join(pending)
        pending = []
    if pending:
        yield start, "".join(pending)


def _split(line: str) -> tuple[str, str]:
    """The raw key and value of a logical line."""
    at = 0
    while at < len(line) and line[at] not in "=:" and line[at] not in _BLANK:
        at += 2 if line[at] == "\\" else 1
    key = line[:at]
    rest = line[at:].lstrip(_BLANK)
    if rest[:1] in ("=", ":"):
        rest = rest[1:].lstrip(_BLANK)
    return key, rest


def _unescape(text: str, number: int) -> str:
    if "\\" not in text:
        return text
    out: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char != "\\":
            out.append(char)
            at += 1
            continue
        following = text[at + 1 : at + 2]
        if following == "u":
            digits = text[at + 2 : at + 6]
            if len(digits) < 4 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
                raise ConfigException(
                    f"Malformed \\uxxxx encoding in line {number}",
                    code="PROPERTIES_INVALID",
                    remedy="Write four hexadecimal digits after \\u, or \\\\u for the characters themselves.",
                )
            out.append(chr(int(digits, 16)))
            at += 6
        else:
            out.append(_ESCAPES.get(following, following))
            at += 2
    # Escapes of characters beyond the basic plane come as two surrogates.
    return "".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
