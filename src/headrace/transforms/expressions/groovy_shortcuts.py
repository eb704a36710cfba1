"""What the compiler of Groovy knows of a node beforehand, and the quick forms of frequent comparisons."""

from __future__ import annotations

from typing import Any, Final

from headrace.data import ConnectRecord
from headrace.transforms.expressions import groovy_operators as operators
from headrace.transforms.expressions import syntax
from headrace.transforms.expressions.closures import Run
from headrace.transforms.expressions.failures import EvaluationFailure

_BOOLEAN: Final = frozenset({"==", "!=", "<", ">", "<=", ">=", "&&", "||", "in", "!in", "==~"})


def constant_texts(node: syntax.Node) -> frozenset[str] | None:
    """The elements of a list of constant texts; None for any other node."""
    if not isinstance(node, syntax.Listing):
        return None
    values = [item.value for item in node.items if isinstance(item, syntax.Literal)]
    return frozenset(values) if len(values) == len(node.items) and all(type(one) is str for one in values) else None


def names_schema(node: syntax.Node) -> bool:
    """Whether it is `.schema` or `['schema']`."""
    if isinstance(node, syntax.Index):
        return isinstance(node.index, syntax.Literal) and node.index.value == "schema"
    return isinstance(node, syntax.Member) and node.name == "schema"


def gives_boolean(node: syntax.Node) -> bool:
    if isinstance(node, syntax.Group):
        return gives_boolean(node.inner)
    if isinstance(node, syntax.Binary):
        return node.operator in _BOOLEAN
    return isinstance(node, syntax.Unary) and node.operator == "!"


def equals_text(run: Run, text: str, wanted: bool) -> Run:
    if len(text) == 1:
        # A number equals the character of its code.
        equal = operators.equal

        def character(record: ConnectRecord) -> bool:
            found = run(record)
            return (found == text if found.__class__ is str else equal(found, text)) is wanted

        return character
    if wanted:
        return lambda record: bool(run(record) == text)
    return lambda record: bool(run(record) != text)


def is_null(run: Run, wanted: bool, record: ConnectRecord) -> bool:
    return (run(record) is None) is wanted


def numbers(low: Any, high: Any, last: int) -> range:
    if not (isinstance(low, int) and isinstance(high, int)):
        raise EvaluationFailure("a range needs whole numbers")
    if low <= high or high < 0:
        # The end of a slice may be counted from behind.
        return range(low, high + last)
    return range(low, high - last, -1)
