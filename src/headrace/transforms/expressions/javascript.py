"""Compiles expressions of JavaScript into closures. What they give is what GraalJS gives; what is not known is refused before any record comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from headrace.data import ConnectRecord, Struct
from headrace.transforms.expressions import javascript_members as members
from headrace.transforms.expressions import javascript_operators as operators
from headrace.transforms.expressions import syntax
from headrace.transforms.expressions.arity import method_takes, takes
from headrace.transforms.expressions.closures import Run, closure
from headrace.transforms.expressions.failures import EvaluationFailure, refused
from headrace.transforms.expressions.javascript_methods import KINDS, METHODS
from headrace.transforms.expressions.javascript_values import (
    UNDEFINED,
    Expression,
    JsArray,
    NullStruct,
    to_text,
    truth,
)
from headrace.transforms.expressions.values import HeaderMap, described

_NULL: Final = NullStruct()


def _side(of_key: bool) -> Run:
    def run(record: ConnectRecord) -> Any:
        found = record.key if of_key else record.value
        if found.__class__ is Struct:
            return found
        if found is None:
            return _NULL
        raise EvaluationFailure(f"a key and a value must be structs in JavaScript, found {described(found)}")

    return run


NAMES: Final[dict[str, Run]] = {
    "value": _side(False),
    "key": _side(True),
    "valueSchema": lambda record: record.value_schema,
    "keySchema": lambda record: record.key_schema,
    "topic": lambda record: record.topic,
    "header": lambda record: HeaderMap(record.header_items),
    "undefined": lambda record: UNDEFINED,
}
_ORDER: Final = frozenset({"<", ">", "<=", ">="})
_HINTS: Final = {
    "equals": "Write === in JavaScript.",
    "matches": "Write /…/.test(…) in JavaScript.",
    "length": "Write .length without parentheses.",
    "equalsIgnoreCase": "Compare .toLowerCase() of both.",
}


class JavaScriptCompiler:
    """Makes a closure of a record out of each node."""

    def __init__(self, text: str, setting: str) -> None:
        self._text, self._setting = text, setting
        self._cells: dict[str, list[Any]] = {}

    def compile(self, node: syntax.Node) -> Run:
        """The expression as a closure, which gives null for undefined. ConfigException for a name, method or operator that is not known."""
        run = self._node(node)

        def result(record: ConnectRecord) -> Any:
            found = run(record)
            return None if found is UNDEFINED else found

        return result

    def _refuse(self, at: int, reason: str, remedy: str | None = None) -> Exception:
        return refused(self._setting, self._text, at, reason, remedy)

    def _node(self, node: syntax.Node) -> Run:
        if isinstance(node, syntax.Member | syntax.Index | syntax.Call) and _is_safe(node):
            return self._chain(node)
        method: Callable[[Any], Run] = getattr(self, f"_{type(node).__name__.lower()}")
        return method(node)

    def _truth(self, node: syntax.Node) -> Callable[[ConnectRecord], bool]:
        run = self._node(node)
        return lambda record: truth(run(record))

    def _literal(self, node: syntax.Literal) -> Run:
        value = node.value
        return lambda record: value

    def _group(self, node: syntax.Group) -> Run:
        return self._node(node.inner)

    def _name(self, node: syntax.Name) -> Run:
        cell = self._cells.get(node.name)
        if cell is not None:
            return lambda record: cell[0]
        known = NAMES.get(node.name)
        if known is None:
            raise self._refuse(node.at, f"unknown name '{node.name}'", f"There are {', '.join(NAMES)}.")
        return known

    def _chain(self, node: syntax.Node) -> Run:
        """A chain with `?.` in it: it ends with undefined at the first such step whose target is null."""
        steps: list[tuple[bool, Callable[[Any, ConnectRecord], Any]]] = []
        at = node
        while isinstance(at, syntax.Member | syntax.Index | syntax.Call) and at.target is not None:
            if isinstance(at, syntax.Call) and self._function(at) is not None:
                break
            steps.append((at.safe, self._step(at)))
            at = at.target
        base = self._node(at)
        steps.reverse()

        def run(record: ConnectRecord) -> Any:
            found = base(record)
            for safe, step in steps:
                if safe and (found is None or found is UNDEFINED):
                    return UNDEFINED
                found = step(found, record)
            return found

        return run

    def _step(self, node: syntax.Node) -> Callable[[Any, ConnectRecord], Any]:
        if isinstance(node, syntax.Member):
            name = node.name
            return lambda target, record: members.prop(target, name)
        if isinstance(node, syntax.Index):
            index = self._node(node.index)
            return lambda target, record: members.item(target, index(record))
        assert isinstance(node, syntax.Call)
        name, arguments = self._method(node)
        return lambda target, record: members.call(target, name, [one(record) for one in arguments])

    def _method(self, node: syntax.Call) -> tuple[str, list[Run]]:
        if node.name not in METHODS:
            raise self._refuse(node.at, f"the method '{node.name}' is not supported", _HINTS.get(node.name))
        self._check_count(node, node.name != "toString" and not method_takes(KINDS, node.name, len(node.arguments)))
        return node.name, [self._node(argument) for argument in node.arguments]

    def _check_count(self, node: syntax.Call, wrong: bool) -> None:
        if wrong:
            raise self._refuse(node.at, f"'{node.name}' is not supported with {len(node.arguments)} arguments")

    def _member(self, node: syntax.Member) -> Run:
        target, name, prop = self._node(node.target), node.name, members.prop

        def run(record: ConnectRecord) -> Any:
            found = target(record)
            if found.__class__ is Struct:
                field = found.schema._by_name.get(name)
                if field is None:
                    return UNDEFINED
                value = found.values[field.index]
                return field.schema.default if value is None else value
            return prop(found, name)

        return run

    def _index(self, node: syntax.Index) -> Run:
        target, index = self._node(node.target), self._node(node.index)
        return lambda record: members.item(target(record), index(record))

    def _function(self, node: syntax.Call) -> Callable[..., Any] | None:
        if node.target is None:
            return members.FUNCTIONS.get(node.name)
        if isinstance(node.target, syntax.Name) and node.target.name not in NAMES:
            return members.FUNCTIONS.get(f"{node.target.name}.{node.name}")
        return None

    def _call(self, node: syntax.Call) -> Run:
        function = self._function(node)
        if function is not None:
            self._check_count(node, not takes(function, len(node.arguments)))
            arguments = [self._node(argument) for argument in node.arguments]
            return lambda record: function(*(one(record) for one in arguments))
        if node.target is None:
            raise self._refuse(node.at, f"unknown function '{node.name}'")
        target = self._node(node.target)
        name, arguments = self._method(node)
        call = members.call
        return lambda record: call(target(record), name, [one(record) for one in arguments])

    def _closure(self, node: syntax.Closure) -> Run:
        return closure(self._cells, node.parameter, lambda: self._node(node.body))

    def _unary(self, node: syntax.Unary) -> Run:
        if node.operator == "!":
            inner = self._truth(node.operand)
            return lambda record: not inner(record)
        operand = self._node(node.operand)
        if node.operator == "typeof":
            return lambda record: operators.type_name(operand(record))
        if node.operator == "-":
            return lambda record: -operators.as_double(operand(record))
        return lambda record: operators.as_double(operand(record))

    def _binary(self, node: syntax.Binary) -> Run:
        operator = node.operator
        if operator in ("&&", "||", "??"):
            return _logical(operator, [self._node(operand) for operand in syntax.chain(node)])
        left, right = self._node(node.left), self._node(node.right)
        if operator in ("===", "!=="):
            return _equality(left, right, operators.strictly_equal, operator == "===")
        if operator in ("==", "!="):
            return _equality(left, right, operators.equal, operator == "==")
        if operator in _ORDER:
            ordered = operators.compare(operator)
            return lambda record: ordered(left(record), right(record))
        if operator == "in":
            return lambda record: members.has(left(record), right(record))
        if operator == "**" and isinstance(node.left, syntax.Unary):
            raise self._refuse(node.at, "a sign before ** needs parentheses")
        calculate = operators.arithmetic(operator)
        return lambda record: calculate(left(record), right(record))

    def _conditional(self, node: syntax.Conditional) -> Run:
        test, then, otherwise = self._truth(node.test), self._node(node.then), self._node(node.otherwise)
        return lambda record: then(record) if test(record) else otherwise(record)

    def _listing(self, node: syntax.Listing) -> Run:
        items = [self._node(item) for item in node.items]
        if all(isinstance(item, syntax.Literal) for item in node.items):
            constant = JsArray(item.value for item in node.items if isinstance(item, syntax.Literal))
            return lambda record: constant
        return lambda record: JsArray(item(record) for item in items)

    def _template(self, node: syntax.Template) -> Run:
        parts = [part if isinstance(part, str) else self._node(part) for part in node.parts]
        return lambda record: "".join(part if isinstance(part, str) else to_text(part(record)) for part in parts)

    def _pattern(self, node: syntax.Pattern) -> Run:
        if set(node.flags) - set("gimsu"):
            raise self._refuse(node.at, f"the flags '{node.flags}' of the regular expression are not supported")
        try:
            expression = Expression(node.source, node.flags)
        except EvaluationFailure as error:
            raise self._refuse(node.at, str(error)) from None
        return lambda record: expression


def _is_safe(node: syntax.Node) -> bool:
    """Whether a chain has a step written `?.`."""
    while isinstance(node, syntax.Member | syntax.Index | syntax.Call):
        if node.safe:
            return True
        if node.target is None:
            return False
        node = node.target
    return False


def _logical(operator: str, operands: list[Run]) -> Run:
    last = operands[-1]
    others = tuple(operands[:-1])

    def run(record: ConnectRecord) -> Any:
        for operand in others:
            found = operand(record)
            if operator == "&&":
                ends = not truth(found)
            else:
                ends = truth(found) if operator == "||" else not (found is None or found is UNDEFINED)
            if ends:
                return found
        return last(record)

    return run


def _equality(left: Run, right: Run, equal: Callable[[Any, Any], bool], wanted: bool) -> Run:
    def run(record: ConnectRecord) -> bool:
        one, other = left(record), right(record)
        if one.__class__ is str and other.__class__ is str:
            return (one == other) is wanted
        return equal(one, other) is wanted

    return run
