"""Java properties files: `key=value`, `key: value`, comments with # and !, continued lines, backslash escapes."""

from __future__ import annotations

import re
from typing import Final

_ESCAPES: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_KEY: Final = re.compile(r"((?:\\.|[^\\=:\s])*)[ \t\f]*[=: \t\f]?[ \t\f]*(.*)", re.DOTALL)


def parse_properties(text: str) -> dict[str, str]:
    """Every key's value; of a repeated key the last. Source: java.util.Properties.load."""
    result: dict[str, str] = {}
    pending = ""
    for raw in text.splitlines():
        line = pending + raw.lstrip(" \t\f")
        if not pending and (not line or line[0] in "#!"):
            continue
        backslashes = len(line) - len(line.rstrip("\\"))
        if backslashes % 2:
            pending = line[:-1]
            continue
        pending = ""
        _take(line, result)
    if pending:
        _take(pending, result)
    return result


def _take(line: str, result: dict[str, str]) -> None:
    if match := _KEY.match(line):
        result[_unescape(match[1])] = _unescape(match[2])


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        what = match[1]
        if what[0] == "u" and len(what) == 5:
            return chr(int(what[1:], 16))
        return _ESCAPES.get(what, what)

    return _ESCAPE.sub(one, text)
