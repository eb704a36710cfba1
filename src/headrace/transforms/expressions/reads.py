"""What an expression reads of a record: fields of key and value, found in its text. Rows that are equal there have the same result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Final, NamedTuple

from headrace.transforms.expressions.syntax import Binary, Call, Group, Index, Literal, Member, Name, Node

_SIDES: Final = {"value": "value", "key": "key"}
_SCHEMAS: Final = {"valueSchema": "value", "keySchema": "key"}
_EQUALITIES: Final = frozenset({"==", "!=", "===", "!=="})


class Read(NamedTuple):
    """`side`: key or value; `names`: the fields on the way, of which the last may be no field but what a value has. `null_only`: asked
    is only whether it is null."""

    side: str
    names: tuple[str, ...]
    null_only: bool


def reads(node: Node) -> frozenset[Read]:
    """All of them. One that is not found out has fewer names: what reads a struct as a whole reads all that is in it."""
    return frozenset(_reads(node))


def _reads(node: Node) -> Iterator[Read]:
    if isinstance(node, Name) and node.name in _SCHEMAS:
        yield Read(_SCHEMAS[node.name], (), null_only=True)
        return
    path = _path(node)
    if path is not None:
        yield Read(*path, null_only=False)
        return
    if isinstance(node, Binary) and node.operator in _EQUALITIES:
        for one, other in ((node.left, node.right), (node.right, node.left)):
            path = _path(one)
            if path is not None and isinstance(other, Literal) and other.value is None:
                yield Read(*path, null_only=True)
                return
    for field in fields(node):
        yield from _within(getattr(node, field.name))


def _within(part: object) -> Iterator[Read]:
    if isinstance(part, Node):
        yield from _reads(part)
    elif isinstance(part, tuple):
        for one in part:
            yield from _within(one)


def _path(node: Node) -> tuple[str, tuple[str, ...]] | None:
    """Side and names of a chain of members."""
    match node:
        case Name(name=name) if name in _SIDES:
            return _SIDES[name], ()
        case Group(inner=inner):
            return _path(inner)
        case Member(target=target, name=name):
            inside, last = _path(target), name
        case Index(target=target, index=Literal(value=str(name))):
            inside, last = _path(target), name
        case Call(target=Node() as target, name=method, arguments=(Literal(value=str(name)),)) if method.startswith(
            "get"
        ):
            inside, last = _path(target), name
        case _:
            return None
    return None if inside is None else (inside[0], (*inside[1], last))
