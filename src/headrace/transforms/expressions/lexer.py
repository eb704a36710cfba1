"""Splits an expression into tokens. Source: the lexical grammars of Groovy 4 and ECMAScript 2024, as far as expressions need them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final, NamedTuple, NoReturn

from headrace.transforms.expressions.failures import refused
from headrace.transforms.expressions.values import Float32, Int32

_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_GROOVY_NUMBER: Final = re.compile(
    r"0[xX](?P<hex>[0-9a-fA-F_]+)|0[bB](?P<bin>[01_]+)|(?P<dec>[0-9][0-9_]*(?:\.[0-9][0-9_]*)?(?:[eE][+-]?[0-9]+)?)"
)
_JS_NUMBER: Final = re.compile(
    r"0[xX](?P<hex>[0-9a-fA-F_]+)|0[bB](?P<bin>[01_]+)|0[oO](?P<oct>[0-7_]+)|"
    r"(?P<dec>(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)"
)
_OPERATORS: Final = {
    "groovy": "==~ !== === <=> ..< && || == != =~ <= >= ?. ?: ** .. -> *. ++ -- += -= *= /= << >> ( ) [ ] { } < > + - * / % ! ? : , . ; = & | ^ ~ @",
    "javascript": ">>> === !== ... && || ?? == != <= >= ?. => ** ++ -- += -= *= /= << >> ( ) [ ] { } < > + - * / % ! ? : , . ; = & | ^ ~ @ #",
}
_SORTED: Final = {name: sorted(text.split(), key=len, reverse=True) for name, text in _OPERATORS.items()}
_ESCAPES: Final = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "b": "\b",
    "f": "\f",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "$": "$",
    "`": "`",
    "/": "/",
}
_VALUE_ENDS: Final = frozenset({"name", "number", "text", "template", "pattern"})
_BEFORE_VALUE: Final = frozenset({"in", "return", "typeof", "instanceof", "as"})


class Token(NamedTuple):
    """`kind`: name, number, text, template, pattern, operator, end. `value`: the name, operator or constant; of a template its parts, texts
    and (position, source) pairs; of a pattern (source, flags)."""

    kind: str
    value: Any
    at: int


def tokens(text: str, language: str, setting: str) -> list[Token]:
    """The tokens, the last of kind end. ConfigException for a character or literal that is none."""
    return _Lexer(text, language, setting).run()


class _Lexer:
    def __init__(self, text: str, language: str, setting: str) -> None:
        self._text, self._language, self._setting = text, language, setting
        self._groovy = language == "groovy"
        self._at = 0
        self._found: list[Token] = []

    def _fail(self, at: int, reason: str) -> NoReturn:
        raise refused(self._setting, self._text, at, reason)

    def run(self) -> list[Token]:
        text = self._text
        while self._skip_blank():
            at, char = self._at, text[self._at]
            if char in "'\"" or (char == "`" and not self._groovy):
                self._string(char)
            elif char == "/" and not self._after_value():
                self._slashy()
            elif char.isdigit() or (char == "." and not self._groovy and text[at + 1 : at + 2].isdigit()):
                self._number()
            elif name := _NAME.match(text, at):
                self._add("name", name[0], name.end())
            else:
                operator = next((one for one in _SORTED[self._language] if text.startswith(one, at)), None)
                if operator is None:
                    self._fail(at, f"unexpected character {char!r}")
                self._add("operator", operator, at + len(operator))
        return [*self._found, Token("end", None, len(text))]

    def _add(self, kind: str, value: Any, end: int) -> None:
        self._found.append(Token(kind, value, self._at))
        self._at = end

    def _after_value(self) -> bool:
        if not self._found:
            return False
        last = self._found[-1]
        if last.kind == "name":
            return last.value not in _BEFORE_VALUE
        return last.kind in _VALUE_ENDS or last.value in (")", "]")

    def _skip_blank(self) -> bool:
        """Go to the next token; False at the end."""
        text = self._text
        while self._at < len(text):
            if text[self._at].isspace():
                self._at += 1
            elif text.startswith("//", self._at):
                end = text.find("\n", self._at)
                self._at = len(text) if end < 0 else end
            elif text.startswith("/*", self._at):
                end = text.find("*/", self._at)
                if end < 0:
                    self._fail(self._at, "the comment does not end")
                self._at = end + 2
            else:
                return True
        return False

    def _number(self) -> None:
        found = (_GROOVY_NUMBER if self._groovy else _JS_NUMBER).match(self._text, self._at)
        assert found is not None
        end = found.end()
        suffix = self._text[end : end + 1]
        try:
            if self._groovy:
                value: Any = _groovy_number(found, suffix)
                end += 1 if suffix and suffix in "iIlLfFdD" else 0
            else:
                value = _js_number(found)
        except ValueError:
            self._fail(self._at, f"the number {found[0]} is not supported")
        if _NAME.match(self._text, end):
            self._fail(end, f"unexpected {self._text[end]!r} behind the number {found[0]}")
        self._add("number", value, end)

    def _string(self, quote: str) -> None:
        text, start = self._text, self._at
        ending = quote * 3 if self._groovy and text.startswith(quote * 3, start) else quote
        templated = quote == "`" or (self._groovy and quote == '"')
        at = start + len(ending)
        parts: list[Any] = []
        plain: list[str] = []
        while not text.startswith(ending, at):
            if at >= len(text) or (text[at] == "\n" and len(ending) == 1 and quote != "`"):
                self._fail(start, "the text does not end")
            if text[at] == "\\":
                piece, at = self._escape(at)
                plain.append(piece)
            elif templated and text[at] == "$" and (inner := self._placeholder(at)) is not None:
                parts += ["".join(plain), inner[0]]
                plain, at = [], inner[1]
            else:
                plain.append(text[at])
                at += 1
        end = at + len(ending)
        if parts or quote == "`":
            self._add("template", [*parts, "".join(plain)], end)
        else:
            self._add("text", "".join(plain), end)

    def _escape(self, at: int) -> tuple[str, int]:
        text = self._text
        char = text[at + 1 : at + 2]
        if char == "u" or (char == "x" and not self._groovy):
            size = 4 if char == "u" else 2
            code = text[at + 2 : at + 2 + size]
            if not re.fullmatch(rf"[0-9a-fA-F]{{{size}}}", code):
                self._fail(at, f"the escape \\{char} is not complete")
            return chr(int(code, 16)), at + 2 + size
        if char == "\n":
            return "", at + 2
        if char in _ESCAPES and not (char in "`/" and self._groovy):
            return _ESCAPES[char], at + 2
        if self._groovy or char.isdigit() or not char:
            self._fail(at, f"the escape \\{char} is not supported")
        return char, at + 2

    def _placeholder(self, at: int) -> tuple[tuple[int, str], int] | None:
        """The (position, source) of `${…}`, or in Groovy of `$name.name`, and where it ends; None for a mere dollar."""
        text = self._text
        if text.startswith("${", at):
            depth, end = 1, at + 2
            while end < len(text) and depth:
                char = text[end]
                if char in "'\"":
                    closing = text.find(char, end + 1)
                    end = len(text) if closing < 0 else closing
                depth += (char == "{") - (char == "}")
                end += 1
            if depth:
                self._fail(at, "the placeholder does not end")
            return (at + 2, text[at + 2 : end - 1]), end
        path = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*").match(text, at + 1)
        if not self._groovy:
            return None
        if path is None:
            self._fail(at, "a dollar stands in a text in double quotes; write \\$ for the character")
        return (at + 1, path[0]), path.end()

    def _slashy(self) -> None:
        text, at = self._text, self._at + 1
        in_class = False
        plain: list[str] = []
        while at < len(text) and (text[at] != "/" or (in_class and not self._groovy)):
            if text[at] == "\\" and at + 1 < len(text):
                plain.append("/" if text[at + 1] == "/" else text[at : at + 2])
                at += 2
                continue
            in_class = text[at] == "[" or (in_class and text[at] != "]")
            if self._groovy and text.startswith("${", at):
                self._fail(at, "a placeholder in a text between slashes is not supported")
            plain.append(text[at])
            at += 1
        if at >= len(text):
            self._fail(self._at, "unexpected '/'" if self._found else "the regular expression does not end")
        if self._groovy:
            self._add("text", "".join(plain), at + 1)
            return
        flags = re.compile("[a-z]*").match(text, at + 1)
        assert flags is not None
        self._add("pattern", ("".join(plain), flags[0]), flags.end())


def _groovy_number(found: re.Match[str], suffix: str) -> Any:
    digits = (found["dec"] or "").replace("_", "")
    kind = suffix.lower()
    if found["dec"] is None:
        number = int((found["hex"] or found["bin"]).replace("_", ""), 16 if found["hex"] else 2)
        return _sized(number, kind)
    if kind in ("f", "d"):
        return Float32(digits) if kind == "f" else float(digits)
    if re.search("[.eE]", digits):
        if kind in ("l", "i"):
            raise ValueError(digits)
        return Decimal(digits)
    return _sized(int(digits, 8) if len(digits) > 1 and digits[0] == "0" else int(digits), kind)


def _sized(number: int, kind: str) -> int:
    if number >= 2**63 or (kind == "i" and number >= 2**31):
        raise ValueError(number)
    return number if kind == "l" or number >= 2**31 else Int32(number)


def _js_number(found: re.Match[str]) -> float:
    for name, base in (("hex", 16), ("bin", 2), ("oct", 8)):
        if found[name] is not None:
            return _plain(float(int(found[name].replace("_", ""), base)))
    digits: str = found["dec"].replace("_", "")
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        raise ValueError(digits)
    return _plain(float(digits))


def _plain(number: float) -> float:
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
