"""Reads what stands for one character in a Java regular expression: escapes and bracketed classes with unions and intersections.

Source: the documentation of java.util.regex.Pattern; observed results of Java 25.
"""

from __future__ import annotations

import re
from typing import Final

from headrace.transforms import java_class, java_escapes
from headrace.transforms.java_class import literal

_PROPERTY: Final = re.compile(r"\\([pP])(?:\{([^}]*)\}|([A-Z]))")


class Unsupported(Exception):
    """The expression is fine in Java, as far as seen, but has no equal here; the text says what has none."""


class Malformed(Exception):
    """The expression is none in Java either."""


class BracketReader:
    """A cursor over an expression. `_flags`: which of i, m, s, x, u, d hold where it stands."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._flags: frozenset[str] = frozenset()

    def _peek(self, text: str) -> bool:
        return self._pattern.startswith(text, self._at)

    def _skip_comment(self) -> bool:
        char = self._pattern[self._at]
        if char in " \t\n\x0b\f\r":
            self._at += 1
            return True
        if char == "#":
            while self._at < len(self._pattern) and self._pattern[self._at] not in "\n\r\x85\u2028\u2029":
                self._at += 1
            return True
        return False

    def _class_escape(self) -> str:
        """An expression that matches one character: `\\d`, `\\p{…}` or a character."""
        known = java_class.predefined(self._pattern[self._at + 1 : self._at + 2])
        if known is not None:
            self._at += 2
            return known
        if match := _PROPERTY.match(self._pattern, self._at):
            found = java_class.property_class(match[2] or match[3], match[1] == "P")
            if found is None:
                raise Unsupported(f"the property {match[0]}")
            self._at = match.end()
            return found
        return f"[{literal(self._character())}]"

    def _character(self) -> str:
        found = java_escapes.character(self._pattern, self._at)
        if found is None:
            raise Malformed(f"illegal escape {self._pattern[self._at : self._at + 2]}")
        self._at = found[1]
        return found[0]

    def _class(self) -> str:
        """A bracketed class, from its bracket on."""
        self._at += 1
        negated = self._peek("^")
        self._at += negated
        operands: list[str] = []
        items: list[str] = []
        while True:
            if self._at >= len(self._pattern):
                raise Malformed("unclosed character class")
            if "x" in self._flags and self._skip_comment():
                continue
            if self._peek("]") and (items or operands):
                self._at += 1
                break
            if self._peek("&&"):
                self._at += 2
                while self._peek("&"):
                    self._at += 1
                if items:
                    operands.append(java_class.union(items))
                items = []
            elif self._peek("["):
                items.append(self._class())
            elif self._peek("\\Q"):
                items += self._quoted_items()
            else:
                items.append(self._range())
        if items:
            operands.append(java_class.union(items))
        whole = operands[0] if len(operands) == 1 else java_class.intersection(operands)
        return java_class.complement(whole) if negated else whole

    def _quoted_items(self) -> list[str]:
        end = self._pattern.find("\\E", self._at)
        text = self._pattern[self._at + 2 :] if end < 0 else self._pattern[self._at + 2 : end]
        self._at = len(self._pattern) if end < 0 else end + 2
        return [f"[{literal(char)}]" for char in text]

    def _range(self) -> str:
        start = self._at
        if self._peek("\\"):
            item = self._class_escape()
            if java_escapes.character(self._pattern, start) is None:
                return item
            low = java_escapes.character(self._pattern, start)[0]  # type: ignore[index]
        else:
            low = self._pattern[self._at]
            self._at += 1
        if not self._peek("-") or self._pattern[self._at + 1 : self._at + 2] in ("", "]", "["):
            return f"[{literal(low)}]"
        self._at += 1
        if self._peek("\\"):
            high = self._character()
        else:
            high = self._pattern[self._at]
            self._at += 1
        if high < low:
            raise Malformed("illegal character range")
        return f"[{literal(low)}-{literal(high)}]"
