"""Positions in texts as Java and JavaScript count them: by UTF-16 unit, of which a character beyond U+FFFF has two."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

_WIDE: Final = re.compile("[\U00010000-\U0010ffff]")


def is_wide(text: str) -> bool:
    """Whether a character of the text has two units."""
    return not text.isascii() and _WIDE.search(text) is not None


def units(text: str) -> str:
    """The text with a character per unit."""
    return _WIDE.sub(_pair, text) if is_wide(text) else text


def joined(text: str) -> str:
    """Pairs of units as the characters they mean; a half of a pair stays one."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _pair(match: re.Match[str]) -> str:
    code = ord(match[0]) - 0x10000
    return chr(0xD800 + (code >> 10)) + chr(0xDC00 + (code & 0x3FF))


def by_unit(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method of a text, with positions by unit."""

    def run(text: str, *arguments: Any) -> Any:
        if not is_wide(text) and not any(isinstance(one, str) and is_wide(one) for one in arguments):
            return method(text, *arguments)
        found = method(units(text), *(units(one) if isinstance(one, str) else one for one in arguments))
        return joined(found) if isinstance(found, str) else found

    run.__wrapped__ = method  # type: ignore[attr-defined]
    return run
