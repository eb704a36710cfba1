"""The tokens of header text: delimiters, and what is between them. A backslash keeps the delimiter after it from being one."""

from __future__ import annotations

from typing import Final

from headrace.errors import DataException

SPACES: Final = "".join(map(chr, range(33)))
"""What Java's trim takes away."""
_DELIMITERS: Final = frozenset(':,{}[]"')


class Tokens:
    """A cursor over a text; positions are indexes into it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.previous: str | None = None
        self._at = 0
        self._next: str | None = None

    def mark(self) -> int:
        """Where the next token begins."""
        return self._at - (len(self._next) if self._next is not None else 0)

    def rewind(self, position: int) -> None:
        self._at, self._next, self.previous = position, None, None

    def more(self) -> bool:
        return self._next is not None or self._at < len(self.text)

    def next(self) -> str:
        """The next token. DataException at the end of the text."""
        if self._next is not None:
            token, self._next = self._next, None
        elif self._at < len(self.text):
            token = self._read()
        else:
            raise DataException("Unexpected end of the text")
        self.previous = token
        return token

    def skip(self, count: int) -> str | None:
        """The text of the next `count` tokens; None, with nothing taken, when there are not so many."""
        start = self.mark()
        for _ in range(count):
            if not self.more():
                self.rewind(start)
                return None
            self.next()
        return self.text[start : self._at]

    def take(self, expected: str) -> bool:
        """Step over `expected` if it is next, white space around it included. White space before something else is
        stepped over as well."""
        if self._next is None:
            if not self.more():
                return False
            self._next = self._read()
        while not _stripped(self._next) and self._at < len(self.text):
            self._next = self._read()
        if _stripped(self._next) != expected:
            return False
        self._next = None
        return True

    def _read(self) -> str:
        start, text = self._at, self.text
        escaped = False
        for at in range(start, len(text)):
            char = text[at]
            if char == "\\":
                escaped = not escaped
            elif escaped:
                escaped = False
            elif char in _DELIMITERS:
                self._at = at if at > start else at + 1
                return text[start : self._at]
        self._at = len(text)
        return text[start:]


def _stripped(token: str) -> str:
    return token.strip(SPACES)
