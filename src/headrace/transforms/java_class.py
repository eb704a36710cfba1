"""Java's character classes as Python expressions that match one character: unions, intersections, properties.

Source: the documentation of java.util.regex.Pattern; observed results of Java 25.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Final

_POSIX: Final = {
    "Lower": "a-z", "Upper": "A-Z", "ASCII": r"\x00-\x7f", "Alpha": "a-zA-Z", "Digit": "0-9", "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~", "Graph": "!-~", "Print": " -~", "Blank": r" \t", "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F", "Space": r" \t\n\x0b\f\r",
}  # fmt: skip
_SINGLE: Final = {
    "d": "[0-9]", "D": "[^0-9]", "w": "[a-zA-Z0-9_]", "W": "[^a-zA-Z0-9_]", "s": r"[ \t\n\x0b\f\r]", "S": r"[^ \t\n\x0b\f\r]",
    "h": "[ \\t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000]", "H": "[^ \\t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000]",
    "v": "[\\n\\x0b\\f\\r\x85\u2028\u2029]", "V": "[^\\n\\x0b\\f\\r\x85\u2028\u2029]",
}  # fmt: skip
_BINARY: Final[dict[str, Callable[[str], bool]]] = {
    "alphabetic": lambda c: unicodedata.category(c) in ("Lu", "Ll", "Lt", "Lm", "Lo", "Nl"),
    "letter": lambda c: unicodedata.category(c)[0] == "L",
    "lowercase": str.islower,
    "uppercase": str.isupper,
    "titlecase": lambda c: unicodedata.category(c) == "Lt",
    "digit": lambda c: unicodedata.category(c) == "Nd",
    "white_space": str.isspace,
    "letterordigit": lambda c: unicodedata.category(c)[0] == "L" or unicodedata.category(c) == "Nd",
    "punctuation": lambda c: unicodedata.category(c)[0] == "P",
    "control": lambda c: unicodedata.category(c) == "Cc",
}
_CATEGORIES: Final = frozenset(
    [
        "L",
        "Lu",
        "Ll",
        "Lt",
        "Lm",
        "Lo",
        "M",
        "Mn",
        "Mc",
        "Me",
        "N",
        "Nd",
        "Nl",
        "No",
        "P",
        "Pc",
        "Pd",
        "Ps",
        "Pe",
        "Pi",
        "Pf",
        "Po",
        "S",
        "Sm",
        "Sc",
        "Sk",
        "So",
        "Z",
        "Zs",
        "Zl",
        "Zp",
        "C",
        "Cc",
        "Cf",
        "Co",
        "Cs",
        "Cn",
    ]
)
_SCRIPTS: Final = {
    "latin": "LATIN", "greek": "GREEK", "cyrillic": "CYRILLIC", "hebrew": "HEBREW", "arabic": "ARABIC",
    "hiragana": "HIRAGANA", "katakana": "KATAKANA", "han": "CJK UNIFIED IDEOGRAPH", "thai": "THAI", "hangul": "HANGUL",
}  # fmt: skip


def predefined(letter: str) -> str | None:
    r"""The expression for `\d`, `\h` and their like; None for another letter."""
    return _SINGLE.get(letter)


def property_class(name: str, negated: bool) -> str | None:
    r"""The expression for `\p{name}` (or `\P{name}`); None for a property that is not known here."""
    inside = _POSIX.get(name)
    if inside is None:
        kind, _, rest = name.partition("=")
        if rest and kind.lower() in ("general_category", "gc"):
            inside = _category(rest)
        elif rest and kind.lower() in ("script", "sc"):
            inside = _script(rest)
        elif not rest:
            inside = _named(name)
    if inside is None:
        return None
    return f"[{'^' if negated else ''}{inside}]"


def _named(name: str) -> str | None:
    if name.startswith("Is"):
        known = _BINARY.get(name[2:].lower())
        if known is not None:
            return _ranges(name, known)
        return _category(name[2:]) or _script(name[2:])
    if name.startswith("java"):
        known = _BINARY.get(name[4:].replace("Case", "case").lower())
        return None if known is None else _ranges(name, known)
    return _category(name)


def _category(name: str) -> str | None:
    if name == "LC":
        return _ranges(name, lambda c: unicodedata.category(c) in ("Lu", "Ll", "Lt"))
    return _ranges(name, lambda c: unicodedata.category(c).startswith(name)) if name in _CATEGORIES else None


def _script(name: str) -> str | None:
    start = _SCRIPTS.get(name.lower())
    return None if start is None else _ranges(name, lambda c: unicodedata.name(c, "").startswith(start))


_KNOWN: Final[dict[str, str]] = {}


def _ranges(name: str, holds: Callable[[str], bool]) -> str:
    """The inside of a class of all characters for which `holds`, found once: it takes a good part of a second."""
    if name not in _KNOWN:
        parts: list[str] = []
        start: int | None = None
        for code in range(sys.maxunicode + 2):
            inside = code <= sys.maxunicode and holds(chr(code))
            if inside and start is None:
                start = code
            elif not inside and start is not None:
                parts.append(f"{_escaped(start)}-{_escaped(code - 1)}")
                start = None
        _KNOWN[name] = "".join(parts)
    return _KNOWN[name]


@cache
def _escaped(code: int) -> str:
    return f"\\U{code:08x}"


def literal(char: str) -> str:
    """A character as itself, inside or outside of a class."""
    return re.escape(char) if char.isascii() else char


def union(parts: list[str]) -> str:
    """One character that any of the expressions matches."""
    inner = [part[1:-1] for part in parts if part.startswith("[") and not part.startswith("[^")]
    others = [part for part in parts if not part.startswith("[") or part.startswith("[^")]
    if not others:
        return f"[{''.join(inner)}]" if inner else "(?!)"
    return "(?:" + "|".join([*others, *([f"[{''.join(inner)}]"] if inner else [])]) + ")"


def intersection(parts: list[str]) -> str:
    """One character that all of the expressions match."""
    return "(?:" + "".join(f"(?={part})" for part in parts[:-1]) + f"{parts[-1]})"


def complement(part: str) -> str:
    """One character that the expression does not match."""
    if part.startswith("[") and not part.startswith("[^"):
        return f"[^{part[1:]}"
    return rf"(?:(?!{part})[\s\S])"
