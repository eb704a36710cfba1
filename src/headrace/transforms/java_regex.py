"""Java's regular expressions in Python's terms. What Python cannot say is refused, never guessed.

Source: the documentation of java.util.regex.Pattern; observed results of Java 25.
"""

from __future__ import annotations

import re
from typing import Final

from headrace.transforms.java_brackets import BracketReader, Malformed, Unsupported
from headrace.transforms.java_class import literal

_QUANTIFIER: Final = re.compile(r"[*+?]|\{(\d+)(?:,(\d*))?\}")
_NAME: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9]*)>")
_FLAGS: Final = re.compile(r"([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])")
__all__ = ["Malformed", "Translator", "Unsupported"]
_BREAK: Final = "(?:\\r\\n|[\\n\\x0b\\f\\r\x85\u2028\u2029])"
_LINE: Final = "\\n\\r\x85\u2028\u2029"
_BEFORE_LAST: Final = f"(?:(?=(?:\\r\\n|[{_LINE}])?\\Z)(?!(?<=\\r)\\n))"
_ANCHORS: Final = {"A": r"(?:\A)", "z": r"(?:\Z)", "Z": _BEFORE_LAST, "b": r"(?:\b)", "B": r"(?!\b)", "R": _BREAK}


class Translator(BracketReader):
    """Translates one expression; `flags` of the whole are `i`, `m`, `s`, `x`, `u`, `d` in the expression itself."""

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self._groups = 0
        self._names: set[str] = set()

    def translate(self) -> str:
        """The expression for `re.compile(…, re.ASCII)`. Unsupported or Malformed."""
        branches = self._branches()
        if self._at < len(self._pattern):
            raise Malformed("unmatched closing ')'")
        return "|".join(branches)

    def _branches(self) -> list[str]:
        """The alternatives up to the closing parenthesis or the end. Flags set inside end with them."""
        outer, branches = self._flags, [""]
        while self._at < len(self._pattern) and not self._peek(")"):
            if self._peek("|"):
                self._at += 1
                branches.append("")
            else:
                branches[-1] += self._atom()
        self._flags = outer
        return branches

    def _atom(self) -> str:
        char = self._pattern[self._at]
        if "x" in self._flags and self._skip_comment():
            return ""
        if self._peek("\\Q"):
            return self._quoted()
        if char == "(":
            group = self._group()
            return group + self._quantifier() if group else ""
        if char in "*+?":
            raise Malformed(f"dangling meta character '{char}'")
        if char == "{":
            # Java repeats the nothing before it.
            self._quantifier()
            return ""
        if char == "[":
            piece = self._cased(self._class())
        elif char == "\\":
            piece = self._escape()
        else:
            self._at += 1
            piece = self._special(char) or self._cased(literal(char))
        return piece + self._quantifier()

    def _special(self, char: str) -> str | None:
        lines = "\\n" if "d" in self._flags else _LINE
        match char:
            case ".":
                return r"[\s\S]" if "s" in self._flags else f"[^{lines}]"
            case "^" if "m" in self._flags:
                return f"(?:(?:\\A|(?<=[{lines}])(?<!\\r(?=\\n)))(?!\\Z))"
            case "^":
                return r"(?:\A)"
            case "$" if "m" in self._flags:
                return f"(?:\\Z|(?=[{lines}])(?!(?<=\\r)\\n))" if "d" not in self._flags else r"(?:\Z|(?=\n))"
            case "$":
                return _BEFORE_LAST if "d" not in self._flags else r"(?:(?=\n?\Z))"
        return None

    def _cased(self, piece: str) -> str:
        if "i" not in self._flags:
            return piece
        return f"(?i{'u' if 'u' in self._flags else ''}:{piece})"

    def _quantifier(self) -> str:
        while "x" in self._flags and self._at < len(self._pattern) and self._skip_comment():
            pass
        match = _QUANTIFIER.match(self._pattern, self._at)
        if match is None:
            if self._peek("{"):
                raise Malformed("illegal repetition")
            return ""
        self._at = match.end()
        if match[2] and int(match[2]) < int(match[1]):
            raise Malformed("illegal repetition range")
        if match[1] and max(int(match[1]), int(match[2] or 0)) >= 2**31:
            raise Malformed("illegal repetition range")
        piece = match[0]
        if self._peek("?") or self._peek("+"):
            piece += self._pattern[self._at]
            self._at += 1
        following = self._pattern[self._at : self._at + 1]
        if following in ("*", "+", "?"):
            raise Malformed(f"dangling meta character '{following}'")
        return piece

    def _quoted(self) -> str:
        start = self._at + 2
        end = self._pattern.find("\\E", start)
        text = self._pattern[start:] if end < 0 else self._pattern[start:end]
        self._at = len(self._pattern) if end < 0 else end + 2
        if not text:
            return ""
        return "".join(self._cased(literal(char)) for char in text) + self._quantifier()

    def _group(self) -> str:
        self._at += 1
        if not self._peek("?"):
            self._groups += 1
            return f"({self._inside()})"
        self._at += 1
        for opening in ("<=", "<!"):
            if self._peek(opening):
                self._at += 2
                return self._look_behind(opening)
        for opening in (":", "=", "!", ">"):
            if self._peek(opening):
                self._at += 1
                return f"(?{opening}{self._inside()})"
        if self._peek("<"):
            return self._named_group()
        return self._flag_group()

    def _inside(self) -> str:
        return "|".join(self._closed())

    def _closed(self) -> list[str]:
        branches = self._branches()
        if not self._peek(")"):
            raise Malformed("unclosed group")
        self._at += 1
        return branches

    def _look_behind(self, opening: str) -> str:
        parts = [f"(?{opening}{branch})" for branch in self._closed()]
        if opening == "<!":
            return f"(?:{''.join(parts)})"
        return f"(?:{'|'.join(parts)})"

    def _named_group(self) -> str:
        match = _NAME.match(self._pattern, self._at + 1)
        if match is None:
            raise Malformed("a named group needs a name of ASCII letters and digits and '>'")
        if match[1] in self._names:
            raise Malformed(f"named capturing group <{match[1]}> is already defined")
        self._names.add(match[1])
        self._groups += 1
        self._at = match.end()
        return f"(?P<{match[1]}>{self._inside()})"

    def _flag_group(self) -> str:
        """`(?i)` changes what follows in the group around it, `(?i:…)` what is inside."""
        match = _FLAGS.match(self._pattern, self._at)
        if match is None:
            raise Malformed("unknown group type or inline modifier")
        on, off = set(match[1]), set(match[2] or "")
        if (on | off) & {"U", "c"}:
            raise Unsupported("the flags U and c")
        if (on | off) - set("imsxud"):
            raise Malformed("unknown inline modifier")
        self._at = match.end()
        outer, self._flags = self._flags, (self._flags | on) - off
        if match[3] == ")":
            return ""
        inside = self._inside()
        self._flags = outer
        return f"(?:{inside})"

    def _escape(self) -> str:
        pattern, at = self._pattern, self._at
        following = pattern[at + 1 : at + 2]
        if not following:
            raise Malformed("a backslash at the end")
        if following in "123456789":
            return self._cased(self._reference())
        if following == "k":
            match = _NAME.match(pattern, at + 3)
            if match is None or not pattern.startswith("<", at + 2) or match[1] not in self._names:
                raise Malformed("\\k needs the <name> of a group before it")
            self._at = match.end()
            return self._cased(f"(?P={match[1]})")
        if following in _ANCHORS:
            if pattern.startswith("{", at + 2) and following == "b":
                raise Unsupported("\\b{g}")
            self._at += 2
            return _ANCHORS[following]
        if following in "GX":
            raise Unsupported(f"the escape \\{following}")
        return self._cased(self._class_escape())

    def _reference(self) -> str:
        """`\\11` is group 11 if there is one, else group 1 and a 1."""
        self._at += 1
        number = int(self._pattern[self._at])
        self._at += 1
        while self._at < len(self._pattern) and self._pattern[self._at] in "0123456789":
            longer = number * 10 + int(self._pattern[self._at])
            if longer > self._groups:
                break
            number, self._at = longer, self._at + 1
        return rf"(?:\{number})" if number <= self._groups else "(?!)"
