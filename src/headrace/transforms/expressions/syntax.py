"""The nodes of an expression. `at` is the position in the text at which the node begins, or where its operator stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Node:
    """Any node."""

    at: int


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A constant."""

    value: Any


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Group(Node):
    """Parentheses, which end a chain of members."""

    inner: Node


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`target.name`; `safe`: written `?.`."""

    target: Node
    name: str
    safe: bool


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`target[index]`."""

    target: Node
    index: Node
    safe: bool


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`target.name(arguments)`; without target a function."""

    target: Node | None
    name: str
    arguments: tuple[Node, ...]
    safe: bool


@dataclass(frozen=True, slots=True)
class Closure(Node):
    """`{ it == 1 }`, `{ x -> … }`, `x => …`: the argument of any, every, some."""

    parameter: str
    body: Node


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`! - + typeof`."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """Two operands, also of `&& || ?? ?: in ..`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """`test ? then : otherwise`."""

    test: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Convert(Node):
    """`operand as type`, `operand instanceof type`."""

    operator: str
    operand: Node
    type: str


@dataclass(frozen=True, slots=True)
class Listing(Node):
    """`[a, b]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping(Node):
    """`[a: 1]`."""

    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Template(Node):
    """A text with values in it: `"a${b}"`."""

    parts: tuple[str | Node, ...]


@dataclass(frozen=True, slots=True)
class Pattern(Node):
    """A regular expression literal of JavaScript."""

    source: str
    flags: str


def chain(node: Binary) -> list[Node]:
    """The operands of `a && b && c`, which are read from the left."""
    found = [node.right]
    left = node.left
    while isinstance(left, Binary) and left.operator == node.operator:
        found.append(left.right)
        left = left.left
    return [left, *reversed(found)]
