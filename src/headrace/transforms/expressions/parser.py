"""Reads the tokens of an expression into nodes, by operator precedence. Source: the grammars of Groovy 4 and ECMAScript 2024.

What is not an expression (assignments, statements, calls of constructors, loops) is refused with the token and its place.
"""

from __future__ import annotations

from typing import NoReturn

from headrace.transforms.expressions.failures import refused
from headrace.transforms.expressions.grammar import CLOSURES, CONSTANTS, DEPTH, HINTS, POWER, PRECEDENCE, RESERVED
from headrace.transforms.expressions.lexer import Token, tokens
from headrace.transforms.expressions.syntax import (
    Binary,
    Call,
    Closure,
    Conditional,
    Convert,
    Group,
    Index,
    Listing,
    Literal,
    Mapping,
    Member,
    Name,
    Node,
    Pattern,
    Template,
    Unary,
)


def parse(text: str, language: str, setting: str, start: int = 0, whole: str | None = None) -> Node:
    """The expression. `start`, `whole`: where the text lies in the whole one. ConfigException for what is no expression."""
    padded = " " * start + text
    return _Parser(padded, whole if whole is not None else text, language, setting).run()


class _Parser:
    def __init__(self, text: str, whole: str, language: str, setting: str) -> None:
        self._whole, self._language, self._setting = whole, language, setting
        self._groovy = language == "groovy"
        self._precedence = PRECEDENCE[language]
        self._tokens = tokens(text, language, setting)
        self._at = 0
        self._deep = 0
        self._parameters: list[str] = []

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _fail(self, token: Token, reason: str | None = None) -> NoReturn:
        if reason is None:
            shown = (
                "the end"
                if token.kind == "end"
                else f"'{token.value}'"
                if isinstance(token.value, str)
                else f"a {token.kind}"
            )
            hint = HINTS.get(token.value) if token.kind == "operator" else None
            reason = f"unexpected {shown}" + (f": {hint}" if hint else "")
        raise refused(self._setting, self._whole, token.at, reason)

    def _is(self, operator: str) -> bool:
        return self._token.kind == "operator" and self._token.value == operator

    def _take(self, operator: str) -> bool:
        found = self._is(operator)
        self._at += found
        return found

    def _expect(self, operator: str) -> None:
        if not self._take(operator):
            self._fail(self._token)

    def run(self) -> Node:
        first = self._token
        if self._groovy and first.kind == "name" and first.value == "return":
            self._at += 1
        node = self._expression()
        while self._take(";"):
            pass
        if self._token.kind != "end":
            self._fail(self._token)
        return node

    def _expression(self) -> Node:
        self._deep += 1
        if self._deep > DEPTH:
            self._fail(self._token, "the expression is nested too deeply")
        test = self._binary(1)
        token = self._token
        if self._take("?"):
            then = self._expression()
            self._expect(":")
            test = Conditional(token.at, test, then, self._expression())
        elif self._take("?:"):
            test = Binary(token.at, "?:", test, self._expression())
        self._deep -= 1
        return test

    def _operator(self) -> str | None:
        """The binary operator that comes next."""
        token = self._token
        if token.kind == "operator":
            following = self._tokens[self._at + 1] if token.value == "!" else None
            if self._groovy and following is not None and following.value == "in" and following.kind == "name":
                return "!in"
            return token.value if token.value in self._precedence else None
        if token.kind == "name" and token.value in self._precedence:
            return str(token.value)
        return None

    def _binary(self, least: int) -> Node:
        left = self._unary()
        while (operator := self._operator()) is not None and self._precedence[operator] >= least:
            at, level = self._token.at, self._precedence[operator]
            self._at += 2 if operator == "!in" else 1
            if operator in ("as", "instanceof"):
                left = Convert(at, operator, left, self._type())
                continue
            # A power is right associative in JavaScript.
            right = self._binary(level if operator == "**" and not self._groovy else level + 1)
            left = Binary(at, operator, left, right)
        return left

    def _type(self) -> str:
        token = self._token
        if token.kind != "name":
            self._fail(token)
        self._at += 1
        return str(token.value)

    def _unary(self) -> Node:
        token = self._token
        if token.kind == "operator" and token.value in ("!", "-", "+"):
            self._at += 1
            # A sign binds less than a power in Groovy.
            operand = self._binary(POWER["groovy"]) if self._groovy and token.value != "!" else self._nested_unary()
            return Unary(token.at, token.value, operand)
        if token.kind == "name" and token.value == "typeof" and not self._groovy:
            self._at += 1
            return Unary(token.at, "typeof", self._nested_unary())
        return self._postfix(self._primary())

    def _nested_unary(self) -> Node:
        self._deep += 1
        if self._deep > DEPTH:
            self._fail(self._token, "the expression is nested too deeply")
        node = self._unary()
        self._deep -= 1
        return node

    def _postfix(self, node: Node) -> Node:
        while True:
            token = self._token
            if self._take(".") or self._take("?."):
                safe = token.value == "?."
                if safe and not self._groovy and self._take("["):
                    index = self._expression()
                    self._expect("]")
                    node = Index(token.at, node, index, True)
                else:
                    node = self._member(node, safe)
            elif self._is("["):
                self._at += 1
                index = self._expression()
                self._expect("]")
                node = Index(token.at, node, index, False)
            elif self._is("("):
                self._fail(token, "only methods and known functions can be called")
            else:
                return node

    def _member(self, target: Node, safe: bool) -> Node:
        token = self._token
        if token.kind not in ("name", "text"):
            self._fail(token)
        self._at += 1
        name = str(token.value)
        if self._is("("):
            return Call(token.at, target, name, self._arguments(name), safe)
        if self._groovy and self._is("{") and name in CLOSURES:
            return Call(token.at, target, name, (self._closure(),), safe)
        return Member(token.at, target, name, safe)

    def _arguments(self, name: str) -> tuple[Node, ...]:
        self._expect("(")
        found: list[Node] = []
        while not self._take(")"):
            if found:
                self._expect(",")
            if name in CLOSURES and self._groovy and self._is("{"):
                found.append(self._closure())
            elif name in CLOSURES and not self._groovy and (arrow := self._arrow()) is not None:
                found.append(arrow)
            else:
                found.append(self._expression())
        if name in CLOSURES and self._groovy and self._is("{"):
            found.append(self._closure())
        return tuple(found)

    def _closure(self) -> Node:
        at = self._token.at
        self._expect("{")
        parameter = "it"
        if self._token.kind == "name" and self._tokens[self._at + 1].value == "->":
            parameter = str(self._token.value)
            self._at += 2
        body = self._scoped(parameter)
        self._expect("}")
        return Closure(at, parameter, body)

    def _arrow(self) -> Node | None:
        ahead = [token.value for token in self._tokens[self._at : self._at + 4]]
        at = self._token.at
        if ahead[:1] == ["("] and ahead[2:4] == [")", "=>"]:
            parameter, size = ahead[1], 4
        elif ahead[1:2] == ["=>"]:
            parameter, size = ahead[0], 2
        else:
            return None
        self._at += size
        if self._is("{"):
            self._fail(self._token, "only an expression is possible behind =>")
        return Closure(at, str(parameter), self._scoped(str(parameter)))

    def _scoped(self, parameter: str) -> Node:
        self._parameters.append(parameter)
        body = self._expression()
        self._parameters.pop()
        return body

    def _primary(self) -> Node:
        token = self._token
        self._at += 1
        match token.kind:
            case "number" | "text":
                return Literal(token.at, token.value)
            case "template":
                return self._template(token)
            case "pattern":
                return Pattern(token.at, *token.value)
            case "name":
                return self._name(token)
        if token.value == "(":
            inner = self._expression()
            self._expect(")")
            return Group(token.at, inner)
        if token.value == "[":
            return self._listing(token)
        self._at -= 1
        return self._fail(token)

    def _name(self, token: Token) -> Node:
        constants = CONSTANTS[self._language]
        if token.value in constants:
            return Literal(token.at, constants[token.value])
        if token.value in RESERVED:
            self._fail(token, f"'{token.value}' is not supported: only one expression is possible")
        if self._is("("):
            return Call(token.at, None, token.value, self._arguments(token.value), False)
        return Name(token.at, token.value)

    def _template(self, token: Token) -> Node:
        parts: list[str | Node] = []
        for part in token.value:
            if isinstance(part, str):
                parts.append(part)
            else:
                at, source = part
                inner = _Parser(" " * at + source, self._whole, self._language, self._setting)
                inner._parameters, inner._deep = self._parameters, self._deep + 1
                parts.append(inner.run())
        return Template(token.at, tuple(parts))

    def _listing(self, token: Token) -> Node:
        if self._groovy and self._take(":"):
            self._expect("]")
            return Mapping(token.at, ())
        items: list[Node] = []
        entries: list[tuple[Node, Node]] = []
        while not self._take("]"):
            if items or entries:
                self._expect(",")
                if self._take("]"):
                    break
            item = self._expression()
            if self._groovy and self._take(":"):
                # A bare name is the key's text.
                key = Literal(item.at, item.name) if isinstance(item, Name) else item
                entries.append((key, self._expression()))
            else:
                items.append(item)
            if items and entries:
                self._fail(token, "a list and a map are mixed")
        return Mapping(token.at, tuple(entries)) if entries else Listing(token.at, tuple(items))
